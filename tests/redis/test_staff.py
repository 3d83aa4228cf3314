"""What it takes to say whether agents would answer: the index of staff, Redis's work, keeping."""

from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from hadir.domain.availability import Agents
from hadir.domain.errors import MembershipUnavailable
from hadir.domain.identity import SessionRef
from hadir.membership.audit import Audit
from hadir.membership.availability import MOST_PLACES, Availability, RecentAvailability
from hadir.membership.keys import (
    PARTITIONS,
    partition_of,
    session_key,
    staff_key,
    whereabouts_key,
)
from hadir.membership.membership import Membership
from hadir.membership.scripts import AnyRedis
from tests.conftest import Clock
from tests.redis.test_availability import LEASE_SECONDS, TENANT, Word, beat
from tests.redis.test_membership import CLOSED, SESSION, join, ref


@pytest.fixture
def word(redis: AnyRedis, clock: Clock) -> Word:
    return lambda: Availability(redis, LEASE_SECONDS, clock).of(TENANT).value


class TestIndex:
    def test_customers_are_not_in_it(self, membership: Membership, redis: AnyRedis) -> None:
        join(membership, "c1", "customer_1")
        assert redis.exists(staff_key(partition_of(SESSION))) == 0

    def test_it_holds_who_is_present(self, membership: Membership, redis: AnyRedis) -> None:
        index = staff_key(partition_of(SESSION))
        join(membership, "a1", "admin_1")
        assert redis.zrange(index, 0, -1) == [f"{TENANT} admin admin_1 {SESSION.session_id}"]
        assert redis.pttl(index) > 86_000_000

        membership.leave("a1", SESSION, CLOSED)
        assert redis.exists(index) == 0

    def test_every_socket_renews_it(self, membership: Membership, redis: AnyRedis) -> None:
        """So that older code, which knows no such index, is no reason to be missed for long."""
        index = staff_key(partition_of(SESSION))
        join(membership, "a1", "admin_1")
        redis.delete(index)

        join(membership, "a2", "admin_1")

        assert redis.zcard(index) == 1
        assert redis.pttl(index) > 86_000_000

    def test_it_costs_customers_nothing_and_agents_little(self, node: Redis, clock: Clock) -> None:
        """Commands that Redis runs, those of scripts included."""
        membership = Membership(node, clock=clock)
        join(membership, "a0", "admin_0")
        membership.leave("a0", SESSION, CLOSED)

        def visit(user_id: str) -> list[int]:
            one, two = f"{user_id}-1", f"{user_id}-2"
            return [
                self.commands(node, lambda: join(membership, one, user_id)),
                self.commands(node, lambda: join(membership, two, user_id)),
                self.commands(node, lambda: beat(membership, one)),
                self.commands(node, lambda: membership.leave(two, SESSION, CLOSED)),
                self.commands(node, lambda: membership.leave(one, SESSION, CLOSED)),
            ]

        customer, admin = visit("customer_1"), visit("admin_1")

        more = [mine - usual for mine, usual in zip(admin, customer, strict=True)]
        assert more == [2, 2, 0, 0, 1]

    @staticmethod
    def commands(node: Redis, run: Callable[[], object]) -> int:
        node.config_resetstat()
        run()
        stats = node.info("commandstats")
        asked = {"cmdstat_info", "cmdstat_config|resetstat"}
        return sum(each["calls"] for name, each in stats.items() if name not in asked)

    def test_evicted_it_is_written_again(
        self, membership: Membership, redis: AnyRedis, word: Word
    ) -> None:
        join(membership, "a1", "admin_1")
        beat(membership, "a1")
        redis.delete(staff_key(partition_of(SESSION)))
        assert word() == "offline"

        membership.repair(SESSION)
        assert word() == "live"

    def test_ghosts_are_not_there_and_are_forgotten(
        self, membership: Membership, redis: AnyRedis, word: Word
    ) -> None:
        join(membership, "a1", "admin_1")
        join(membership, "a2", "admin_2")
        redis.hdel(session_key(SESSION, "people"), "admin/admin_1")
        partition = partition_of(SESSION)

        assert Audit(redis).forget_ghosts(partition) == 2
        for key, name in (
            (staff_key(partition), f"{TENANT} admin admin_2 {SESSION.session_id}"),
            (whereabouts_key(partition), f"{TENANT} admin_2 admin {SESSION.session_id}"),
        ):
            assert redis.zrange(key, 0, -1) == [name]

    def test_whoever_asks_finds_ghosts_and_removes_them(
        self, membership: Membership, redis: AnyRedis, word: Word
    ) -> None:
        """Older code, which the deployment was rolled back to, leaves them behind."""
        join(membership, "a1", "admin_1")
        beat(membership, "a1")
        redis.delete(session_key(SESSION, "people"))
        join(membership, "b1", "admin_2", ref("other"))

        assert word() == "reachable"

        assert redis.exists(staff_key(partition_of(SESSION))) == 0
        assert redis.zcard(staff_key(partition_of(ref("other")))) == 1

    def test_what_newer_code_has_written_is_left_out(
        self, membership: Membership, redis: AnyRedis, word: Word
    ) -> None:
        join(membership, "a1", "admin_1")
        redis.zadd(staff_key(partition_of(SESSION)), {f"{TENANT} co_bot 7 s1": 0})
        assert word() == "reachable"

    def test_a_session_that_cannot_be_read_hides_no_other(
        self, membership: Membership, redis: AnyRedis, word: Word
    ) -> None:
        join(membership, "a1", "admin_1")
        beat(membership, "a1")
        join(membership, "b1", "admin_2", ref("broken"))
        redis.delete(session_key(ref("broken"), "people"))
        redis.set(session_key(ref("broken"), "people"), "nonsense")
        assert word() == "live"


class TestWork:
    """Of one answer, whatever there is."""

    @staticmethod
    def commands(node: Redis) -> dict[str, int]:
        stats = node.info("commandstats")
        return {name.removeprefix("cmdstat_"): each["calls"] for name, each in stats.items()}

    @staticmethod
    def are_away(node: Redis, sessions: list[SessionRef]) -> None:
        """So many agents, each away in the session of their number."""
        for number, session in enumerate(sessions):
            name = f"{TENANT} agent a{number} {session.session_id}"
            node.zadd(staff_key(partition_of(session)), {name: 0})
            record: dict[Any, Any] = {f"agent/a{number}": "1737714600000 1 - - - - - - ,x,"}
            node.hset(session_key(session, "people"), mapping=record)

    def test_it_is_bounded(self, node: Redis, clock: Clock) -> None:
        self.are_away(node, [ref(f"s{number}") for number in range(10_000)])
        availability = Availability(node, LEASE_SECONDS, clock)
        availability.of(TENANT)
        node.config_resetstat()

        assert availability.of(TENANT) is Agents.AWAY

        made = self.commands(node)
        assert MOST_PLACES * 0.9 <= made["hget"] <= MOST_PLACES + PARTITIONS
        assert made["zrangebylex"] == PARTITIONS
        assert made["evalsha"] <= 2 * PARTITIONS
        assert "hgetall" not in made

    def test_so_many_are_looked_at_in_one_partition_too(self, node: Redis, clock: Clock) -> None:
        self.are_away(node, [SESSION] * 10_000)
        availability = Availability(node, LEASE_SECONDS, clock)
        node.config_resetstat()

        assert availability.of(TENANT) is Agents.AWAY
        assert self.commands(node)["hget"] <= MOST_PLACES

    def test_it_ends_with_one_who_is_live(self, node: Redis, clock: Clock) -> None:
        membership = Membership(node, clock=clock)
        session = next(
            each for n in range(PARTITIONS * 9) if partition_of(each := ref(f"t{n}")) == 3
        )
        join(membership, "a1", "admin_1", session)
        beat(membership, "a1", session)
        availability = Availability(node, LEASE_SECONDS, clock)
        availability.of(TENANT)
        node.config_resetstat()

        assert availability.of(TENANT) is Agents.LIVE

        made = self.commands(node)
        assert (made["zrangebylex"], made["evalsha"]) == (16, 1)

    def test_the_clients_of_a_session_are_read_once(self, node: Redis, clock: Clock) -> None:
        membership = Membership(node, clock=clock)
        for number in range(20):
            join(membership, f"a{number}", f"admin_{number}")
        availability = Availability(node, LEASE_SECONDS, clock)
        node.config_resetstat()

        assert availability.of(TENANT) is Agents.REACHABLE
        assert self.commands(node)["hgetall"] == 1

    def test_customers_cost_it_nothing(self, node: Redis, clock: Clock) -> None:
        membership = Membership(node, clock=clock)
        for number in range(50):
            join(membership, f"c{number}", f"customer_{number}")
        availability = Availability(node, LEASE_SECONDS, clock)
        node.config_resetstat()

        assert availability.of(TENANT) is Agents.OFFLINE
        assert not {"hget", "hgetall"} & self.commands(node).keys()


class Scripted(Availability):
    """Knows the word without Redis, and how often it was asked."""

    def __init__(self) -> None:
        self.word: Agents | MembershipUnavailable = Agents.LIVE
        self.asked: list[str] = []

    def of(self, tenant: str) -> Agents:
        self.asked.append(tenant)
        if isinstance(self.word, MembershipUnavailable):
            raise self.word
        return self.word


class TestKeeping:
    @pytest.fixture
    def scripted(self) -> Scripted:
        return Scripted()

    @pytest.fixture
    def recent(self, scripted: Scripted, clock: Clock) -> RecentAvailability:
        return RecentAvailability(scripted, lambda: clock.now / 1000)

    def test_it_is_asked_once_in_five_seconds(
        self, scripted: Scripted, recent: RecentAvailability, clock: Clock
    ) -> None:
        assert recent.of("t") is Agents.LIVE
        scripted.word = Agents.AWAY
        clock.pass_seconds(4.9)
        assert recent.of("t") is Agents.LIVE
        assert recent.of("u") is Agents.AWAY

        clock.pass_seconds(0.2)
        assert recent.of("t") is Agents.AWAY
        assert scripted.asked == ["t", "u", "t"]

    def test_that_redis_was_away_is_not_kept(
        self, scripted: Scripted, recent: RecentAvailability
    ) -> None:
        scripted.word = MembershipUnavailable("away")
        with pytest.raises(MembershipUnavailable):
            recent.of("t")

        scripted.word = Agents.LIVE
        assert recent.of("t") is Agents.LIVE

    def test_it_remembers_a_thousand_tenants(
        self, scripted: Scripted, recent: RecentAvailability
    ) -> None:
        for number in range(1001):
            recent.of(f"t{number}")
        scripted.asked.clear()

        recent.of("t1000")
        recent.of("t1")
        recent.of("t0")

        assert scripted.asked == ["t0"]
