"""The cost model: its arithmetic, and that the document says what it says."""

import re
import subprocess
import sys

import pytest

from benchmarks.cost import METRICS, Load, Month, ably, hadir, messages, price, pusher, table
from tests.running_gateway import ROOT


def test_tiers_are_paid_one_after_the_other() -> None:
    assert messages(1e9) == pytest.approx(1000)
    assert messages(3e9) == pytest.approx(1000 + 1600)
    assert price("data_out", 20_000) == pytest.approx(10_240 * 0.09 + 9_760 * 0.085)


def test_a_month_counted_by_hand() -> None:
    """100 sockets in 50 sessions of 30 minutes, silent but for a heartbeat a minute."""
    load = Load(session_minutes=30, messages_per_minute=1e-9, heartbeat_seconds=60)
    month = Month(load, 100)

    assert month.joins == 100 * 730 * 2
    assert month.heartbeats == 100 * 730 * 60
    # The first to come is told alone, the second with the first; the first to go tells the second.
    assert month.posts == pytest.approx(146_000 * (1 + 2 + 1 + 0) / 2 + 4_380_000)
    bill = hadir(month)
    assert bill["connection-minutes"] == pytest.approx(4.38 * 0.25)
    assert bill["heartbeats and their answers"] == pytest.approx(8.76)
    assert bill["other messages"] == pytest.approx(0.292)


def test_who_has_no_public_price_is_not_guessed() -> None:
    assert pusher(Month(Load(), 30_001)) is None
    assert ably(Month(Load(), 50_001)) is None
    assert pusher(Month(Load(messages_per_minute=1000), 100)) is None
    assert (
        pusher(Month(Load(), 100)) == 49
    )  # its connections fit the free plan, its messages do not


def test_ably_counts_who_comes_and_everybody_who_is_told() -> None:
    load = Load(session_minutes=30, messages_per_minute=1e-9)
    month = Month(load, 100)
    expected = 29 + 146_000 * 4 / 1e6 * 2.5 + 4.38 + 2.19

    assert ably(month) == pytest.approx(expected)


def test_the_document_has_the_table_as_it_is_computed() -> None:
    document = (ROOT / "docs" / "cost.md").read_text()

    assert table(Load()) in document
    assert table(Load(heartbeat_seconds=120)) in document


def test_every_metric_is_counted() -> None:
    text = (ROOT / "layers" / "hadir" / "python" / "hadir" / "metrics.py").read_text()

    assert len(set(re.findall(r'"([A-Z]\w+)"', text)) - {"Hadir", "Broadcast", "Swept"}) == METRICS


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--heartbeat-seconds=0", "heartbeat_seconds must be over 0"),
        ("--people-per-session=0.5", "people_per_session must be at least 1"),
        ("--sockets=0", "sockets must be at least 1"),
        ("--sockets=many", "invalid int value"),
    ],
)
def test_odd_assumptions_are_refused(option: str, sentence: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.cost", option],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert sentence in done.stderr
