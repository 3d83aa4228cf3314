"""Values of parameters, in each of the forms that SAM takes."""

import re
from collections.abc import Mapping
from typing import Any

_OVERRIDE = re.compile(
    r"""
    (?:ParameterKey=([^,\s]+),ParameterValue|(?!ParameterKey=)([\w.:-]+))  # either of sam's forms
    =("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|.*?)   # the value
    (?=\s+[\w.:-]+=|\s*$)    # another one, or the end
    \s*
    """,
    re.VERBOSE | re.DOTALL,
)


def parsed_overrides(written: str) -> list[tuple[str, str]]:
    """``A=1 B="x y"``, or ``ParameterKey=A,ParameterValue=1``.

    Raises:
        ValueError: it is neither.
    """
    found, at = [], 0
    while at < len(written) or not written:
        one = _OVERRIDE.match(written, at)
        if not one:
            raise ValueError(f"{written!r} is not NAME=VALUE")
        found.append((one[1] or one[2], _unquoted(one[3])))
        at = one.end()
    return found


def configured_overrides(value: Any) -> dict[str, str]:
    """The same of a configuration file, where it may be a list or a table too.

    Raises:
        ValueError: it is of another form.
    """
    if isinstance(value, Mapping):
        return {str(name): _text(each) for name, each in value.items()}
    if isinstance(value, list):
        found: dict[str, str] = {}
        for each in value:
            found |= configured_overrides(each)
        return found
    if isinstance(value, str):
        return dict(parsed_overrides(value.strip())) if value.strip() else {}
    raise ValueError(f"{value!r} is not NAME=VALUE")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ",".join(str(each).strip() for each in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return re.sub(r"\\([\"' \\])", r"\1", value[1:-1])
    return value
