"""The outcomes of the scripts, and what the caller has to do about them."""

from dataclasses import dataclass
from enum import StrEnum

from hadir.domain.feeds import FeedRef
from hadir.domain.identity import Person, SessionRef
from hadir.domain.reasons import Reason
from hadir.domain.session import AssignmentEvent, Batch, Event, Place, Session


class Opening(StrEnum):
    """What ``open`` or ``lapse`` found; ``open.lua`` and ``lapse.lua`` say what each means."""

    JOINED = "joined"
    ADDED = "added"
    OPEN = "open"
    FLOODING = "flooding"
    CROWDED = "crowded"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    SILENT = "silent"
    SUSPECT = "suspect"
    SPARED = "spared"

    @property
    def has_left(self) -> bool:
        """Whether the connection is in no session any more, and its socket is to be closed."""
        return self in (
            Opening.FLOODING,
            Opening.CROWDED,
            Opening.EXPIRED,
            Opening.UNKNOWN,
            Opening.SILENT,
        )

    @property
    def is_end(self) -> bool:
        """Whether this very call has taken the connection out."""
        return self.has_left and self is not Opening.UNKNOWN


class Verdict(StrEnum):
    """The verdict on a connection that seems silent."""

    NONE = "none"
    """Nothing yet: it stays due."""
    END = "end"
    """Its client could have been heard: the connection leaves."""
    SPARE = "spare"
    """Its client may have sent something that was not heard: it stays for another lease."""


class Renewal(StrEnum):
    """What ``renew`` found; ``renew.lua`` says what each means."""

    RENEWED = "r"
    SPARED = "s"
    SUSPECT = "?"
    LAPSED = "-"
    REFUSED = ""
    """Redis did not run the script: it stays due."""


class Admission(StrEnum):
    """What ``admit`` found; ``admit.lua`` says what each means."""

    ADMITTED = "admitted"
    REPEATED = "repeated"
    LEFT = "left"
    CROWDED = "crowded"
    FULL = "full"
    HASTY = "hasty"
    BANNED = "banned"
    """An admin has banned them (``membership.bans``); the script was not run."""

    @property
    def is_in(self) -> bool:
        """Whether the connection is known now."""
        return self in (Admission.ADMITTED, Admission.REPEATED)


class Leaving(StrEnum):
    """What ``leave`` found; ``leave.lua`` says what each means."""

    LEFT = "left"
    REMAINS = "remains"
    UNSEEN = "unseen"
    UNKNOWN = "unknown"


class Watch(StrEnum):
    """What came of a wish to watch."""

    WATCHING = "watching"
    CROWDED = "crowded"
    """Too many connections watch the same."""
    MANY = "many"
    """The connection watches too many sessions."""
    UNKNOWN = "unknown"
    """The connection is not open."""


class Saying(StrEnum):
    """What ``say`` found; ``message.lua`` says what each means."""

    SAID = "said"
    REPEATED = "repeated"
    UNKNOWN = "unknown"


class Setting(StrEnum):
    """What setting a state found; ``state.lua`` says what each means."""

    SET = "set"
    SAME = "same"
    LIMITED = "limited"
    UNKNOWN = "unknown"


class Assigning(StrEnum):
    """What ``assign`` found; ``assign.lua`` says what each means."""

    ASSIGNED = "assigned"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"
    UNCLEAR = "unclear"
    LIMITED = "limited"
    UNKNOWN = "unknown"


class Attending(StrEnum):
    """What ``attend`` found; ``attend.lua`` says what each means."""

    TOLD = "told"
    NOTED = "noted"
    SAME = "same"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Opened:
    """The outcome of ``open`` or ``lapse``.

    Attributes:
        batch: what the caller has to announce, if it became the session's announcer.
        place: the session's, at the last version that was posted to everyone.
        session: the session as it is now, on ``ADDED``, as no event brings the status then.
        left_for: why the connection has left; None if it has not, or that is not known.
        is_limited: whether the message that opened it exceeds a limit, and is to be refused.
        watches: whether the connection watches other sessions.
    """

    outcome: Opening
    batch: Batch | None
    place: Place
    session: Session | None
    left_for: Reason | None
    is_limited: bool = False
    watches: bool = False


@dataclass(frozen=True, slots=True)
class Left:
    """The outcome of ``leave``.

    Attributes:
        batch: what the caller has to announce, if it became the session's announcer.
        remaining: number of connections still in the session, of all people.
        watched: whether the connection watched other sessions, which is still to be ended.
    """

    outcome: Leaving
    batch: Batch | None
    remaining: int
    watched: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """The outcome of ``say``.

    Attributes:
        batch: what the caller has to announce, if it became the session's announcer.
        earlier: on ``REPEATED``, the message that was recorded first, if it is still kept.
        place: the message's own; None on ``UNKNOWN``.
    """

    outcome: Saying
    batch: Batch | None
    earlier: Event | None
    place: Place | None


@dataclass(frozen=True, slots=True)
class StateSet:
    """The outcome of setting a state.

    Attributes:
        batch: what the caller has to announce, if it became the session's announcer.
        session: the session as it is now, on ``SAME``, as no event brings the status then.
    """

    outcome: Setting
    batch: Batch | None
    session: Session | None


@dataclass(frozen=True, slots=True)
class Assigned:
    """The outcome of ``assign``.

    Attributes:
        batch: what the caller has to announce, if it became the session's announcer.
        holder: who has the session now; None for nobody, or for somebody of an unknown type.
        event: on ``ASSIGNED``, the event; otherwise None.
        place: the session's, at its last event.
        at: when that was so, in milliseconds since the Unix epoch.
        is_gone: whether the holder has gone for good.
    """

    outcome: Assigning
    batch: Batch | None
    holder: Person | None
    event: AssignmentEvent | None
    place: Place
    at: int
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A session that somebody has, as its partition lists it.

    Attributes:
        name: whose it is, ``user_type/user_id``; of a type that may not be known.
        at: since when, or when the sweep last looked after it, in ms since the Unix epoch.
        is_gone: whether they have gone for good.
        record: the whole entry.
    """

    ref: SessionRef
    name: str
    at: int
    is_gone: bool
    record: str


@dataclass(frozen=True, slots=True)
class Lease:
    """A connection's expired lease.

    Attributes:
        deaf: whether its client may have sent something that was not heard, so that its silence
            proves nothing.
    """

    ref: SessionRef
    connection_id: str
    deaf: bool


@dataclass(frozen=True, slots=True)
class Due:
    """What the sweep has to look at.

    Attributes:
        leases: the expired ones, by partition; the partition with the oldest comes first.
        sessions: those with pending events, owed statuses or graces that are over; the one that has
            waited longest comes first.
        heard: how many connections were heard since the last sweep.
        heard_before: how many in the interval before; 0 if two sweeps came at once.
        feeds: those with pending entries.
        watchers: connections that have left, and whose watching is to be ended; each with its home
            session.
        overdue_ms: for how long the session that has waited longest has been due.
        oldest_lease_ms: for how long the oldest of the leases has been expired.
        unanswered: how many partitions could not be looked at.
    """

    leases: tuple[Lease, ...] = ()
    sessions: tuple[SessionRef, ...] = ()
    heard: int = 0
    heard_before: int = 0
    feeds: tuple[FeedRef, ...] = ()
    watchers: tuple[tuple[SessionRef, str], ...] = ()
    overdue_ms: int = 0
    oldest_lease_ms: int = 0
    unanswered: int = 0
