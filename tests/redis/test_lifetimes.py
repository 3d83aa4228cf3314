"""How long each thing is kept, by Redis's own clock."""

import time

import pytest

from hadir.domain.errors import MembershipUnavailable
from hadir.domain.limits import Limits
from hadir.domain.reasons import KICKED
from hadir.membership.keys import identity_key, said_key, session_key, session_keys, tombstone_key
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Admission
from hadir.membership.scripts import AnyRedis
from tests.conftest import Clock
from tests.redis.test_membership import CLOSED, SESSION, identity, join

MINUTE = 60_000
TOMBSTONE = tombstone_key(SESSION, "c1")


def between(lowest: int, life: int, highest: int) -> bool:
    return lowest < life <= highest


@pytest.fixture
def membership(redis: AnyRedis) -> Membership:
    membership = Membership(redis)
    join(membership, "c1", "customer_1")
    return membership


def test_who_left_cannot_come_in_again_for_five_minutes(
    membership: Membership, redis: AnyRedis
) -> None:
    membership.leave("c1", SESSION, CLOSED)

    assert between(4 * MINUTE, redis.pttl(TOMBSTONE), 5 * MINUTE)


def test_whose_socket_we_close_ourselves_not_for_as_long_as_any_socket_lives(
    membership: Membership, redis: AnyRedis
) -> None:
    membership.leave("c1", SESSION, KICKED)

    assert between(119 * MINUTE, redis.pttl(TOMBSTONE), 120 * MINUTE)


def test_that_is_not_shortened_by_what_comes_late(membership: Membership, redis: AnyRedis) -> None:
    membership.leave("c1", SESSION, KICKED)
    membership.leave("c1", SESSION, CLOSED)

    assert between(119 * MINUTE, redis.pttl(TOMBSTONE), 120 * MINUTE)
    assert redis.get(TOMBSTONE) == "kicked"


def test_but_lengthened_it_is(membership: Membership, redis: AnyRedis) -> None:
    membership.leave("c1", SESSION, CLOSED)
    membership.leave("c1", SESSION, KICKED)

    assert between(119 * MINUTE, redis.pttl(TOMBSTONE), 120 * MINUTE)
    assert redis.get(TOMBSTONE) == "client_closed"


def test_a_messages_name_for_ten_minutes(membership: Membership, redis: AnyRedis) -> None:
    who = identity("customer_1")
    membership.say("c1", who, "hello", "m1")

    life = redis.pttl(said_key(SESSION, who.person, "m1"))
    assert between(9 * MINUTE, life, 10 * MINUTE)


def test_whose_a_connection_is_while_it_is_there(membership: Membership, redis: AnyRedis) -> None:
    assert between(179 * MINUTE, redis.pttl(identity_key("c1")), 180 * MINUTE)

    membership.leave("c1", SESSION, CLOSED)

    assert redis.exists(identity_key("c1")) == 0


def test_nor_of_whom_redis_refused_to_admit(membership: Membership, redis: AnyRedis) -> None:
    redis.delete(session_key(SESSION, "people"))
    redis.set(session_key(SESSION, "people"), "what does not belong here")

    with pytest.raises(MembershipUnavailable):
        membership.admit("c3", identity("customer_3"))

    assert redis.exists(identity_key("c3")) == 0


@pytest.mark.parametrize("how", ["expired", "expired at a sweep", "flooding", "silent"])
def test_nor_is_it_remembered_of_whom_we_put_out(redis: AnyRedis, clock: Clock, how: str) -> None:
    """``$disconnect`` may be lost, so nothing waits for it."""
    membership = Membership(redis, limits=Limits(1, 1), clock=clock)
    expires = clock.now // 1000 + 30 if how.startswith("expired") else 0
    membership.admit("c3", identity("customer_3", expires_at=expires))
    membership.open("c3", SESSION, beat=True, heard=True)
    if how == "flooding":
        while not membership.open("c3", SESSION, heard=True).outcome.is_end:
            pass
    else:
        clock.pass_seconds(91)
        ended = (
            membership.leases.lapse("c3", SESSION)
            if how != "expired"
            else membership.open("c3", SESSION)
        )
        assert ended.outcome.is_end

    assert redis.exists(identity_key("c3")) == 0


class TestRenewal:
    """All keys of a session are renewed at once, so they also expire at once."""

    @pytest.fixture
    def there(self, redis: AnyRedis) -> list[str]:
        there = [key for key in session_keys(SESSION) if redis.exists(key)]
        for key in there:
            redis.pexpire(key, MINUTE)
        return there

    def test_who_comes_renews_all(
        self, membership: Membership, redis: AnyRedis, there: list[str]
    ) -> None:
        join(membership, "c2", "customer_2")

        assert_renewed(redis, there)

    def test_whatever_is_heard_does_so_once_an_hour(
        self, membership: Membership, redis: AnyRedis, there: list[str]
    ) -> None:
        membership.open("c1", SESSION, beat=True)
        assert redis.pttl(there[0]) <= MINUTE
        an_hour_ago = time.time_ns() // 10**6 - 60 * MINUTE
        redis.hset(session_key(SESSION, "session"), "renewed_at", an_hour_ago)

        membership.open("c1", SESSION, beat=True)

        assert_renewed(redis, there)
        redis.pexpire(there[0], MINUTE)
        membership.open("c1", SESSION, beat=True)
        assert redis.pttl(there[0]) <= MINUTE

    def test_so_code_does_that_does_not_know_when_they_were_renewed(
        self, membership: Membership, redis: AnyRedis, there: list[str]
    ) -> None:
        redis.hdel(session_key(SESSION, "session"), "renewed_at")

        membership.open("c1", SESSION, beat=True)

        assert_renewed(redis, there)

    def test_what_is_new_expires_too(self, membership: Membership, redis: AnyRedis) -> None:
        """Without that anybody comes or goes, messages make buckets, and some are owed them."""
        redis.delete(session_key(SESSION, "pace"))
        every = {*session_keys(SESSION)} - {session_key(SESSION, "leaving")}
        said = membership.say("c1", identity("customer_1"), "hello", "m1").batch
        assert said is not None

        membership.open("c1", SESSION, heard=True)
        lives = {key: redis.pttl(key) for key in every if redis.exists(key)}
        assert all(life > 0 for life in lives.values()), lives
        membership.settle(said, missed=["c1"], more=False)

        lives = {key: redis.pttl(key) for key in every if redis.exists(key)}
        assert session_key(SESSION, "behind") in lives
        assert all(life > 0 for life in lives.values()), lives


def assert_renewed(redis: AnyRedis, keys: list[str]) -> None:
    lives = {key: redis.pttl(key) for key in keys}
    assert all(between(1439 * MINUTE, life, 1440 * MINUTE) for life in lives.values()), lives


def test_nothing_else_is_left_when_all_have_gone(membership: Membership, redis: AnyRedis) -> None:
    assert membership.admit("c2", identity("customer_2")) is Admission.ADMITTED
    batch = membership.open("c2", SESSION).batch
    while batch:
        batch = membership.settle(batch, more=True)
    for connection_id in ("c1", "c2"):
        batch = membership.leave(connection_id, SESSION, CLOSED).batch
        while batch:
            batch = membership.settle(batch, more=True)

    kinds = sorted(key.split(":")[2] for key in redis.scan_iter("hadir2:{*"))
    # What happened, who left lately and how fast: for a day. Why they left: for five minutes.
    assert kinds == ["events", "left", "pace", "session", "tombstone", "tombstone"]
    assert list(redis.scan_iter("hadir2:of:*")) == []
