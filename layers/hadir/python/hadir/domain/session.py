"""A session as Redis knew it at one instant, and what happened in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hadir.domain.feeds import FeedRef
from hadir.domain.identity import Person, SessionRef
from hadir.domain.reasons import Departure
from hadir.domain.state import State


class EventType(StrEnum):
    """The only two values that ``event_type`` may ever have (contract, section 2)."""

    USER_CONNECTED = "user_connected"
    USER_DISCONNECTED = "user_disconnected"


@dataclass(frozen=True, slots=True)
class PresenceEvent:
    """A user became present or absent.

    Attributes:
        version: the event's place in the session's order: 1, 2, 3 … without gaps.
        at: when it happened, in milliseconds since the Unix epoch, by Redis's clock.
        departure: why the person left, on ``USER_DISCONNECTED``.
        offline_ms: how long the person was absent, on a ``USER_CONNECTED`` within the reconnect
            window.
    """

    version: int
    type: EventType
    person: Person
    at: int
    departure: Departure | None = None
    offline_ms: int | None = None


@dataclass(frozen=True, slots=True)
class MessageEvent:
    """A user, or a backend, sent a message.

    Attributes:
        version, at: as for a ``PresenceEvent``; both kinds of event share one order.
        epoch: the session's when the message was recorded. A later epoch may keep the message.
        connection_id: the connection that sent it; empty if a backend did.
        client_id: the sender's name for it; empty if there is none.
        is_erased: whether its text was erased from the history.
        is_system: whether a backend sent it; its person need not be present.
    """

    version: int
    person: Person
    at: int
    epoch: str
    text: str
    connection_id: str
    client_id: str
    is_erased: bool = False
    is_system: bool = False


@dataclass(frozen=True, slots=True)
class StateEvent:
    """What is shown of a user who is present has changed: their state, or their name or avatar.

    Attributes:
        version, at: as for a ``PresenceEvent``.
        state: their state after that; empty if it was erased from the history.
    """

    version: int
    person: Person
    at: int
    state: State = field(hash=False)
    is_erased: bool = False


@dataclass(frozen=True, slots=True)
class AssignmentEvent:
    """An agent or admin was assigned to the session, or nobody is any more.

    Or whoever has it has gone for good, or is back: they are in no session of the tenant, and left
    the last one more than 30 s ago.

    Attributes:
        version, at: as for a ``PresenceEvent``; all kinds of event share one order.
        person: who has the session from then on, present or not; None for nobody.
        by: who assigned it; None if whoever has it has gone, or is back.
        is_gone: whether they have gone for good.
    """

    version: int
    person: Person | None
    at: int
    by: Person | None
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class UnknownEvent:
    """Something that a newer version of the code, since rolled back, recorded.

    It has its place in the order; nothing can be told of it but the status.

    Attributes:
        version, at: as for a ``PresenceEvent``.
    """

    version: int
    at: int


Event = PresenceEvent | MessageEvent | StateEvent | AssignmentEvent | UnknownEvent


@dataclass(frozen=True, slots=True)
class Socket:
    """One connection in a session.

    Attributes:
        since: the first version that it is told of; 0 while it is only admitted.
    """

    connection_id: str
    person: Person
    since: int

    @property
    def is_open(self) -> bool:
        """Whether it can be written to, so that its person is present."""
        return self.since > 0


@dataclass(frozen=True, slots=True)
class Presence:
    """A person who is present.

    Attributes:
        at: when they became present, milliseconds since the Unix epoch.
        sockets: how many of their sockets are open; 0 in grace.
        name, avatar: as an ``Identity``'s.
        state: as clients have set it; empty if none has.
    """

    person: Person
    at: int
    sockets: int
    name: str = ""
    avatar: str = ""
    state: State = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a session's order.

    Attributes:
        epoch: names this life of the session; empty if Redis does not know the session. A later
            life's name sorts after an earlier one's.
        version: the version of an event; 0 before the first.
    """

    epoch: str
    version: int


@dataclass(frozen=True, slots=True)
class Unlisted:
    """How many more people are present than those who may be shown (``domain.projection``).

    Attributes:
        agents: with the admins.
    """

    customers: int
    agents: int


ALL_LISTED = Unlisted(0, 0)


@dataclass(frozen=True, slots=True)
class Session:
    """Who is in a session, at one version.

    Attributes:
        epoch, version: its place after the last event.
        people: everybody present who may be shown.
        holder: the agent or admin that the session is assigned to, present or not; None for nobody.
        is_holder_gone: whether they have gone for good (``AssignmentEvent``).
        unlisted: the others.
    """

    ref: SessionRef
    epoch: str
    version: int
    people: tuple[Presence, ...]
    holder: Person | None = None
    is_holder_gone: bool = False
    unlisted: Unlisted = ALL_LISTED

    @property
    def session_id(self) -> str:
        """The id by which clients know the session."""
        return self.ref.session_id


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a session's history, and the session's place at that instant.

    Attributes:
        epoch, version: as for a ``Session``.
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
        sockets: the open ones.
        events: the pending events, in order; none if only ``behind`` have something to get.
        behind: ids of the connections that missed something earlier and are owed the status, and
            since when (ms).
        recovered_up_to: events up to this version were once handed to a holder that died, so some
            sockets may have got them already; 0 if there are no such events.
        watchers: connections of other sessions that watch this one.
        feed: has something pending too; None if it has not. A batch without a token is nothing but
            that.
    """

    token: str
    session: Session
    sockets: tuple[Socket, ...]
    events: tuple[Event, ...]
    behind: Mapping[str, int]
    recovered_up_to: int
    watchers: tuple[Socket, ...] = ()
    feed: FeedRef | None = None

    @property
    def announced(self) -> int:
        """The version up to which everything has been announced once this batch is."""
        return self.events[-1].version if self.events else self.session.version

    @property
    def before(self) -> int:
        """The version up to which everything was announced before."""
        return self.events[0].version - 1 if self.events else self.session.version
