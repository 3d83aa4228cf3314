"""Erasure of history, for admins (the right to be forgotten)."""

from typing import Any

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

import asking
from hadir.domain.errors import InvalidRequest
from hadir.domain.identity import Person
from hadir.domain.roles import Action
from parts import membership

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


@router.delete("/api/session/<session_id>/history")
def clear(session_id: str) -> dict[str, Any]:
    return {"erased": membership.history.clear(asking.session_in_path(Action.ERASE, session_id))}


@router.delete("/api/user/<user_id>/history")
def erase(user_id: str) -> dict[str, Any]:
    asking.grant_for(Action.ERASE)
    session_id, user_type = asking.query("session_id"), asking.user_type()
    if session_id is None or user_type is None:
        raise InvalidRequest("invalid_request", "session_id and user_type are needed")
    ref = asking.session_for(Action.ERASE, session_id)
    person = Person(user_type, asking.user_in_path(user_id))
    return {"erased": membership.history.erase(ref, person)}
