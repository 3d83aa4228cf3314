"""Who is connecting: a user, of a type, in a session."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from hadir.domain.errors import InvalidIdentity

# ASCII only, spelled out: \w would let look-alike letters of other scripts through.
_ID = re.compile(r"[A-Za-z0-9_.:@-]{1,128}")


class UserType(StrEnum):
    """What a user may be. An admin counts as an agent in the totals (contract, section 1)."""

    CUSTOMER = "customer"
    AGENT = "agent"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Identity:
    """A user in a session.

    Attributes:
        session_id: 1 to 128 characters of ``A-Za-z0-9_.:@-``.
        user_id: the same.
        user_type: customer, agent or admin.
    """

    session_id: str
    user_id: str
    user_type: UserType

    @classmethod
    def parse(cls, session_id: object, user_id: object, user_type: object) -> Self:
        """Build an identity from untrusted values.

        Raises:
            InvalidIdentity: names the field and what it must be.
        """
        try:
            kind = UserType(str(user_type))
        except ValueError:
            raise InvalidIdentity("user_type must be customer, agent or admin") from None
        return cls(check_id("session_id", session_id), check_id("user_id", user_id), kind)


def check_id(field: str, value: object) -> str:
    """Return ``value`` if it is an id the contract allows.

    Raises:
        InvalidIdentity: names ``field``; never repeats the value, which may be hostile.
    """
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    raise InvalidIdentity(f"{field} must be 1 to 128 characters of A-Z a-z 0-9 _ . : @ -")
