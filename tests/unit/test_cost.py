"""The cost model: its arithmetic, and that the document says what it says."""

import re
import subprocess
import sys

import pytest

from benchmarks.cost import (
    ALARM_METRICS,
    CANARY_GRACE_MINUTES,
    CANARY_METRICS,
    CANARY_MINUTES,
    HOURS,
    METRICS,
    PRICES,
    QUOTA,
    SNAPSTART_FUNCTIONS,
    Load,
    Month,
    ably,
    abuse,
    canary,
    grace,
    hadir,
    messages,
    nat,
    not_looked_up,
    price,
    price_table,
    pusher,
    snapstart,
    table,
)
from hadir.domain.identity import LONGEST_ID
from hadir.domain.limits import Limits
from hadir.wire.bursts import MAX_FRAME
from hadir.wire.updates import error
from tests.running_gateway import ROOT


def test_tiers_are_paid_one_after_the_other() -> None:
    assert messages(1e9) == pytest.approx(1000)
    assert messages(3e9) == pytest.approx(1000 + 1600)
    assert price("data_out", 20_000) == pytest.approx(10_240 * 0.09 + 9_760 * 0.085)
    assert price("log_ingestion", 60_000) == pytest.approx(5120 + 5120 + 2048 + 8800 * 0.05)


def test_all_messages_share_one_set_of_tiers() -> None:
    month = Month(Load(), 10_000)
    bill = hadir(month)
    heartbeats, others = 2 * month.heartbeats, month.posts - month.heartbeats + month.said

    assert others < 1e9 < heartbeats + others
    together = bill["heartbeats and their answers"] + bill["other messages"]
    assert together == pytest.approx(1000 + (heartbeats + others - 1e9) / 1e6 * 0.80)
    assert bill["other messages"] / together == pytest.approx(others / (heartbeats + others))


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
    # 27 metrics, 15 metrics of alarms, a dashboard, a secret.
    assert bill["metrics, alarms, dashboard, secret"] == pytest.approx(8.10 + 1.50 + 3.00 + 0.40)


def test_a_small_team_pays_what_the_document_says() -> None:
    bill = hadir(Month(Load(), 40 * 8 * 21 / HOURS))
    gateway = ("connection-minutes", "heartbeats and their answers", "other messages")

    nobody = hadir(Month(Load(), 1e-9))
    assert f"{sum(nobody.values()) - nobody['Valkey']:.0f}" == "14"
    assert f"{sum(bill.values()) - bill['Valkey']:.0f}" == "18"
    assert f"{bill['Valkey']:.0f}" == "6"
    not_free, secret = 0.30 * (METRICS - 10) + 0.10 * (ALARM_METRICS - 10), 0.40
    assert f"{sum(bill[item] for item in gateway) + not_free + secret:.0f}" == "8"


def test_heartbeats_are_three_fifths() -> None:
    for sockets in (1_000, 10_000, 100_000, 1_000_000):
        without = hadir(Month(Load(heartbeat_seconds=1e9), sockets))
        bill = hadir(Month(Load(), sockets))

        assert 1 - sum(without.values()) / sum(bill.values()) == pytest.approx(0.6, abs=0.015)


def test_snapshots_are_paid_while_they_are_kept() -> None:
    assert snapstart(Load()) == pytest.approx(5 * 0.5 * 730 * 3600 * 0.0000015046)
    assert price("snapstart_restores", 0.5) == pytest.approx(0.00007, abs=1e-6)

    template = (ROOT / "template.yaml").read_text()
    assert template.count("ApplyOn: PublishedVersions") == SNAPSTART_FUNCTIONS


def test_a_grace_is_a_queue_and_an_invocation() -> None:
    """A million leaves: what docs/operate.md says of them; and nobody, who leaves nothing."""
    nobody = grace(Month(Load(), 1e-9))
    assert nobody == pytest.approx(43_800 * 15 / 1e6 * 0.40)
    month = Month(Load(session_minutes=730 * 60), 1_000_000)
    assert month.joins == 1_000_000
    invocations, redis, logs = 0.20 + 17_500 * 0.0000133334, 50 * 0.0023, 0.9 * (0.50 + 0.03)
    assert grace(month) - nobody == pytest.approx(3 * 0.40 + invocations + redis + logs)
    assert f"{grace(month) - nobody:.1f}" == "2.2"


def test_a_canary_is_two_people_who_come_and_go_each_minute() -> None:
    """And a function that lasts as long; with a grace less often, and longer."""
    runs = 43_800
    kept = 3 * 0.30 + 3 * 0.10
    functions = runs * (1.0 + 2 * (6 + 30 + 60 + 35) / 1000) * 0.5 * 0.0000133334
    requests = runs * 9 * (0.20 / 1e6 + 900 * (0.50 + 0.03) / 1e9)
    told = runs * 4 * (1.00 / 1e6 + 700 * 0.09 / 1e9)
    redis = runs * 2 * 5 * 50 * 0.0023 / 1e6
    minutes = runs * 2 / 60 * 0.25 / 1e6
    expected = kept + functions + requests + told + redis + minutes
    assert canary(Load()) == pytest.approx(expected)
    seldom = (expected - kept) / 6 + kept
    waiting = runs / 6 * 300 * (0.5 * 0.0000133334 + 2 / 60 * 0.25 / 1e6)
    assert canary(Load(), grace_seconds=300) == pytest.approx(seldom + waiting)


def test_a_canary_costs_what_the_document_says() -> None:
    document = (ROOT / "docs" / "cost.md").read_text()
    without, short, long = (canary(Load(), grace_seconds=each) for each in (0, 10, 300))

    assert f"**A canary is ${without:.0f} a month**" in document
    assert f"${short:.0f} with\n  10 s, ${long:.0f} with 300 s" in document
    template = (ROOT / "template.yaml").read_text()
    often = f"rate({CANARY_GRACE_MINUTES} minutes), rate({CANARY_MINUTES} minute)"
    assert f"Schedule: !If [HasGrace, {often}]" in template


def test_what_one_person_can_cost_is_what_the_document_says() -> None:
    """Of a session that is full, one socket each. Before, messages and joins were counted, and not
    what they cost: each message is posted to all, each join and the leave after it too. What is
    refused is answered, and no bucket pays for that but the connection's own.
    """
    limits = Limits()
    full = limits.people_per_session
    each_a_second, each_at_once = 2 * limits.messages_per_second, 2 * limits.burst
    before = each_a_second * full * (1 + 2), each_at_once * full * (1 + 2)
    now = limits.posts_per_second, limits.posts_burst
    sockets = limits.connections_per_user
    answers = sockets * limits.messages_per_second, sockets * 2 * limits.burst
    refusal = "slow down, or this socket will be closed"
    answer = len(error("rate_limited", refusal, 36 * "r", LONGEST_ID * "c"))
    document = (ROOT / "docs" / "security.md").read_text()

    def row(what: str, *cells: str) -> None:
        assert f"| {what} | {' | '.join(cells)} |" in document

    row(
        "posts a second, lastingly",
        f"{before[0]:,.0f}, of which AWS takes {QUOTA:,}",
        f"{now[0]:,.0f}",
    )
    row("posts at once", f"{before[1]:,.0f}", f"{now[1]:,.0f}")
    row("answers to refused messages a second", "AWS takes no more", f"{answers[0]:,.0f}")
    row("such answers at once", "AWS takes no more", f"{answers[1]:,.0f}")
    posts, refusals = abuse(*now, MAX_FRAME), abuse(*answers, answer)
    bills = [abuse(*before, MAX_FRAME), tuple(map(sum, zip(posts, refusals, strict=True)))]
    a_million = abuse(1e6 / 3600, 0, MAX_FRAME)
    row(
        f"messages, at ${a_million[0]:.2f} a million posts", *(f"${each[0]:,.2f}" for each in bills)
    )
    row(f"data out, at ${a_million[1]:.2f}", *(f"${each[1]:,.2f}" for each in bills))
    row("**an hour**", *(f"**${sum(each):,.2f}**" for each in bills))
    assert f"at most {now[0] + answers[0]:,.0f} posts a second" in " ".join(document.split())
    reconnecting = each_a_second * (2 * limits.burst + 1)
    small = sum(abuse(reconnecting, 0, answer))
    told = f"up to {reconnecting:,.0f} such answers a second, for ${small:.2f} an hour"
    assert told in " ".join(document.split())


def test_what_a_backends_messages_can_cost_is_what_the_document_says() -> None:
    full = Limits().people_per_session
    document = " ".join((ROOT / "docs" / "security.md").read_text().split())
    template = (ROOT / "template.yaml").read_text()

    assert f"{QUOTA // full} requests a second to a full session are {QUOTA:,} posts" in document
    assert f"each request a second that it allows is {full:,} posts a second" in document
    assert "RequestsPerSecond:\n    Type: Number\n    Default: 0\n" in template
    assert template.count("ThrottlingRateLimit: !Ref RequestsPerSecond") == 2, "both APIs"


def test_a_post_is_charged_for_each_32_kilobytes_begun() -> None:
    assert abuse(10, 4000, 32 * 1024)[0] == pytest.approx(0.04)
    assert abuse(10, 4000, 32 * 1024 + 1)[0] == pytest.approx(0.08)
    assert abuse(10, 4000, 1000)[1] == pytest.approx(40_000 * 1000 / 1e9 * 0.09)
    assert abuse(1e9, 0, 1) == abuse(QUOTA, 0, 1), "an account takes no more"


def test_a_nat_gateway_has_an_address() -> None:
    nobody = Month(Load(), 1e-9)

    assert nat(nobody) == pytest.approx(2 * 730 * (0.045 + 0.005))


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


def test_the_document_has_the_prices_and_which_were_not_looked_up() -> None:
    document = (ROOT / "docs" / "cost.md").read_text()

    assert price_table() in document
    assert not_looked_up() in document
    rows = price_table().splitlines()
    for name, entry in PRICES.items():
        assert re.fullmatch(r"20\d\d-[01]\d(-[0-3]\d)?", entry["seen"]), name
        for row in [row for row in rows if row.startswith(f"| `{name}` |")]:
            assert row.endswith("| yes |" if entry["checked"] else "| **no** |")


def test_a_comparison_holds_as_the_document_says() -> None:
    for sockets in (1_000, 10_000):
        often, seldom = (Month(Load(heartbeat_seconds=each), sockets) for each in (30, 120))
        of_pusher, of_ably = pusher(often), ably(often)

        assert of_pusher is not None
        assert of_ably is not None
        assert sum(hadir(often).values()) > of_ably > sum(hadir(seldom).values()) > of_pusher


def test_every_metric_is_counted() -> None:
    text = (ROOT / "layers" / "hadir" / "python" / "hadir" / "metrics.py").read_text()

    names = set(re.findall(r'"([A-Z]\w+)"', text)) - {
        *("Hadir", "Attended", "Broadcast", "Memory", "Swept")
    }
    of_canary = {name for name in names if name.startswith("Canary")}
    assert (len(names - of_canary), len(of_canary)) == (METRICS, CANARY_METRICS)


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
