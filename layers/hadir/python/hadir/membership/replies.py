"""Converts the scripts' replies to values of the domain.

People and events that a newer version of the code, since rolled back, has written are read as far
as they are known: people of unknown types are left out.

Raises:
    ScriptFailed: from every function, when a reply is not as it should be.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from hadir.domain.errors import ScriptFailed
from hadir.domain.identity import Person, SessionRef
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
    UnknownEvent,
)
from hadir.membership.outcomes import Assigned, Assigning, Opened, Opening

_KNOWN = ("message", *EventType)

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
    """What ``claim`` in ``outbox.lua`` returns."""
    if not claim:
        return None
    recovered_up_to, pending, behind, view, connections = claim
    session = read_session(ref, view)
    return Batch(
        token,
        session,
        tuple(each for each in read_sockets(connections) if each.is_open),
        tuple(read_events(pending, session.epoch)),
        {connection_id: int(since) for connection_id, since in _pairs(behind)},
        recovered_up_to,
    )


@_checked
def read_opened(ref: SessionRef, token: str, reply: Any) -> Opened:
    """What ``open.lua`` and ``lapse.lua`` reply."""
    outcome, claimed, (epoch, announced), view, left_for, *limited = reply
    return Opened(
        Opening(outcome),
        read_batch(ref, token, claimed),
        Place(epoch, announced),
        read_session(ref, view) if view else None,
        Reason(left_for) if left_for else None,
        is_limited=any(limited),
    )


@_checked
def read_session(ref: SessionRef, view: Any) -> Session:
    """What ``view`` in ``outbox.lua`` returns."""
    epoch, version, people, holder = view
    return Session(ref, epoch, version, tuple(_presences(people)), Person.read(holder))


@_checked
def read_assigned(ref: SessionRef, token: str, by: Person, reply: Any) -> Assigned:
    """What ``assign.lua`` replies."""
    outcome, claimed, name, epoch, version, at = reply
    holder = Person.read(name)
    is_new = outcome == Assigning.ASSIGNED
    return Assigned(
        Assigning(outcome),
        read_batch(ref, token, claimed),
        holder,
        AssignmentEvent(version, holder, at, by) if is_new else None,
        Place(epoch, version),
        at,
    )


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


def _pairs(flat: list[str]) -> Iterator[tuple[str, str]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _presences(people: list[str]) -> Iterator[Presence]:
    for name, record in _pairs(people):
        at, sockets, *_ = record.split(" ")
        if person := Person.read(name):
            yield Presence(person, int(at), int(sockets))


def _sockets(connections: list[str]) -> Iterator[Socket]:
    for connection_id, record in _pairs(connections):
        name, since, *_ = record.split(" ")
        if person := Person.read(name):
            yield Socket(connection_id, person, int(since))


def _event(entry_id: str, fields: dict[str, str]) -> Event:
    version, at = int(entry_id.partition("-")[0]), int(fields["at"])
    name = fields.get("person", "")
    person, by = Person.read(name), Person.read(fields.get("by", ""))
    if fields["type"] == "assignment" and by and (person or not name):
        return AssignmentEvent(version, person, at, by)
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
    departure = offline_ms = None
    if "reason" in fields:
        code = int(fields["close_code"]) if fields["close_code"] else None
        departure = Departure(Reason(fields["reason"]), Evidence(fields["evidence"]), code)
    if "offline" in fields:
        offline_ms = int(fields["offline"])
    return PresenceEvent(version, EventType(fields["type"]), person, at, departure, offline_ms)
