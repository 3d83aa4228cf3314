"""Quotas of API Gateway's WebSocket APIs ("Quotas for configuring and running a WebSocket API")."""

MESSAGE_BYTES = 128 * 1024
FRAME_BYTES = 32 * 1024
IDLE_SECONDS = 600
DURATION_SECONDS = 7200
INTEGRATION_SECONDS = 29.0
HTTP_INTEGRATION_SECONDS = 30.0
"""An HTTP API's ("Quotas for configuring and running an HTTP API")."""
AUTHORIZER_BYTES = 8 * 1024
URL_BYTES = 4096
HEAD_BYTES = 10_240
"""Request line and header values together ("Quotas for configuring and running an HTTP API", and
the same of REST APIs)."""
HTTP_BODY_BYTES = 10 * 1024 * 1024
"""An HTTP API's payload; taken as the most on the other ports too."""

CONNECTIONS_RATE = 500
"""New connections a second, per account and region."""

ACCOUNT_RATE = 10_000
ACCOUNT_BURST = 5_000
"""Requests a second, and at once, per account and region: upgrades, messages and calls of the
management API together."""

OUTBOUND_BUFFER_BYTES = 1024 * 1024
"""Not published: how much may wait for a slow reader before PostToConnection answers 429."""

QUEUE_MESSAGE_BYTES = 1024 * 1024
"""A message in a queue, and a batch of them ("Amazon SQS message quotas")."""
