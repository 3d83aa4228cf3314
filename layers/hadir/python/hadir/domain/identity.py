"""Who is connecting: a user, of a type, in a session of a tenant."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from hadir.domain.errors import InvalidIdentity

# ASCII only, spelled out: \w would let look-alike letters of other scripts through.
_ID = re.compile(r"[A-Za-z0-9_.:@-]{1,128}")

DEFAULT_TENANT = "default"
"""Whose sessions are meant where nobody says."""


class UserType(StrEnum):
    """What a user may be. An admin counts as an agent in the totals (contract, section 1)."""

    CUSTOMER = "customer"
    AGENT = "agent"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, order=True)
class SessionRef:
    """Names a session among those of all tenants.

    As text ``tenant/session_id``: ids hold no slash, so no two sessions are written alike.
    """

    tenant: str
    session_id: str

    def __str__(self) -> str:
        return f"{self.tenant}/{self.session_id}"

    @classmethod
    def read(cls, text: str) -> Self:
        """The session that was written as ``text``."""
        tenant, _, session_id = text.partition("/")
        return cls(tenant, session_id)


@dataclass(frozen=True, slots=True)
class Identity:
    """A user in a session.

    Attributes:
        session_id: 1 to 128 characters of ``A-Za-z0-9_.:@-``.
        user_id: the same.
        user_type: customer, agent or admin.
        tenant: whose session it is; an id like the others.
        expires_at: until when that has been proved, seconds since the Unix epoch; 0: for good.
    """

    session_id: str
    user_id: str
    user_type: UserType
    tenant: str = DEFAULT_TENANT
    expires_at: int = 0

    @classmethod
    def parse(
        cls,
        session_id: object,
        user_id: object,
        user_type: object,
        tenant: object = DEFAULT_TENANT,
        expires_at: object = 0,
    ) -> Self:
        """Build an identity from untrusted values.

        Raises:
            InvalidIdentity: names the field and what it must be.
        """
        return cls(
            check_id("session_id", session_id),
            check_id("user_id", user_id),
            check_user_type(user_type),
            check_id("tenant", tenant),
            _check_seconds(expires_at),
        )

    @property
    def session(self) -> SessionRef:
        """The session they are in."""
        return SessionRef(self.tenant, self.session_id)


def check_id(field: str, value: object) -> str:
    """Return ``value`` if it is an id the contract allows.

    Raises:
        InvalidIdentity: names ``field``; never repeats the value, which may be hostile.
    """
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    raise InvalidIdentity(f"{field} must be 1 to 128 characters of A-Z a-z 0-9 _ . : @ -")


def check_user_type(value: object) -> UserType:
    """Return ``value`` as a user type.

    Raises:
        InvalidIdentity: it is none.
    """
    try:
        return UserType(str(value))
    except ValueError:
        raise InvalidIdentity("user_type must be customer, agent or admin") from None


def _check_seconds(value: object) -> int:
    if re.fullmatch(r"[0-9]{1,12}", str(value), re.ASCII):
        return int(str(value))
    raise InvalidIdentity("expires_at must be whole seconds")
