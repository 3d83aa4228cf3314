"""The sockets that are open, and what may be done to one from outside."""

import asyncio
from collections.abc import Callable, Iterator

from apigw_local.core.close_codes import Close
from apigw_local.core.events.websocket import Connection, now_ms
from apigw_local.core.socket import (
    Accept,
    Effect,
    InvokeDisconnect,
    InvokeRoute,
    Send,
    SendClose,
    SocketLife,
    State,
    WakeAt,
)
from apigw_local.server.http import Exchange
from apigw_local.server.messages import Response
from apigw_local.server.stream import Stream


class Socket:
    """A socket: tells its ``SocketLife`` what happens, and does what that answers.

    Args:
        on_message: told of every message.
        on_end: told once, when it is no more.
    """

    def __init__(
        self,
        connection: Connection,
        life: SocketLife,
        on_message: Callable[["Socket", str], None],
        on_end: Callable[["Socket", Close], None],
    ) -> None:
        self.connection = connection
        self._life = life
        self._on_message = on_message
        self._on_end = on_end
        self._stream = Stream(self)
        self._upgrade: tuple[Exchange, Response] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def state(self) -> State:
        """Where it is in its life."""
        return self._life.state

    def accept(self, exchange: Exchange, response: Response) -> None:
        """Answer its upgrade request."""
        self._upgrade = exchange, response
        self._do(self._life.accepted(_now()))

    def refuse(self) -> None:
        """Its upgrade request is answered with an error."""
        self._do(self._life.refused())

    def send(self, text: str) -> None:
        """Send a text message.

        Raises:
            BufferFull: too much is waiting to be read already.
            ConnectionError: it is closing, or the client has just gone.
        """
        effects = self._life.answer(text, _now())
        if not effects:
            raise ConnectionResetError
        self._do(effects)

    def delete(self) -> None:
        """Close it, as whoever has its id may ask for."""
        self._do(self._life.deleted())

    def stop(self) -> None:
        """The gateway stops."""
        self._do(self._life.stopping())

    def cut(self) -> None:
        """End the connection without a word."""
        self._stream.cut()

    def on_text(self, text: str) -> None:
        """Called by the stream."""
        self._do(self._life.text(text, _now()))

    def on_binary(self) -> None:
        """Called by the stream."""
        self._do(self._life.binary())

    def on_close(self, code: int | None, reason: str) -> None:
        """Called by the stream."""
        self._do(self._life.closed(code, reason))

    def on_failure(self, code: int) -> None:
        """Called by the stream."""
        self._do(self._life.failed(code))

    def on_over(self) -> None:
        """Called by the stream."""
        self._do(self._life.over())

    def _do(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Accept():
                    assert self._upgrade is not None
                    if not self._stream.open(*self._upgrade):
                        self.on_over()
                        return
                case Send(text):
                    self._stream.send(text)
                    self.connection.last_active_at = now_ms()
                case InvokeRoute(text):
                    self.connection.last_active_at = now_ms()
                    self._on_message(self, text)
                case SendClose(close):
                    self._stream.close(close)
                case WakeAt(at):
                    self._timer = asyncio.get_running_loop().call_at(at, self._wake)
                case InvokeDisconnect(close):
                    if self._timer:
                        self._timer.cancel()
                    self._on_end(self, close)

    def _wake(self) -> None:
        self._do(self._life.wake(_now()))


class Sockets:
    """Sockets by connection id, from their upgrade requests on."""

    def __init__(self) -> None:
        self._all: dict[str, Socket] = {}
        self._stopping = False

    def add(self, socket: Socket) -> None:
        """It may open."""
        self._all[socket.connection.connection_id] = socket
        if self._stopping:
            socket.stop()

    def remove(self, socket: Socket) -> None:
        """It is no more."""
        del self._all[socket.connection.connection_id]

    def get(self, connection_id: str) -> Socket | None:
        """The open socket of that id."""
        socket = self._all.get(connection_id)
        return socket if socket and socket.state is State.OPEN else None

    @property
    def pending(self) -> bool:
        """Whether there are some, be they not yet open, or not yet gone."""
        return bool(self._all)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[Socket]:
        return (each for each in tuple(self._all.values()) if each.state is State.OPEN)

    def stop_all(self) -> None:
        """The gateway stops."""
        self._stopping = True
        for socket in tuple(self._all.values()):
            socket.stop()


def _now() -> float:
    return asyncio.get_running_loop().time()
