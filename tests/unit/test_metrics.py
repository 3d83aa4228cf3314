"""The figures, where many threads add to them."""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from hadir import metrics
from hadir.announcer import Broadcast
from hadir.domain.identity import SessionRef

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
