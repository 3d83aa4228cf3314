"""The sockets that are open, and what may be done to one from outside."""

import asyncio

from aiohttp import WSCloseCode, web

from apigw_local.core.close import DELETED, GOING_AWAY, Close
from apigw_local.core.events import Connection, now_ms
from apigw_local.limits import DURATION_SECONDS, IDLE_SECONDS, OUTBOUND_BUFFER_BYTES


class BufferFull(Exception):
    """The client reads too slowly."""


class Socket:
    """An open socket.

    Attributes:
        closed_by_us: set once the gateway has decided to close it.
    """

    def __init__(
        self, connection: Connection, stream: web.WebSocketResponse, transport: asyncio.Transport
    ) -> None:
        self.connection = connection
        self.closed_by_us: Close | None = None
        self._stream = stream
        self._transport = transport
        # A slow reader is refused (below), so that nobody ever waits for one.
        transport.set_write_buffer_limits(high=2 * OUTBOUND_BUFFER_BYTES)
        loop = asyncio.get_running_loop()
        self._closing: asyncio.Task[None] | None = None
        self._end = loop.call_later(DURATION_SECONDS, self.close_soon, GOING_AWAY)
        self._idle = loop.call_later(IDLE_SECONDS, self.close_soon, GOING_AWAY)
        self.touch()

    def touch(self) -> None:
        """A message went by, in either direction."""
        self.connection.last_active_at = now_ms()
        self._idle.cancel()
        loop = asyncio.get_running_loop()
        self._idle = loop.call_later(IDLE_SECONDS, self.close_soon, GOING_AWAY)

    async def send(self, text: str) -> None:
        """Send a text frame.

        Raises:
            BufferFull: too much is waiting to be read already.
            ConnectionError: the client has just gone.
        """
        if self._transport.get_write_buffer_size() > OUTBOUND_BUFFER_BYTES:
            raise BufferFull
        await self._stream.send_str(text)
        self.touch()

    def close_soon(self, close: Close) -> None:
        """Close with a code and reason, without waiting for the client to agree."""
        if self.closed_by_us is None:
            self.closed_by_us = close
            self._closing = asyncio.create_task(self._close(close))

    def forget_timers(self) -> None:
        """The socket is gone."""
        self._idle.cancel()
        self._end.cancel()

    async def _close(self, close: Close) -> None:
        await self._stream.close(code=WSCloseCode(close.code), message=close.reason.encode())


class Sockets:
    """Open sockets by connection id."""

    def __init__(self) -> None:
        self._open: dict[str, Socket] = {}

    def add(self, socket: Socket) -> None:
        """From here on the management API knows the socket."""
        self._open[socket.connection.connection_id] = socket

    def remove(self, socket: Socket) -> None:
        """From here on the management API answers 410; removing twice does nothing."""
        socket.forget_timers()
        self._open.pop(socket.connection.connection_id, None)

    def get(self, connection_id: str) -> Socket | None:
        """The open socket of that id."""
        return self._open.get(connection_id)

    def __len__(self) -> int:
        return len(self._open)

    def close_all(self) -> None:
        """The gateway stops."""
        for socket in self._open.values():
            socket.close_soon(DELETED)
