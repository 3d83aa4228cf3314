"""What is there, to be looked at and disturbed."""
