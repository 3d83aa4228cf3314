"""What stands in for API Gateway and Lambda in benchmarks, in a process of its own.

It accepts every post, says that every socket is open whose id does not begin with ``GONE``, takes
every invocation, and counts. Nothing is checked and nobody is told.
"""

import asyncio
import json
import multiprocessing
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from multiprocessing.connection import Connection
from typing import Any

STAGE = "live"
GONE = "gone"

_TYPE = re.compile(rb'"type": ?"(\w+)"')
_REFUSALS = (b"error", b"closing")
_OPENED = "2025-01-24T10:29:00Z"
_SOCKET = json.dumps(
    {
        "connectedAt": _OPENED,
        "identity": {"sourceIp": "203.0.113.7", "userAgent": "Mozilla/5.0"},
        "lastActiveAt": _OPENED,
    }
).encode()


class _Platform:
    """What has been asked for so far."""

    def __init__(self) -> None:
        self.posts = 0
        self.bytes = 0
        self.refusals = 0
        self.refusal = ""
        self.last = b""
        self.invoked: list[Any] = []

    def answer(self, method: str, path: str, body: bytes) -> tuple[str, bytes]:
        """The status and the body of the answer."""
        if "/@connections/" in path:
            if method == "POST":
                self._take(body)
                return "200 OK", b""
            if method == "DELETE":
                return "204 No Content", b""
            is_gone = f"/@connections/{GONE}" in path
            return ("410 Gone", b"") if is_gone else ("200 OK", _SOCKET)
        if path.endswith("/invocations"):
            self.invoked.append(json.loads(body))
            return "200 OK", b'{"statusCode": 200}'  # for who waits for it
        if path == "/counts":
            names = ("posts", "bytes", "refusals", "refusal")
            return "200 OK", json.dumps({name: getattr(self, name) for name in names}).encode()
        if path == "/invoked":
            invoked, self.invoked = self.invoked, []
            return "200 OK", json.dumps(invoked).encode()
        if path == "/last":
            return "200 OK", self.last
        return "404 Not Found", b""

    def _take(self, frame: bytes) -> None:
        self.posts += 1
        self.bytes += len(frame)
        self.last = frame
        kind = _TYPE.search(frame, 0, 200)
        if kind and kind[1] in _REFUSALS:
            self.refusals += 1
            self.refusal = frame.decode()


class _Server(asyncio.Protocol):
    """Reads requests by their content-length, answers each in its time, keeps connections open."""

    def __init__(self, platform: _Platform, seconds: float) -> None:
        self.platform = platform
        self.seconds = seconds
        self.buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.buffer[:end])
            _, _, length = head.lower().partition(b"content-length:")
            size = int(length.partition(b"\r\n")[0] or 0)
            if len(self.buffer) < end + 4 + size:
                self._acknowledge()
                return
            body = bytes(self.buffer[end + 4 : end + 4 + size])
            del self.buffer[: end + 4 + size]
            method, path, _ = head.decode("latin-1").split(" ", 2)
            status, answer = self.platform.answer(method, path, body)
            length_line = "" if status.startswith("204") else f"content-length: {len(answer)}\r\n"
            self._send(f"HTTP/1.1 {status}\r\n{length_line}\r\n".encode() + answer)

    def _send(self, answer: bytes) -> None:
        if self.seconds:
            loop = asyncio.get_running_loop()
            loop.call_later(self.seconds, self.transport.write, answer)
        else:
            self.transport.write(answer)

    def _acknowledge(self) -> None:
        """At once: the sender may keep the rest of a long body back until then (Nagle)."""
        connection = self.transport.get_extra_info("socket")
        if hasattr(socket, "TCP_QUICKACK"):  # Linux has it, and forgets it
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _serve(port: Connection, seconds: float) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us ends us

    async def run() -> None:
        platform = _Platform()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Server(platform, seconds), "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def standing_in(seconds: float = 0) -> Iterator[int]:
    """Start it; its port. It ends with the block.

    Args:
        seconds: that it takes to answer.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(theirs, seconds), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


class Asked:
    """What the stand-in on ``port`` has been asked for."""

    def __init__(self, port: int) -> None:
        self._http = HTTPConnection("127.0.0.1", port)

    def counts(self) -> dict[str, Any]:
        """``posts``, their ``bytes``, how many were ``refusals``, and the last ``refusal``."""
        counts: dict[str, Any] = self._get("/counts")
        return counts

    def invoked(self) -> list[Any]:
        """The payloads of functions that were invoked since this was asked last."""
        payloads: list[Any] = self._get("/invoked")
        return payloads

    def last(self) -> dict[str, Any]:
        """The last frame that was posted."""
        frame: dict[str, Any] = self._get("/last")
        return frame

    def _get(self, path: str) -> Any:
        self._http.request("GET", path)
        return json.loads(self._http.getresponse().read())
