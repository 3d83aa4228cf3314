"""Who is kept out, of where, and until when."""

from dataclasses import dataclass
from typing import Self

from hadir.domain.identity import Person, SessionRef

LONGEST_BAN_SECONDS = 10 * 365 * 86_400

LONGEST_REASON = 200
"""Characters in the reason for putting somebody out."""


@dataclass(frozen=True, slots=True, order=True)
class Banned:
    """Somebody, where they are kept out: in one session, or in all of their tenant.

    As text ``user_type/user_id``, and after a blank the session id if it is one session: ids hold
    no blank, so no two are written alike.
    """

    person: Person
    session_id: str | None = None

    def __str__(self) -> str:
        return f"{self.person} {self.session_id}" if self.session_id else str(self.person)

    @classmethod
    def read(cls, text: str) -> Self:
        """What was written as ``text``."""
        person, _, session_id = text.partition(" ")
        return cls(Person.read(person), session_id or None)

    @classmethod
    def from_entering(cls, ref: SessionRef, person: Person) -> tuple[Self, Self]:
        """The two that each keep somebody out of a session."""
        return cls(person), cls(person, ref.session_id)


@dataclass(frozen=True, slots=True)
class Ban:
    """Keeps somebody out for a time.

    Attributes:
        until: milliseconds since the Unix epoch.
        by: who wanted that.
        reason: told to who is put out; empty if there is none.
    """

    who: Banned
    until: int
    by: Person
    reason: str = ""
