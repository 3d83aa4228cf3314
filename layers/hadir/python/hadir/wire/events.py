"""Reads API Gateway's WebSocket events, leniently: an odd event must not become a lost leave.

Field names and presence: "Working with AWS Lambda proxy integrations for WebSocket APIs" and the
events recorded in ``events/``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.utilities.data_classes.api_gateway_websocket_event import (
    APIGatewayWebSocketEvent,
)

from hadir.domain.errors import InvalidIdentity
from hadir.domain.identity import DEFAULT_TENANT, Identity
from hadir.domain.reasons import Departure, departure_of

PROBE = {"hadir": "probe"}
"""The event with which the sweep invokes the message function, to see whether it works."""


@dataclass(frozen=True, slots=True)
class SocketEvent:
    """The parts of an event about one socket that every handler needs.

    Attributes:
        identity: from the authorizer's context; None if API Gateway did not repeat it. Then only
            the connection id says whose socket it is (custom keys on ``$disconnect`` are not
            documented), and not for which other sessions its token is.
        request_id: API Gateway's, for error frames and logs.
        body: the text frame on a message, None on connect and disconnect.
    """

    connection_id: str
    identity: Identity | None
    request_id: str
    body: str | None


def read_socket_event(event: Mapping[str, Any]) -> SocketEvent:
    """Read a ``$connect``, ``$disconnect`` or message event."""
    gateway_event = APIGatewayWebSocketEvent(dict(event))
    context = gateway_event.request_context
    return SocketEvent(
        connection_id=context.connection_id,
        identity=_identity(context.get("authorizer") or {}),
        request_id=context.get("requestId") or "",
        body=gateway_event.body,
    )


def read_departure(event: Mapping[str, Any]) -> Departure:
    """Why a socket closed, from a ``$disconnect`` event; ``unknown`` if that does not say."""
    context = APIGatewayWebSocketEvent(dict(event)).request_context
    code = context.disconnect_status_code
    age_ms = (context.get("requestTimeEpoch") or 0) - (context.get("connectedAt") or 0)
    return departure_of(code if isinstance(code, int) else None, context.disconnect_reason, age_ms)


def _identity(authorizer: Mapping[str, Any]) -> Identity | None:
    try:
        return Identity.parse(
            authorizer.get("session_id"),
            authorizer.get("user_id"),
            authorizer.get("user_type"),
            authorizer.get("tenant", DEFAULT_TENANT),
            authorizer.get("expires_at", 0),
            authorizer.get("sessions", ""),
            name=authorizer.get("name"),
            avatar=authorizer.get("avatar"),
        )
    except InvalidIdentity:
        return None
