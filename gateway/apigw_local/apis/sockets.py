"""The sockets that are open, and what may be done to one from outside."""

import asyncio
from collections.abc import Iterator

from apigw_local.core.close_codes import DELETED, GOING_AWAY, Close
from apigw_local.core.events.websocket import Connection, now_ms
from apigw_local.server.stream import Stream


class Socket:
    """An open socket.

    Args:
        idle_seconds: without a message in either direction, until it is closed.
        duration_seconds: until it is closed however busy.
    """

    def __init__(
        self, connection: Connection, stream: Stream, idle_seconds: float, duration_seconds: float
    ) -> None:
        self.connection = connection
        self._stream = stream
        self._idle_seconds = idle_seconds
        loop = asyncio.get_running_loop()
        self._active_at = loop.time()
        self._end = loop.call_later(duration_seconds, self.close, GOING_AWAY)
        self._idle = loop.call_later(idle_seconds, self._check_idle)
        self.touch()

    def touch(self) -> None:
        """A message went by, in either direction; control frames do not count."""
        self.connection.last_active_at = now_ms()
        self._active_at = asyncio.get_running_loop().time()

    def send(self, text: str) -> None:
        """Send a text message.

        Raises:
            BufferFull: too much is waiting to be read already.
            ConnectionError: the client has just gone.
        """
        self._stream.send(text)
        self.touch()

    def close(self, close: Close) -> None:
        """Close with a code and reason."""
        self._stream.close(close)

    def cut(self) -> None:
        """End the connection without a word."""
        self._stream.cut()

    def forget_timers(self) -> None:
        """The socket is gone."""
        self._idle.cancel()
        self._end.cancel()

    def _check_idle(self) -> None:
        loop = asyncio.get_running_loop()
        left = self._active_at + self._idle_seconds - loop.time()
        if left <= 0:
            self.close(GOING_AWAY)
        else:
            self._idle = loop.call_later(left, self._check_idle)


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

    def __iter__(self) -> Iterator[Socket]:
        return iter(list(self._open.values()))

    def close_all(self) -> None:
        """The gateway stops."""
        for socket in self:
            socket.close(DELETED)
