"""What stands behind a route."""
