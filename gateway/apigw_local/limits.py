"""Quotas of API Gateway's WebSocket APIs ("Quotas for configuring and running a WebSocket API")."""

MESSAGE_BYTES = 128 * 1024
FRAME_BYTES = 32 * 1024
IDLE_SECONDS = 600
DURATION_SECONDS = 7200
INTEGRATION_SECONDS = 29.0

OUTBOUND_BUFFER_BYTES = 1024 * 1024
"""Not published: how much may wait for a slow reader before PostToConnection answers 429."""
