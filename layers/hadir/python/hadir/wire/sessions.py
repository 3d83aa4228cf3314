"""Writes a session as the body of a queue's message: JSON with its tenant and its id."""

import json

from hadir.domain.errors import InvalidIdentity
from hadir.domain.identity import SessionRef, check_id


def write_session(ref: SessionRef) -> str:
    """The body that names a session."""
    return json.dumps({"tenant": ref.tenant, "session_id": ref.session_id})


def read_session(body: str) -> SessionRef:
    """The session that a body names.

    Raises:
        InvalidIdentity: the body does not name a session.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidIdentity("a session is an object in JSON")
    tenant = check_id("tenant", found.get("tenant"))
    return SessionRef(tenant, check_id("session_id", found.get("session_id")))
