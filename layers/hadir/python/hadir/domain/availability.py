"""Whether an agent or admin of a tenant would answer, in one word for the public."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from hadir.domain.identity import CANARY, Person

EXPECTED_BACK_MS = 30_000
"""How long somebody who left counts as on the way to the next page, in milliseconds."""


class Agents(StrEnum):
    """What is said of all agents and admins of a tenant."""

    LIVE = "live"
    REACHABLE = "reachable"
    AWAY = "away"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Attendance:
    """An agent or admin is present in a session; in grace they are present too.

    Attributes:
        is_away: whether all their clients there say that their user is away.
        silent_ms: how long ago one of their other clients there was last heard, in milliseconds;
            None if none ever was.
    """

    person: Person
    is_away: bool
    silent_ms: int | None

    def is_live(self, lease_ms: int) -> bool:
        """Whether it is proved that they are there, by a client heard within a lease."""
        return not self.is_away and self.silent_ms is not None and self.silent_ms < lease_ms


def may_answer(person: Person) -> bool:
    """Whether somebody is an agent or admin, and not the canary, behind which there is nobody."""
    return person.user_type.is_staff and not person.user_id.startswith(f"{CANARY}-")


def agents(present: Collection[Attendance], left: Collection[Person], lease_ms: int) -> Agents:
    """The word for a tenant.

    Args:
        present: where agents and admins are present.
        left: those who left a session within ``EXPECTED_BACK_MS`` and may be back in a moment. Of
            who is still present elsewhere, that they are present counts.
        lease_ms: how long a client that was heard counts as there, in milliseconds.
    """
    if any(each.is_live(lease_ms) for each in present):
        return Agents.LIVE
    if any(not each.is_away for each in present):
        return Agents.REACHABLE
    if {*left} - {each.person for each in present}:
        return Agents.REACHABLE
    return Agents.AWAY if present else Agents.OFFLINE
