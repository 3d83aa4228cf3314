"""Mapping templates, as far as they put values into a text.

Source of the variables: "API Gateway WebSocket API mapping template reference", and for
``$input`` and ``$util`` "Mapping template reference for REST APIs", whose language it is. Its
directives (``#set``, ``#if``, ``#foreach``, …) are not evaluated.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, unquote

from apigw_local.core.documents import parsed, written
from apigw_local.core.json_path import part, steps

_DIRECTIVE = re.compile(
    r"#\{?(?:set|if|elseif|else|end|foreach|macro|include|parse|stop|break)\b|##|#\*"
)
_REFERENCE = re.compile(r"\$!?\{?(?=(?:input|util|context|stageVariables)\b)")
"""Another variable is not set, and stays as it is written."""

_PATH = re.compile(r"(?:\.?[A-Za-z_][\w-]*(?![\w-]*\()|\[\s*(?:\d+|'[^']*'|\"[^\"]*\")\s*\])+")
_QUOTED = re.compile(r"\s*(?:'([^']*)'|\"([^\"]*)\")\s*\)")
_CALL = re.compile(r"(input|util)\.(\w+)\(\s*")

_ESCAPES = {"\\": "\\\\", '"': '\\"', "'": "\\'", "/": "\\/", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_UTIL: Mapping[str, Callable[[str], str]] = {
    "escapeJavaScript": lambda text: "".join(_ESCAPES.get(each, each) for each in text),
    "base64Encode": lambda text: b64encode(text.encode()).decode(),
    "base64Decode": lambda text: b64decode(text).decode(errors="replace"),
    "urlEncode": lambda text: quote(text, safe=""),
    "urlDecode": unquote,
}


class CannotEvaluate(ValueError):
    """A template has something in it that is not evaluated here; the message says what."""


def check(template: str) -> None:
    """See that a template can be evaluated.

    Raises:
        CannotEvaluate: it cannot.
    """
    rendered(template, {})


def rendered(template: str, event: Mapping[str, Any]) -> str:
    """A template's text, for an event as a proxy integration would get it.

    What a body or a context does not have becomes empty.

    Raises:
        CannotEvaluate: something in it is not evaluated here.
    """
    if directive := _DIRECTIVE.search(template):
        raise CannotEvaluate(f"{directive[0]} of a mapping template is not evaluated here")
    found, at = [], 0
    while reference := _REFERENCE.search(template, at):
        found.append(template[at : reference.start()])
        value, at = _reference(template, reference.end(), event)
        found.append(_text(value))
        if reference[0].endswith("{"):
            if template[at : at + 1] != "}":
                raise CannotEvaluate(_not_evaluated(template, reference.start()))
            at += 1
    return "".join([*found, template[at:]])


def _reference(template: str, at: int, event: Mapping[str, Any]) -> tuple[Any, int]:
    """The value of the reference whose name begins at ``at``, and where it ends."""
    if template.startswith("input.body", at):
        return event.get("body", ""), at + len("input.body")
    if call := _CALL.match(template, at):
        if call[1] == "input":
            return _input(template, call, event)
        return _util(template, call, event)
    name = _PATH.match(template, at)
    path = steps(name[0]) if name else ()
    if name and len(path) > 1 and path[0] in ("context", "stageVariables"):
        where = event.get("requestContext" if path[0] == "context" else "stageVariables")
        # A full stop that ends a sentence is none of the path's.
        return _part(where, path[1:]), name.end()
    raise CannotEvaluate(_not_evaluated(template, at))


def _input(template: str, call: re.Match[str], event: Mapping[str, Any]) -> tuple[Any, int]:
    quoted = _QUOTED.match(template, call.end())
    if quoted is None or call[2] not in ("json", "path"):
        raise CannotEvaluate(_not_evaluated(template, call.start()))
    wanted = quoted[1] if quoted[1] is not None else quoted[2]
    end = quoted.end()
    try:
        path = steps(wanted.removeprefix("$"))
    except ValueError as error:
        raise CannotEvaluate(str(error)) from error
    more = _PATH.match(template, end) if call[2] == "path" else None
    if more and more[0][0] in ".[":
        path, end = path + steps(more[0]), more.end()
    try:
        body = parsed(event.get("body") or "{}")
    except ValueError:
        body = None
    value = _part(body, path)
    return (written(value) if call[2] == "json" else value), end


def _util(template: str, call: re.Match[str], event: Mapping[str, Any]) -> tuple[str, int]:
    function = _UTIL.get(call[2])
    if function is None:
        raise CannotEvaluate(_not_evaluated(template, call.start()))
    if quoted := _QUOTED.match(template, call.end()):
        given, end = quoted[1] if quoted[1] is not None else quoted[2], quoted.end()
    else:
        reference = _REFERENCE.match(template, call.end())
        if reference is None or reference[0].endswith("{"):
            raise CannotEvaluate(_not_evaluated(template, call.start()))
        given, end = _reference(template, reference.end(), event)
        closing = re.compile(r"\s*\)").match(template, end)
        if closing is None:
            raise CannotEvaluate(_not_evaluated(template, call.start()))
        end = closing.end()
    try:
        return function(_text(given)), end
    except ValueError:  # no base64
        return "", end


def _part(document: Any, path: tuple[str | int, ...]) -> Any:
    try:
        return part(document, path)
    except LookupError:
        return ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else written(value)


def _not_evaluated(template: str, at: int) -> str:
    line = template[at : at + 40].partition("\n")[0]
    return f"{line!r} of a mapping template is not evaluated here"
