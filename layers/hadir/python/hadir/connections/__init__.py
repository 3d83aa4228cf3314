"""The port to the sockets: API Gateway's management API."""
