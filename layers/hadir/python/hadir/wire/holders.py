"""Writes who has a session, as fields of frames and REST answers."""

from typing import Any

from hadir.domain.identity import Person
from hadir.domain.session import AssignmentEvent, Session


def person_fields(person: Person) -> dict[str, Any]:
    """The fields that identify a person; only their type, if the reader may not know the id."""
    if not person.user_id:
        return {"user_type": person.user_type.value}
    return {"user_id": person.user_id, "user_type": person.user_type.value}


def beside_status(session: Session) -> dict[str, Any]:
    """Who has a session, beside its status; nothing if nobody has it."""
    if session.holder is None:
        return {}
    return {"assignment": _assignee(session.holder, is_gone=session.is_holder_gone)}


def holder_fields(holder: Person | None, *, is_gone: bool) -> dict[str, Any]:
    """The same where it is what is told: only then is there an ``assignment`` of nobody."""
    fields = {"user_id": None} if holder is None else person_fields(holder)
    return {**fields, "assignment": holder and _assignee(holder, is_gone=is_gone)}


def assignment_fields(event: AssignmentEvent) -> dict[str, Any]:
    """Who has the session from an event on, and who says so, unless it is the server."""
    fields = holder_fields(event.person, is_gone=event.is_gone)
    if event.by:
        fields |= {f"by_{name}": value for name, value in person_fields(event.by).items()}
    return fields


def _assignee(person: Person, *, is_gone: bool) -> dict[str, Any]:
    gone = {"gone": True} if is_gone else {}
    return person_fields(person) | gone
