"""The results of posting frames to a socket."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of posting to one socket."""

    DELIVERED = "delivered"
    GONE = "gone"
    """API Gateway answered 410. Only open sockets get posts, so this one no longer exists."""
    FAILED = "failed"
    """Refused, or not answered in time. The socket's client sees a gap in the versions."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The result of posting one socket's frames.

    Attributes:
        posted: how many of its frames were accepted.
        status: the last HTTP status, 0 if there was no answer.
        retries: how often a post was retried.
        attempted: False if the time was over before the socket's turn came.
    """

    outcome: Outcome
    posted: int
    status: int
    retries: int = 0
    attempted: bool = True
