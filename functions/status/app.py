"""REST: who is in a session."""

from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from hadir import bootstrap
from hadir.domain.errors import InvalidIdentity, MembershipUnavailable
from hadir.domain.identity import check_id
from hadir.log import logger
from hadir.wire.updates import status_answer

membership = bootstrap.membership()
app = APIGatewayHttpResolver()


@app.get("/api/session/<session_id>/connection-status")
def connection_status(session_id: str) -> dict[str, Any]:
    return status_answer(membership.session(check_id("session_id", session_id)))


@app.get("/api/health")
def health() -> dict[str, str]:
    membership.ping()
    return {"status": "ok"}


@app.exception_handler(InvalidIdentity)  # type: ignore[untyped-decorator]
def refuse(error: InvalidIdentity) -> Response[dict[str, Any]]:
    return _error(400, "invalid_request", str(error))


@app.exception_handler(MembershipUnavailable)  # type: ignore[untyped-decorator]
def unavailable(error: MembershipUnavailable) -> Response[dict[str, Any]]:
    logger.error(str(error))
    return _error(503, "unavailable", "try again in a moment")


def _error(status: int, code: str, message: str) -> Response[dict[str, Any]]:
    request_id = app.current_event.request_context.request_id
    body = {"error": {"code": code, "message": message, "request_id": request_id}}
    return Response(status, "application/json", body)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
