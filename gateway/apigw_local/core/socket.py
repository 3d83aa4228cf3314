"""A socket's life, from the upgrade request to ``$disconnect``.

Without I/O and without a clock: whoever drives it tells it what has happened, with times in seconds
by whatever clock, and does what it answers.
"""

from dataclasses import dataclass
from enum import Enum

from apigw_local.core.close_codes import ABNORMAL, BINARY, DELETED, GOING_AWAY, Close, by_client


class State(Enum):
    """Where a socket is in its life."""

    ASKING = "asking"
    """Authorizer and ``$connect`` have not answered."""
    OPEN = "open"
    CLOSING = "closing"
    """A close frame has been sent or received."""
    GONE = "gone"
    """Refused, or ``$disconnect`` has been told."""


@dataclass(frozen=True, slots=True)
class Accept:
    """Answer the upgrade request with 101; where the client has left, say that it is ``over``."""


@dataclass(frozen=True, slots=True)
class InvokeRoute:
    """Give a message to the route that it selects."""

    text: str


@dataclass(frozen=True, slots=True)
class InvokeDisconnect:
    """Invoke ``$disconnect``: the socket is no more."""

    close: Close


@dataclass(frozen=True, slots=True)
class Send:
    """Send a text frame."""

    text: str


@dataclass(frozen=True, slots=True)
class SendClose:
    """Send a close frame."""

    close: Close


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Call ``wake`` at that time, and not at the one that was said before."""

    at: float


Effect = Accept | InvokeRoute | InvokeDisconnect | Send | SendClose | WakeAt


class SocketLife:
    """One socket; each method is something that has happened, and returns what is to be done.

    Args:
        idle: seconds without a message in either direction, until it is closed.
        duration: seconds until it is closed however busy.
    """

    def __init__(self, idle: float, duration: float) -> None:
        self.state = State.ASKING
        self._idle = idle
        self._duration = duration
        self._ends_at = self._active_at = 0.0
        self._stopping = False
        self._close: Close | None = None
        """How it closes: the first reason counts."""

    def accepted(self, now: float) -> list[Effect]:
        """``$connect`` has let the client in."""
        self.state = State.OPEN
        self._active_at, self._ends_at = now, now + self._duration
        closing = self._closed_by_us(DELETED) if self._stopping else []
        return [Accept(), WakeAt(self._next_check()), *closing]

    def refused(self) -> list[Effect]:
        """The upgrade request has been answered with an error."""
        self.state = State.GONE
        return []

    def text(self, text: str, now: float) -> list[Effect]:
        """The client has sent a message."""
        if self.state is not State.OPEN:
            return []
        self._active_at = now
        return [InvokeRoute(text)]

    def answer(self, text: str, now: float) -> list[Effect]:
        """There is a message for the client: a function's answer, an error frame, a post."""
        if self.state is not State.OPEN:
            return []
        self._active_at = now
        return [Send(text)]

    def binary(self) -> list[Effect]:
        """The client has sent a binary frame, which API Gateway does not take."""
        return self._closed_by_us(BINARY)

    def deleted(self) -> list[Effect]:
        """``DeleteConnection`` has been asked for."""
        return self._closed_by_us(DELETED)

    def stopping(self) -> list[Effect]:
        """The gateway stops."""
        self._stopping = True
        return self._closed_by_us(DELETED)

    def wake(self, now: float) -> list[Effect]:
        """The time has come that ``WakeAt`` said."""
        if self.state is not State.OPEN:
            return []
        if now >= self._next_check():
            return self._closed_by_us(GOING_AWAY)
        return [WakeAt(self._next_check())]

    def failed(self, code: int) -> list[Effect]:
        """The client has broken the protocol, or a quota, and has been told by a close frame."""
        return self._closing(Close(code, ""))

    def closed(self, code: int | None, reason: str) -> list[Effect]:
        """The client has sent a close frame."""
        return self._closing(by_client(code, reason))

    def over(self) -> list[Effect]:
        """Close frames have gone both ways, or the client has gone; it may be said twice."""
        if self.state is State.GONE:
            return []
        self.state = State.GONE
        return [InvokeDisconnect(self._close or ABNORMAL)]

    def _closing(self, close: Close) -> list[Effect]:
        if self.state is State.OPEN:
            self.state, self._close = State.CLOSING, close
        return []

    def _closed_by_us(self, close: Close) -> list[Effect]:
        if self.state is not State.OPEN:
            return []
        self._closing(close)
        return [SendClose(close)]

    def _next_check(self) -> float:
        return min(self._active_at + self._idle, self._ends_at)
