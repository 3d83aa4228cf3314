"""Sockets as clients have them, to a real server."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from queue import SimpleQueue
from typing import Any

import pytest
import trustme
from awscrt.io import ClientTlsContext, TlsContextOptions
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from hadir.connections import client
from hadir.connections.client import open_socket
from hadir.domain.errors import SocketFailed

LONG = 20.0
"""Seconds; nothing here waits for them to pass."""


@dataclass
class Server:
    """What it does with a socket, and what it has seen of each."""

    url: str = ""
    handle: Callable[[ServerConnection], object] = lambda _: None
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    closed: "SimpleQueue[int]" = field(default_factory=SimpleQueue)
    before: Callable[[], HTTPStatus | None] = lambda: None


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    made = Server()

    def handle(connection: ServerConnection) -> None:
        assert connection.request is not None
        made.asked.append((connection.request.path, connection.subprotocol))
        made.handle(connection)
        with suppress(ConnectionClosed):
            connection.recv()
        made.closed.put(connection.close_code or 0)

    def answer(connection: ServerConnection, _: Any) -> Any:
        status = made.before()
        return connection.respond(status, "no\n") if status else None

    protocols = [Subprotocol("hadir.v1")]
    with serve(
        handle, "127.0.0.1", 0, subprotocols=protocols, process_request=answer, ssl=tls
    ) as server:
        scheme = "wss" if tls else "ws"
        made.url = f"{scheme}://localhost:{server.socket.getsockname()[1]}/live?a=1&b=%7B"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield made
        server.shutdown()
        thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as made:
        yield made


def test_it_is_told_each_message_whole_and_in_order(server: Server) -> None:
    def tell(connection: ServerConnection) -> None:
        connection.send("first")
        connection.ping()
        connection.send(["sec", "o", "nd"])  # in frames of their own
        connection.send("x" * 100_000)

    server.handle = tell
    told = open_socket(server.url, "hadir.v1, token.t", LONG)

    assert [told.receive(LONG) for _ in range(2)] == [b"first", b"second"]
    assert told.receive(LONG) == b"x" * 100_000
    assert server.asked == [("/live?a=1&b=%7B", "hadir.v1")]
    told.close()


def test_when_it_has_closed_the_server_has_heard_so(server: Server) -> None:
    """With no status, as a browser's ``close()`` without one does; and again it is no error."""
    closing = open_socket(server.url, "hadir.v1", LONG)
    closing.close()
    closing.close()

    assert server.closed.get(timeout=LONG) == 1005
    with pytest.raises(SocketFailed, match="was closed"):
        closing.receive(LONG)


def test_nothing_that_comes_in_time_is_an_error(server: Server) -> None:
    waiting = open_socket(server.url, "hadir.v1", LONG)

    for seconds in (0.01, 0, -1):
        with pytest.raises(SocketFailed, match="nothing came in time"):
            waiting.receive(seconds)
    waiting.close()


def test_where_the_server_closes_it_what_came_before_is_read_first(server: Server) -> None:
    def tell(connection: ServerConnection) -> None:
        connection.send("last")
        connection.close()

    server.handle = tell
    ended = open_socket(server.url, "hadir.v1", LONG)

    assert ended.receive(LONG) == b"last"
    for _ in range(2):
        with pytest.raises(SocketFailed, match="was closed"):
            ended.receive(LONG)
    ended.close()


@pytest.mark.parametrize("status", [HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE])
def test_a_refusal_says_the_status(server: Server, status: HTTPStatus) -> None:
    server.before = lambda: status

    with pytest.raises(SocketFailed, match=f"refused with {status.value}"):
        open_socket(server.url, "hadir.v1", LONG)


def test_nobody_there_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(SocketFailed, match=r"(?i)connection refused"):
        open_socket(f"ws://127.0.0.1:{port}/live", "hadir.v1", LONG)


def test_a_handshake_that_takes_too_long_is_given_up_and_leaves_no_socket(server: Server) -> None:
    given_up = threading.Event()

    def wait() -> None:
        given_up.wait(LONG)

    server.before = wait
    with pytest.raises(SocketFailed, match=r"the handshake took more than 0\.1 s"):
        open_socket(server.url, "hadir.v1", 0.1)
    given_up.set()

    assert server.closed.get(timeout=LONG) == 1005, "it was closed as soon as it was open"


def test_over_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    options = TlsContextOptions()
    options.override_default_trust_store(authority.cert_pem.bytes())
    monkeypatch.setattr(client, "_tls_context", lambda: ClientTlsContext(options))
    with serving(tls) as server:
        server.handle = lambda connection: connection.send("hello")
        secure = open_socket(server.url, "hadir.v1", LONG)

        assert secure.receive(LONG) == b"hello"
        secure.close()
