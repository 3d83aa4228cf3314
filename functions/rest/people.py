"""People, for admins: list the sessions somebody is in, and kick them."""

from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

import asking
from hadir import report
from hadir.domain.roles import Action
from parts import directory, doorman

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


@router.delete("/api/session/<session_id>/users/<user_id>")
def kick(session_id: str, user_id: str) -> Response[Any]:
    ref = asking.session_in_path(Action.KICK, session_id)
    kicked = doorman().kick(
        ref,
        asking.user_in_path(user_id),
        asking.user_type(),
        by=asking.grant_for(Action.KICK).person,
        message=None,
        deadline=asking.deadline(),
    )
    report.broadcasts(kicked.broadcasts)
    if not kicked.anybody:
        return asking.error(404, "not_found", "nobody of that name is in the session")
    return Response(204)


@router.get("/api/user/<user_id>/sessions")
def sessions_of(user_id: str) -> dict[str, Any]:
    grant = asking.grant_for(Action.FIND_USER)
    user_id = asking.user_in_path(user_id)
    found = directory.sessions_of(grant.tenant, user_id, asking.user_type())
    names = [ref.session_id for ref in found if grant.covers(ref.session_id)]
    return {"user_id": user_id, "sessions": names}
