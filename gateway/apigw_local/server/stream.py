"""A WebSocket on an HTTP connection of aiohttp's: its transport, and ``websockets``' protocol.

aiohttp's own reader limits messages, not frames; API Gateway limits both. The protocol of the
package ``websockets`` does, and does no I/O.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidHeader, InvalidState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import SEND_EOF, SERVER, Protocol, State
from websockets.server import ServerProtocol

from apigw_local.core.close_codes import ABNORMAL, BINARY, Close, by_client
from apigw_local.limits import FRAME_BYTES, MESSAGE_BYTES, OUTBOUND_BUFFER_BYTES

_CLOSING_SECONDS = 2.0
"""How long a client may take to answer a close frame before its connection is cut."""


class BufferFull(Exception):
    """The client reads too slowly."""


class Stream:
    """One WebSocket.

    Args:
        on_text: told of every message.
    """

    def __init__(self, on_text: Callable[[str], None]) -> None:
        self._on_text = on_text
        self._protocol = Protocol(SERVER, max_size=(MESSAGE_BYTES, FRAME_BYTES))
        self._transport: asyncio.Transport | None = None
        self._parts: list[bytes] = []
        self._by_us: Close | None = None
        self._ended = asyncio.Event()
        self._gone = asyncio.Event()

    def handshake(self, request: web.Request) -> Response:
        """What the upgrade request deserves: 101, or 400 or 426 where it is none."""
        protocol = ServerProtocol()
        try:
            # Of the others some have characters that this parser does not take, cookies for one.
            headers = Headers(each for each in request.headers.items() if _is_of_upgrade(each[0]))
        except InvalidHeader as error:
            return protocol.reject(HTTPStatus.BAD_REQUEST, str(error))
        return protocol.accept(Request(request.path, headers))

    def open(self, request: web.Request, response: Response, protocol: str | None) -> bool:
        """Answer the upgrade; False if the client has gone meanwhile."""
        transport = request.transport
        if transport is None or transport.is_closing():
            self.feed_eof()
            return False
        if protocol:
            response.headers["Sec-WebSocket-Protocol"] = protocol
        # A slow reader is refused (in `send`), so that nobody ever waits for one.
        transport.set_write_buffer_limits(high=2 * OUTBOUND_BUFFER_BYTES)
        self._transport = transport
        transport.write(response.serialize())
        request.protocol.keep_alive(False)
        request.protocol.set_parser(self)  # type: ignore[arg-type]
        return True

    async def closed(self) -> Close:
        """How it closed, once it has."""
        await self._ended.wait()
        if self._by_us:
            return self._by_us
        received, sent = self._protocol.close_rcvd, self._protocol.close_sent
        if received and (sent is None or self._protocol.close_rcvd_then_sent):
            given = None if received.code == CloseCode.NO_STATUS_RCVD else received.code
            return by_client(given, received.reason)
        return Close(sent.code, "") if sent else ABNORMAL

    async def gone(self) -> None:
        """Wait until the connection is gone too: it ends after the last frame has been read."""
        await self._gone.wait()

    def send(self, text: str) -> None:
        """Send a text message.

        Raises:
            BufferFull: too much is waiting to be read already.
            ConnectionError: the client has gone, or is going.
        """
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError
        if self._transport.get_write_buffer_size() > OUTBOUND_BUFFER_BYTES:
            raise BufferFull
        try:
            self._protocol.send_text(text.encode())
        except (ConnectionClosed, InvalidState) as error:
            raise ConnectionResetError from error
        self._flush()

    def close(self, close: Close) -> None:
        """Send a close frame; the connection is cut if the client does not answer it."""
        if self._by_us or self._protocol.state is not State.OPEN:
            return
        self._by_us = close
        self._protocol.send_close(close.code, close.reason)
        self._flush()
        self._cut_soon()

    def cut(self) -> None:
        """End the connection without a word."""
        if self._transport:
            self._transport.abort()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take what has arrived; called by aiohttp, which wants to know of an end and a rest."""
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            assert isinstance(event, Frame)
            self._take(event)
        self._flush()
        return False, b""

    def feed_eof(self) -> None:
        """The connection is gone; called by aiohttp."""
        self._protocol.receive_eof()
        self._ended.set()
        self._gone.set()

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.BINARY:
            self.close(BINARY)
        elif frame.opcode in (Opcode.TEXT, Opcode.CONT) and not self._by_us:
            self._parts.append(bytes(frame.data))
            if frame.fin:
                message, self._parts = b"".join(self._parts), []
                try:
                    text = message.decode()
                except UnicodeDecodeError:
                    self._protocol.fail(CloseCode.INVALID_DATA)
                else:
                    self._on_text(text)

    def _flush(self) -> None:
        assert self._transport is not None
        for data in self._protocol.data_to_send():
            if data != SEND_EOF:
                self._transport.write(data)
                continue
            # Not `close` where there is a choice: what the client is still sending would make it a
            # reset, which may overtake our last frame.
            if self._transport.can_write_eof():
                self._transport.write_eof()
            else:  # TLS has none
                self._transport.close()
            self._ended.set()
            self._cut_soon()
        if self._transport.get_write_buffer_size() > 2 * OUTBOUND_BUFFER_BYTES:
            self.cut()  # it pings and does not read

    def _cut_soon(self) -> None:
        asyncio.get_running_loop().call_later(_CLOSING_SECONDS, self.cut)


def _is_of_upgrade(name: str) -> bool:
    return name.lower() in ("connection", "upgrade") or name.lower().startswith("sec-websocket-")


class Answered(web.StreamResponse):
    """What a handler returns when the answer has been written already."""

    async def prepare(self, _: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write nothing."""
        return None

    async def write_eof(self, _: bytes = b"") -> None:
        """Write nothing."""
