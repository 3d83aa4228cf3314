"""Reads the query strings of REST requests."""

import re
from typing import TypeVar

from hadir.domain.errors import InvalidRequest

_Usual = TypeVar("_Usual", int, None)


def read_number(
    text: str | None, name: str, *, least: int = 0, usual: _Usual, most: int
) -> int | _Usual:
    """A whole number in a range; ``usual`` if there is none.

    Raises:
        InvalidRequest: ``invalid_request``, naming the parameter.
    """
    if text is None:
        return usual
    if not re.fullmatch(r"[0-9]{1,16}", text, re.ASCII) or not least <= int(text) <= most:
        raise InvalidRequest("invalid_request", f"{name} must be a number from {least} to {most}")
    return int(text)
