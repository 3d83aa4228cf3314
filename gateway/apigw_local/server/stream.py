"""A WebSocket on a connection of the HTTP server's: its transport, and ``websockets``' protocol.

API Gateway limits frames as well as messages. The protocol of the package ``websockets`` does both,
and does no I/O.
"""

import asyncio
from http import HTTPStatus
from typing import Protocol as Interface

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidHeader, InvalidState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request as UpgradeRequest
from websockets.protocol import SEND_EOF, SERVER, Protocol, State
from websockets.server import ServerProtocol

from apigw_local.core.close_codes import Close
from apigw_local.limits import FRAME_BYTES, MESSAGE_BYTES, OUTBOUND_BUFFER_BYTES
from apigw_local.server.answers import message
from apigw_local.server.http import Exchange
from apigw_local.server.messages import Request, Response

_CLOSING_SECONDS = 2.0
"""How long a client may take to answer a close frame before its connection is cut."""


class BufferFull(Exception):
    """The client reads too slowly."""


class Told(Interface):
    """Whoever is told of what comes on a WebSocket."""

    def on_text(self, text: str) -> None:
        """A message."""

    def on_binary(self) -> None:
        """A binary frame."""

    def on_close(self, code: int | None, reason: str) -> None:
        """The client's close frame, where it was the first."""

    def on_failure(self, code: int) -> None:
        """The client broke the protocol, or was too long, and a close frame has told it."""

    def on_over(self) -> None:
        """Close frames have gone both ways, or the connection is gone; at least once."""


def handshake(request: Request) -> Response:
    """What an upgrade request deserves: 101, or 400 or 426 where it is none."""
    protocol = ServerProtocol()
    try:
        # Of the others some have characters that this parser does not take, cookies for one.
        headers = Headers(each for each in request.headers if _is_of_upgrade(each[0]))
    except InvalidHeader as error:
        return message(HTTPStatus.BAD_REQUEST, str(error))
    answer = protocol.accept(UpgradeRequest(request.path, headers))
    if answer.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
        return message(answer.status_code, answer.reason_phrase)
    return Response(answer.status_code, headers=list(answer.headers.raw_items()))


class Stream:
    """One WebSocket."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._protocol = Protocol(SERVER, max_size=(MESSAGE_BYTES, FRAME_BYTES))
        self._transport: asyncio.Transport | None = None
        self._parts: list[bytes] = []
        self._close_noted = False

    def open(self, exchange: Exchange, response: Response) -> bool:
        """Answer the upgrade; False if the client has gone meanwhile."""
        self._transport = exchange.switch(response, self)
        if self._transport is None:
            return False
        # A slow reader is refused (in `send`), so that nobody ever waits for one.
        self._transport.set_write_buffer_limits(high=2 * OUTBOUND_BUFFER_BYTES)
        return True

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
        if self._protocol.state is not State.OPEN:
            return
        self._close_noted = True
        self._protocol.send_close(close.code, close.reason)
        self._flush()
        self._cut_soon()

    def cut(self) -> None:
        """End the connection without a word."""
        if self._transport:
            self._transport.abort()

    def feed_data(self, data: bytes) -> None:
        """Take what has arrived; called by the connection."""
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            assert isinstance(event, Frame)
            self._take(event)
        self._note_close()
        self._flush()

    def feed_eof(self) -> None:
        """The connection is gone; called by the connection."""
        self._protocol.receive_eof()
        self._told.on_over()

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.BINARY:
            self._told.on_binary()
        elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._parts.append(bytes(frame.data))
            if frame.fin:
                whole, self._parts = b"".join(self._parts), []
                try:
                    text = whole.decode()
                except UnicodeDecodeError:
                    self._protocol.fail(CloseCode.INVALID_DATA)
                else:
                    self._told.on_text(text)

    def _note_close(self) -> None:
        """Tell who closed it, if that was not we."""
        received, sent = self._protocol.close_rcvd, self._protocol.close_sent
        if self._close_noted or not (received or sent):
            return
        self._close_noted = True
        if received and (sent is None or self._protocol.close_rcvd_then_sent):
            none = received.code == CloseCode.NO_STATUS_RCVD
            self._told.on_close(None if none else received.code, received.reason)
        elif sent:
            self._told.on_failure(sent.code)

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
            self._told.on_over()
            self._cut_soon()
        if self._transport.get_write_buffer_size() > 2 * OUTBOUND_BUFFER_BYTES:
            self.cut()  # it pings and does not read

    def _cut_soon(self) -> None:
        asyncio.get_running_loop().call_later(_CLOSING_SECONDS, self.cut)


def _is_of_upgrade(name: str) -> bool:
    return name.lower() in ("connection", "upgrade") or name.lower().startswith("sec-websocket-")
