"""Who is here now: people, counted once however many sockets they have."""

from dataclasses import dataclass
from typing import Self

from hadir.domain.identity import UserType
from hadir.domain.session import Session


@dataclass(frozen=True, slots=True)
class Person:
    """A user who is present.

    Attributes:
        user_type: that of their first open connection.
        connected_at: since when they are present, milliseconds since the Unix epoch.
        connections: how many of their sockets are open; 0 while they may still come back unnoticed.
    """

    user_id: str
    user_type: UserType
    connected_at: int
    connections: int


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """The people present in a session, those who came first first."""

    people: tuple[Person, ...]

    @classmethod
    def of(cls, session: Session) -> Self:
        """The status that ``session`` shows; connections only admitted do not count."""
        people = {
            who.user_id: Person(who.user_id, who.user_type, who.at, 0) for who in session.absentees
        }
        for member in sorted(session.open_members(), key=lambda m: (m.at, m.connection_id)):
            known = people.get(member.user_id)
            people[member.user_id] = Person(
                member.user_id,
                known.user_type if known else member.user_type,
                known.connected_at if known else member.at,
                known.connections + 1 if known else 1,
            )
        by_arrival = sorted(people.values(), key=lambda person: person.connected_at)
        return cls(tuple(by_arrival))

    @property
    def total_customer(self) -> int:
        """How many customers are present."""
        return sum(person.user_type is UserType.CUSTOMER for person in self.people)

    @property
    def total_agent(self) -> int:
        """How many agents are present; an admin counts as one."""
        return len(self.people) - self.total_customer
