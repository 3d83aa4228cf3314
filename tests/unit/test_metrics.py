"""The figures, where many threads add to them."""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from hadir import metrics
from hadir.announcer import Broadcast
from hadir.attendance import Attended
from hadir.domain.identity import Person, SessionRef, UserType
from hadir.domain.session import AssignmentEvent

MOST_VALUES = 100
"""Of one metric in one line ("Specification: embedded metric format")."""


@pytest.fixture
def _interrupted_often() -> Iterator[None]:
    usually = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usually)


@pytest.mark.usefixtures("_interrupted_often")
def test_each_post_is_counted_once(capsys: pytest.CaptureFixture[str]) -> None:
    made = [Broadcast(SessionRef("tenant", "s1"), None, False, 1, 1, 0, (), 0, 0)]

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(metrics.broadcasts, [made] * 3000))
    metrics.published(lambda *_: None)({}, None)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    counted = [len(line["Posts"]) for line in lines if "Posts" in line]
    assert sum(counted) == 3000
    assert max(counted) <= MOST_VALUES


def test_an_assignment_is_counted_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    event = AssignmentEvent(3, None, 0, Person(UserType.AGENT, "amy"))
    made = [Broadcast(SessionRef("tenant", "s1"), event, True, 1, 1, 0, (), 0, 0)]

    metrics.broadcasts(made)
    metrics.published(lambda *_: None)({}, None)

    written = json.loads(capsys.readouterr().out)
    assert written["Assignments"] == [1]
    assert not {"Messages", "PresenceEvents"} & set(written)


@pytest.mark.parametrize(("sessions", "written"), [(0, {}), (3, {"SessionsUnattended": [2.0]})])
def test_who_assigns_no_sessions_has_no_figure_of_them(
    capsys: pytest.CaptureFixture[str], sessions: int, written: dict[str, list[float]]
) -> None:
    metrics.attended(Attended(sessions, unattended=2))
    metrics.published(lambda *_: None)({}, None)

    line = json.loads(capsys.readouterr().out or "{}")
    assert {name: line[name] for name in line if name.startswith("Sessions")} == written
