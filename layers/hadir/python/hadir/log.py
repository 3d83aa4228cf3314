"""Structured log lines, in the wording that people search for (contract, section 6).

Tokens and message texts never appear in them.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from hadir.domain.identity import Identity, Person, SessionRef
from hadir.domain.session import (
    AssignmentEvent,
    EventType,
    MessageEvent,
    PresenceEvent,
    StateEvent,
    UnknownEvent,
)
from hadir.wire.invocations import invocation_ids

if TYPE_CHECKING:
    from hadir.announcer import Broadcast
    from hadir.canary import Run

logger = Logger(service="hadir")

_TAGS = {
    EventType.USER_CONNECTED: "[Connect]",
    EventType.USER_DISCONNECTED: "[Disconnect]",
}

Handler = Callable[[dict[str, Any], Any], Any]


def identified(handler: Handler) -> Handler:
    """A handler whose log lines name their invocation, request and socket.

    The names are kept per thread, because a process may run several invocations at once.
    """

    @wraps(handler)
    def invoked(event: dict[str, Any], context: Any) -> Any:
        ids = invocation_ids(event, context)
        logger.thread_safe_append_keys(**ids)
        try:
            return handler(event, context)
        finally:
            logger.thread_safe_remove_keys(ids)

    return invoked


def connected(who: Identity) -> None:
    """A socket opened."""
    logger.info(
        f"[Connect] WebSocket client connected: {who.user_id} ({who.user_type}) "
        f"to session {who.session_id}",
        extra=_fields(who),
    )


def disconnecting(who: Identity) -> None:
    """A socket's ``$disconnect`` has come."""
    logger.info(
        f"[Disconnect] User {who.user_id} ({who.user_type}) disconnecting "
        f"from session {who.session_id}",
        extra=_fields(who),
    )


def removed(who: Identity, remaining: int) -> None:
    """A connection was removed; ``remaining`` ones are left in the session."""
    logger.info(
        f"[Disconnect] Removed connection: {who.user_id} from session {who.session_id}. "
        f"Remaining connections: {remaining}",
        extra={**_fields(who), "remaining": remaining},
    )


def disconnected(who: Identity) -> None:
    """A ``$disconnect`` has been handled."""
    logger.info(
        f"[Disconnect] WebSocket client disconnected: {who.user_id} ({who.user_type}) "
        f"from session {who.session_id}",
        extra=_fields(who),
    )


def broadcasts(made: "Iterable[Broadcast]") -> None:
    """Events were posted; one line each, but for what is not known."""
    for broadcast in made:
        event = broadcast.event
        if event is None or isinstance(event, UnknownEvent):
            continue
        tag, what = _tag_and_name(event)
        logger.info(
            f"{tag} Broadcasted {what} to session {broadcast.ref.session_id}: "
            f"{broadcast.received}/{broadcast.targets} clients received",
            extra={
                "tenant": broadcast.ref.tenant,
                "session_id": broadcast.ref.session_id,
                "version": event.version,
                "received": broadcast.received,
                "targets": broadcast.targets,
                "untold": broadcast.untold,
                "gone": broadcast.gone,
            },
        )


def _tag_and_name(
    event: PresenceEvent | MessageEvent | StateEvent | AssignmentEvent,
) -> tuple[str, str]:
    match event:
        case MessageEvent():
            return "[Message]", "message"
        case AssignmentEvent():
            return "[Assign]", "assignment"
        case StateEvent():
            return "[State]", "connection status"
        case PresenceEvent():
            return _TAGS[event.type], "connection status"


def kicked(ref: SessionRef, person: Person, by: Person) -> None:
    """An admin has kicked somebody."""
    logger.info(
        f"[Kick] User {person.user_id} put out of session {ref.session_id} by {by.user_id}",
        extra={
            "tenant": ref.tenant,
            "session_id": ref.session_id,
            "user_id": person.user_id,
            "user_type": person.user_type.value,
            "by": by.user_id,
        },
    )


def canary(run: "Run") -> None:
    """A run of the canary has ended."""
    fields = {"session_id": run.session_id, "join_ms": run.join_ms, "leave_ms": run.leave_ms}
    if run.error is None:
        told = f"The join was told after {run.join_ms} ms, the leave after {run.leave_ms} ms"
        logger.info(f"[Canary] {told}", extra=fields)
        return
    error = f"{type(run.error).__name__}: {run.error}"
    logger.error(
        f"[Canary] Failed at {run.step}: {error}",
        extra={**fields, "step": run.step.value, "error": error},
    )


def _fields(who: Identity) -> dict[str, str]:
    return {
        "tenant": who.tenant,
        "session_id": who.session_id,
        "user_id": who.user_id,
        "user_type": who.user_type.value,
    }
