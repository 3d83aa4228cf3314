"""Reads the query strings of REST requests."""

import re
from datetime import datetime
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


def read_time(text: object) -> datetime | None:
    """A time as in RFC 3339; None if ``text`` is not one."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo is not None and "T" in str(text).upper() else None


def read_moment(text: str, name: str, *, most: int) -> int | datetime:
    """A moment of a session: a version, or a time as in RFC 3339.

    Raises:
        InvalidRequest: ``invalid_request``, naming the parameter.
    """
    if re.fullmatch("[0-9]+", text, re.ASCII):
        return read_number(text, name, usual=0, most=most)
    at = read_time(text)
    if at is None:
        raise InvalidRequest(
            "invalid_request",
            f"{name} must be a version, or a time as in RFC 3339, such as 2027-01-24T10:30:00Z",
        )
    return at
