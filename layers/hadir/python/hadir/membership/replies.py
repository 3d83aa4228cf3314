"""Converts the scripts' replies to values of the domain.

People and events that a newer version of the code, since rolled back, has written are read as far
as they are known: people of unknown types are left out.

Raises:
    ScriptFailed: from every function, when a reply is not as it should be.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from hadir.domain.circumstances import Circumstances, Line
from hadir.domain.errors import ScriptFailed
from hadir.domain.feeds import FeedBatch, FeedRef, Pointer
from hadir.domain.identity import Person, SessionRef
from hadir.domain.past import Chronicle
from hadir.domain.reasons import Departure, Evidence, Reason
from hadir.domain.session import (
    AssignmentEvent,
    Batch,
    Event,
    EventType,
    MessageEvent,
    Place,
    Presence,
    PresenceEvent,
    Session,
    Socket,
    StateEvent,
    UnknownEvent,
)
from hadir.domain.state import State, with_away
from hadir.membership.keys import partition_of
from hadir.membership.outcomes import Assigned, Assigning, Listing, Opened, Opening

_KNOWN = ("message", "state", *EventType)

_PROFILE = 6
"""Which word of a person's record (``format.lua``) is the first that few people have."""

P = ParamSpec("P")
T = TypeVar("T")


def _checked(read: Callable[P, T]) -> Callable[P, T]:
    @wraps(read)
    def reading(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return read(*args, **kwargs)
        except (KeyError, TypeError, ValueError) as error:
            raise ScriptFailed(f"What Redis replied cannot be read: {error}") from error

    return reading


@_checked
def read_batch(ref: SessionRef, token: str, claim: Any) -> Batch | None:
    """What ``finish`` in ``life.lua`` returns."""
    if not claim:
        return None
    feed = FeedRef(ref.tenant, partition_of(ref))
    if claim == 1:
        return Batch("", Session(ref, "", 0, ()), (), (), {}, 0, feed=feed)
    recovered_up_to, pending, behind, view, connections, *rest = claim
    watchers, is_fed = (*rest, "", 0)[:2]
    session = read_session(ref, view)
    return Batch(
        token,
        session,
        tuple(each for each in read_sockets(connections) if each.is_open),
        tuple(read_events(pending, session.epoch)),
        {connection_id: int(since) for connection_id, since in _pairs(behind)},
        recovered_up_to,
        tuple(_watchers(watchers.split(" "))) if watchers else (),
        feed if is_fed else None,
    )


@_checked
def read_feed_batch(feed: FeedRef, token: str, claim: Any) -> FeedBatch | None:
    """What ``claim_feed`` in ``watching.lua`` returns."""
    if not claim:
        return None
    before, recovered_up_to, pending, watchers = claim
    return FeedBatch(
        feed, token, int(before), read_pointers(pending), tuple(watchers), int(recovered_up_to)
    )


@_checked
def read_pointers(entries: Iterable[tuple[str, list[str]]]) -> tuple[Pointer, ...]:
    """Entries of a feed's stream."""
    found = []
    for entry_id, flat in entries:
        fields = dict(_pairs(flat))
        serial = int(entry_id.partition("-")[0])
        found.append(Pointer(serial, fields["session"], int(fields["version"])))
    return tuple(found)


@_checked
def read_opened(ref: SessionRef, token: str, reply: Any) -> Opened:
    """What ``open.lua`` and ``lapse.lua`` reply."""
    outcome, claimed, (epoch, announced), view, left_for, *flags = reply
    is_limited, watches = (*flags, None, None)[:2]
    return Opened(
        Opening(outcome),
        read_batch(ref, token, claimed),
        Place(epoch, announced),
        read_session(ref, view) if view else None,
        Reason(left_for) if left_for else None,
        is_limited=bool(is_limited),
        watches=bool(watches),
    )


@_checked
def read_session(ref: SessionRef, view: Any) -> Session:
    """What ``view`` in ``outbox.lua`` returns."""
    epoch, version, people, *of_holder = view
    holder = Person.read(of_holder[0]) if of_holder else None
    there, is_gone = tuple(_presences(people)), holder is not None and len(of_holder) > 1
    return Session(ref, epoch, version, there, holder, is_holder_gone=is_gone)


@_checked
def read_assigned(ref: SessionRef, token: str, by: Person, reply: Any) -> Assigned:
    """What ``assign.lua`` replies."""
    outcome, claimed, name, epoch, version, at, is_gone = reply
    holder = Person.read(name)
    is_new = outcome == Assigning.ASSIGNED
    return Assigned(
        Assigning(outcome),
        read_batch(ref, token, claimed),
        holder,
        AssignmentEvent(version, holder, at, by) if is_new else None,
        Place(epoch, version),
        at,
        is_gone=bool(is_gone),
    )


@_checked
def read_listings(flat: list[str]) -> list[Listing]:
    """What ``assigned.lua`` replies."""
    found = []
    for session, record in _pairs(flat):
        name, at, is_gone, *_ = [*record.split(" "), "-"]
        found.append(Listing(SessionRef.read(session), name, int(at), is_gone == "1", record))
    return found


@_checked
def read_sockets(connections: list[str]) -> list[Socket]:
    """The hash of connections."""
    return list(_sockets(connections))


@_checked
def read_events(entries: Iterable[tuple[str, list[str]]], epoch: str) -> list[Event]:
    """Entries of the events' stream.

    Args:
        epoch: the session's, for messages that code before an upgrade recorded without one.
    """
    return [
        _event(entry_id, {"epoch": epoch, **dict(_pairs(fields))}) for entry_id, fields in entries
    ]


@_checked
def read_chronicle(ref: SessionRef, reply: Any) -> Chronicle:
    """What ``past.lua`` replies."""
    now, view, events = reply
    session = read_session(ref, view)
    return Chronicle(now, session, tuple(read_events(events, session.epoch)))


@_checked
def read_circumstances(ref: SessionRef, reply: Any) -> Circumstances:
    """What ``explain.lua`` replies."""
    past, connections, leases, behind, leaving = reply
    owed = {connection_id: int(since) for connection_id, since in _pairs(behind)}
    return Circumstances(
        read_chronicle(ref, past),
        tuple(_lines(connections, leases, owed)),
        {person: int(until) for name, until in _pairs(leaving) if (person := Person.read(name))},
    )


def _lines(
    connections: list[str], leases: list[str | None], owed: dict[str, int]
) -> Iterator[Line]:
    for (connection_id, record), until in zip(_pairs(connections), leases, strict=True):
        name, since, heard, expires, beats, *_ = record.split(" ")
        if person := Person.read(name):
            yield Line(
                Socket(connection_id, person, int(since)),
                int(heard),
                int(expires),
                beats=beats == "1",
                leased_until=None if until is None else int(float(until)),
                owed_since=owed.get(connection_id),
            )


def _pairs(flat: list[str]) -> Iterator[tuple[str, str]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _presences(people: list[str]) -> Iterator[Presence]:
    for name, record in _pairs(people):
        words = record.split(" ")
        at, sockets = map(int, words[:2])
        if person := Person.read(name):
            yield Presence(person, at, sockets, *_shown(words[_PROFILE:], sockets))


def _shown(words: list[str], sockets: int) -> tuple[str, str, State]:
    """Name, avatar and state."""
    if not words:
        return "", "", {}
    profile, state, aways = ("" if word == "-" else word for word in [*words, "-", "-", "-"][:3])
    known = json.loads(profile or "{}")
    away = max(aways.count(",") - 1, 0)  # as ``is_away`` in ``people.lua``
    shown = _state(state, away=0 < away >= sockets)
    return known.get("name", ""), known.get("avatar", ""), shown


def _state(text: str, *, away: bool) -> State:
    return with_away(json.loads(text or "{}"), away=away)


def _sockets(connections: list[str]) -> Iterator[Socket]:
    for connection_id, record in _pairs(connections):
        name, since, *_ = record.split(" ")
        if person := Person.read(name):
            yield Socket(connection_id, person, int(since))


def _watchers(words: list[str]) -> Iterator[Socket]:
    for connection_id, since, name in zip(words[::3], words[1::3], words[2::3], strict=True):
        if person := Person.read(name):
            yield Socket(connection_id, person, int(since))


def _event(entry_id: str, fields: dict[str, str]) -> Event:
    version, at = int(entry_id.partition("-")[0]), int(fields["at"])
    name = fields.get("person", "")
    person = Person.read(name)
    if fields["type"] == "assignment":
        by = Person.read(fields.get("by", ""))
        if (by or "gone" in fields) and (person or not name):
            return AssignmentEvent(version, person, at, by, is_gone=fields.get("gone") == "1")
    if person is None or fields["type"] not in _KNOWN:
        return UnknownEvent(version, at)
    if fields["type"] == "message":
        return MessageEvent(
            version,
            person,
            at,
            fields["epoch"],
            fields["text"],
            fields["connection_id"],
            fields["client_id"],
            is_erased="erased" in fields,
            is_system="system" in fields,
        )
    if fields["type"] == "state":
        is_erased = "erased" in fields
        away = "away" in fields and not is_erased
        return StateEvent(version, person, at, _state(fields["state"], away=away), is_erased)
    departure = offline_ms = None
    if "reason" in fields:
        code = int(fields["close_code"]) if fields["close_code"] else None
        departure = Departure(Reason(fields["reason"]), Evidence(fields["evidence"]), code)
    if "offline" in fields:
        offline_ms = int(fields["offline"])
    return PresenceEvent(version, EventType(fields["type"]), person, at, departure, offline_ms)
