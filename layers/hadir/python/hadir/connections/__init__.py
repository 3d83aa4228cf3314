"""The adapters to other services: API Gateway's management API, Lambda and SQS."""
