"""Writes a grant as an authorizer's context, which is part of the REST function's event."""

from collections.abc import Mapping
from typing import Any

from hadir.domain.grant import Grant
from hadir.domain.identity import UserType


def write_grant(grant: Grant) -> dict[str, str]:
    """The context of a grant; all its values are texts."""
    return {
        "tenant": grant.tenant,
        "user_id": grant.user_id,
        "user_type": grant.user_type.value,
        "sessions": " ".join(grant.sessions),
    }


def read_grant(context: Mapping[str, Any]) -> Grant:
    """The grant that ``write_grant`` wrote; it was checked before that.

    Raises:
        KeyError: ``write_grant`` did not write this context.
    """
    return Grant(
        tenant=context["tenant"],
        user_id=context["user_id"],
        user_type=UserType(context["user_type"]),
        sessions=tuple(context["sessions"].split(" ")),
        expires_at=0,
    )
