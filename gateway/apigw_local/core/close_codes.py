"""Why a socket closed, as ``$disconnect`` reports it (read off published events)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Close:
    """A close code (RFC 6455, 7.4.1) and its reason."""

    code: int
    reason: str


NO_STATUS = Close(1005, "Client-side close frame status not set")
ABNORMAL = Close(1006, "Connection Closed Abnormally")
DELETED = Close(1000, "Connection Closed Normally")
GOING_AWAY = Close(1001, "Going away")
BINARY = Close(1003, "")


def by_client(code: int | None, reason: str | None) -> Close:
    """The close frame a client sent; without a code it counts as 1005."""
    return Close(code, reason or "") if code else NO_STATUS
