"""What API Gateway says about a socket."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Whether a socket is open, according to API Gateway.

    It answers 410 while ``$connect`` has not returned, and once the socket is gone
    ("GetConnection", Amazon API Gateway Management API).
    """

    OPEN = "open"
    GONE = "gone"
    """Gone, or not yet open."""
    FAILED = "failed"
    """Refused, or not answered in time: nothing is known."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The answer to a question about one socket.

    Attributes:
        last_active_ms: ``lastActiveAt``, when the socket was last used, in ms since 1970; None if
            the answer does not say.
        status: the last HTTP status, 0 if there was no answer.
        connected_ms: ``connectedAt``, likewise.
    """

    state: State
    last_active_ms: int | None
    status: int
    connected_ms: int | None = None

    @property
    def is_refused(self) -> bool:
        """Whether a retry would get the same answer."""
        return self.state is State.FAILED and 400 <= self.status < 500 and self.status != 429
