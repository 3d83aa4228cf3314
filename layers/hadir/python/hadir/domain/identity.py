"""Who is connecting: a user, of a type, in a session of a tenant."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from hadir.domain.errors import InvalidIdentity
from hadir.domain.patterns import MANY, match

LONGEST_ID = 128
"""Characters in an id."""

LONGEST_ID_BYTES = 256
"""Bytes of an id in UTF-8."""

_LONGEST_WRITTEN = 4 * LONGEST_ID
"""Characters in an id before it is in NFC, which combines up to four characters into one."""

_NOT_IN_IDS = " {}\ufffd"
"""Blanks; braces, which Redis reads as a hash tag; the character that replaces invalid bytes."""

LONGEST_NAME = 100
"""Characters in the name that is shown of a person."""

LONGEST_AVATAR = 512
"""Characters in the address of a person's picture."""

_JOINERS = "\u200c\u200d"
"""Not printable by themselves, but names in Persian, and emoji, are written with them."""

_AVATAR = re.compile(r"https://[A-Za-z0-9\-._~%[][A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")
"""An address with a host, of the characters that RFC 3986 allows."""

DEFAULT_TENANT = "default"
"""The tenant of tokens that name none."""

CANARY = "hadir-canary"
"""The canary's tenant, if there are tokens; the ids of its sessions and people begin with it."""


class UserType(StrEnum):
    """What a user may be. An admin counts as an agent in the totals (contract, section 1)."""

    CUSTOMER = "customer"
    AGENT = "agent"
    ADMIN = "admin"

    @property
    def is_staff(self) -> bool:
        """Whether they are an agent or an admin."""
        return self is not UserType.CUSTOMER


_USER_TYPES = {each.value: each for each in UserType}


@dataclass(frozen=True, slots=True, order=True)
class Person:
    """Identifies a user within a tenant: a customer ``42`` is not the agent ``42``.

    As text it is ``user_type/user_id``. No type contains a slash, so no two people are written
    alike.
    """

    user_type: UserType
    user_id: str

    def __str__(self) -> str:
        return f"{self.user_type}/{self.user_id}"

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The person that was written as ``text``; None if their type is not known.

        A newer version of the code, since rolled back, may have written it.
        """
        name, _, user_id = text.partition("/")
        user_type = _USER_TYPES.get(name)
        return None if user_type is None else cls(user_type, user_id)


@dataclass(frozen=True, slots=True, order=True)
class SessionRef:
    """Identifies a session among those of all tenants.

    As text it is ``tenant session_id``. Ids contain no blank, so no two sessions are written alike.
    """

    tenant: str
    session_id: str

    def __str__(self) -> str:
        return f"{self.tenant} {self.session_id}"

    @classmethod
    def read(cls, text: str) -> Self:
        """The session that was written as ``text``."""
        tenant, _, session_id = text.partition(" ")
        return cls(tenant, session_id)


@dataclass(frozen=True, slots=True)
class Identity:
    """A user in a session.

    Attributes:
        session_id: an id (``check_id``).
        user_id: the same.
        user_type: customer, agent or admin.
        tenant: the tenant of the session; an id like the others.
        expires_at: until when the identity is proved, seconds since the Unix epoch; 0: for ever.
        sessions: of an agent or admin whose token is for more sessions than this one, the patterns
            of all of them; else empty.
        name, avatar: what is shown of them (``shown_name``, ``shown_avatar``); empty if nothing.
    """

    session_id: str
    user_id: str
    user_type: UserType
    tenant: str = DEFAULT_TENANT
    expires_at: int = 0
    sessions: tuple[str, ...] = ()
    name: str = ""
    avatar: str = ""

    @classmethod
    def parse(
        cls,
        session_id: object,
        user_id: object,
        user_type: object,
        tenant: object = DEFAULT_TENANT,
        expires_at: object = 0,
        sessions: object = "",
        *,
        name: object = None,
        avatar: object = None,
    ) -> Self:
        """Build an identity from untrusted values.

        Args:
            sessions: patterns separated by blanks, which were checked before that.

        Raises:
            InvalidIdentity: names the field and what it must be.
        """
        return cls(
            check_id("session_id", session_id),
            check_id("user_id", user_id),
            check_user_type(user_type),
            check_id("tenant", tenant),
            _check_seconds(expires_at),
            tuple(str(sessions).split()),
            shown_name(name),
            shown_avatar(avatar),
        )

    @property
    def session(self) -> SessionRef:
        """The session they are in."""
        return SessionRef(self.tenant, self.session_id)

    @property
    def person(self) -> Person:
        """Who they are."""
        return Person(self.user_type, self.user_id)

    def covers(self, session_id: str) -> bool:
        """Whether they may act in the session with that id."""
        is_own = session_id == self.session_id
        return is_own or (MANY not in session_id and match(self.sessions, session_id))

    @property
    def covers_all(self) -> bool:
        """Whether they may act in every session of the tenant."""
        return MANY in self.sessions


def check_id(field: str, value: object) -> str:
    """Return ``value``, in Unicode's NFC, if it is an id the contract allows.

    An id has 1 to 128 characters, at most 256 bytes in UTF-8. All printable characters are allowed
    except blanks, braces, which Redis reads as a hash tag, and U+FFFD, which replaces invalid
    bytes.

    Raises:
        InvalidIdentity: names ``field``; never repeats the value, which may be hostile.
    """
    if isinstance(value, str) and len(value) <= _LONGEST_WRITTEN:
        normal = unicodedata.normalize("NFC", value)
        if is_id(normal):
            return normal
    raise InvalidIdentity(
        f"{field} must be 1 to {LONGEST_ID} printable characters (at most {LONGEST_ID_BYTES} bytes "
        "in UTF-8), and no blanks, braces or U+FFFD"
    )


def is_id(text: str) -> bool:
    """Whether the contract allows ``text`` as an id; ``text`` must be in NFC."""
    return (
        1 <= len(text) <= LONGEST_ID
        and text.isprintable()
        and not any(char in text for char in _NOT_IN_IDS)
        and len(text.encode()) <= LONGEST_ID_BYTES
    )


def shown_name(value: object) -> str:
    """What is shown of ``value`` as somebody's name; empty if that is nothing.

    It is in Unicode's NFC, without what is not printable, with one blank for any white space, and
    ends after 100 characters: nobody is kept out, or has no name, because theirs is unusual.
    """
    if not isinstance(value, str):
        return ""
    kept = (each for each in value if each.isprintable() or each.isspace() or each in _JOINERS)
    words = unicodedata.normalize("NFC", "".join(kept)).split()
    shown = " ".join(words)[:LONGEST_NAME].rstrip()
    return shown if shown.strip(f" {_JOINERS}") else ""


def shown_avatar(value: object) -> str:
    """``value`` if it is the ``https`` address of a picture, at most 512 characters; else empty."""
    is_shown = isinstance(value, str) and len(value) <= LONGEST_AVATAR and _AVATAR.fullmatch(value)
    return str(value) if is_shown else ""


def check_user_type(value: object) -> UserType:
    """Return ``value`` as a user type.

    Raises:
        InvalidIdentity: it is not one.
    """
    try:
        return UserType(str(value))
    except ValueError:
        raise InvalidIdentity("user_type must be customer, agent or admin") from None


def _check_seconds(value: object) -> int:
    if re.fullmatch(r"[0-9]{1,12}", str(value), re.ASCII):
        return int(str(value))
    raise InvalidIdentity("expires_at must be whole seconds")
