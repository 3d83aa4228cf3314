"""Ids of the form that API Gateway's have, so that mistakes in URL-encoding show up locally.

16 characters of URL-safe base64 of 11 bytes, so one ``=`` at the end, and ``-`` and ``_`` within;
the ninth byte tells connections and messages (2) from requests (5). Read off published events.
"""

import re
import secrets
from base64 import urlsafe_b64encode

_HOST = secrets.token_bytes(2)
_FORM = re.compile(r"[A-Za-z0-9_-]{15}=")


def new_connection_id() -> str:
    """An id for a connection, or for a message."""
    return _new(2)


def new_request_id() -> str:
    """An id for a request."""
    return _new(5)


def is_connection_id(text: str) -> bool:
    """Whether ``text`` has the form of a connection id."""
    return _FORM.fullmatch(text) is not None


def _new(kind: int) -> str:
    return urlsafe_b64encode(secrets.token_bytes(8) + bytes([kind]) + _HOST).decode()
