"""Why people are in a session, for agents and admins: what Redis and API Gateway know of each."""

from typing import Any

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

import asking
from hadir.domain.roles import Action
from hadir.wire.circumstances import explanation, sockets_to_ask_about
from parts import membership, sockets

_MOST_ASKED = 200

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


@router.get("/api/session/<session_id>/explain")
def explain(session_id: str) -> dict[str, Any]:
    ref = asking.session_in_path(Action.EXPLAIN, session_id)
    deadline = asking.deadline()
    found = membership.inquiry.circumstances(ref)
    asked = sockets_to_ask_about(found, _MOST_ASKED)
    seen = sockets().look(asked, deadline.seconds_left) if asked else {}
    return explanation(found, seen)
