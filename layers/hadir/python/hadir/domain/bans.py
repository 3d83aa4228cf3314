"""Bans: who is kept out, of which sessions, and until when."""

from dataclasses import dataclass
from typing import Self

from hadir.domain.identity import Person, SessionRef

LONGEST_BAN_SECONDS = 10 * 365 * 86_400

LONGEST_REASON = 200
"""Characters in the reason for a kick or a ban."""


@dataclass(frozen=True, slots=True, order=True)
class Banned:
    """A person, and where they are kept out: of one session, or of all sessions of their tenant.

    As text it is ``user_type/user_id``, followed by a blank and the session id for one session. Ids
    contain no blank, so no two are written alike.
    """

    person: Person
    session_id: str | None = None

    def __str__(self) -> str:
        return f"{self.person} {self.session_id}" if self.session_id else str(self.person)

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The value that was written as ``text``; None if the person's type is not known."""
        name, _, session_id = text.partition(" ")
        person = Person.read(name)
        return cls(person, session_id or None) if person else None

    @classmethod
    def from_entering(cls, ref: SessionRef, person: Person) -> tuple[Self, Self]:
        """The two that keep a person out of a session: of the tenant, and of that session."""
        return cls(person), cls(person, ref.session_id)


@dataclass(frozen=True, slots=True)
class Ban:
    """Keeps a person out for a time.

    Attributes:
        who: the person, and where they are kept out.
        until: milliseconds since the Unix epoch.
        by: the admin who made the ban; None if that is not known.
        reason: told to the person if they are put out; empty if there is none.
    """

    who: Banned
    until: int
    by: Person | None
    reason: str = ""
