"""What the ports' HTTP server takes, and in whose words it says what it does not take."""

import asyncio
import io
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from apigw_local.limits import HEAD_BYTES, HTTP_BODY_BYTES
from apigw_local.log import Log
from apigw_local.server.http import Exchange, HttpServer
from apigw_local.server.messages import Response
from apigw_local.testing import LocalGateway
from tests.clients import WAIT
from tests.conftest import MOCK, Serve
from tests.wire import Wire

PORTS = ("ws", "http", "invoke", "admin")
CUT = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf"
FAULT = ("trouble", "gateway")
WORDS = {
    400: "Bad Request",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    431: "Request Header Fields Too Large",
}


def opened(gateway: LocalGateway, port: str) -> socket.socket:
    address = urlsplit(getattr(gateway, port))
    return socket.create_connection((address.hostname, address.port), timeout=WAIT)


def read_all(connection: socket.socket) -> bytes:
    """Until the other side closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def exchange(gateway: LocalGateway, port: str, *sent: bytes, ends: bool = False) -> bytes:
    """All that is answered; ``ends`` tells that no more is sent."""
    with opened(gateway, port) as connection:
        for part in sent:
            connection.sendall(part)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        return read_all(connection)


def head(*lines: str, first: str = "GET / HTTP/1.1") -> bytes:
    return "\r\n".join((first, "Host: localhost", *lines, "", "")).encode()


def lines_of(gateway: LocalGateway, pattern: str) -> list[str]:
    return [line for line in gateway.output.splitlines() if pattern in line]


def refused(gateway: LocalGateway, answer: bytes, status: int) -> None:
    """In API Gateway's words, and with a line in the log."""
    top, _, body = answer.partition(b"\r\n\r\n")
    assert top.startswith(f"HTTP/1.1 {status} ".encode())
    assert body == f'{{"message":"{WORDS[status]}"}}'.encode()
    assert b"\r\nserver:" not in top.lower()
    assert lines_of(gateway, f": {status}: ")
    assert not [each for each in gateway.records if (each.kind, each.source) == FAULT]


@pytest.fixture(autouse=True)
def no_fault_of_its_own(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nor one that asyncio prints a traceback of."""
    yield
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


@pytest.mark.aws("ht-no-http")
@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        head("Host: elsewhere"),
        head("no colon"),
        head("A b: c"),
        head("Content-Length: x"),
        head("Content-Length: -1"),
        head("Content-Length: 1", "Content-Length: 2"),
        head("Transfer-Encoding: chunked", first="POST / HTTP/1.1") + b"zz\r\n",
    ],
)
def test_what_is_no_request(gateway: LocalGateway, port: str, sent: bytes) -> None:
    refused(gateway, exchange(gateway, port, sent), 400)


@pytest.mark.parametrize(
    ("port", "first", "kind"),
    [
        ("invoke", "POST /2015-03-31/functions/RestFunction/invocations", "InvalidRequestContent"),
        ("invoke", "GET /elsewhere", "Not Found"),
        ("admin", "PATCH /faults", "the body must be a map"),
        ("admin", "PUT /faults", "Not Found"),
    ],
)
@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_bodies_in_a_coding(
    gateway: LocalGateway, port: str, first: str, kind: str, coding: str
) -> None:
    """They are taken as they are, which then is no JSON; and the log says what came of it."""
    signature = (
        "AWS4-HMAC-SHA256 Credential=a/20250101/eu-west-1/lambda/aws4_request, "
        "SignedHeaders=host, Signature=00"
    )
    lines = (
        f"Content-Encoding: {coding}",
        f"Authorization: {signature}",
        "Content-Length: 4",
        "Connection: close",
    )
    answer = exchange(gateway, port, head(*lines, first=f"{first} HTTP/1.1") + b"\x1f\x8bno")
    status = 404 if kind == "Not Found" else 400
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert kind.encode() in answer
    method, path = first.split(" ")
    assert lines_of(gateway, f"{status}: {method} {path!r}: ")


def test_an_origin_that_is_no_text(serve: Serve) -> None:
    rest = {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "CodeUri": ".",
            "Handler": "app.handler",
            "Runtime": "python3.13",
            "Events": {"All": {"Type": "HttpApi", "Properties": {"ApiId": {"Ref": "Web"}}}},
        },
    }
    cors = {"CorsConfiguration": {"AllowOrigins": ["https://*"]}}
    web = {"Type": "AWS::Serverless::HttpApi", "Properties": cors}
    code = "def handler(event, context): return 'hello'"
    gateway = serve(code, {"$default": {}}, resources={"Rest": rest, "Web": web})
    sent = head("Connection: close", "Origin: https://é").replace("é".encode(), b"\xff")
    answer = exchange(gateway, "http", sent)
    assert b"\r\naccess-control-allow-origin: https://\xff\r\n" in answer


@pytest.mark.parametrize("port", PORTS)
def test_a_handshake_that_is_none(gateway: LocalGateway, port: str) -> None:
    """It begins as TLS does; there is nobody to answer."""
    assert not exchange(gateway, port, b"\x16\x03\x01\x00\x05hello").startswith(b"HTTP")


@pytest.mark.aws("ht-no-http")
@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize(
    ("sent", "status"),
    [(head("no colon"), 400), (head(f"A: {'x' * HEAD_BYTES}"), 431)],
)
def test_what_is_no_request_over_tls(
    gateway: LocalGateway, port: str, sent: bytes, status: int
) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(opened(gateway, port)) as connection:
        connection.sendall(sent)
        refused(gateway, read_all(connection), status)


@pytest.mark.aws("ht-no-http")
@pytest.mark.parametrize("port", PORTS)
def test_a_request_that_ends_in_the_middle(gateway: LocalGateway, port: str) -> None:
    refused(gateway, exchange(gateway, port, CUT, ends=True), 400)
    assert lines_of(gateway, "the client left in the middle of its request")


@pytest.mark.aws("ht-no-http")
@pytest.mark.parametrize("port", PORTS)
def test_a_client_that_is_gone_in_the_middle(start: Callable[[], LocalGateway], port: str) -> None:
    gateway = start()
    with opened(gateway, port) as connection:
        connection.sendall(CUT)
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # a reset
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    gateway.wait_for_line("the client left in the middle of its request")


@pytest.mark.aws("ht-too-long")
@pytest.mark.parametrize("port", PORTS)
def test_heads_that_are_too_long(gateway: LocalGateway, port: str) -> None:
    long = "x" * HEAD_BYTES
    refused(gateway, exchange(gateway, port, head(f"A: {long}")), 431)
    refused(gateway, exchange(gateway, port, head(*[f"A: {long[:1000]}"] * 11)), 431)
    refused(gateway, exchange(gateway, port, head(first=f"GET /{long} HTTP/1.1")), 414)


@pytest.mark.aws("ht-too-long")
def test_a_head_without_an_end(gateway: LocalGateway) -> None:
    part = b"GET / HTTP/1.1\r\nA: " + b"x" * 60_000
    refused(gateway, exchange(gateway, "http", part), 431)


@pytest.mark.aws("ht-payload")
@pytest.mark.parametrize("port", PORTS)
def test_bodies_that_are_too_long(gateway: LocalGateway, port: str) -> None:
    said = head(f"Content-Length: {HTTP_BODY_BYTES + 1}", first="POST / HTTP/1.1")
    refused(gateway, exchange(gateway, port, said), 413)
    # The answer arrives although the client goes on sending.
    refused(gateway, exchange(gateway, port, said, b"x" * 1_000_000), 413)
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    chunked = head("Transfer-Encoding: chunked", first="POST / HTTP/1.1")
    refused(gateway, exchange(gateway, port, chunked, chunk * 10, b"1\r\nx\r\n"), 413)


@pytest.mark.aws("ht-head")
@pytest.mark.parametrize(
    ("lines", "first"),
    [([f"A: {'x' * 9_000}"], "GET /items/1"), ([], f"GET /items/1?a={'x' * 9_000}")],
)
def test_heads_that_are_long(gateway: LocalGateway, lines: list[str], first: str) -> None:
    sent = head(*lines, "Connection: close", first=f"{first} HTTP/1.1")
    answer = exchange(gateway, "http", sent)
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert b"x" * 9_000 in answer


def test_trailers_are_no_headers(gateway: LocalGateway) -> None:
    lines = ("B: c", "Transfer-Encoding: chunked", "Connection: close")
    sent = head(*lines, first="POST /items HTTP/1.1") + b"1\r\nx\r\n0\r\nA: b\r\n\r\n"
    event = json.loads(exchange(gateway, "http", sent).partition(b"\r\n\r\n")[2])
    assert event["headers"].keys() & {"a", "b"} == {"b"}


@pytest.mark.aws("ht-head", "ht-too-long")
def test_heads_of_upgrade_requests(gateway: LocalGateway) -> None:
    url = f"{gateway.ws}/dev?who=me"
    with connect(url, additional_headers={"A": "x" * 9_000}, ping_interval=None) as client:
        client.send("who am I")
        assert client.recv(WAIT)
    with pytest.raises(InvalidStatus) as failed:
        connect(url, additional_headers={"A": "x" * HEAD_BYTES})
    assert failed.value.response.status_code == 431


@pytest.fixture
def start(serve: Serve) -> Callable[[], LocalGateway]:
    code = "def handler(event, context): return {'statusCode': 200, 'body': event.get('body', '')}"
    rest = {"CodeUri": ".", "Handler": "app.handler", "Runtime": "python3.13"}
    events = {"All": {"Type": "HttpApi"}}
    function = {"Type": "AWS::Serverless::Function", "Properties": {**rest, "Events": events}}
    return lambda: serve(code, {"$default": MOCK}, resources={"Rest": function})


class TestConnections:
    @pytest.fixture
    def gateway(self, start: Callable[[], LocalGateway]) -> LocalGateway:
        return start()

    def test_one_request_after_the_other(self, gateway: LocalGateway) -> None:
        """Also such as are sent before the one before has been answered."""
        kinds = ("Content-Type: text/plain", "Content-Length: 1")
        parts = [head(*kinds, first="POST / HTTP/1.1") + f"{n}".encode() for n in range(9)]
        last = head(*kinds, "Connection: close", first="POST / HTTP/1.1") + b"9"

        answers = exchange(gateway, "http", b"".join([*parts, last]))

        bodies = [each.partition(b"\r\n\r\n")[2] for each in answers.split(b"HTTP/1.1 200 OK")]
        assert bodies[1:] == [f"{n}".encode() for n in range(10)]
        assert answers.count(b"\r\nConnection: keep-alive\r\n") == 9

    def test_many_before_one_is_answered(self, gateway: LocalGateway) -> None:
        sent = head() * 200 + head("Connection: close")
        assert exchange(gateway, "http", sent).count(b"HTTP/1.1 200 OK\r\n") == 201

    def test_who_sends_more_than_is_answered_must_wait(self) -> None:
        async def scenario() -> list[bool]:
            held = asyncio.Event()

            async def handle(_: Exchange) -> Response:
                await held.wait()
                return Response()

            connection, wire = HttpServer("test", handle, Log(io.StringIO()))(), Wire()
            connection.connection_made(wire)
            assert isinstance(connection, asyncio.Protocol)
            connection.data_received(head() * 10)
            reading = [wire.reading]
            connection.data_received(head() * 10)
            reading.append(wire.reading)
            held.set()
            while wire.written.count(b"HTTP/1.1 200 OK") < 20:
                await asyncio.sleep(0)
            return [*reading, wire.reading]

        assert asyncio.run(scenario()) == [True, False, True]

    def test_what_is_wrong_is_said_in_its_turn(self, gateway: LocalGateway) -> None:
        answer = exchange(gateway, "http", head() + head("no colon"))
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        refused(gateway, answer[answer.index(b"HTTP/1.1 400") :], 400)

    def test_http_1_0(self, gateway: LocalGateway) -> None:
        answer = exchange(gateway, "http", b"GET / HTTP/1.0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nConnection: close\r\n" in answer

    def test_a_client_that_waits_to_be_asked_on(self, gateway: LocalGateway) -> None:
        lines = ("Content-Type: text/plain", "Content-Length: 2", "Connection: close")
        with opened(gateway, "http") as connection:
            connection.sendall(head(*lines, "Expect: 100-continue", first="POST / HTTP/1.1"))
            goes_on = b"HTTP/1.1 100 Continue\r\n\r\n"
            assert connection.recv(len(goes_on), socket.MSG_WAITALL) == goes_on
            connection.sendall(b"hi")
            assert read_all(connection).endswith(b"\r\n\r\nhi")

    def test_a_body_in_chunks(self, gateway: LocalGateway) -> None:
        lines = ("Content-Type: text/plain", "Transfer-Encoding: chunked", "Connection: close")
        sent = head(*lines, first="POST / HTTP/1.1"), b"2\r\nab\r\n", b"1\r\nc\r\n0\r\nA: b\r\n\r\n"
        assert exchange(gateway, "http", *sent).endswith(b"\r\n\r\nabc")

    def test_a_client_that_has_said_all(self, gateway: LocalGateway) -> None:
        assert exchange(gateway, "http", head(), ends=True).startswith(b"HTTP/1.1 200 OK\r\n")

    def test_head(self, gateway: LocalGateway) -> None:
        answer = exchange(gateway, "admin", head("Connection: close", first="HEAD / HTTP/1.1"))
        assert answer.endswith(b"\r\n\r\n")
        assert b"\r\nContent-Length: 23\r\n" in answer  # of {"message":"Not Found"}

    def test_the_form_for_proxies(self, gateway: LocalGateway) -> None:
        first = "GET http://localhost/faults HTTP/1.1"
        answer = exchange(gateway, "admin", head("Connection: close", first=first))
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")

    def test_a_client_that_would_rather_speak_http_2(self, gateway: LocalGateway) -> None:
        """As Java's does: the offer is not taken, and the connection goes on."""
        offer = head("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: x")
        answer = exchange(gateway, "http", offer + head("Connection: close"))
        assert answer.count(b"HTTP/1.1 200 OK\r\n") == 2

    def test_frames_that_come_before_101(self, gateway: LocalGateway) -> None:
        upgrade = (
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        )
        ping = bytes([0x89, 0x82, 0, 0, 0, 0]) + b"hi"
        with opened(gateway, "ws") as connection:
            connection.sendall(head(*upgrade, first=f"GET /{gateway.stage} HTTP/1.1") + ping)
            received = b""
            while not received.endswith(b"\x8a\x02hi"):
                received += connection.recv(1)
        assert received.startswith(b"HTTP/1.1 101 ")
