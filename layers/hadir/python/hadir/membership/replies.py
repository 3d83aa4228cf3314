"""Scripts' replies as values of the domain."""

from collections.abc import Iterable, Iterator
from typing import Any

from hadir.domain.identity import SessionRef, UserType
from hadir.domain.reasons import Departure, Evidence, Reason
from hadir.domain.session import (
    Absentee,
    Batch,
    Event,
    EventType,
    Member,
    MessageEvent,
    PresenceEvent,
    Session,
)


def read_batch(ref: SessionRef, token: str, claim: Any) -> Batch | None:
    """What ``claim`` in ``lib.lua`` returns."""
    if not claim:
        return None
    recovered_up_to, pending, view = claim
    events = tuple(read_events(pending))
    return Batch(token, read_session(ref, view), events, recovered_up_to)


def read_session(ref: SessionRef, view: Any) -> Session:
    """What ``view`` in ``lib.lua`` returns."""
    epoch, version, connections, leaving = view
    return Session(
        ref,
        epoch,
        version,
        tuple(_member(*pair) for pair in _pairs(connections)),
        tuple(_absentee(*pair) for pair in _pairs(leaving)),
    )


def read_events(entries: Iterable[tuple[str, list[str]]]) -> list[Event]:
    """Entries of the events' stream."""
    return [_event(entry_id, dict(_pairs(fields))) for entry_id, fields in entries]


def _pairs(flat: list[str]) -> Iterator[tuple[str, str]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _member(connection_id: str, record: str) -> Member:
    user_id, user_type, since, at, *_ = record.split(" ")
    return Member(connection_id, user_id, UserType(user_type), int(since), int(at))


def _absentee(user_id: str, record: str) -> Absentee:
    user_type, at, *_ = record.split(" ")
    return Absentee(user_id, UserType(user_type), int(at))


def _event(entry_id: str, fields: dict[str, str]) -> Event:
    version = int(entry_id.partition("-")[0])
    user_id, user_type, at = fields["user_id"], UserType(fields["user_type"]), int(fields["at"])
    if fields["type"] == "message":
        text, sender, client_id = fields["text"], fields["connection_id"], fields["client_id"]
        return MessageEvent(version, user_id, user_type, at, text, sender, client_id)
    departure = offline_ms = None
    if "reason" in fields:
        code = int(fields["close_code"]) if fields["close_code"] else None
        departure = Departure(Reason(fields["reason"]), Evidence(fields["evidence"]), code)
    if "offline" in fields:
        offline_ms = int(fields["offline"])
    kind = EventType(fields["type"])
    return PresenceEvent(version, kind, user_id, user_type, at, departure, offline_ms)
