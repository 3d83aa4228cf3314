"""Writes the contract's frames and REST answers; frames are compact JSON in UTF-8."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from hadir.domain.bans import Ban
from hadir.domain.identity import Person
from hadir.domain.session import (
    AssignmentEvent,
    Event,
    MessageEvent,
    Page,
    Place,
    Presence,
    PresenceEvent,
    Session,
    StateEvent,
    UnknownEvent,
)
from hadir.domain.status import ConnectionStatus
from hadir.wire.frames import timestamp, write_frame, write_json
from hadir.wire.holders import assignment_fields, beside_status, holder_fields, person_fields

MAX_USERS = 500
"""People listed in one frame."""

_USERS_BYTES = 100_000
"""Bytes that the list of people may take; API Gateway refuses a frame of more than 128 KB ("Amazon
API Gateway quotas", WebSocket payload size)."""

_USER_BYTES = 100
"""Bytes that one person takes in that list, besides their ids and what they want to be shown."""

TYPING_MS = 6000
"""How long a person counts as writing after their client has said so."""


def status_answer(session: Session) -> dict[str, Any]:
    """The answer to ``GET …/connection-status``: the status with its place in the order."""
    status = ConnectionStatus.of(session)
    users, is_truncated = _users(status)
    return {
        "session_id": session.session_id,
        "epoch": session.epoch,
        "version": session.version,
        **_status(status, users),
        **is_truncated,
        **beside_status(session),
    }


def totals(session: Session) -> dict[str, Any]:
    """One session in the answer to ``GET /api/sessions``."""
    status = ConnectionStatus.of(session)
    return {
        "session_id": session.session_id,
        "total_customer": status.total_customer,
        "total_agent": status.total_agent,
        **beside_status(session),
    }


def snapshot(
    session: Session,
    at: int,
    *,
    recovered: bool | None = None,
    events: Sequence[dict[str, Any]] = (),
) -> bytes:
    """A ``connection_status_update`` without an event: the status, for one socket alone.

    Args:
        at: the time of the snapshot in milliseconds since the Unix epoch.
        recovered: in the answer to ``sync``, whether all missed events come with or before it.
        events: missed events, as entries.
    """
    data = {**current_fields(session), "timestamp": timestamp(at)}
    if recovered is not None:
        data["recovered"] = recovered
    if events:
        data["events"] = events
    return write_frame("connection_status_update", data)


def event_frames(
    session: Session, events: Sequence[Event], recovered_up_to: int
) -> list[tuple[bytes, bytes]]:
    """The two copies of each event's frame, in order: the sender's, and everybody else's.

    Only a message has a sender, whose copy repeats the ``client_id``. All updates carry the current
    status, so ``status_version`` may be above ``version``.
    """
    current = current_fields(session)
    frames: list[tuple[bytes, bytes]] = []
    for event in events:
        match event:
            case MessageEvent():
                frames.append(_message(session, event, recovered_up_to))
            case AssignmentEvent():
                told = assignment(session.session_id, session.epoch, event, recovered_up_to)
                frames.append((told, told))
            case _:
                data = {**current, **event_data(event, recovered_up_to)}
                frames.append((write_frame("connection_status_update", data),) * 2)
    return frames


def assignment(
    session_id: str,
    epoch: str,
    event: AssignmentEvent,
    recovered_up_to: int = 0,
    client_id: str | None = None,
) -> bytes:
    """Who has the session from now on; ``recovered`` up to that version.

    Args:
        client_id: that of the ``assign`` that it answers, if it has one.
    """
    data = {"session_id": session_id, "epoch": epoch, **event_data(event, recovered_up_to)}
    return write_frame("assignment", data, client_id)


def assignment_now(
    session_id: str,
    place: Place,
    holder: Person | None,
    at: int,
    *,
    is_gone: bool = False,
    client_id: str | None = None,
) -> bytes:
    """Who has the session, for whoever assigns it to them again: no event, so no ``version``.

    Args:
        place: the session's, at its last event.
        at: when it was asked, in milliseconds since the Unix epoch.
        client_id: that of the ``assign`` that it answers, if it has one.
    """
    data = {
        "session_id": session_id,
        "epoch": place.epoch,
        "status_version": place.version,
        "timestamp": timestamp(at),
        **holder_fields(holder, is_gone=is_gone),
    }
    return write_frame("assignment", data, client_id)


def typing(session_id: str, who: Person, *, on: bool, at: int) -> bytes:
    """A person starts, continues or stops writing; ``until`` says when that ends by itself.

    Args:
        at: when their client said so, in milliseconds since the Unix epoch.
    """
    data: dict[str, Any] = {
        "session_id": session_id,
        **person_fields(who),
        "on": on,
    }
    if on:
        data["until"] = timestamp(at + TYPING_MS + 999)  # rounded up to a whole second
    return write_frame("typing", data)


def closing(reason: str, reconnect_after_ms: int, message: str | None = None) -> bytes:
    """The server is about to close this socket; with 0, the client must not come back."""
    data: dict[str, Any] = {"reason": reason, "reconnect_after_ms": reconnect_after_ms}
    if message is not None:
        data["message"] = message
    return write_frame("closing", data)


def reauthorized(expires_at: int) -> bytes:
    """The answer to ``reauthorize``; ``expires_at`` is in seconds since the Unix epoch."""
    return write_frame("reauthorized", {"expires_at": timestamp(expires_at * 1000)})


def history(session_id: str, page: Page) -> dict[str, Any]:
    """The answer to ``GET …/events``: events without a status, and the session's place.

    Each has its ``epoch`` and each message its ``id``, as in the frames that told of it.
    """
    events = [{"epoch": page.epoch, **entry_data(each)} for each in page.events]
    return {
        "session_id": session_id,
        "epoch": page.epoch,
        "version": page.version,
        "events": events,
    }


def posted(place: Place) -> dict[str, Any]:
    """The answer to ``POST …/messages``."""
    return {"id": _message_id(place.epoch, place.version), "version": place.version}


def ban_fields(ban: Ban) -> dict[str, Any]:
    """A ban, as ``/api/bans`` answers it."""
    person = ban.who.person
    fields = {
        "user_type": person.user_type.value,
        "user_id": person.user_id,
        "session_id": ban.who.session_id,
        "until": timestamp(ban.until),
        "reason": ban.reason,
        "by": ban.by and ban.by.user_id,
    }
    return {name: value for name, value in fields.items() if value}


def heartbeat_ack(at: int, place: Place, watched: Mapping[str, Any] = {}) -> bytes:
    """The answer to ``heartbeat``.

    Args:
        at: the server's time in milliseconds.
        place: the last version that was posted to everyone, from which a client sees whether it has
            missed something.
        watched: the same of what it watches, if it does.
    """
    known = {"epoch": place.epoch, "version": place.version, **watched}
    return write_frame("heartbeat_ack", {"server_time": timestamp(at), **known})


def error(
    code: str,
    message: str,
    request_id: str,
    client_id: str | None = None,
    details: Mapping[str, object] = MappingProxyType({}),
) -> bytes:
    """The answer to a message that is refused, or is not in the contract (section 4).

    Args:
        client_id: that of the refused message, if it has one.
        details: fields that the code has besides.
    """
    data = {"code": code, "message": message, "request_id": request_id, **details}
    return write_frame("error", data, client_id)


def current_fields(session: Session) -> dict[str, Any]:
    """The fields of every update of a session: the status, and the version it reflects."""
    status = ConnectionStatus.of(session)
    users, is_truncated = _users(status)
    return {
        "session_id": session.session_id,
        "connection_status": _status(status, users),
        "status_version": session.version,
        "epoch": session.epoch,
        **is_truncated,
        **beside_status(session),
    }


def entry_data(event: Event, recovered_up_to: int = 0) -> dict[str, Any]:
    """An event as one of several: in the history, or in ``events``."""
    if isinstance(event, MessageEvent):
        return message_data(event, recovered_up_to)
    if isinstance(event, StateEvent):
        return _state_data(event, recovered_up_to)
    return event_data(event, recovered_up_to)


def event_data(
    event: PresenceEvent | StateEvent | AssignmentEvent | UnknownEvent, recovered_up_to: int = 0
) -> dict[str, Any]:
    """An event's own fields in an update; ``recovered`` up to that version.

    A state is in the status. It, and an unknown event, never has ``recovered``: without an
    ``event_type``, a client would take it for the snapshot that ends the answer to ``sync``.
    """
    if isinstance(event, StateEvent | UnknownEvent):
        return {"timestamp": timestamp(event.at), "version": event.version}
    if isinstance(event, AssignmentEvent):
        data = assignment_fields(event)
    else:
        data = _presence_fields(event)
    data["timestamp"], data["version"] = timestamp(event.at), event.version
    if event.version <= recovered_up_to:
        data["recovered"] = True
    return data


def _presence_fields(event: PresenceEvent) -> dict[str, Any]:
    data: dict[str, Any] = {
        "event_type": event.type.value,
        "event_user_id": event.person.user_id,
        "event_user_type": event.person.user_type.value,
    }
    if event.departure:
        data["reason"] = event.departure.reason.value
        if event.departure.evidence.value:
            data["evidence"] = event.departure.evidence.value
        if event.departure.close_code is not None:
            data["close_code"] = event.departure.close_code
    if event.offline_ms is not None:
        data["reconnected"] = True
        data["offline_seconds"] = round(event.offline_ms / 1000)
    return data


def _state_data(event: StateEvent, recovered_up_to: int) -> dict[str, Any]:
    data: dict[str, Any] = {
        "user_id": event.person.user_id,
        "user_type": event.person.user_type.value,
        "state": event.state,
        "version": event.version,
        "timestamp": timestamp(event.at),
    }
    if event.is_erased:
        data["erased"] = True
    if event.version <= recovered_up_to:
        data["recovered"] = True
    return data


def _message(session: Session, event: MessageEvent, recovered_up_to: int) -> tuple[bytes, bytes]:
    data = {
        "session_id": session.session_id,
        "epoch": session.epoch,
        **message_data(event, recovered_up_to),
    }
    others = write_frame("message", data)
    if not event.client_id:
        return others, others
    return write_frame("message", data, event.client_id), others


def message_data(event: MessageEvent, recovered_up_to: int = 0) -> dict[str, Any]:
    """A message's own fields; ``recovered`` up to that version."""
    data: dict[str, Any] = {
        "id": _message_id(event.epoch, event.version),
        **person_fields(event.person),
        "text": event.text,
        "version": event.version,
        "timestamp": timestamp(event.at),
    }
    if event.is_system:
        data["system"] = True
    if event.is_erased:
        data["erased"] = True
    if event.version <= recovered_up_to:
        data["recovered"] = True
    return data


def _message_id(epoch: str, version: int) -> str:
    """Unique over all sessions and epochs; an epoch that keeps a message keeps its id."""
    return f"{epoch}-{version}"


def _status(status: ConnectionStatus, users: dict[str, Any]) -> dict[str, Any]:
    customers, agents = status.total_customer, status.total_agent
    return {
        "users": users,
        "customer_connected": customers > 0,
        "agent_connected": agents > 0,
        "total_customer": customers,
        "total_agent": agents,
    }


def _users(status: ConnectionStatus) -> tuple[dict[str, Any], dict[str, bool]]:
    """The people who fit in a frame, earliest first, and whether some do not fit."""
    named = status.by_name()
    users: dict[str, Any] = {}
    size = 0
    for name, each in named.items():
        user = _user(name, each)
        size += (2 if "user_id" in user else 1) * len(write_json(name)) + _USER_BYTES
        if shown := _shown(each):
            size += len(write_json(shown))
            user |= shown
        if len(users) == MAX_USERS or size > _USERS_BYTES:
            return users, {"users_truncated": True}
        users[name] = user
    return users, {}


def _user(name: str, presence: Presence) -> dict[str, Any]:
    user: dict[str, Any] = {
        "user_type": presence.person.user_type.value,
        "connected_at": timestamp(presence.at),
        "connections": presence.sockets,
    }
    if name != presence.person.user_id:
        user["user_id"] = presence.person.user_id
    return user


def _shown(presence: Presence) -> dict[str, Any]:
    """Of a person's name, avatar and state, what there is."""
    if not (presence.name or presence.avatar or presence.state):
        return {}
    known = {"name": presence.name, "avatar": presence.avatar, "state": presence.state}
    return {name: value for name, value in known.items() if value}
