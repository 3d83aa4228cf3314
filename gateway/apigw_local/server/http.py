"""A small HTTP/1.1 server, for all four ports: what goes wrong is said in API Gateway's words.

``httptools`` parses. A request is read as a whole before it is handled, those of one connection are
handled one after the other. A handler may take a connection over, for a WebSocket.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Protocol

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from apigw_local.limits import HEAD_BYTES, HTTP_BODY_BYTES
from apigw_local.log import Log
from apigw_local.server.answers import message
from apigw_local.server.messages import Request, Response

_LINGER_SECONDS = 2.0
"""How long a client that has been refused may go on sending: closing at once would be a reset,
which may overtake the answer."""
_MOST_WAITING = 16
"""Requests that a client may send before it has read an answer."""
_UNFINISHED_BYTES = 4 * HEAD_BYTES
"""Of a head that does not end: names, and what separates them, are not counted in its size."""
_LEFT = "the client left in the middle of its request"


class Receiver(Protocol):
    """Whoever takes a connection over."""

    def feed_data(self, data: bytes) -> None:
        """Take what has arrived."""

    def feed_eof(self) -> None:
        """The connection is gone."""


class Exchange:
    """A request, and the connection that it came on."""

    def __init__(self, request: Request, connection: "_Connection", *, keep_alive: bool) -> None:
        self.request = request
        self.keep_alive = keep_alive
        self._connection = connection

    def switch(self, response: Response, receiver: Receiver) -> asyncio.Transport | None:
        """Answer that protocols are switched; ``receiver`` is told of whatever comes from now on.

        Returns:
            What to write to; None if the client has gone.
        """
        return self._connection.switch(response, receiver)


Handle = Callable[[Exchange], Awaitable[Response | None]]
"""Answers a request; None where it has taken the connection over, or the client has gone."""


class _Refused(Exception):
    """What the client has sent is no request that can be handled."""

    def __init__(self, status: int, text: str, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.text = text


_NO_REQUEST = (400, "Bad Request", "what came is not HTTP/1.1")
_NO_HOST = (400, "Bad Request", "the request must have one Host header (RFC 9112, 3.2)")
_LONG_TARGET = (414, "Request-URI Too Long", f"the URL is over {HEAD_BYTES} bytes")
_LONG_HEAD = (
    431,
    "Request Header Fields Too Large",
    f"request line and headers are over {HEAD_BYTES} bytes",
)
_LONG_BODY = (413, "Request Entity Too Large", f"the body is over {HTTP_BODY_BYTES} bytes")
_CUT_SHORT = (400, "Bad Request", _LEFT)


class HttpServer:
    """Serves HTTP; calling it makes the protocol for a connection.

    Args:
        name: of what is served, for the log.
    """

    def __init__(self, name: str, handle: Handle, log: Log) -> None:
        self.connections: set[_Connection] = set()
        self.name = name
        self.log = log
        self._handle = handle

    def __call__(self) -> asyncio.Protocol:
        """For a new connection."""
        return _Connection(self)

    async def answer(self, exchange: Exchange) -> Response | None:
        """The handler's answer, or that it has none."""
        try:
            return await self._handle(exchange)
        except Exception as error:  # noqa: BLE001 (a fault of ours must not end the connection)
            self.log.trouble("gateway", f"a fault of its own: {error!r}")
            return message(500, "Internal Server Error")

    async def close(self, seconds: float) -> None:
        """End all connections, those on which a request is being handled after ``seconds``."""
        busy = [each.working for each in self.connections if each.working]
        if busy:
            await asyncio.wait(busy, timeout=seconds)
        for connection in tuple(self.connections):
            connection.abort()


class _Connection(asyncio.Protocol):
    """One connection; methods that begin with ``on_`` are called by the parser.

    Attributes:
        working: handles requests; None while there are none.
    """

    def __init__(self, server: HttpServer) -> None:
        self.working: asyncio.Task[None] | None = None
        self._server = server
        self._parser = HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[Exchange | _Refused] = deque()
        self._receiver: Receiver | None = None
        self._held: bytes | None = None
        """What came after a request that wants to switch protocols, until that is answered."""
        self._tls = False
        self._refused = False
        self._ended = False
        self._in_message = self._in_head = False
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = bytearray()
        self._size = self._unfinished = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._tls = transport.get_extra_info("sslcontext") is not None
        self._server.connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        if self._receiver:
            self._receiver.feed_data(data)
        elif self._held is not None:
            self._held += data
            if len(self._held) > HTTP_BODY_BYTES:
                self.abort()
        elif not self._refused:
            self._parse(data)

    def eof_received(self) -> bool:
        """Called by asyncio: the client sends no more. Whether it is still written to."""
        assert self._transport is not None
        self._ended = True
        if self._in_message and not self._refused:
            self._refuse(_Refused(*_CUT_SHORT))
        return self.working is not None and not self._receiver and not self._tls

    def connection_lost(self, _: Exception | None) -> None:
        """Called by asyncio."""
        self._server.connections.discard(self)
        self._ended = True
        if self._receiver:
            self._receiver.feed_eof()
        elif self._in_message and not self._refused:
            self._server.log.trouble("refused", f"{self._server.name}: {_LEFT}")

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport:
            self._transport.abort()

    def switch(self, response: Response, receiver: Receiver) -> asyncio.Transport | None:
        """As ``Exchange.switch`` says."""
        assert self._transport is not None
        if self._ended or self._transport.is_closing():
            self._transport.close()
            return None
        self._transport.write(response.head())
        self._receiver = receiver
        held, self._held = self._held, None
        if held:
            asyncio.get_running_loop().call_soon(self.data_received, held)
        return self._transport

    def on_message_begin(self) -> None:
        self._in_message = self._in_head = True
        self._target, self._headers, self._body = b"", [], bytearray()
        self._size = self._unfinished = 0

    def on_url(self, part: bytes) -> None:
        self._target += part
        if len(self._target) > HEAD_BYTES:
            raise _Refused(*_LONG_TARGET)
        self._count(part)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # not a trailer
            self._headers.append((name, value))
            self._count(value)

    def on_headers_complete(self) -> None:
        self._count(b"%s  HTTP/1.1" % self._parser.get_method())
        self._in_head = False
        given = {name.lower(): value for name, value in self._headers}
        hosts = sum(name.lower() == b"host" for name, _ in self._headers)
        if hosts > 1 or (not hosts and self._parser.get_http_version() == "1.1"):
            raise _Refused(*_NO_HOST)
        if int(given.get(b"content-length", b"0")) > HTTP_BODY_BYTES:
            raise _Refused(*_LONG_BODY)
        if given.get(b"expect", b"").lower() == b"100-continue" and not self.working:
            assert self._transport is not None
            self._transport.write(Response(100).head())

    def on_body(self, part: bytes) -> None:
        self._body += part
        if len(self._body) > HTTP_BODY_BYTES:
            raise _Refused(*_LONG_BODY)

    def on_message_complete(self) -> None:
        assert self._transport is not None
        self._in_message = False
        peer = self._transport.get_extra_info("peername")
        request = Request(
            self._parser.get_method().decode(),
            _origin_form(_text(self._target)),
            tuple((_text(name), _text(value)) for name, value in self._headers),
            bytes(self._body),
            peer[0] if peer else "127.0.0.1",
            "https" if self._tls else "http",
        )
        keep_alive = self._parser.should_keep_alive()
        self._add(Exchange(request, self, keep_alive=keep_alive))

    def _count(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > HEAD_BYTES:
            raise _Refused(*_LONG_HEAD)

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._held = data[upgrade.args[0] :]
        except HttpParserError as error:
            why = error.__context__
            self._refuse(why if isinstance(why, _Refused) else _Refused(*_NO_REQUEST))
        else:
            self._unfinished += len(data)
            if self._in_head and self._unfinished > _UNFINISHED_BYTES:
                self._refuse(_Refused(*_LONG_HEAD))

    def _refuse(self, refused: _Refused) -> None:
        """Answer so, once all that came before has been answered."""
        self._refused = True
        said = f"{self._server.name}: {refused.status}: {refused}"
        self._server.log.trouble("refused", said)
        self._add(refused)

    def _add(self, wanted: Exchange | _Refused) -> None:
        assert self._transport is not None
        self._waiting.append(wanted)
        if len(self._waiting) > _MOST_WAITING:
            self._transport.pause_reading()
        if self.working is None:
            self.working = asyncio.create_task(self._work())

    async def _work(self) -> None:
        assert self._transport is not None
        while self._waiting and not self._transport.is_closing():
            wanted = self._waiting.popleft()
            if len(self._waiting) == _MOST_WAITING:
                self._transport.resume_reading()
            if isinstance(wanted, _Refused):
                self._write(message(wanted.status, wanted.text), keep_alive=False)
                self._linger()
                break
            response = await self._server.answer(wanted)
            if response is None:
                break
            whole = wanted.request.method != "HEAD"
            self._write(response, keep_alive=wanted.keep_alive, whole=whole)
            if not wanted.keep_alive or (self._ended and not self._waiting):
                self._transport.close()
                break
            if self._held is not None:
                held, self._held = self._held, None
                self._parser = HttpRequestParser(self)
                self._parse(held)
        self.working = None

    def _write(self, response: Response, *, keep_alive: bool, whole: bool = True) -> None:
        assert self._transport is not None
        connection = "keep-alive" if keep_alive else "close"
        head = response.head(("Date", formatdate(usegmt=True)), ("Connection", connection))
        self._transport.write(head + response.body if response.has_body and whole else head)

    def _linger(self) -> None:
        assert self._transport is not None
        if self._ended or not self._transport.can_write_eof():
            self._transport.close()
            return
        self._transport.write_eof()
        asyncio.get_running_loop().call_later(_LINGER_SECONDS, self.abort)


def _text(raw: bytes) -> str:
    return raw.decode(errors="surrogateescape")


def _origin_form(target: str) -> str:
    """Path and query also of the form that is for proxies (RFC 9112, 3.2.2)."""
    scheme, separator, rest = target.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        return target
    return "/" + rest.partition("/")[2]
