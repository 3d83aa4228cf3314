"""What clients are sent: the contract's frames, as compact JSON in UTF-8."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from hadir.domain.session import Event, MessageEvent, Page, PresenceEvent, Session
from hadir.domain.status import ConnectionStatus, Person

MAX_USERS = 500
"""People listed in one frame. 500 at their longest (128-character ids) take 105 KB; API Gateway
refuses more than 128 KB ("Amazon API Gateway quotas", WebSocket payload size)."""


TYPING_MS = 6000
"""How long somebody is believed to write after they have said so."""


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


def totals(session: Session) -> dict[str, Any]:
    """What ``GET /api/sessions`` answers of each session."""
    status = ConnectionStatus.of(session)
    return {
        "session_id": session.session_id,
        "total_customer": status.total_customer,
        "total_agent": status.total_agent,
    }


def snapshot(session: Session, at: int, *, recovered: bool | None = None) -> bytes:
    """A ``connection_status_update`` without an event: the status, for one socket alone.

    Args:
        at: the time of the snapshot in milliseconds since the Unix epoch.
        recovered: on the answer to ``sync``, whether the events before it are all that was missed.
    """
    data = {**_current(session), "timestamp": timestamp(at)}
    if recovered is not None:
        data["recovered"] = recovered
    return _frame("connection_status_update", data)


def event_frames(
    session: Session, events: Sequence[Event], recovered_up_to: int
) -> list[tuple[bytes, bytes]]:
    """The frame of each event, in order: as its sender gets it, and as everybody else does.

    Only a message has a sender, whose copy repeats the ``client_id``. All updates carry the status
    that is current now, so ``status_version`` may be above ``version``.
    """
    current = _current(session)
    return [
        _message(session, event, recovered=event.version <= recovered_up_to)
        if isinstance(event, MessageEvent)
        else (_update(current, event, recovered=event.version <= recovered_up_to),) * 2
        for event in events
    ]


def typing(session_id: str, user_id: str, user_type: str, *, on: bool, at: int) -> bytes:
    """Somebody has begun, goes on or has stopped to write; ``until`` says when it ends by itself.

    Args:
        at: when they said so, in milliseconds since the Unix epoch.
    """
    data: dict[str, Any] = {
        "session_id": session_id,
        "user_id": user_id,
        "user_type": user_type,
        "on": on,
    }
    if on:
        data["until"] = timestamp(at + TYPING_MS + 999)  # rounded up to a whole second
    return _frame("typing", data)


def closing(reason: str, reconnect_after_ms: int, message: str | None = None) -> bytes:
    """The server is about to close this socket; 0 means do not come back."""
    data: dict[str, Any] = {"reason": reason, "reconnect_after_ms": reconnect_after_ms}
    if message is not None:
        data["message"] = message
    return _frame("closing", data)


def reauthorized(expires_at: int) -> bytes:
    """The answer to ``reauthorize``: until when, seconds since the Unix epoch."""
    return _frame("reauthorized", {"expires_at": timestamp(expires_at * 1000)})


def history(session_id: str, page: Page) -> dict[str, Any]:
    """What ``GET …/events`` answers: what happened, without a status, and the session's place."""
    events = [
        _message_data(each) if isinstance(each, MessageEvent) else _event_data(each)
        for each in page.events
    ]
    return {
        "session_id": session_id,
        "epoch": page.epoch,
        "version": page.version,
        "events": events,
    }


def heartbeat_ack(at: int, session: Session | None) -> bytes:
    """The answer to ``heartbeat``.

    Args:
        at: the server's time in milliseconds.
        session: membership now, so that a client can tell that it is behind.
    """
    place = {"epoch": session.epoch, "version": session.version} if session else {}
    return _frame("heartbeat_ack", {"server_time": timestamp(at), **place})


def error(code: str, message: str, request_id: str, client_id: str | None = None) -> bytes:
    """The answer to what is refused, or is not in the contract (section 4).

    Args:
        client_id: of the ``message`` that is refused.
    """
    data = {"code": code, "message": message, "request_id": request_id}
    if client_id is not None:
        data["client_id"] = client_id
    return _frame("error", data)


def _current(session: Session) -> dict[str, Any]:
    status = ConnectionStatus.of(session)
    return {
        "session_id": session.session_id,
        "connection_status": _status(status),
        "status_version": session.version,
        "epoch": session.epoch,
        **_truncation(status),
    }


def _update(current: dict[str, Any], event: PresenceEvent, *, recovered: bool) -> bytes:
    data = {**current, **_event_data(event)}
    if recovered:
        data["recovered"] = True
    return _frame("connection_status_update", data)


def _event_data(event: PresenceEvent) -> dict[str, Any]:
    data: dict[str, Any] = {
        "event_type": event.type.value,
        "event_user_id": event.user_id,
        "event_user_type": event.user_type.value,
        "timestamp": timestamp(event.at),
        "version": event.version,
    }
    if event.departure:
        data["reason"] = event.departure.reason.value
        data["evidence"] = event.departure.evidence.value
        if event.departure.close_code is not None:
            data["close_code"] = event.departure.close_code
    if event.offline_ms is not None:
        data["reconnected"] = True
        data["offline_seconds"] = round(event.offline_ms / 1000)
    return data


def _message(session: Session, event: MessageEvent, *, recovered: bool) -> tuple[bytes, bytes]:
    data = {
        "session_id": session.session_id,
        "id": f"{session.epoch}-{event.version}",
        "epoch": session.epoch,
        **_message_data(event),
        **({"recovered": True} if recovered else {}),
    }
    others = _frame("message", data)
    if not event.client_id:
        return others, others
    return _frame("message", {**data, "client_id": event.client_id}), others


def _message_data(event: MessageEvent) -> dict[str, Any]:
    return {
        "user_id": event.user_id,
        "user_type": event.user_type.value,
        "text": event.text,
        "version": event.version,
        "timestamp": timestamp(event.at),
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
