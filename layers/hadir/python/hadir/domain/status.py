"""Who is here now; a person counts once, however many sockets they have."""

from dataclasses import dataclass
from typing import Self

from hadir.domain.identity import UserType
from hadir.domain.session import ALL_LISTED, Presence, Session, Unlisted


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """The people present in a session, sorted by when they became present.

    Attributes:
        unlisted: how many more there are.
    """

    people: tuple[Presence, ...]
    unlisted: Unlisted = ALL_LISTED

    @classmethod
    def of(cls, session: Session) -> Self:
        """The status of ``session``."""
        people = sorted(session.people, key=lambda each: (each.at, each.person))
        return cls(tuple(people), session.unlisted)

    @property
    def total_customer(self) -> int:
        """How many customers are present."""
        return self.unlisted.customers + self._listed_customers

    @property
    def total_agent(self) -> int:
        """How many agents are present; an admin counts as one."""
        return self.unlisted.agents + len(self.people) - self._listed_customers

    @property
    def _listed_customers(self) -> int:
        return sum(each.person.user_type is UserType.CUSTOMER for each in self.people)

    def by_name(self) -> dict[str, Presence]:
        """The people by the key that each has in the ``users`` map (contract, section 2).

        If several people have the same id, the bare id is the key of the customer, else of the
        agent, else of the admin. Each of the others has the key ``{user_type}:{user_id}``; if that
        is somebody's id, one more ``{user_type}:`` is put before it.
        """
        holders: dict[str, UserType] = {}
        for each in self.people:
            user_type, user_id = each.person.user_type, each.person.user_id
            holders[user_id] = min(user_type, holders.get(user_id, user_type), key=_RANK.index)
        named: dict[str, Presence] = {}
        for each in self.people:
            user_type, name = each.person.user_type, each.person.user_id
            if holders[name] is not user_type:
                while name in holders or name in named:
                    name = f"{user_type}:{name}"
            named[name] = each
        return named


_RANK = (UserType.CUSTOMER, UserType.AGENT, UserType.ADMIN)
