"""Which route a message takes ("Working with routes for WebSocket APIs")."""

import re
from typing import Any

from apigw_local.core.documents import parsed, written
from apigw_local.core.json_path import part, steps

_PART = re.compile(r"\$\{request\.body([.\[][^}]+)\}")
_WHOLE = re.compile(r"\$request\.body([.\[].+)", re.DOTALL)


def select_route(expression: str, body: str) -> str:
    """Evaluate a route selection expression against a text frame.

    Args:
        expression: ``$request.body.a.b``, ``$request.body.items[0].kind``,
            ``$request.body['the action']``, ``${request.body.a}/${request.body.b}`` or a constant.

    Returns:
        The route key to look up; empty where the body does not have the field.
    """
    try:
        document = parsed(body)
    except ValueError:
        document = None
    if whole := _WHOLE.fullmatch(expression):
        return _value(document, whole[1])
    return _PART.sub(lambda found: _value(document, found[1]), expression)


def unread_paths(expression: str) -> list[str]:
    """The paths of an expression that are never found, because they are not read."""
    whole = _WHOLE.fullmatch(expression)
    paths = [whole[1]] if whole else _PART.findall(expression)
    return [path for path in paths if not _is_read(path)]


def _is_read(path: str) -> bool:
    try:
        return bool(steps(path))
    except ValueError:
        return False


def _value(document: Any, path: str) -> str:
    try:
        found = part(document, steps(path))
        return found if isinstance(found, str) else written(found)
    except (LookupError, ValueError):  # not there, no path, or nested too deep
        return ""
