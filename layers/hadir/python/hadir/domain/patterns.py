"""Patterns of session ids, as a token names them: an id, or a prefix that ends in ``*``."""

from collections.abc import Iterable

MANY = "*"
"""The end of a prefix of session ids. No token opens a session whose id contains it: a token for
that session alone would open all sessions with that prefix."""


def match(patterns: Iterable[str], session_id: str) -> bool:
    """Whether one of the patterns is for that session.

    Args:
        session_id: an id; or a pattern, to ask whether another is for all of its sessions.
    """
    return any(
        session_id.startswith(each.removesuffix(MANY))
        if each.endswith(MANY)
        else session_id == each
        for each in patterns
    )
