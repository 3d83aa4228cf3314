"""People, for admins: where somebody is, or was last seen; and kicking them."""

from collections.abc import Iterable
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

import asking
from hadir import report
from hadir.domain.grant import Grant
from hadir.domain.identity import UserType
from hadir.domain.past import last_departure
from hadir.domain.roles import Action
from hadir.membership.directory import Sighting
from hadir.wire.past import last_seen
from parts import directory, doorman, membership

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
    who = (grant.tenant, user_id, asking.user_type())
    found = directory.sessions_of(*who)
    names = [ref.session_id for ref in found if grant.covers(ref.session_id)]
    answer: dict[str, Any] = {"user_id": user_id, "sessions": names}
    if not names:
        answer["last_seen"] = _last_seen(grant, directory.sightings(*who))
    return answer


def _last_seen(grant: Grant, sightings: Iterable[Sighting]) -> dict[str, Any]:
    """Of each type, where and when somebody was last seen in a session open to ``grant``."""
    last: dict[UserType, Sighting] = {}
    for each in sightings:
        if grant.covers(each.session.session_id):
            last.setdefault(each.person.user_type, each)
    return {kind.value: _told(each) for kind, each in last.items()}


def _told(seen: Sighting) -> dict[str, Any]:
    left = last_departure(membership.inquiry.chronicle(seen.session), seen.person)
    return last_seen(seen.session.session_id, seen.until, left)
