"""How API Gateway decides and what its events look like. No I/O."""
