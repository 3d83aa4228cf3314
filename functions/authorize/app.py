"""$connect's authorizer: who is this, and may they come in?

The identity goes into the authorizer's context, which API Gateway repeats on every later event of
the socket. What does not fit the contract is denied (403), never an error.
"""

from typing import Any

from hadir.domain.errors import InvalidIdentity
from hadir.domain.identity import Identity
from hadir.log import logger


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    query = event.get("queryStringParameters") or {}
    try:
        who = Identity.parse(query.get("session_id"), query.get("user_id"), query.get("user_type"))
    except InvalidIdentity as refused:
        logger.warning("Connection refused: %s", refused)
        return _policy("anonymous", "Deny", event["methodArn"], {})
    context = {
        "session_id": who.session_id,
        "user_id": who.user_id,
        "user_type": who.user_type.value,
    }
    return _policy(who.user_id, "Allow", event["methodArn"], context)


def _policy(principal: str, effect: str, resource: str, context: dict[str, str]) -> dict[str, Any]:
    """An authorizer's answer ("Output from an API Gateway Lambda authorizer")."""
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": context,
    }
