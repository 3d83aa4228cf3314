"""The wire contract as code: API Gateway events and client messages in, JSON frames out."""
