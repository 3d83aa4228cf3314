"""What clients are sent: the contract's frames, as compact JSON in UTF-8."""

import json
from datetime import UTC, datetime
from typing import Any

from hadir.domain.session import Batch, PresenceEvent, Session
from hadir.domain.status import ConnectionStatus, Person

MAX_USERS = 500
"""People listed in one frame. 500 at their longest (128-character ids) take 105 KB; API Gateway
refuses more than 128 KB ("Amazon API Gateway quotas", WebSocket payload size)."""


def timestamp(at: int) -> str:
    """``at`` (milliseconds since the Unix epoch) as RFC 3339, UTC, whole seconds, ``Z``."""
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def status_answer(session: Session) -> dict[str, Any]:
    """What ``GET …/connection-status`` answers: the status with its place in the order."""
    status = ConnectionStatus.of(session)
    return {
        "session_id": session.session_id,
        "epoch": session.epoch,
        "version": session.version,
        **_status(status),
        **_truncation(status),
    }


def snapshot(session: Session, at: int) -> bytes:
    """A ``connection_status_update`` without an event: the status, for one socket alone.

    ``at`` is the time of the snapshot in milliseconds since the Unix epoch.
    """
    data = {**_current(session), "timestamp": timestamp(at)}
    return _frame("connection_status_update", data)


def updates(batch: Batch) -> list[bytes]:
    """The ``connection_status_update`` of each event of ``batch``, in order.

    All carry the status that is current now, so ``status_version`` may be above ``version``.
    """
    current = _current(batch.session)
    return [
        _frame(
            "connection_status_update",
            {**current, **_event(event, recovered=event.version <= batch.recovered_up_to)},
        )
        for event in batch.events
    ]


def heartbeat_ack(at: int) -> bytes:
    """The answer to ``heartbeat``; ``at`` is the server's time in milliseconds."""
    return _frame("heartbeat_ack", {"server_time": timestamp(at)})


def error(code: str, message: str, request_id: str) -> bytes:
    """The answer to a message that is not in the contract (section 4)."""
    return _frame("error", {"code": code, "message": message, "request_id": request_id})


def _current(session: Session) -> dict[str, Any]:
    status = ConnectionStatus.of(session)
    return {
        "session_id": session.session_id,
        "connection_status": _status(status),
        "status_version": session.version,
        "epoch": session.epoch,
        **_truncation(status),
    }


def _event(event: PresenceEvent, *, recovered: bool) -> dict[str, Any]:
    return {
        "event_type": event.type.value,
        "event_user_id": event.user_id,
        "timestamp": timestamp(event.at),
        "version": event.version,
        **({"recovered": True} if recovered else {}),
    }


def _status(status: ConnectionStatus) -> dict[str, Any]:
    return {
        "users": {person.user_id: _person(person) for person in status.people[:MAX_USERS]},
        "customer_connected": status.total_customer > 0,
        "agent_connected": status.total_agent > 0,
        "total_customer": status.total_customer,
        "total_agent": status.total_agent,
    }


def _truncation(status: ConnectionStatus) -> dict[str, bool]:
    return {"users_truncated": True} if len(status.people) > MAX_USERS else {}


def _person(person: Person) -> dict[str, Any]:
    return {
        "user_type": person.user_type.value,
        "connected_at": timestamp(person.connected_at),
        "connections": person.connections,
    }


def _frame(kind: str, data: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "data": data}, separators=(",", ":")).encode()
