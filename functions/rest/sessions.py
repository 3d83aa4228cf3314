"""Sessions: status and history; for admins, the list of occupied ones, and system messages."""

from dataclasses import replace
from math import floor
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

import asking
from hadir import report
from hadir.domain.errors import InvalidRequest
from hadir.domain.past import at_second, at_version
from hadir.domain.projection import shown_to
from hadir.domain.roles import Action
from hadir.membership.directory import Place
from hadir.membership.outcomes import Saying
from hadir.wire.bodies import read_message
from hadir.wire.past import past_answer
from hadir.wire.queries import read_moment, read_number
from hadir.wire.updates import history, posted, status_answer, totals
from parts import announcer, customers_see, directory, membership

_MOST_SESSIONS = 100
_MOST_EVENTS = 200
_LAST_VERSION = 2**53

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


@router.get("/api/session/<session_id>/connection-status")
def connection_status(session_id: str) -> dict[str, Any]:
    ref = asking.session_in_path(Action.READ_STATUS, session_id)
    reader = asking.grant_for(Action.READ_STATUS).person
    shown = shown_to(reader, customers_see)
    at = asking.query("at")
    if at is None:
        return status_answer(shown.session(membership.session(ref), reader))
    moment = read_moment(at, "at", most=_LAST_VERSION)
    kept = membership.inquiry.chronicle(ref)
    if isinstance(moment, int):
        return past_answer(shown.past(at_version(kept, moment), reader))
    return past_answer(shown.past(at_second(kept, floor(moment.timestamp())), reader))


@router.get("/api/session/<session_id>/events")
def events(session_id: str) -> dict[str, Any]:
    ref = asking.session_in_path(Action.READ_EVENTS, session_id)
    since = read_number(asking.query("since"), "since", usual=None, most=_LAST_VERSION)
    before = read_number(asking.query("before"), "before", least=1, usual=None, most=_LAST_VERSION)
    if since is not None and before is not None:
        raise InvalidRequest("invalid_request", "give either since or before, not both")
    page = membership.history.page(ref, asking.limit(_MOST_EVENTS), since=since or 0, before=before)
    reader = asking.grant_for(Action.READ_EVENTS).person
    shown = shown_to(reader, customers_see)
    seen = tuple(shown.event(each, reader) for each in page.events)
    return history(ref.session_id, replace(page, events=seen))


@router.post("/api/session/<session_id>/messages")
def post_message(session_id: str) -> Response[Any] | tuple[dict[str, Any], int]:
    ref = asking.session_in_path(Action.POST_MESSAGE, session_id)
    teller = asking.grant_for(Action.POST_MESSAGE).person
    said = membership.say_as_system(ref, teller, *read_message(asking.body()))
    report.broadcasts(announcer().announce(said.batch, asking.deadline()))
    if said.place is None:
        return asking.error(404, "not_found", "nobody is in the session")
    return posted(said.place), 201 if said.outcome is Saying.SAID else 200


@router.get("/api/sessions")
def sessions() -> dict[str, Any]:
    grant = asking.grant_for(Action.LIST_SESSIONS)
    place = Place.read(asking.query("cursor") or "")
    page = directory.sessions(grant, asking.limit(_MOST_SESSIONS), place)
    listed = [totals(session) for session in membership.sessions(page.sessions)]
    occupied = [each for each in listed if each["total_customer"] + each["total_agent"]]
    return {"sessions": occupied, "cursor": str(page.following) if page.following else None}
