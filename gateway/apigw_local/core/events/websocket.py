"""The events that functions behind a WebSocket API get, field for field.

Sources: "Working with Lambda proxy integrations for WebSocket APIs", "Create an API Gateway Lambda
authorizer" (WebSocket), and events published by users where these are silent. Keys that do not
apply are absent, not null.
"""

import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from apigw_local.core.close_codes import Close
from apigw_local.core.ids import new_connection_id, new_request_id

Headers = Iterable[tuple[str, str]]

ACCOUNT = "123456789012"


def now_ms() -> int:
    """Milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


def request_time(at: int) -> str:
    """A time as in an access log.

    Args:
        at: milliseconds since the Unix epoch.
    """
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


def new_trace() -> str:
    """A trace id as ``X-Amzn-Trace-Id`` has it ("Trace ID format", AWS X-Ray)."""
    return f"Root=1-{now_ms() // 1000:08x}-{secrets.token_hex(12)}"


@dataclass(slots=True)
class Connection:
    """A client's socket, from its upgrade request on.

    Attributes:
        headers: of the upgrade, in the client's letter case.
        query: the raw query string.
        connected_at: milliseconds since the Unix epoch.
        last_active_at: likewise; messages of either direction move it.
        authorizer: the authorizer's context as strings, with ``principalId``; None without one.
        api_key: id and value of the API key that was shown, where the route demands one.
    """

    api_id: str
    stage: str
    domain: str
    region: str
    source_ip: str
    headers: tuple[tuple[str, str], ...]
    query: str
    stage_variables: Mapping[str, str] = field(default_factory=dict)
    connection_id: str = field(default_factory=new_connection_id)
    connected_at: int = field(default_factory=now_ms)
    last_active_at: int = 0
    authorizer: dict[str, str] | None = None
    api_key: tuple[str, str] | None = None

    @property
    def user_agent(self) -> str | None:
        """The client's ``User-Agent``, if it sent one."""
        return next((v for k, v in self.headers if k.lower() == "user-agent"), None)

    @property
    def method_arn(self) -> str:
        """What an authorizer's policy must allow."""
        return f"arn:aws:execute-api:{self.region}:{ACCOUNT}:{self.api_id}/{self.stage}/$connect"


def connect_event(connection: Connection, integration_latency: int | None) -> dict[str, Any]:
    """The ``$connect`` event; ``integration_latency`` is the authorizer's, in milliseconds."""
    dropped = {"connection", "upgrade", "content-length"}
    sent = [(k, v) for k, v in connection.headers if k.lower() not in dropped]
    context = _context(connection, "$connect", "CONNECT")
    if integration_latency is not None and "authorizer" in context:
        context["authorizer"]["integrationLatency"] = integration_latency
    return {
        **_headers([*sent, *_forwarded(connection)]),
        **_query(connection.query, omit_empty=True),
        **_variables(connection),
        "requestContext": context,
        "isBase64Encoded": False,
    }


def authorizer_event(connection: Connection) -> dict[str, Any]:
    """The REQUEST authorizer's event: other headers and empty maps instead of absent ones."""
    sent = any(name.lower() == "content-length" for name, _ in connection.headers)
    length = [] if sent else [("content-length", "0")]
    return {
        "type": "REQUEST",
        "methodArn": connection.method_arn,
        **_headers([*connection.headers, *length, *_forwarded(connection)]),
        **_query(connection.query, omit_empty=False),
        "stageVariables": dict(connection.stage_variables),
        "requestContext": _context(connection, "$connect", "CONNECT"),
    }


def message_event(connection: Connection, route_key: str, body: str) -> dict[str, Any]:
    """The event of a text frame."""
    context = _context(connection, route_key, "MESSAGE")
    return {
        **_variables(connection),
        "requestContext": {**context, "messageId": new_connection_id()},
        "body": body,
        "isBase64Encoded": False,
    }


def disconnect_event(connection: Connection, close: Close) -> dict[str, Any]:
    """The ``$disconnect`` event."""
    blank = [("x-api-key", ""), ("X-Forwarded-For", ""), ("x-restapi", "")]
    context = _context(connection, "$disconnect", "DISCONNECT")
    return {
        **_headers([("Host", connection.domain), *blank]),
        **_variables(connection),
        "requestContext": {
            **context,
            "disconnectStatusCode": close.code,
            "disconnectReason": close.reason,
        },
        "isBase64Encoded": False,
    }


def _context(connection: Connection, route_key: str, event_type: str) -> dict[str, Any]:
    request_id = new_request_id()
    now = now_ms()
    identity = {"sourceIp": connection.source_ip}
    if connection.user_agent is not None:
        identity = {"userAgent": connection.user_agent, **identity}
    if connection.api_key is not None:
        key_id, key = connection.api_key
        identity |= {"apiKey": key, "apiKeyId": key_id}
    return {
        "routeKey": route_key,
        **({} if connection.authorizer is None else {"authorizer": dict(connection.authorizer)}),
        "eventType": event_type,
        "extendedRequestId": request_id,
        "requestTime": request_time(now),
        "messageDirection": "IN",
        "stage": connection.stage,
        "connectedAt": connection.connected_at,
        "requestTimeEpoch": now,
        "identity": identity,
        "requestId": request_id,
        "domainName": connection.domain,
        "connectionId": connection.connection_id,
        "apiId": connection.api_id,
    }


def _headers(headers: Headers) -> dict[str, Any]:
    multiple: dict[str, list[str]] = {}
    for name, value in headers:
        multiple.setdefault(name, []).append(value)
    return {
        "headers": {name: values[-1] for name, values in multiple.items()},
        "multiValueHeaders": multiple,
    }


def _forwarded(connection: Connection) -> list[tuple[str, str]]:
    return [
        ("X-Amzn-Trace-Id", new_trace()),
        ("X-Forwarded-For", connection.source_ip),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Proto", "https"),
    ]


def _query(query: str, *, omit_empty: bool) -> dict[str, Any]:
    multiple: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        multiple.setdefault(name, []).append(value)
    if not multiple and omit_empty:
        return {}
    return {
        "queryStringParameters": {name: values[-1] for name, values in multiple.items()},
        "multiValueQueryStringParameters": multiple,
    }


def _variables(connection: Connection) -> dict[str, Any]:
    variables = dict(connection.stage_variables)
    return {"stageVariables": variables} if variables else {}
