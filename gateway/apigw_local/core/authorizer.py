"""What a REQUEST authorizer's answer means ("Output from an API Gateway Lambda authorizer")."""

import json
import re
from typing import Any

from apigw_local.core.events import Connection


class MalformedAnswer(Exception):
    """The answer is not what API Gateway takes: the client gets 500."""


def missing_identity(sources: list[str], connection: Connection, query: dict[str, str]) -> bool:
    """Whether an identity source is absent or empty, so that the authorizer is not even asked."""
    headers = {name.lower(): value for name, value in connection.headers}
    for source in sources:
        kind, _, name = source.removeprefix("route.request.").partition(".")
        found = headers.get(name.lower()) if kind == "header" else query.get(name)
        if not found:
            return True
    return False


def allowed_context(answer: Any, method_arn: str) -> dict[str, str] | None:
    """The context to pass on, as strings with ``principalId``; None when access is denied.

    Raises:
        MalformedAnswer: says what is wrong with the answer.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("principalId"), str):
        raise MalformedAnswer("the answer has no principalId")
    context = answer.get("context") or {}
    if not isinstance(context, dict):
        raise MalformedAnswer("context is not a map")
    for key, value in context.items():
        if not isinstance(value, str | int | float | bool):
            raise MalformedAnswer(f"context.{key} is neither text, number nor boolean")
    if not _allows(answer.get("policyDocument"), method_arn):
        return None
    # As JSON has it: true, not Python's True.
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in context.items()}
    return {**texts, "principalId": answer["principalId"]}


def _allows(policy: Any, method_arn: str) -> bool:
    if not isinstance(policy, dict) or "Statement" not in policy:
        raise MalformedAnswer("the answer has no policyDocument with a Statement")
    effects = {
        statement.get("Effect")
        for statement in _list(policy["Statement"])
        if _matches(statement.get("Action"), "execute-api:Invoke")
        and _matches(statement.get("Resource"), method_arn)
    }
    return "Allow" in effects and "Deny" not in effects


def _matches(patterns: Any, text: str) -> bool:
    return any(
        re.fullmatch(re.escape(str(pattern)).replace(r"\*", ".*").replace(r"\?", "."), text)
        for pattern in _list(patterns)
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
