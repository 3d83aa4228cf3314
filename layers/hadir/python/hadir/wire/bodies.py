"""Reads the bodies of REST requests, and checks them before anything is done about them."""

import json
from collections.abc import Mapping
from typing import Any

from hadir.domain.bans import LONGEST_BAN_SECONDS, LONGEST_REASON, Ban, Banned
from hadir.domain.errors import InvalidRequest
from hadir.domain.identity import Person, check_id, check_user_type
from hadir.domain.limits import LONGEST_TEXT
from hadir.wire.queries import read_time

_CODE = "invalid_request"


def read_object(body: str | None) -> dict[str, Any]:
    """The JSON object in a body.

    Raises:
        InvalidRequest: the body is not a JSON object.
    """
    try:
        found = json.loads(body or "")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidRequest(_CODE, "the body must be an object in JSON")
    return found


def read_text(fields: Mapping[str, Any], name: str, most: int) -> str | None:
    """The text ``name`` in a body; None if there is none.

    Raises:
        InvalidRequest: it is not a text, or it is empty or too long.
    """
    text = fields.get(name)
    if text is None:
        return None
    if not isinstance(text, str) or not 1 <= len(text) <= most or not _is_unicode(text):
        raise InvalidRequest(_CODE, f"{name} must be a text of 1 to {most} characters")
    return text


def read_ban(body: str | None, by: Person, now: int) -> Ban:
    """The ban that a body asks for.

    Args:
        by: the admin who asks for it.
        now: milliseconds since the Unix epoch.

    Raises:
        InvalidIdentity: the user or the session is missing or invalid.
        InvalidRequest: anything else is missing or invalid.
    """
    fields = read_object(body)
    user_type = check_user_type(fields.get("user_type"))
    person = Person(user_type, check_id("user_id", fields.get("user_id")))
    session_id = fields.get("session_id")
    if session_id is not None:
        session_id = check_id("session_id", session_id)
    until = _end(fields, now)
    if not now < until <= now + 1000 * LONGEST_BAN_SECONDS:
        raise InvalidRequest(_CODE, "a ban must end in the future, within 10 years")
    reason = read_text(fields, "reason", LONGEST_REASON) or ""
    return Ban(Banned(person, session_id), until, by, reason)


def read_message(body: str | None) -> tuple[str, str]:
    """The text and the ``client_id`` in a body; the latter is empty if there is none.

    Raises:
        InvalidIdentity: the ``client_id`` is not an id.
        InvalidRequest: there is no text, or it is too long.
    """
    fields = read_object(body)
    text = read_text(fields, "text", LONGEST_TEXT)
    if text is None:
        raise InvalidRequest(_CODE, "text is needed")
    client_id = fields.get("client_id")
    return text, "" if client_id is None else check_id("client_id", client_id)


def _end(fields: Mapping[str, Any], now: int) -> int:
    seconds, until = fields.get("seconds"), fields.get("until")
    if (seconds is None) == (until is None):
        raise InvalidRequest(_CODE, "give either until or seconds")
    if until is None:
        if type(seconds) is not int or not 1 <= seconds <= LONGEST_BAN_SECONDS:
            text = f"seconds must be a whole number from 1 to {LONGEST_BAN_SECONDS}"
            raise InvalidRequest(_CODE, text)
        return now + 1000 * seconds
    at = read_time(until)
    if at is None:
        text = "until must be a time as in RFC 3339, for example 2027-01-24T10:30:00Z"
        raise InvalidRequest(_CODE, text)
    return int(at.timestamp() * 1000)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True
