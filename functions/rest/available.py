"""Whether an agent or admin would answer; everybody may ask, before there is a session."""

from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

import asking
from hadir.domain.identity import DEFAULT_TENANT, check_id
from parts import availability

_CACHING = {"Cache-Control": "public, max-age=10"}

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


@router.get("/api/availability")
def available() -> Response[Any]:
    tenant = asking.query("tenant")
    tenant = DEFAULT_TENANT if tenant is None else check_id("tenant", tenant)
    body = {"agents": availability.of(tenant)}
    return Response(200, "application/json", body, headers=_CACHING)
