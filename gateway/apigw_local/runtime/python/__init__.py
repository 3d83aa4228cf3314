"""What runs in the processes of Python functions. Nothing here imports the rest of the gateway."""
