"""The figures that functions write, as CloudWatch reads them ("Embedded metric format")."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.tests.aws import aws
from hadir import metrics, report
from hadir.announcer import Broadcast
from hadir.conversation import Trouble
from hadir.domain.identity import Person, SessionRef, UserType
from hadir.domain.session import EventType, PresenceEvent
from hadir.errands import Swept
from hadir.membership.server import UNKNOWN, Memory
from tests.conftest import OPEN, PATH_FORM
from tests.running_gateway import ROOT, RunningGateway, running_gateway
from tests.system.figures import figures
from tests.system.people import new_session, person


@pytest.fixture(scope="module")
def wordy(hadir_redis_url: str) -> Iterator[RunningGateway]:
    """Hadir that logs everything its functions print."""
    parameters = [f"RedisUrl={hadir_redis_url}", *(f"{k}={v}" for k, v in OPEN.items())]
    options = ["-v", "--path", PATH_FORM, "--parameter-overrides", *parameters]
    with running_gateway(ROOT / "template.yaml", *options) as gateway:
        yield gateway


def total(lines: list[str], name: str) -> int:
    """The sum of a metric over several invocations."""
    return sum(sum(figures(line).get(name, ([], ""))[0]) for line in lines)


def test_a_join_and_a_leave_are_counted(wordy: RunningGateway) -> None:
    session = new_session()

    async def run() -> None:
        async with person(wordy, session, "admin_1") as admin:
            await admin.told()
            async with person(wordy, session, "customer_1") as customer:
                await admin.told()
                await customer.told()
            await admin.told()

    asyncio.run(run())
    # Whose invocation posts what is theirs to settle: one may post the events of several.
    lines = wordy.wait_for_lines(
        '_aws.*"PresenceEvents"', lambda told: total(told, "PresenceEvents") == 4, 60
    )

    assert total(lines, "Posts") == 4, "one of the admin, two of the customer's join, one after"
    assert total(lines, "PostsFailed") + total(lines, "PeopleUntold") == 0
    latencies = [figures(line)["AnnounceLatency"] for line in lines]
    assert {unit for _, unit in latencies} == {"Milliseconds"}
    assert sum(len(values) for values, _ in latencies) == 4
    assert min(min(values) for values, _ in latencies) >= 0
    assert {figures(line)["PresenceEvents"][1] for line in lines} == {"Count"}


def test_somebody_who_is_not_let_in_is_counted(wordy: RunningGateway) -> None:
    async def run() -> None:
        with pytest.raises(Exception, match="403"):
            async with person(wordy, "{", "admin_1"):
                pass

    asyncio.run(run())
    refused = figures(wordy.wait_for_line(r"AuthorizeFunction .*_aws"))

    assert refused == {"ConnectionsRefused": ([1], "Count")}


def printed(capsys: pytest.CaptureFixture[str], count: Callable[[], None]) -> dict[str, list[int]]:
    """What is written where something is counted once."""
    metrics.published(lambda _event, _context: count())({}, None)
    written = json.loads(capsys.readouterr().out)
    names = {each["Name"] for each in written["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    return {name: written[name] for name in names}


def joined(version: int) -> PresenceEvent:
    return PresenceEvent(version, EventType.USER_CONNECTED, Person(UserType.CUSTOMER, "u1"), at=0)


def test_posts_of_an_event_that_nobody_got_are_counted_and_the_event_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pending = Broadcast(
        SessionRef("default", "s1"),
        joined(1),
        told=False,
        received=0,
        targets=2,
        untold=1,
        gone=(),
        retries=6,
        latency_ms=5000,
    )

    assert printed(capsys, lambda: metrics.broadcasts([pending])) == {
        "PostsFailed": [2],
        "PostRetries": [6],
        "PeopleUntold": [1],
    }


def test_who_was_not_told_and_who_has_caught_up_is_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A person with two sockets, of which one got it, is told."""
    ref = SessionRef("default", "s1")
    first = Broadcast(
        ref, joined(1), told=True, received=3, targets=5, untold=1, gone=(), retries=0, latency_ms=9
    )
    last = Broadcast(
        ref,
        joined(2),
        told=True,
        received=4,
        targets=5,
        untold=0,
        gone=("c5",),
        retries=2,
        latency_ms=8,
        owed_ms=(12_000, 30_000),
    )

    assert printed(capsys, lambda: metrics.broadcasts([first, last])) == {
        "PresenceEvents": [1, 1],
        "AnnounceLatency": [9, 8],
        "Posts": [3, 4],
        "PostsGone": [1],
        "PostsFailed": [2],
        "PostRetries": [2],
        "PeopleUntold": [1],
        "StatusOwed": [12_000, 30_000],
    }


def test_a_sweep_says_how_things_stand(capsys: pytest.CaptureFixture[str]) -> None:
    found = Swept({"gone": 2, "silent": 3, "spared": 4, "failed": 1})
    found.overdue_ms, found.oldest_lease_ms = 130_000, 70_000

    assert printed(capsys, lambda: metrics.swept(found)) == {
        "Sweeps": [1],
        "OldestPending": [130_000],
        "OldestLease": [70_000],
        "GhostsFound": [5],
        "SilencesSpared": [4],
        "SweepFailures": [1],
        "SweepUnfinished": [0],
    }


def test_what_a_client_could_not_have_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    def every_trouble() -> None:
        for each in Trouble:
            report.trouble(each)

    assert printed(capsys, every_trouble) == {
        "MessagesLimited": [1],
        "SocketsFlooding": [1],
        "RecoveriesFailed": [1],
    }


def test_how_many_are_there_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, lambda: metrics.present(40, 20)) == {
        "PeoplePresent": [40],
        "SessionsOccupied": [20],
    }


@pytest.mark.parametrize(
    ("join_ms", "leave_ms", "failed", "expected"),
    [
        (120, 80, False, {"CanaryFailures": [0], "CanaryJoinMs": [120], "CanaryLeaveMs": [80]}),
        (120, None, True, {"CanaryFailures": [1], "CanaryJoinMs": [120]}),
        (None, None, True, {"CanaryFailures": [1]}),
        (0, 0, False, {"CanaryFailures": [0], "CanaryJoinMs": [0], "CanaryLeaveMs": [0]}),
    ],
)
def test_a_canary_says_what_it_has_seen_and_each_time_whether_it_failed(
    capsys: pytest.CaptureFixture[str],
    join_ms: int | None,
    leave_ms: int | None,
    failed: bool,
    expected: dict[str, list[int]],
) -> None:
    told = printed(capsys, lambda: metrics.canary(join_ms, leave_ms, failed=failed))

    assert told == expected


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        (Memory("noeviction", 0.125), {"RedisMemoryUsed": [12.5], "RedisEvicts": [0]}),
        (Memory("allkeys-lru", None), {"RedisEvicts": [1]}),
        (UNKNOWN, {}),
    ],
)
def test_a_sweep_says_what_is_known_of_redis_memory(
    capsys: pytest.CaptureFixture[str], memory: Memory, expected: dict[str, Any]
) -> None:
    metrics.published(lambda _event, _context: metrics.redis_memory(memory))({}, None)

    line = capsys.readouterr().out
    written = json.loads(line) if line else {}
    assert {name: each for name, each in written.items() if name.startswith("Redis")} == expected


def test_the_sweep_that_runs_looks_at_redis_memory(wordy: RunningGateway) -> None:
    functions = aws("lambda", wordy.invoke)
    functions.invoke(FunctionName="SweepFunction", Payload=b"{}")

    swept = figures(wordy.wait_for_line(r"SweepFunction .*_aws.*RedisEvicts"))

    assert swept["RedisEvicts"] == ([0], "Count")
    assert swept["Sweeps"] == ([1], "Count")
    ((took,), unit) = swept["RedisLatency"]
    assert (took > 0, unit) == (True, "Milliseconds")
