"""Writes why each person is in a session, and why others have left."""

from collections.abc import Mapping
from typing import Any

from hadir.domain.circumstances import Circumstances, Line
from hadir.domain.past import last_departures
from hadir.domain.session import PresenceEvent
from hadir.domain.sockets import Seen, State
from hadir.wire.frames import timestamp

MOST_SHOWN = 1000
"""Sockets, and people, in one answer: about 500 bytes each, of the 6 MB that Lambda may return
("Lambda quotas", invocation payload)."""

_MOST_LEFT = 50
_NOT_ASKED = Seen(State.FAILED, None, 0)


def sockets_to_ask_about(found: Circumstances, most: int) -> list[str]:
    """The ids of the first sockets in the answer."""
    people, admitted = found.in_order(MOST_SHOWN)
    lines = [line for _, theirs in people for line in theirs] + admitted
    return [line.socket.connection_id for line in lines[:most]]


def explanation(found: Circumstances, seen: Mapping[str, Seen]) -> dict[str, Any]:
    """The answer to ``GET …/explain``.

    Args:
        seen: what API Gateway says about some of the sockets.
    """
    kept = found.kept
    people, admitted = found.in_order(MOST_SHOWN)
    shown = len(admitted) + sum(len(lines) for _, lines in people)
    is_whole = shown == len(found.lines) and len(people) == len(kept.session.people)
    return {
        "session_id": kept.session.session_id,
        "epoch": kept.session.epoch,
        "version": kept.session.version,
        "people": [
            {
                "user_id": presence.person.user_id,
                "user_type": presence.person.user_type.value,
                "since": timestamp(presence.at),
                "sockets": [_socket(line, seen, kept.now) for line in lines],
                "in_grace_until": _time(found.graces.get(presence.person)),
            }
            for presence, lines in people
        ],
        "left": [_departure(each) for each in last_departures(kept, _MOST_LEFT)],
        "admitted": [
            {
                "user_id": line.socket.person.user_id,
                "user_type": line.socket.person.user_type.value,
                **_socket(line, seen, kept.now),
            }
            for line in admitted
        ],
        **({} if is_whole else {"truncated": True}),
    }


def _socket(line: Line, seen: Mapping[str, Seen], now: int) -> dict[str, Any]:
    answer = seen.get(line.socket.connection_id, _NOT_ASKED)
    until = line.leased_until
    return {
        "connection_id": line.socket.connection_id,
        "open": line.socket.is_open,
        "connected_at": _time(answer.connected_ms),
        "last_heard": _time(line.heard or None),
        "sends_heartbeats": line.beats,
        "lease_left_ms": None if until is None else until - now,
        "token_expires_at": _time(line.expires or None),
        "owed_status_since": _time(line.owed_since),
        "api_gateway": {
            "state": "not_asked" if answer is _NOT_ASKED else answer.state.value,
            "last_active_at": _time(answer.last_active_ms),
            "status": answer.status,
        },
    }


def _departure(event: PresenceEvent) -> dict[str, Any]:
    departure = event.departure
    return {
        "user_id": event.person.user_id,
        "user_type": event.person.user_type.value,
        "left_at": timestamp(event.at),
        "reason": departure and departure.reason.value,
        "evidence": (departure and departure.evidence.value) or None,
        "close_code": departure and departure.close_code,
    }


def _time(at: int | None) -> str | None:
    return None if at is None else timestamp(at)
