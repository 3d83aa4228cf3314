"""The sweep when much is due at once: all of it is handled, and nothing waits for the rest."""

from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

import pytest

from hadir.membership.keys import partition_of, session_key
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Lease, Renewal
from hadir.membership.scripts import AnyRedis
from hadir.sweeper import Sweeper
from tests.conftest import Clock
from tests.redis.crowds import ROOMY, fill
from tests.redis.sweeping import Platform, leave_unannounced
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_membership import SESSION, join, ref


def test_more_leases_than_are_looked_at_in_one_go_are_all_seen_to(
    membership: Membership, sweeper: Sweeper, platform: Platform, clock: Clock
) -> None:
    """Of one partition, with some that the platform says nothing of, and some that are gone."""
    roomy = Membership(membership._redis, limits=ROOMY, clock=clock)
    fill(roomy, range(230))
    platform.trouble = {f"c{number}" for number in range(0, 230, 10)}
    platform.gone = {f"c{number}" for number in range(5, 230, 10)}
    clock.pass_seconds(91)

    swept = sweeper.sweep(TEN_SECONDS)

    assert (swept["renewed"], swept["failed"], swept["gone"]) == (184, 23, 23)
    assert membership.leases.due(1000).leases == ()


def test_what_has_waited_longest_is_looked_at_first(membership: Membership, clock: Clock) -> None:
    sessions = [ref(f"session-{number}") for number in range(20)]
    for session in sessions:
        leave_unannounced(membership, session)
        clock.pass_seconds(1)
    clock.pass_seconds(91)

    due = membership.leases.due(10)

    assert list(due.sessions) == sessions
    assert [lease.ref for lease in due.leases] == sessions


def test_a_lease_that_redis_cannot_renew_keeps_no_other_from_it(
    membership: Membership, redis: AnyRedis, sweeper: Sweeper, clock: Clock
) -> None:
    here = [ref(f"s{number}") for number in range(3000)]
    first, second, *_ = [each for each in here if partition_of(each) == partition_of(SESSION)]
    for session in (first, second):
        join(membership, f"c-{session.session_id}", "customer_1", session)
    broken = session_key(first, "connections")
    redis.delete(broken)
    redis.set(broken, "what does not belong here")
    clock.pass_seconds(91)

    swept = sweeper.sweep(TEN_SECONDS)

    assert (swept["renewed"], swept["failed"]) == (1, 1)
    assert [lease.ref for lease in membership.leases.due(10).leases] == [first]


def test_scripts_that_redis_has_forgotten_are_loaded_again(
    membership: Membership, redis: AnyRedis, sweeper: Sweeper, clock: Clock
) -> None:
    for number in range(20):
        join(membership, f"c{number}", "customer_1", ref(f"session-{number}"))
    clock.pass_seconds(91)
    membership.leases.due(10)
    redis.script_flush()

    assert sweeper.sweep(TEN_SECONDS)["renewed"] == 20


class Waiting:
    """Does what it wraps once something has happened elsewhere."""

    def __init__(self, wrapped: Callable[..., Any]) -> None:
        self.happened = Event()
        self.in_time: list[bool] = []
        self._wrapped = wrapped

    def __call__(self, *args: Any) -> Any:
        self.in_time.append(self.happened.wait(20))
        return self._wrapped(*args)


def telling(happened: Event, wrapped: Callable[..., Any]) -> Callable[..., Any]:
    """Does what it wraps, and says so."""

    def call(*args: Any) -> Any:
        happened.set()
        return wrapped(*args)

    return call


class TestSideBySide:
    """Neither what is to be announced nor the leases are kept waiting by the other."""

    @pytest.fixture(autouse=True)
    def due(self, membership: Membership, sweeper: Sweeper, clock: Clock) -> None:
        for number in range(40):
            leave_unannounced(membership, ref(f"session-{number}"))
        clock.pass_seconds(91)

    def test_slow_clients_keep_no_lease_waiting(
        self, sweeper: Sweeper, platform: Platform, poster: RecordingPoster, monkeypatch: Any
    ) -> None:
        posts = Waiting(poster.post)
        monkeypatch.setattr(poster, "post", posts)
        monkeypatch.setattr(platform, "look", telling(posts.happened, platform.look))

        swept = sweeper.sweep(TEN_SECONDS)

        assert all(posts.in_time)
        assert (swept["announced"], swept["renewed"]) == (40, 40)

    def test_nor_do_slow_clients_of_sessions_that_somebody_vanished_from(
        self,
        membership: Membership,
        sweeper: Sweeper,
        platform: Platform,
        poster: RecordingPoster,
        clock: Clock,
        monkeypatch: Any,
    ) -> None:
        """More than are told at a time, and more leases behind them than are looked at at once."""
        sweeper.sweep(TEN_SECONDS)
        vanishing = [ref(f"session-{number}") for number in range(40)]
        for session in vanishing:
            join(membership, f"v-{session.session_id}", "customer_1", session)
        platform.gone = {f"v-{session.session_id}" for session in vanishing}
        clock.pass_seconds(1)
        crowd = ref("crowd")
        fill(Membership(membership._redis, limits=ROOMY, clock=clock), range(230), crowd)
        clock.pass_seconds(91)
        posts = Waiting(poster.post)
        monkeypatch.setattr(poster, "post", posts)
        renew = membership.leases.renew

        def renewing(there: Sequence[tuple[Lease, int | None]], **spare: bool) -> list[Renewal]:
            found = renew(there, **spare)
            renewed.update(lease.connection_id for lease, _ in there)
            if len(renewed) == 40 + 230:
                posts.happened.set()
            return found

        renewed = set[str]()
        monkeypatch.setattr(membership.leases, "renew", renewing)

        swept = sweeper.sweep(TEN_SECONDS)

        assert all(posts.in_time)
        assert (swept["announced"], swept["gone"], swept["renewed"]) == (40, 40, 270)

    def test_a_slow_platform_keeps_no_announcement_waiting(
        self, sweeper: Sweeper, platform: Platform, poster: RecordingPoster, monkeypatch: Any
    ) -> None:
        looks = Waiting(platform.look)
        monkeypatch.setattr(platform, "look", looks)
        monkeypatch.setattr(poster, "post", telling(looks.happened, poster.post))

        swept = sweeper.sweep(TEN_SECONDS)

        assert all(looks.in_time)
        assert (swept["announced"], swept["renewed"]) == (40, 40)
