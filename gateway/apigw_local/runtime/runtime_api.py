"""The HTTP that a runtime interface client speaks, and no more: the gateway's busiest path.

Requests come one at a time on a connection that is kept, each with a ``Content-Length``
("Using the Lambda runtime API for custom runtimes").
"""

import asyncio
import re
from collections.abc import Callable, Mapping

_LINE = re.compile(rb"([A-Z]+) ([!-~]+) HTTP/1\.1\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d{1,12})\b", re.IGNORECASE)
_MEMORY = re.compile(rb"\r\napigw-local-memory: *(\d{1,12})\b", re.IGNORECASE)
_REASONS = {200: "OK", 202: "Accepted", 404: "Not Found"}


class RuntimeConnection(asyncio.Protocol):
    """One connection of a function's process.

    Args:
        asked: told of each request: the connection to answer on, method, path, body, and the most
            memory that the process has had, in kilobytes, where it says so.
    """

    def __init__(
        self, asked: Callable[["RuntimeConnection", str, str, bytes, int | None], None]
    ) -> None:
        self._asked = asked
        self._received = bytearray()
        self._wanted = 0
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by asyncio; a request may come in pieces."""
        self._received += data
        if len(self._received) < self._wanted:
            return
        head, complete, _ = bytes(self._received).partition(b"\r\n\r\n")
        if not complete:
            return
        request = _LINE.match(head)
        if request is None:
            assert self._transport is not None
            self._transport.close()
            return
        length = _LENGTH.search(head)
        start = len(head) + len(complete)
        self._wanted = start + (int(length[1]) if length else 0)
        if len(self._received) < self._wanted:
            return
        body = bytes(self._received[start : self._wanted])
        del self._received[: self._wanted]
        self._wanted = 0
        memory = _MEMORY.search(head)
        used = int(memory[1]) if memory else None
        self._asked(self, request[1].decode(), request[2].decode(), body, used)

    def answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Answer the request that was asked last."""
        assert self._transport is not None
        lines = [
            f"HTTP/1.1 {status} {_REASONS[status]}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in (headers or {}).items()),
        ]
        self._transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
