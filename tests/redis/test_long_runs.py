"""Long random runs, time included: leases, graces, epochs, crashes, a sweep that comes and goes.

The rules are what the world does to Hadir; the truth is which sockets are really there. At the end
of every run the sweep is given its time, and then everybody must know it.
"""

import contextlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, rule
from redis import Redis

from hadir.announcer import Announcer
from hadir.domain.delivery import Delivery, Outcome
from hadir.domain.session import Batch
from hadir.domain.sockets import Seen, State
from hadir.domain.status import ConnectionStatus
from hadir.doorman import Doorman
from hadir.membership.membership import Membership
from hadir.sweeper import Sweeper
from tests.conftest import Clock
from tests.redis.closing import one_by_one
from tests.redis.talking import conversation_of, said
from tests.redis.test_announcer import TEN_SECONDS
from tests.redis.test_membership import CLOSED, SESSION, identity
from tests.soak import SOAK, only_in_soak

USERS = ["customer_1", "customer_2", "admin_1"]
LEASE = 90


class Died(Exception):
    """The function was killed."""


class Sockets:
    """The platform: which sockets are there, and what each client was sent."""

    def __init__(self) -> None:
        self.there: dict[str, str] = {}
        self.told: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.die_after_posting = False

    def post(self, mail: Mapping[str, Sequence[bytes]], seconds: float) -> dict[str, Delivery]:
        assert seconds > 0
        deliveries = {}
        for to, frames in mail.items():
            if to in self.there:
                self.told[to] += [json.loads(frame) for frame in frames]
                deliveries[to] = Delivery(Outcome.DELIVERED, len(frames), 200)
            else:
                deliveries[to] = Delivery(Outcome.GONE, 0, 410)
        if self.die_after_posting:
            self.die_after_posting = False
            raise Died
        return deliveries

    def look(self, connection_ids: Sequence[str], _seconds: float) -> dict[str, Seen]:
        return {
            each: Seen(State.OPEN, None, 200) if each in self.there else Seen(State.GONE, None, 410)
            for each in connection_ids
        }

    def close(self, connection_id: str) -> None:
        self.there.pop(connection_id, None)


class Life(RuleBasedStateMachine):
    """One session's life."""

    url: ClassVar[str]
    grace: ClassVar[float] = 0

    sockets = Bundle("sockets")

    @initialize()
    def begin(self) -> None:
        client = Redis.from_url(self.url, decode_responses=True)
        client.flushall()
        self.client = client
        self.clock = Clock()
        self.membership = Membership(
            client, lease_seconds=LEASE, grace_seconds=self.grace, clock=self.clock
        )
        self.platform = Sockets()
        self.announcer = Announcer(self.membership, self.platform)
        platform: Any = self.platform
        doorman = Doorman(
            self.membership, self.announcer, one_by_one(platform.close), lambda *_: None
        )
        self.sweeper = Sweeper(
            self.membership, platform, self.announcer, doorman, lambda: True, lambda _: None
        )
        self.conversation = conversation_of(self.membership, self.announcer, platform.close)
        self.count = 0

    def announce(self, batch: Batch | None, die: str) -> None:
        """Announce, or die before or after posting."""
        if batch and die == "before":
            return
        self.platform.die_after_posting = bool(batch) and die == "after"
        with contextlib.suppress(Died):
            self.announcer.announce(batch, TEN_SECONDS)

    deaths = st.sampled_from(["", "", "", "before", "after"])

    @rule(
        target=sockets,
        user=st.sampled_from(USERS),
        announced=st.sampled_from([True, True, True, False]),
        die=deaths,
    )
    def connect(self, user: str, announced: bool, die: str) -> str:
        connection_id = f"c{self.count}"
        self.count += 1
        assert self.membership.admit(connection_id, identity(user)).is_in
        self.platform.there[connection_id] = user
        if announced:
            self.announce(self.membership.open(connection_id, SESSION).batch, die)
        return connection_id

    @rule(connection_id=consumes(sockets), delivered=st.booleans(), die=deaths)
    def disconnect(self, connection_id: str, delivered: bool, die: str) -> None:
        self.platform.close(connection_id)
        if delivered:
            left = self.membership.leave(connection_id, SESSION, CLOSED)
            self.announce(left.batch, die)

    @rule(connection_id=sockets)
    def repeat_announce(self, connection_id: str) -> None:
        if connection_id in self.platform.there:
            self.announce(self.membership.open(connection_id, SESSION).batch, "")

    @rule(connection_id=sockets, die=deaths)
    def speak(self, connection_id: str, die: str) -> None:
        user = self.platform.there.get(connection_id)
        if user is None:
            return
        message = said(connection_id, {"action": "message", "text": "hello"})
        beat = said(connection_id, {"action": "heartbeat"})
        self.platform.die_after_posting = die == "after"
        with contextlib.suppress(Died):
            for request in (beat, message):
                self.conversation.answer(request, identity(user), self.clock(), TEN_SECONDS)
        self.platform.die_after_posting = False

    @rule(seconds=st.sampled_from([0.1, 5, 11, 31, 60, 91, 3600]))
    def time_passes(self, seconds: float) -> None:
        self.clock.pass_seconds(seconds)

    @rule()
    def sweep(self) -> None:
        self.sweeper.sweep(TEN_SECONDS)

    @rule()
    def redis_forgets_everything(self) -> None:
        self.client.flushall()

    def teardown(self) -> None:
        if not hasattr(self, "client"):
            return
        # The clients that are there go on beating, the sweep goes on coming, twice a lease long.
        for _ in range(4):
            self.clock.pass_seconds(60)
            for connection_id, user in list(self.platform.there.items()):
                beat = said(connection_id, {"action": "heartbeat"})
                self.conversation.answer(beat, identity(user), self.clock(), TEN_SECONDS)
            self.sweeper.sweep(TEN_SECONDS)
        session = self.membership.session(SESSION)
        people = {each.person.user_id for each in ConnectionStatus.of(session).people}
        assert people == set(self.platform.there.values())
        there = self.membership.sockets(SESSION)
        assert {each.connection_id for each in there} == set(self.platform.there)
        for member in there:
            self.check_told(self.platform.told[member.connection_id], session.epoch, member.since)
        self.client.close()

    def check_told(self, frames: list[dict[str, Any]], epoch: str, since: int) -> None:
        """In order, without gaps, twice only as recovered; and the last status is the truth."""
        session = self.membership.session(SESSION)
        kinds = ("connection_status_update", "message")
        told = [frame["data"] for frame in frames if frame["type"] in kinds]
        told = [data for data in told if data["epoch"] == epoch]
        seen = since - 1
        status, status_version = None, -1
        for data in told:
            if data.get("version"):
                recovered = data.get("recovered") and data["version"] <= seen
                assert recovered or data["version"] == seen + 1
                seen = max(seen, data["version"])
            if data.get("status_version", -1) >= status_version and "connection_status" in data:
                status, status_version = data["connection_status"], data["status_version"]
        assert seen == session.version
        if status is not None:
            assert set(status["users"]) == set(self.platform.there.values())


@pytest.mark.parametrize("grace", [pytest.param(0, marks=only_in_soak), 10])
def test_long_random_runs(redis_url: str, grace: float) -> None:
    class Here(Life):
        pass

    Here.url, Here.grace = redis_url, grace
    Here.TestCase.settings = settings(
        max_examples=500 if SOAK else 30,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    Here.TestCase("runTest").runTest()
