"""Converts the scripts' replies to values of the domain."""

from collections.abc import Iterable, Iterator
from typing import Any

from hadir.domain.identity import Person, SessionRef
from hadir.domain.reasons import Departure, Evidence, Reason
from hadir.domain.session import (
    Batch,
    Event,
    EventType,
    MessageEvent,
    Place,
    Presence,
    PresenceEvent,
    Session,
    Socket,
)
from hadir.membership.outcomes import Opened, Opening


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


def read_session(ref: SessionRef, view: Any) -> Session:
    """What ``view`` in ``outbox.lua`` returns."""
    epoch, version, people = view
    return Session(ref, epoch, version, tuple(_presence(*pair) for pair in _pairs(people)))


def read_sockets(connections: list[str]) -> Iterable[Socket]:
    """The hash of connections."""
    for connection_id, record in _pairs(connections):
        person, since, *_ = record.split(" ")
        yield Socket(connection_id, Person.read(person), int(since))


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


def _presence(person: str, record: str) -> Presence:
    at, sockets, *_ = record.split(" ")
    return Presence(Person.read(person), int(at), int(sockets))


def _event(entry_id: str, fields: dict[str, str]) -> Event:
    version = int(entry_id.partition("-")[0])
    person, at = Person.read(fields["person"]), int(fields["at"])
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
