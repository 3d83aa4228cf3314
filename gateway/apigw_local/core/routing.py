"""Which route a message takes ("Working with routes for WebSocket APIs")."""

import json
import re
from typing import Any

_PART = re.compile(r"\$\{request\.body\.([^}]+)\}")


def select_route(expression: str, body: str) -> str:
    """Evaluate a route selection expression against a text frame.

    Args:
        expression: ``$request.body.a.b``, ``${request.body.a}/${request.body.b}`` or a constant.

    Returns:
        The route key to look up; empty where the body does not have the field.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if expression.startswith("$request.body."):
        return _value(document, expression.removeprefix("$request.body."))
    return _PART.sub(lambda part: _value(document, part[1]), expression)


def _value(document: Any, path: str) -> str:
    for name in path.split("."):
        if not isinstance(document, dict) or name not in document:
            return ""
        document = document[name]
    return document if isinstance(document, str) else json.dumps(document)
