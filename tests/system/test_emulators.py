"""The benchmark of emulators starts what it measures; all but the one in Node, which wants npm."""

from argparse import Namespace

import pytest

from benchmarks import emulators
from benchmarks.emulators import OURS, Contender
from tests.running_gateway import ROOT

FEW = Namespace(cycles=2, widths=[1], joins=[2])


@pytest.fixture(autouse=True)
def no_warming(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulators, "WARMING_SECONDS", 0)


@pytest.mark.parametrize("contender", OURS, ids=lambda contender: contender.name)
def test_our_contenders_come_up_and_are_measured(
    contender: Contender, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = emulators.measure(contender, FEW)

    assert figures.keys() == {1}
    assert "all 2 joined" in capsys.readouterr().out


def test_one_that_does_not_come_up_leaves_the_others_to_be_compared(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = ("sh", "-c", "echo no Node here; exit 1")
    broken = Contender("broken", ROOT, lambda _redis_url, _ports: [*said])
    small, _ = OURS

    all_up = emulators.compete(small, (broken, small), FEW)

    output = capsys.readouterr().out
    assert not all_up
    assert "broken did not come up; it said last:\nno Node here" in output
    assert f"\n{small.name} : {small.name}\n    1 side by side   p50   1.00" in output
    assert f"\nbroken : {small.name}\n    1 side by side   ours failed" in output
