"""Who is here now: people, counted once however many sockets they have."""

from dataclasses import dataclass
from typing import Self

from hadir.domain.identity import UserType
from hadir.domain.session import Presence, Session


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """The people present in a session, those who came first first."""

    people: tuple[Presence, ...]

    @classmethod
    def of(cls, session: Session) -> Self:
        """The status that ``session`` shows."""
        return cls(tuple(sorted(session.people, key=lambda each: (each.at, each.person))))

    @property
    def total_customer(self) -> int:
        """How many customers are present."""
        return sum(each.person.user_type is UserType.CUSTOMER for each in self.people)

    @property
    def total_agent(self) -> int:
        """How many agents are present; an admin counts as one."""
        return len(self.people) - self.total_customer

    def by_name(self) -> dict[str, Presence]:
        """The people by the name each has in the ``users`` map (contract, section 2).

        The bare id is taken by the customer before the agent before the admin; another of that id
        stands under ``{user_type}:{user_id}``, and should that be somebody's id, under a name with
        one more ``{user_type}:`` before it.
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
