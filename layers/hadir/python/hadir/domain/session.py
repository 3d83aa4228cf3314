"""A session as Redis knew it at one instant, and what happened in it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from hadir.domain.identity import SessionRef, UserType
from hadir.domain.reasons import Departure


class EventType(StrEnum):
    """The only two values that ``event_type`` may ever have (contract, section 2)."""

    USER_CONNECTED = "user_connected"
    USER_DISCONNECTED = "user_disconnected"


@dataclass(frozen=True, slots=True)
class PresenceEvent:
    """A user became present or absent.

    Attributes:
        version: place in the session's order: 1, 2, 3 … without gaps.
        at: when, in milliseconds since the Unix epoch, by Redis's clock.
        departure: why, on ``USER_DISCONNECTED``.
        offline_ms: how long they had been absent, on a ``USER_CONNECTED`` that is a return within
            the reconnect window.
    """

    version: int
    type: EventType
    user_id: str
    user_type: UserType
    at: int
    departure: Departure | None = None
    offline_ms: int | None = None


@dataclass(frozen=True, slots=True)
class MessageEvent:
    """A user said something.

    Attributes:
        version, at: as of a ``PresenceEvent``; both kinds share one order.
        connection_id: whence it was sent.
        client_id: the sender's name for it, empty if none.
    """

    version: int
    user_id: str
    user_type: UserType
    at: int
    text: str
    connection_id: str
    client_id: str


Event = PresenceEvent | MessageEvent


@dataclass(frozen=True, slots=True)
class Member:
    """One connection in a session.

    Attributes:
        since: the first version this connection is told of; 0 while it is only admitted.
        at: since when its user is present (while only admitted: when it was), milliseconds.
    """

    connection_id: str
    user_id: str
    user_type: UserType
    since: int
    at: int

    @property
    def is_open(self) -> bool:
        """Whether the socket can be written to, so that its user is present."""
        return self.since > 0


@dataclass(frozen=True, slots=True)
class Absentee:
    """A user whose last socket is gone but whose grace is not over: present for everybody.

    Attributes:
        at: since when they are present, milliseconds.
    """

    user_id: str
    user_type: UserType
    at: int


@dataclass(frozen=True, slots=True)
class Session:
    """Membership at one version.

    Attributes:
        epoch: names this life of the session; empty when Redis does not know the session. A later
            life's name sorts after an earlier one's.
        version: of the last event, 0 before the first.
        members: every connection, open or only admitted.
        absentees: users in grace.
    """

    ref: SessionRef
    epoch: str
    version: int
    members: tuple[Member, ...]
    absentees: tuple[Absentee, ...] = ()

    @property
    def session_id(self) -> str:
        """What its clients call it."""
        return self.ref.session_id

    def open_members(self) -> Iterable[Member]:
        """The connections that can be posted to."""
        return (member for member in self.members if member.is_open)


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a session's history, and where the session was at that instant.

    Attributes:
        epoch, version: as of a ``Session``.
        events: in order.
    """

    epoch: str
    version: int
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """What the holder of a session's announcing lease has to post.

    Attributes:
        token: proves to ``settle`` that the lease is still this holder's.
        session: membership at or after the last of ``events``.
        events: pending, in order, at least one.
        recovered_up_to: events up to this version were once handed to a holder that died,
            so somebody may have been told already; 0 when there are none.
    """

    token: str
    session: Session
    events: tuple[Event, ...]
    recovered_up_to: int
