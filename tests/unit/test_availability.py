"""Which word is said of a tenant's agents and admins."""

import pytest

from hadir.domain.availability import Agents, Attendance, agents
from hadir.domain.identity import Person, UserType

LEASE_MS = 90_000

ANNE = Person(UserType.AGENT, "anne")
BEN = Person(UserType.ADMIN, "ben")

LIVE = Attendance(ANNE, is_away=False, silent_ms=30_000)
SILENT = Attendance(ANNE, is_away=False, silent_ms=None)
AWAY = Attendance(ANNE, is_away=True, silent_ms=None)
BEN_AWAY = Attendance(BEN, is_away=True, silent_ms=1_000)


@pytest.mark.parametrize(
    ("present", "left", "word"),
    [
        ([], [], Agents.OFFLINE),
        ([AWAY], [], Agents.AWAY),
        ([AWAY, BEN_AWAY], [], Agents.AWAY),
        ([SILENT], [], Agents.REACHABLE),
        ([BEN_AWAY, SILENT], [], Agents.REACHABLE),
        ([], [ANNE], Agents.REACHABLE),
        ([BEN_AWAY], [ANNE], Agents.REACHABLE),
        ([AWAY], [ANNE], Agents.AWAY),
        ([LIVE], [], Agents.LIVE),
        ([AWAY, BEN_AWAY, SILENT, LIVE], [BEN], Agents.LIVE),
    ],
)
def test_one_who_would_answer_is_enough(
    present: list[Attendance], left: list[Person], word: Agents
) -> None:
    assert agents(present, left, LEASE_MS) is word
    assert agents(present[::-1], left, LEASE_MS) is word


@pytest.mark.parametrize(
    ("silent_ms", "is_live"), [(0, True), (89_999, True), (90_000, False), (None, False)]
)
def test_a_client_proves_that_somebody_is_there_for_a_lease(
    silent_ms: int | None, is_live: bool
) -> None:
    heard = Attendance(ANNE, is_away=False, silent_ms=silent_ms)
    assert heard.is_live(LEASE_MS) is is_live
    assert agents([heard], [], LEASE_MS) is (Agents.LIVE if is_live else Agents.REACHABLE)


def test_who_is_away_is_not_live_whatever_was_heard() -> None:
    assert not BEN_AWAY.is_live(LEASE_MS)
