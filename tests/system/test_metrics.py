"""The figures that functions write, as CloudWatch reads them ("Embedded metric format")."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from hadir import metrics
from hadir.announcer import Broadcast
from hadir.domain.identity import SessionRef, UserType
from hadir.domain.session import EventType, PresenceEvent
from hadir.membership.server import UNKNOWN, Memory
from hadir.sweeper import Swept
from tests.aws import aws
from tests.conftest import OPEN, PATH_FORM
from tests.running_gateway import ROOT, RunningGateway, running_gateway
from tests.system.people import new_session, person


@pytest.fixture(scope="module")
def wordy(hadir_redis_url: str) -> Iterator[RunningGateway]:
    """Hadir that logs everything its functions print."""
    parameters = [f"RedisUrl={hadir_redis_url}", *(f"{k}={v}" for k, v in OPEN.items())]
    options = ["-v", "--path", PATH_FORM, "--parameter-overrides", *parameters]
    with running_gateway(ROOT / "template.yaml", *options) as gateway:
        yield gateway


def figures(line: str) -> dict[str, Any]:
    """What a line holds: the value of each metric, and its unit."""
    written = json.loads(line[line.index('{"_aws"') :])
    (directive,) = written["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Hadir"
    assert directive["Dimensions"] == [["service"]]
    assert written["service"] == "local"
    return {each["Name"]: (written[each["Name"]], each["Unit"]) for each in directive["Metrics"]}


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
    joined = figures(wordy.wait_for_line(r'AnnounceFunction .*_aws.*"Posts":\[2'))
    left = figures(wordy.wait_for_line(r'DisconnectFunction .*_aws.*"Posts":\[1'))

    for counted, posts in ((joined, 2), (left, 1)):
        assert counted["PresenceEvents"] == ([1], "Count")
        assert counted["Posts"] == ([posts], "Count")
        (latency,), unit = counted["AnnounceLatency"]
        assert unit == "Milliseconds"
        assert 0 <= latency < 60_000


def test_somebody_who_is_not_let_in_is_counted(wordy: RunningGateway) -> None:
    async def run() -> None:
        with pytest.raises(Exception, match="403"):
            async with person(wordy, "{", "admin_1"):
                pass

    asyncio.run(run())
    refused = figures(wordy.wait_for_line(r"AuthorizeFunction .*_aws"))

    assert refused == {"ConnectionsRefused": ([1], "Count")}


def test_posts_of_an_event_that_nobody_got_are_counted_and_the_event_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ref = SessionRef("default", "s1")
    joined = PresenceEvent(1, EventType.USER_CONNECTED, "u1", UserType.CUSTOMER, at=0)
    pending = Broadcast(
        ref, joined, told=False, received=0, targets=2, gone=(), retries=6, latency_ms=5000
    )

    metrics.published(lambda _event, _context: metrics.broadcasts([pending]))({}, None)

    written = json.loads(capsys.readouterr().out)
    names = {each["Name"] for each in written["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert {name: written[name] for name in names} == {"PostsFailed": [2], "PostRetries": [6]}


def test_a_sweep_says_how_things_stand(capsys: pytest.CaptureFixture[str]) -> None:
    found = Swept({"gone": 2, "silent": 3, "failed": 1})
    found.overdue_ms = 130_000

    metrics.published(lambda _event, _context: metrics.swept(found, 40, 20))({}, None)

    written = json.loads(capsys.readouterr().out)
    names = {each["Name"] for each in written["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert {name: written[name] for name in names} == {
        "Sweeps": [1],
        "PeoplePresent": [40],
        "SessionsOccupied": [20],
        "OldestPending": [130_000],
        "GhostsFound": [5],
        "SweepFailures": [1],
        "SweepUnfinished": [0],
    }


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
