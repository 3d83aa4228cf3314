"""Silence proves something only where hearing was possible: while we are deaf nobody is ended."""

from unittest.mock import Mock

import pytest
from redis import Redis

from hadir.announcer import Announcer
from hadir.doorman import Doorman
from hadir.membership.keys import PARTITIONS, hearing_key, partition_of
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Opening, Verdict
from hadir.sweeper import Sweeper
from tests.conftest import Clock
from tests.redis.closing import one_by_one
from tests.redis.crowds import ROOMY, customer, fill
from tests.redis.sweeping import Platform
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_membership import SESSION, ref


class Deployment:
    """Clients that beat every 30 s, and a sweep every 60 s, for a while."""

    def __init__(self, membership: Membership, clock: Clock) -> None:
        self.membership = membership
        self.clock = clock
        self.platform = Platform()
        announcer = Announcer(membership, RecordingPoster())
        doorman = Doorman(membership, announcer, one_by_one(self.platform.close), lambda *_: None)
        self.sweeper = Sweeper(
            membership, self.platform, announcer, doorman, self.platform.can_hear, lambda _: None
        )
        self.spared = 0
        self.passed = 0

    def run(self, seconds: int, beating: range, *, hears: bool = True) -> None:
        """Let time pass; only ``beating`` are heard, and nobody where we are deaf."""
        self.platform.hears = hears
        for _ in range(0, seconds, 10):
            self.clock.pass_seconds(10)
            self.passed += 10
            for number in beating:
                if hears and (self.passed + number) % 30 < 10:
                    self.membership.open(f"c{number}", SESSION, beat=True)
            if self.passed % 60 == 0:
                self.clock.pass_seconds(
                    0.001
                )  # a beat of that very moment is from before the sweep
                self.spared += self.sweeper.sweep(TEN_SECONDS)["spared"]

    @property
    def present(self) -> int:
        return len(self.membership.session(SESSION).people)


@pytest.fixture
def deployment(node: Redis, clock: Clock) -> Deployment:
    membership = Membership(node, limits=ROOMY, clock=clock)
    fill(membership, range(50))
    deployment = Deployment(membership, clock)
    deployment.run(180, range(50))
    return deployment


@pytest.mark.parametrize("seconds", [60, 120, 600])
def test_lambda_lets_no_message_through(deployment: Deployment, seconds: int) -> None:
    deployment.run(seconds, range(50), hears=False)
    deployment.run(300, range(50))

    assert deployment.present == 50
    assert deployment.platform.closed == []


@pytest.mark.parametrize(
    ("many", "seconds", "probe_fails"),
    [(8, 110, True), (12, 110, True), (30, 100, True), (12, 110, False), (30, 100, False)],
)
def test_nor_is_anybody_ended_for_an_outage_that_is_just_over(
    node: Redis, clock: Clock, many: int, seconds: int, probe_fails: bool
) -> None:
    """Some have been heard again, and the others are few."""
    membership = Membership(node, limits=ROOMY, clock=clock)
    fill(membership, range(many))
    deployment = Deployment(membership, clock)
    deployment.run(180, range(many))

    deployment.run(seconds, range(0), hears=not probe_fails)
    deployment.run(300, range(many))

    assert deployment.present == many


@pytest.mark.parametrize("few", [1, 5])
def test_nor_is_one_of_few_ended_then(node: Redis, clock: Clock, few: int) -> None:
    """Nobody else says that we are deaf, but the function that hears them."""
    membership = Membership(node, clock=clock)
    fill(membership, range(few))
    deployment = Deployment(membership, clock)
    deployment.run(180, range(few))

    deployment.run(240, range(few), hears=False)

    assert deployment.present == few
    assert deployment.spared > 0
    deployment.run(120, range(few))
    deployment.run(300, range(0))
    assert deployment.present == 0


def test_two_sweeps_at_once_do_not_hide_that_suddenly_few_are_heard(
    node: Redis, clock: Clock
) -> None:
    membership = Membership(node, limits=ROOMY, clock=clock)
    fill(membership, range(30))
    deployment = Deployment(membership, clock)
    deployment.run(180, range(30))
    clock.pass_seconds(1)
    deployment.sweeper.sweep(TEN_SECONDS)

    deployment.run(100, range(0))
    deployment.run(300, range(30))

    assert deployment.present == 30


def test_many_are_spared_by_one_script(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_by_one = Mock()
    monkeypatch.setattr(deployment.membership.leases, "lapse", one_by_one)

    deployment.run(240, range(50), hears=False)

    assert deployment.spared >= 50
    one_by_one.assert_not_called()


def test_who_really_fell_silent_is_ended_in_time(deployment: Deployment) -> None:
    deployment.run(150, range(2, 50))

    assert deployment.present == 48
    assert sorted(deployment.platform.closed) == ["c0", "c1"]


@pytest.mark.parametrize("silent", [15, 25])
def test_a_large_share_is_not(deployment: Deployment, silent: int) -> None:
    """Of 50 clients so many cannot be heard, and the platform says nothing about them."""
    deployment.run(600, range(silent, 50))

    assert deployment.present == 50
    assert deployment.spared > 0


def test_nor_are_a_few_for_a_lease_from_then_on(deployment: Deployment) -> None:
    deployment.run(60, range(25, 50))
    deployment.run(120, range(27, 50))

    assert deployment.present == 50
    assert deployment.spared > 25


def test_once_they_are_few_they_are_ended_after_all(deployment: Deployment) -> None:
    deployment.run(180, range(25))
    assert deployment.present == 50
    deployment.run(180, range(48))

    assert deployment.present == 48


def test_redis_is_full_for_minutes(deployment: Deployment, node: Redis) -> None:
    node.config_set("maxmemory", 1)
    try:
        deployment.run(240, range(50))
    finally:
        node.config_set("maxmemory", 0)

    assert deployment.present == 50
    assert deployment.spared == 0


def test_what_the_platform_has_seen_counts_too(deployment: Deployment, clock: Clock) -> None:
    """It may make the verdict later, but not for ever: perhaps it has seen only our own posts."""
    for _ in range(3):
        deployment.platform.active = {"c0": clock.now, "c1": clock.now}
        deployment.run(60, range(2, 50))
    assert deployment.present == 50

    for _ in range(3):
        deployment.platform.active = {"c0": clock.now, "c1": clock.now}
        deployment.run(60, range(2, 50))
    assert deployment.present == 48


def test_a_vanished_crowd_is_gone_after_one_sweep(node: Redis, clock: Clock) -> None:
    """A thousand sockets of one session, without a ``$disconnect``; the platform knows none."""
    membership = Membership(node, limits=ROOMY, clock=clock)
    fill(membership, range(1000))
    membership.admit("a1", customer(5000))
    deployment = Deployment(membership, clock)
    deployment.run(60, range(0))
    deployment.platform.gone = {f"c{number}" for number in range(1000)}
    clock.pass_seconds(60)

    swept = deployment.sweeper.sweep(TEN_SECONDS)

    assert swept["gone"] == 1000
    assert {each.person.user_id for each in membership.session(SESSION).people} == {"customer_5000"}


class TestTrouble:
    @pytest.fixture
    def ghost(self, node: Redis, clock: Clock) -> Deployment:
        """200 leases that the management API refuses to look at, and a ghost behind them."""
        membership = Membership(node, limits=ROOMY, clock=clock)
        deployment = Deployment(membership, clock)
        fill(membership, range(200))
        clock.pass_seconds(1)
        fill(membership, [200])
        deployment.platform.trouble = {f"c{number}" for number in range(200)}
        deployment.platform.gone = {"c200"}
        return deployment

    def test_what_cannot_be_looked_at_holds_nothing_up(self, ghost: Deployment) -> None:
        ghost.run(120, range(0))

        assert ghost.present == 200

    def test_it_moves_back_further_each_time(self, ghost: Deployment) -> None:
        asked = []
        for _ in range(40):
            ghost.platform.asked.clear()
            ghost.run(60, range(0))
            asked.append(len(ghost.platform.asked))

        assert sum(count > 0 for count in asked) < 12
        assert asked[-20:].count(0) > 15
        ghost.platform.trouble.clear()
        ghost.run(1020, range(0))
        assert ghost.present == 200
        ghost.platform.asked.clear()
        ghost.run(120, range(0))
        assert len(set(ghost.platform.asked)) == 200

    def test_a_word_of_the_client_is_as_good(self, ghost: Deployment) -> None:
        ghost.run(240, range(0))
        opened = ghost.membership.open("c7", SESSION, beat=True)

        assert opened.outcome is Opening.OPEN


def test_a_connection_is_counted_as_heard_once_a_sweep(
    membership: Membership, clock: Clock
) -> None:
    membership.leases.due(10)
    fill(membership, range(3))
    clock.pass_seconds(60)
    for _ in range(5):
        membership.open("c0", SESSION, beat=True)
        membership.open("c1", SESSION, heard=True)
    assert membership.leases.due(10).heard == 2

    clock.pass_seconds(60)
    assert membership.leases.due(10).heard == 0
    fill(membership, [0], ref("another"))
    clock.pass_seconds(60)
    membership.open("c0", ref("another"), heard=True)
    assert membership.leases.due(10, first=False).heard == 1
    due = membership.leases.due(10)
    assert (due.heard, due.heard_before) == (1, 0)


def test_of_two_sweeps_at_once_neither_finds_that_suddenly_few_are_heard(
    deployment: Deployment, clock: Clock
) -> None:
    clock.pass_seconds(1)
    deployment.sweeper.sweep(TEN_SECONDS)
    deployment.run(60, range(2, 50))
    clock.pass_seconds(1)
    deployment.sweeper.sweep(TEN_SECONDS)
    deployment.run(60, range(2, 50))

    assert deployment.present == 48


def test_what_one_node_knows_of_being_deaf_is_so_for_all(node: Redis, clock: Clock) -> None:
    """The others were away when it was noted, and are back."""
    membership = Membership(node, clock=clock)
    membership.leases.due(1)
    fill(membership, range(1))
    clock.pass_seconds(60)
    membership.leases.due(1)
    clock.pass_seconds(31)
    assert [lease.deaf for lease in membership.leases.due(1).leases] == [False]
    another = (partition_of(SESSION) + 1) % PARTITIONS
    node.hset(hearing_key(another), "deaf_until", clock.now + 1)

    assert [lease.deaf for lease in membership.leases.due(1).leases] == [True]


def test_nobody_is_ended_by_a_verdict_from_before_we_were_found_deaf(
    node: Redis, clock: Clock
) -> None:
    membership = Membership(node, clock=clock)
    membership.leases.due(1)
    fill(membership, range(1))
    membership.open("c0", SESSION, heard=True, beat=True)
    clock.pass_seconds(91)
    membership.leases.deafen()

    assert membership.leases.lapse("c0", SESSION, Verdict.END).outcome is Opening.SPARED

    clock.pass_seconds(91)
    assert membership.leases.lapse("c0", SESSION, Verdict.END).outcome is Opening.SILENT
