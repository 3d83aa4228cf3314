"""Which route a message takes ("Working with routes for WebSocket APIs")."""

import re
from typing import Any

from apigw_local.core.documents import parsed, written

_PART = re.compile(r"\$\{request\.body\.([^}]+)\}")


def select_route(expression: str, body: str) -> str:
    """Evaluate a route selection expression against a text frame.

    Args:
        expression: ``$request.body.a.b``, ``${request.body.a}/${request.body.b}`` or a constant.

    Returns:
        The route key to look up; empty where the body does not have the field.
    """
    try:
        document = parsed(body)
    except ValueError:
        document = None
    if expression.startswith("$request.body."):
        return _value(document, expression.removeprefix("$request.body."))
    return _PART.sub(lambda part: _value(document, part[1]), expression)


def _value(document: Any, path: str) -> str:
    for name in path.split("."):
        if not isinstance(document, dict) or name not in document:
            return ""
        document = document[name]
    try:
        return document if isinstance(document, str) else written(document)
    except ValueError:  # too deep
        return ""
