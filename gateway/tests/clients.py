"""What tests do with sockets."""

import json
import socket
import urllib.error
import urllib.request
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Response
from websockets.sync.client import ClientConnection

from apigw_local.testing import LocalGateway

WAIT = 15


def ask(socket: ClientConnection, text: str) -> dict[str, Any]:
    """Send, and read a JSON answer."""
    socket.send(text)
    return read(socket)


def read(socket: ClientConnection) -> dict[str, Any]:
    """The next message, which is JSON."""
    answer: dict[str, Any] = json.loads(socket.recv(WAIT))
    return answer


def id_of(socket: ClientConnection) -> str:
    """The socket's connection id, from an application that sends back its events."""
    connection_id: str = ask(socket, "who am I")["requestContext"]["connectionId"]
    return connection_id


def refusal(gateway: LocalGateway, **options: Any) -> Response:
    """The answer to an upgrade that is refused."""
    with pytest.raises(InvalidStatus) as refused, gateway.connect(**options):
        pass
    return refused.value.response


def closed_with(socket: ClientConnection) -> tuple[int, str]:
    """Code and reason of the close frame that comes next."""
    with pytest.raises(ConnectionClosed) as closed:
        socket.recv(WAIT)
    assert closed.value.rcvd is not None, "no close frame was sent"
    return closed.value.rcvd.code, closed.value.rcvd.reason


def upgraded(gateway: LocalGateway, query: str = "") -> socket.socket:
    """A WebSocket of whose frames nobody takes care, to be used in a ``with`` statement."""
    host, _, port = gateway.ws.removeprefix("ws://").partition(":")
    made = socket.create_connection((host, int(port)), timeout=WAIT)
    lines = (
        f"GET /{gateway.stage}?{query} HTTP/1.1",
        f"Host: {host}:{port}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    made.sendall("\r\n".join((*lines, "", "")).encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += made.recv(1)
    assert answer.startswith(b"HTTP/1.1 101 ")
    return made


def get(url: str, **headers: str) -> tuple[int, dict[str, Any]]:
    """Status and JSON body of a plain request."""
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers))
    except urllib.error.HTTPError as error:
        answer = error  # an answer as well
    with answer:
        return answer.status, json.loads(answer.read() or b"{}")
