"""Why a person left, and how we know (contract, section 3)."""

from dataclasses import dataclass
from enum import StrEnum

_DURATION_LIMIT_MS = 7200_000
"""How long API Gateway lets a socket live ("Amazon API Gateway quotas")."""

_SLACK_MS = 60_000
"""A socket closed at most so much earlier than that may still have been closed for its age."""

_DID_NOT_ANSWER = 4408
"""The code with which a client closes a socket on which nothing arrives any more."""


class Reason(StrEnum):
    """Why a person left."""

    CLIENT_CLOSED = "client_closed"
    NETWORK_ERROR = "network_error"
    IDLE_TIMEOUT = "idle_timeout"
    DURATION_LIMIT = "duration_limit"
    HEARTBEAT_TIMEOUT = "heartbeat_timeout"
    KICKED = "kicked"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 (a reason, not a secret)
    RATE_LIMITED = "rate_limited"
    GONE = "gone"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, _value: object) -> "Reason":
        """A newer version of the code, since rolled back, may have written the value."""
        return cls.UNKNOWN


OURS = frozenset(
    (Reason.HEARTBEAT_TIMEOUT, Reason.KICKED, Reason.TOKEN_EXPIRED, Reason.RATE_LIMITED)
)
"""The reasons for which we close sockets ourselves."""


class Evidence(StrEnum):
    """How we know that they left."""

    CLOSE_FRAME = "close_frame"
    PLATFORM = "platform"
    SILENCE = "silence"
    SERVER = "server"
    """We closed their socket ourselves."""
    NONE = ""
    """Not known: Redis has lost it, or a newer version of the code wrote it."""

    @classmethod
    def _missing_(cls, _value: object) -> "Evidence":
        return cls.NONE


@dataclass(frozen=True, slots=True)
class Departure:
    """Why a socket is gone.

    Attributes:
        close_code: as API Gateway reported it, if it did.
    """

    reason: Reason
    evidence: Evidence
    close_code: int | None = None


GONE = Departure(Reason.GONE, Evidence.PLATFORM)
"""The management API answered 410 for a socket that had been open."""

KICKED = Departure(Reason.KICKED, Evidence.SERVER)
"""An admin kicked or banned them."""


def departure_of(close_code: int | None, close_reason: str | None, age_ms: int) -> Departure:
    """The departure that a ``$disconnect`` event describes.

    Args:
        close_code: ``disconnectStatusCode``. API Gateway closes a socket that was idle for 10
            minutes or open for 2 hours with 1001 "Going away". A browser tab closes with 1001 and
            no reason. DeleteConnection closes with 1000 "Connection Closed Normally". (Read off
            published events.)
        close_reason: ``disconnectReason``.
        age_ms: how long the socket was open.
    """
    return Departure(_reason(close_code, close_reason, age_ms), Evidence.CLOSE_FRAME, close_code)


def _reason(code: int | None, text: str | None, age_ms: int) -> Reason:
    if code == 1001 and (text or "").lower() == "going away":
        old = age_ms >= _DURATION_LIMIT_MS - _SLACK_MS
        return Reason.DURATION_LIMIT if old else Reason.IDLE_TIMEOUT
    if code == 1000 and text == "Connection Closed Normally":
        return Reason.UNKNOWN  # closed by a server; if by ours, the reason is already recorded
    if code in (1006, _DID_NOT_ANSWER):
        return Reason.NETWORK_ERROR
    if code in (1000, 1001, 1005) or (code is not None and 3000 <= code <= 4999):
        return Reason.CLIENT_CLOSED
    return Reason.UNKNOWN
