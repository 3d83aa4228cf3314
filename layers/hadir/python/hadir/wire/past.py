"""Writes who was in a session earlier, and where somebody was last seen."""

from typing import Any

from hadir.domain.past import Past
from hadir.domain.session import Presence, PresenceEvent, Session
from hadir.domain.status import ConnectionStatus
from hadir.wire.frames import timestamp
from hadir.wire.updates import status_answer


def past_answer(past: Past) -> dict[str, Any]:
    """The answer to ``GET …/connection-status?at=``: what the history does not know is absent."""
    people = tuple(Presence(person, since or 0, 0) for person, since in past.people.items())
    session = Session(past.ref, past.epoch, past.version, people, unlisted=past.unlisted)
    answer = status_answer(session)
    named = ConnectionStatus.of(session).by_name()
    for name, user in answer["users"].items():
        del user["connections"]
        if past.people[named[name].person] is None:
            del user["connected_at"]
    return answer if past.at is None else {**answer, "at": timestamp(past.at)}


def last_seen(session_id: str, at: int, left: PresenceEvent | None) -> dict[str, Any]:
    """Where somebody was last, in the answer to ``GET /api/user/{id}/sessions``.

    Args:
        at: when they left, in milliseconds since the Unix epoch.
        left: how they left; None if that is no longer kept.
    """
    reason = left and left.departure and left.departure.reason.value
    return {"at": timestamp(at), "session_id": session_id, "reason": reason}
