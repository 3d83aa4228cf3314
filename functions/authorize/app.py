"""Authorizes ``$connect`` and requests to the REST API.

The identity goes into the authorizer's context, which API Gateway adds to the request, or to every
later event of the socket. Whoever is not permitted is denied (403), which is no failure. If keys
cannot be fetched, the authorizer fails (500), and the client retries.
"""

from typing import Any

from hadir import bootstrap, metrics, report
from hadir.domain.errors import InvalidIdentity, InvalidToken, NotPermitted
from hadir.log import logger
from hadir.wire.grants import write_grant

gate = bootstrap.gate()


@report.published
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    headers = event.get("headers") or {}
    is_request = "routeArn" in event  # payload format 2.0, of HTTP APIs
    try:
        if is_request:
            return {"isAuthorized": True, "context": write_grant(gate.request(headers))}
        who = gate.socket(event.get("queryStringParameters") or {}, headers)
    except (InvalidIdentity, InvalidToken, NotPermitted) as refused:
        logger.warning("Connection refused: %s", refused)
        metrics.refused()
        if is_request:
            return {"isAuthorized": False}
        return _policy("anonymous", "Deny", event["methodArn"], {})
    context = {
        "tenant": who.tenant,
        "session_id": who.session_id,
        "user_id": who.user_id,
        "user_type": who.user_type.value,
        "expires_at": str(who.expires_at),
        **({"name": who.name} if who.name else {}),
        **({"avatar": who.avatar} if who.avatar else {}),
    }
    if who.sessions:
        context["sessions"] = " ".join(who.sessions)
    return _policy(who.user_id, "Allow", event["methodArn"], context)


def _policy(principal: str, effect: str, resource: str, context: dict[str, str]) -> dict[str, Any]:
    """An authorizer's answer ("Output from an API Gateway Lambda authorizer")."""
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": context,
    }
