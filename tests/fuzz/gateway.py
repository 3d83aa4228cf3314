"""The gateway's parsers, given bytes: what a client, a function or a developer may send.

Run as a program: ``python -m tests.fuzz.gateway CORPUS -runs=10000``; libFuzzer finds the inputs,
guided by which lines of the gateway they reach. An input is a byte that chooses, and the rest.
"""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

with atheris.instrument_imports(include=["apigw_local"]):
    from apigw_local.core.policies import MalformedAnswer, allowed, allowed_by_http
    from apigw_local.core.results import Result
    from apigw_local.core.routing import select_route
    from apigw_local.core.signature import BadSignature, SignedRequest, verify
    from apigw_local.errors import TemplateError
    from apigw_local.log import Log
    from apigw_local.runtime.runtime_api import RuntimeConnection
    from apigw_local.template.document import read
    from gateway.tests.wire import ANSWER, STAGE, Servers, Wire, servers

_ARN = "arn:aws:execute-api:eu-west-1:123456789012:abc/dev/$connect"
_UPGRADE = (
    f"GET /{STAGE} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
).encode()
_REQUEST = b"GET /items/1 HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Parsers:
    """One entry for each."""

    def __init__(self, running: Servers, folder: Path) -> None:
        self._servers = running
        self._template = folder / "template.yaml"
        self._entries: list[Callable[[bytes], None]] = [
            *(
                self._server(name)
                for name in ("management", "verifying", "lambda", "http", "admin")
            ),
            self._server("websocket"),
            self._frames,
            self._answer,
            self._authorizer,
            self._route,
            self._signature,
            self._runtime_api,
            self._line,
            self._document,
        ]

    def give(self, data: bytes) -> None:
        """One input."""
        which, rest = (data[0], data[1:]) if data else (0, b"")
        self._entries[which % len(self._entries)](rest)

    def _server(self, name: str) -> Callable[[bytes], None]:
        return lambda data: void(self._servers.exchange(name, data))

    def _frames(self, data: bytes) -> None:
        assert self._servers.exchange("websocket", _UPGRADE, data).startswith(b"HTTP/1.1 101 ")

    def _answer(self, data: bytes) -> None:
        self._servers.functions["Fn"].answer(Result(data))
        assert self._servers.exchange("http", _REQUEST).startswith(b"HTTP/1.1 ")

    def _authorizer(self, data: bytes) -> None:
        for check in (
            lambda: allowed(data, _ARN),
            lambda: allowed_by_http(data, _ARN, simple=True),
            lambda: allowed_by_http(data, _ARN, simple=False),
        ):
            try:
                check()
            except MalformedAnswer:
                continue

    def _route(self, data: bytes) -> None:
        expression, _, body = data.decode(errors="replace").partition("|")
        assert isinstance(select_route(expression, body), str)

    def _signature(self, data: bytes) -> None:
        text = data.decode(errors="surrogateescape")
        sent = SignedRequest("GET", "/", "", {"host": "localhost", "authorization": text}, b"")
        try:
            verify(sent, "secret")
        except BadSignature:
            return
        raise AssertionError("a signature was found by chance")

    def _runtime_api(self, data: bytes) -> None:
        connection = RuntimeConnection(lambda *_: None)
        connection.connection_made(Wire())
        connection.data_received(data)

    def _line(self, data: bytes) -> None:
        written = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        Log(written).output("Fn", data.decode(errors="replace").replace("\n", ""))

    def _document(self, data: bytes) -> None:
        self._template.write_bytes(data)
        try:
            read(self._template)
        except TemplateError:
            return


def void(_: object) -> None: ...


def main() -> None:
    with servers() as running, TemporaryDirectory() as folder:
        running.functions["Fn"].answer(Result(ANSWER))
        atheris.Setup(sys.argv, Parsers(running, Path(folder)).give)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
