"""What a REQUEST authorizer is asked, and what its answer means.

"Output from an API Gateway Lambda authorizer", "Control access to HTTP APIs with AWS Lambda
authorizers" and, for identity sources, ``IdentitySource`` of ``CreateAuthorizer`` (Amazon API
Gateway V2).
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from apigw_local.core.documents import parsed
from apigw_local.core.events.websocket import Connection, authorizer_event
from apigw_local.limits import AUTHORIZER_BYTES

_INVOKE = "execute-api:invoke"


class MalformedAnswer(Exception):
    """The answer is not what API Gateway takes: the client gets 500."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Access is granted.

    Attributes:
        context: to pass on, all strings, with ``principalId``.
        api_key: the authorizer's ``usageIdentifierKey``.
    """

    context: dict[str, str]
    api_key: str | None


@dataclass(frozen=True, slots=True)
class AllowedByHttp:
    """Access to an HTTP API is granted.

    Attributes:
        context: to pass on, of whatever JSON can say; None where the answer has none.
    """

    context: dict[str, Any] | None


def missing_identity(sources: Iterable[str], connection: Connection) -> bool:
    """Whether an identity source is absent or empty, so that the authorizer is not even asked."""
    headers = {name.lower(): value for name, value in connection.headers}
    query = dict(parse_qsl(connection.query))
    context = authorizer_event(connection)["requestContext"]
    for source in sources:
        kind, _, name = source.removeprefix("route.request.").partition(".")
        found = {
            "header": headers.get(name.lower()),
            "querystring": query.get(name),
            "stageVariables": connection.stage_variables.get(name),
            "context": _within(context, name),
        }.get(kind)
        if not found:
            return True
    return False


def allowed(payload: bytes, method_arn: str) -> Allowed | None:
    """What an authorizer's answer grants; None when access is denied.

    Args:
        payload: the answer, JSON.

    Raises:
        MalformedAnswer: says what is wrong with the answer.
    """
    if len(payload) > AUTHORIZER_BYTES:
        raise MalformedAnswer(f"the answer is over {AUTHORIZER_BYTES} bytes")
    answer, context = _read(payload)
    _check_principal(answer)
    for name, value in (context or {}).items():
        if not isinstance(value, str | int | float | bool):
            raise MalformedAnswer(f"context.{name} is neither text, number nor boolean")
    if not _allows(answer.get("policyDocument"), method_arn):
        return None
    # As JSON has it: true, not Python's True.
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in (context or {}).items()}
    key = answer.get("usageIdentifierKey")
    return Allowed({**texts, "principalId": answer["principalId"]}, key and str(key))


def allowed_by_http(payload: bytes, arn: str, *, simple: bool) -> AllowedByHttp | None:
    """The same for an HTTP API ("Lambda authorizer response format").

    Args:
        simple: the answer says ``isAuthorized`` instead of a policy.

    Raises:
        MalformedAnswer: says what is wrong with the answer.
    """
    answer, context = _read(payload)
    if not simple:
        _check_principal(answer)
        granted = _allows(answer.get("policyDocument"), arn)
    elif isinstance(answer.get("isAuthorized"), bool):
        granted = answer["isAuthorized"]
    else:
        raise MalformedAnswer("isAuthorized is neither true nor false")
    return AllowedByHttp(context) if granted else None


def _read(payload: bytes) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """An answer, and the context in it."""
    try:
        answer = parsed(payload)
    except ValueError as error:
        raise MalformedAnswer("the answer is not JSON") from error
    if not isinstance(answer, dict):
        raise MalformedAnswer("the answer is not a map")
    context = answer.get("context")
    if context is not None and not isinstance(context, dict):
        raise MalformedAnswer("context is not a map")
    return answer, context


def _check_principal(answer: dict[str, Any]) -> None:
    if not isinstance(answer.get("principalId"), str):
        raise MalformedAnswer("the answer has no principalId")


def _allows(policy: Any, method_arn: str) -> bool:
    if not isinstance(policy, dict) or "Statement" not in policy:
        raise MalformedAnswer("the answer has no policyDocument with a Statement")
    statements = _list(policy["Statement"])
    for statement in statements:
        _check_statement(statement)
    effects = {
        statement["Effect"]
        for statement in statements
        # Actions are told apart without regard to case, resources with.
        if _applies(statement, "Action", _INVOKE, str.lower)
        and _applies(statement, "Resource", method_arn, str)
    }
    return "Allow" in effects and "Deny" not in effects


def _check_statement(statement: Any) -> None:
    """Its form ("Grammar of the IAM JSON policy language").

    A ``Condition`` is refused: left unread, it would let in whom it keeps out.
    """
    if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
        raise MalformedAnswer("a Statement has no Effect that is Allow or Deny")
    for name in ("Action", "Resource"):
        if (name in statement) == (f"Not{name}" in statement):
            raise MalformedAnswer(f"a Statement must have either {name} or Not{name}")
    if "Condition" in statement:
        raise MalformedAnswer("a Statement has a Condition, which is not evaluated here")


def _applies(statement: dict[str, Any], name: str, text: str, normal: Callable[[str], str]) -> bool:
    """Whether ``Action`` or ``Resource`` matches, or its opposite does not."""
    opposite = f"Not{name}" in statement
    patterns = _list(statement[f"Not{name}" if opposite else name])
    return _matches([normal(str(each)) for each in patterns], text) != opposite


def _matches(patterns: list[str], text: str) -> bool:
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text)
        for pattern in patterns
    )


def _within(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
