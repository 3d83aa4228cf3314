"""REST: who is in a session and what happened in it; for admins, who is where, and putting out."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from hadir import bootstrap, log, report
from hadir.domain.errors import InvalidIdentity, InvalidRequest, MembershipUnavailable, NotPermitted
from hadir.domain.grant import Grant
from hadir.domain.identity import SessionRef, UserType, check_id, check_user_type
from hadir.domain.roles import Action, require
from hadir.membership.directory import Place
from hadir.wire.grants import read_grant
from hadir.wire.queries import read_number
from hadir.wire.updates import history, status_answer, totals

if TYPE_CHECKING:
    from hadir.doorman import Doorman

_MOST_SESSIONS = 100
_MOST_EVENTS = 200
_THREADS = 16
_LAST_VERSION = 2**53

membership = bootstrap.membership()
directory = bootstrap.directory()
app = APIGatewayHttpResolver()


@app.get("/api/session/<session_id>/connection-status")
def connection_status(session_id: str) -> dict[str, Any]:
    return status_answer(membership.session(_session(Action.READ_STATUS, session_id)))


@app.get("/api/session/<session_id>/events")
def events(session_id: str) -> dict[str, Any]:
    ref = _session(Action.READ_EVENTS, session_id)
    since = read_number(_query("since"), "since", usual=None, most=_LAST_VERSION)
    before = read_number(_query("before"), "before", least=1, usual=None, most=_LAST_VERSION)
    if since is not None and before is not None:
        raise InvalidRequest("invalid_request", "give either since or before, not both")
    page = membership.page(ref, _limit(_MOST_EVENTS), since=since or 0, before=before)
    return history(session_id, page)


@app.delete("/api/session/<session_id>/users/<user_id>")
def kick(session_id: str, user_id: str) -> Response[Any]:
    ref = _session(Action.KICK, session_id)
    kicked = _doorman().kick(
        ref,
        check_id("user_id", user_id),
        _user_type(),
        by=_grant(Action.KICK).person,
        message=None,
        deadline=bootstrap.deadline(app.lambda_context),
    )
    report.broadcasts(kicked.broadcasts)
    if not kicked.anybody:
        return _error_answer(404, "not_found", "nobody of that name is in the session")
    return Response(204)


@app.get("/api/sessions")
def sessions() -> dict[str, Any]:
    grant = _grant(Action.LIST_SESSIONS)
    place = Place.read(_query("cursor") or "")
    page = directory.sessions(grant, _limit(_MOST_SESSIONS), place)
    with ThreadPoolExecutor(_THREADS) as pool:
        listed = [totals(session) for session in pool.map(membership.session, page.sessions)]
    occupied = [each for each in listed if each["total_customer"] + each["total_agent"]]
    return {"sessions": occupied, "cursor": str(page.following) if page.following else None}


@app.get("/api/user/<user_id>/sessions")
def sessions_of(user_id: str) -> dict[str, Any]:
    grant = _grant(Action.FIND_USER)
    found = directory.sessions_of(grant.tenant, check_id("user_id", user_id), _user_type())
    names = [ref.session_id for ref in found if grant.covers(ref.session_id)]
    return {"user_id": user_id, "sessions": names}


@app.get("/api/health")
def health() -> dict[str, Any]:
    membership.ping()
    memory = bootstrap.redis_memory()
    used = None if memory.used is None else round(memory.used, 4)
    return {"status": "ok", "redis": {"eviction": memory.eviction, "memory_used": used}}


@app.exception_handler([InvalidIdentity, InvalidRequest])  # type: ignore[untyped-decorator]
def refuse(error: InvalidIdentity | InvalidRequest) -> Response[Any]:
    return _error_answer(400, "invalid_request", str(error))


@app.exception_handler(NotPermitted)  # type: ignore[untyped-decorator]
def forbid(error: NotPermitted) -> Response[Any]:
    return _error_answer(403, "forbidden", str(error))


@app.not_found
def not_found(_error: Exception) -> Response[Any]:
    return _error_answer(404, "not_found", "there is no such resource")


@app.exception_handler(MembershipUnavailable)  # type: ignore[untyped-decorator]
def unavailable(error: MembershipUnavailable) -> Response[Any]:
    log.logger.error(str(error))
    return _error_answer(503, "unavailable", "try again in a moment")


@report.published
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)


def _grant(action: Action) -> Grant:
    authorizer = app.current_event.request_context.authorizer
    context = authorizer.get_lambda if authorizer else None
    if not context:
        log.logger.error("a request came without the authorizer's context; is it on the route?")
        raise NotPermitted("nobody has said who you are")
    grant = read_grant(context)
    require(grant.user_type, action)
    return grant


def _session(action: Action, session_id: str) -> SessionRef:
    return _grant(action).session(check_id("session_id", session_id))


def _limit(most: int) -> int:
    return read_number(_query("limit"), "limit", least=1, usual=most, most=most)


def _user_type() -> UserType | None:
    text = _query("user_type")
    return None if text is None else check_user_type(text)


def _query(name: str) -> str | None:
    return app.current_event.query_string_parameters.get(name)


@cache
def _doorman() -> "Doorman":
    return bootstrap.doorman(membership, bootstrap.announcer(membership))


def _error_answer(status: int, code: str, message: str) -> Response[Any]:
    request_id = app.current_event.request_context.request_id
    body = {"error": {"code": code, "message": message, "request_id": request_id}}
    return Response(status, "application/json", body)
