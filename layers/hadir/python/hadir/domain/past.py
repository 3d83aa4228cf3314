"""Who was in a session earlier, as far as its history says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from hadir.domain.errors import NotKept
from hadir.domain.identity import Person, SessionRef
from hadir.domain.session import (
    ALL_LISTED,
    Event,
    EventType,
    PresenceEvent,
    Session,
    Unlisted,
)

_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Chronicle:
    """A session at one instant, and the events that are kept of it.

    Attributes:
        now: that instant, in milliseconds since the Unix epoch.
        events: in order. Those that did not change who is present may have lost all but their
            version and time.
    """

    now: int
    session: Session
    events: tuple[Event, ...]

    @property
    def unbroken(self) -> tuple[Event, ...]:
        """The last events, as far back as none is missing."""
        first = len(self.events)
        version = self.session.version
        while first and self.events[first - 1].version == version:
            first, version = first - 1, version - 1
        return self.events[first:]


@dataclass(frozen=True, slots=True)
class Past:
    """Who was in a session.

    Attributes:
        epoch: the session's now; it may have been another then.
        version: of the last event by then.
        at: when that event happened, in milliseconds since the Unix epoch; None if it is not kept.
        people: everybody who was present and may be shown, and since when (ms); None where nobody
            knows any more.
        unlisted: the others.
    """

    ref: SessionRef
    epoch: str
    version: int
    at: int | None
    people: Mapping[Person, int | None]
    unlisted: Unlisted = ALL_LISTED


def at_version(kept: Chronicle, version: int) -> Past:
    """Who was present after the event of that version.

    Raises:
        NotKept: there was no such event yet, or the history does not reach back that far.
    """
    if version > kept.session.version:
        raise NotKept(f"the session has come to version {kept.session.version} only")
    reach = kept.session.version - len(kept.unbroken)
    if version < reach:
        raise NotKept(f"the history reaches back to version {reach} only")
    return _past(kept, version, lambda event: event.version > version)


def at_second(kept: Chronicle, second: int) -> Past:
    """Who was present at the end of that second.

    With a grace, a leave is recorded later than it happened. It counts from when it happened, and
    the version is that of the last event before the first one that came later.

    Args:
        second: since the Unix epoch.

    Raises:
        NotKept: that second has not come yet, or the history does not reach back that far.
    """
    if second > kept.now // 1000:
        raise NotKept("that time is still to come")
    events = kept.unbroken
    if not events:
        raise NotKept("the history holds no events")
    if second < (first := events[0].at // 1000):
        raise NotKept(
            f"the history reaches back to {datetime.fromtimestamp(first, UTC):{_TIME}} only"
        )

    def came_later(event: Event) -> bool:
        return event.at // 1000 > second

    later = (event.version - 1 for event in events if came_later(event))
    return _past(kept, next(later, kept.session.version), came_later)


def last_departures(kept: Chronicle, most: int) -> tuple[PresenceEvent, ...]:
    """How each person who is not present left the last time; the latest first, at most ``most``."""
    left: dict[Person, PresenceEvent] = {}
    for event in kept.events:
        if isinstance(event, PresenceEvent):
            left.pop(event.person, None)
            if event.type is EventType.USER_DISCONNECTED:
                left[event.person] = event
    for each in kept.session.people:
        left.pop(each.person, None)
    return tuple(reversed(left.values()))[:most]


def last_departure(kept: Chronicle, person: Person) -> PresenceEvent | None:
    """How somebody left the last time; None if that is not kept, or they never did."""
    for event in reversed(kept.events):
        if isinstance(event, PresenceEvent) and event.person == person and event.departure:
            return event
    return None


def _past(kept: Chronicle, version: int, came_later: Callable[[Event], bool]) -> Past:
    """What is left once all that came later is undone, the latest first."""
    people: dict[Person, int | None] = {each.person: each.at for each in kept.session.people}
    earlier: dict[Person, PresenceEvent] = {}
    for event in reversed(kept.unbroken):
        if not isinstance(event, PresenceEvent):
            continue
        if not came_later(event):
            earlier.setdefault(event.person, event)
        elif event.type is EventType.USER_CONNECTED:
            people.pop(event.person, None)
        else:
            people[event.person] = None
    for person, since in people.items():
        joined = earlier.get(person)
        if since is None and joined and joined.type is EventType.USER_CONNECTED:
            people[person] = joined.at
    at = next((event.at for event in kept.events if event.version == version), None)
    return Past(kept.session.ref, kept.session.epoch, version, at, people)
