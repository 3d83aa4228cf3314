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

from hadir.domain.errors import ScriptFailed
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
    StateEvent,
    UnknownEvent,
)
from hadir.domain.state import State, with_away
from hadir.membership.outcomes import Opened, Opening

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
    epoch, version, people = view
    return Session(ref, epoch, version, tuple(_presences(people)))


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
        words = record.split(" ")
        at, sockets = map(int, words[:2])
        if person := Person.read(name):
            yield Presence(person, at, sockets, *_shown(words[_PROFILE:], sockets))


def _shown(words: list[str], sockets: int) -> tuple[str, str, State]:
    """Name, avatar and state."""
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


def _event(entry_id: str, fields: dict[str, str]) -> Event:
    version, at = int(entry_id.partition("-")[0]), int(fields["at"])
    person = Person.read(fields.get("person", ""))
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
