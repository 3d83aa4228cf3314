"""Reads the request that is being answered: who asks, and for what."""

from typing import Any
from urllib.parse import parse_qsl, unquote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from hadir import bootstrap, log
from hadir.domain.deadline import Deadline
from hadir.domain.errors import InvalidRequest, NotPermitted
from hadir.domain.grant import Grant
from hadir.domain.identity import SessionRef, UserType, check_id, check_user_type
from hadir.domain.roles import Action, require
from hadir.wire.grants import read_grant
from hadir.wire.queries import read_number

_ANSWERING_SECONDS = 8.0

_request = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


def grant_for(action: Action) -> Grant:
    """The grant of whoever asks, if it includes ``action``.

    Raises:
        NotPermitted: it does not.
    """
    authorizer = _request.current_event.request_context.authorizer
    context = authorizer.get_lambda if authorizer else None
    if not context:
        log.logger.error("a request came without the authorizer's context; is it on the route?")
        raise NotPermitted("nobody has said who you are")
    grant = read_grant(context)
    require(grant.user_type, action)
    return grant


def session_for(action: Action, session_id: str) -> SessionRef:
    """The session with that id, if whoever asks may do ``action`` there.

    Raises:
        InvalidIdentity: the id is invalid.
        NotPermitted: they may not.
    """
    return grant_for(action).session(check_id("session_id", session_id))


def session_in_path(action: Action, encoded: str) -> SessionRef:
    """Likewise, with the id as the path has it (``app.handler``)."""
    return session_for(action, unquote(encoded))


def user_in_path(encoded: str) -> str:
    """The id of a user, likewise.

    Raises:
        InvalidIdentity: it is invalid.
    """
    return check_id("user_id", unquote(encoded))


def limit(most: int) -> int:
    """The parameter ``limit``; ``most`` if there is none."""
    return read_number(query("limit"), "limit", least=1, usual=most, most=most)


def user_type() -> UserType | None:
    """The parameter ``user_type``; None if there is none."""
    text = query("user_type")
    return None if text is None else check_user_type(text)


def query(name: str) -> str | None:
    """A parameter of the query string.

    Raises:
        InvalidRequest: it is there more than once; API Gateway would join its values to another.
    """
    event = _request.current_event
    given = parse_qsl(event.raw_query_string, keep_blank_values=True)
    if sum(each == name for each, _ in given) > 1:
        raise InvalidRequest("invalid_request", f"{name} must be given once")
    return event.query_string_parameters.get(name)


def body() -> str | None:
    """The body of the request.

    Raises:
        InvalidRequest: it is not text in UTF-8.
    """
    try:
        return _request.current_event.decoded_body
    except ValueError as error:
        raise InvalidRequest("invalid_request", "the body must be in UTF-8") from error


def deadline() -> Deadline:
    """By when the request must be answered."""
    return bootstrap.deadline(_request.lambda_context).within(_ANSWERING_SECONDS)


def error(status: int, code: str, message: str) -> Response[Any]:
    """The answer to a request that is refused, or that failed."""
    request_id = _request.current_event.request_context.request_id
    body = {"error": {"code": code, "message": message, "request_id": request_id}}
    return Response(status, "application/json", body, headers={"Cache-Control": "no-store"})
