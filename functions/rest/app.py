"""The REST API: sessions and their history; for admins also people, bans and erasure.

Whether agents would answer, and whether Redis does, is said to everybody.
"""

from typing import Any
from urllib.parse import quote

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext

import asking
import available
import banning
import erasing
import explaining
import people
import sessions
from hadir import bootstrap, log, report
from hadir.domain.errors import (
    InvalidIdentity,
    InvalidRequest,
    MembershipUnavailable,
    NotKept,
    NotPermitted,
)
from hadir.wire.frames import write_json
from parts import membership

app = APIGatewayHttpResolver(serializer=lambda body: write_json(body).decode())
app.include_router(sessions.router)
app.include_router(people.router)
app.include_router(banning.router)
app.include_router(erasing.router)
app.include_router(explaining.router)
app.include_router(available.router)


@app.get("/api/health")
def health() -> dict[str, Any]:
    membership.ping()
    memory = bootstrap.redis_memory()
    used = None if memory.used is None else round(memory.used, 4)
    return {"status": "ok", "redis": {"eviction": memory.eviction, "memory_used": used}}


@app.exception_handler([InvalidIdentity, InvalidRequest])  # type: ignore[untyped-decorator]
def refuse(error: InvalidIdentity | InvalidRequest) -> Response[Any]:
    return asking.error(400, "invalid_request", str(error))


@app.exception_handler(NotPermitted)  # type: ignore[untyped-decorator]
def forbid(error: NotPermitted) -> Response[Any]:
    return asking.error(403, "forbidden", str(error))


@app.exception_handler(NotKept)  # type: ignore[untyped-decorator]
def lost(error: NotKept) -> Response[Any]:
    return asking.error(404, "not_found", str(error))


@app.not_found
def not_found(_error: Exception) -> Response[Any]:
    return asking.error(404, "not_found", "there is no such resource")


@app.exception_handler(MembershipUnavailable)  # type: ignore[untyped-decorator]
def unavailable(error: MembershipUnavailable) -> Response[Any]:
    log.logger.error(str(error))
    return asking.error(503, "unavailable", "try again in a moment")


@report.published
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve({**event, "rawPath": _path(event)}, context)


def _path(event: dict[str, Any]) -> str:
    """The path of the route that API Gateway has chosen, with the parameters it has found.

    They are percent-encoded: ``rawPath`` is decoded, and Powertools finds its way only by some
    characters.
    """
    parameters = event.get("pathParameters") or {}
    encoded = {name: quote(value, safe="") for name, value in parameters.items()}
    _method, _, path = event["routeKey"].partition(" ")
    return str(path.format_map(encoded))
