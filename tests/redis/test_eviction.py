"""Redis throws a key away, which it should never be let do: nobody is a ghost for ever."""

from collections.abc import Callable

import pytest
from redis import Redis

from hadir.domain.identity import DEFAULT_TENANT
from hadir.membership.audit import Audit
from hadir.membership.directory import Directory
from hadir.membership.keys import PARTITIONS, session_key, session_keys
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Opening
from hadir.membership.scripts import AnyRedis
from tests.conftest import Clock
from tests.redis.test_membership import CLOSED, SESSION, events, identity, join, present

KEYS = session_keys(SESSION)
PEOPLE = {"c1": "customer_1", "c2": "customer_2", "a1": "admin_1"}


def name(key: str) -> str:
    return key.split(":")[2]


@pytest.fixture
def membership(redis: AnyRedis, clock: Clock) -> Membership:
    membership = Membership(redis, clock=clock)
    for connection_id, user_id in PEOPLE.items():
        join(membership, connection_id, user_id)
        membership.open(connection_id, SESSION, beat=True)
    return membership


@pytest.fixture
def repair(redis: AnyRedis, membership: Membership) -> Callable[[], None]:
    """What the sweep does when it sees that keys were evicted."""

    def repair() -> None:
        audit = Audit(redis)
        for partition, refs in audit.partitions(0, lambda: True):
            for ref in refs:
                batch = membership.repair(ref)
                while batch:
                    batch = membership.settle(batch, more=True)
            audit.forget_ghosts(partition)

    return repair


def settle_all(membership: Membership, clock: Clock) -> None:
    clock.pass_seconds(11)
    batch = membership.claim(SESSION)
    while batch:
        batch = membership.settle(batch, more=True)


@pytest.mark.parametrize("key", KEYS, ids=name)
def test_clients_that_go_on_put_it_right(
    membership: Membership, redis: AnyRedis, clock: Clock, key: str
) -> None:
    redis.delete(key)
    for connection_id, user_id in PEOPLE.items():
        opened = membership.open(connection_id, SESSION, beat=True)
        if opened.outcome is Opening.UNKNOWN:
            membership.admit(connection_id, identity(user_id))
            membership.open(connection_id, SESSION, beat=True)
    settle_all(membership, clock)
    assert present(membership) == set(PEOPLE.values())

    left = membership.leave("c1", SESSION, CLOSED).batch

    assert events(left)[-1][2] == "customer_1"
    assert present(membership) == {"customer_2", "admin_1"}
    settle_all(membership, clock)
    clock.pass_seconds(91)
    assert {lease.connection_id for lease in membership.leases.due(10).leases} == {"c2", "a1"}


@pytest.mark.parametrize("key", KEYS, ids=name)
def test_so_does_the_sweep(
    membership: Membership,
    redis: AnyRedis,
    clock: Clock,
    repair: Callable[[], None],
    key: str,
) -> None:
    redis.delete(key)

    repair()

    status = {each.person.user_id: each.sockets for each in membership.session(SESSION).people}
    sockets = [each.person.user_id for each in membership.sockets(SESSION)]
    assert status == dict.fromkeys(sockets, 1)
    there = [ref.session_id for ref in Directory(redis).sessions_of(DEFAULT_TENANT, "customer_1")]
    assert there == ([SESSION.session_id] if sockets else [])
    clock.pass_seconds(91)
    leases = {lease.connection_id for lease in membership.leases.due(10).leases}
    if name(key) != "connections":
        assert leases == set(PEOPLE)
        assert Directory(redis).totals() == (3, 1)
    else:
        assert Directory(redis).totals() == (0, 0)


@pytest.mark.parametrize("key", KEYS, ids=name)
def test_nobody_is_left_when_all_have_gone(
    membership: Membership,
    redis: AnyRedis,
    clock: Clock,
    repair: Callable[[], None],
    key: str,
) -> None:
    redis.delete(key)
    for connection_id in PEOPLE:
        membership.leave(connection_id, SESSION, CLOSED)
    repair()
    settle_all(membership, clock)

    assert present(membership) == set()
    assert membership.sockets(SESSION) == ()
    assert Directory(redis).totals() == (0, 0)
    assert Directory(redis).sessions_of(DEFAULT_TENANT, "customer_1") == ()
    clock.pass_seconds(1000)
    due = membership.leases.due(10)
    assert (due.leases, due.sessions) == ((), ())


def test_a_whole_session_thrown_away_leaves_no_ghosts(
    membership: Membership, redis: AnyRedis, repair: Callable[[], None]
) -> None:
    redis.delete(*KEYS[:8])
    assert Directory(redis).totals() == (3, 1)

    repair()

    assert Directory(redis).totals()[0] == 0
    assert Directory(redis).sessions_of(DEFAULT_TENANT, "customer_1") == ()


def test_versions_go_on_after_events_that_are_kept_no_longer(
    redis: AnyRedis, membership: Membership, clock: Clock
) -> None:
    settle_all(membership, clock)
    membership.leave_each(list(PEOPLE), SESSION, CLOSED)
    settle_all(membership, clock)
    before = membership.session(SESSION).version
    redis.delete(KEYS[0])
    redis.xtrim(KEYS[3], maxlen=0, approximate=False)

    joined = join(membership, "c9", "customer_9")

    assert joined is not None
    assert joined.events[-1].version == before + 1


@pytest.mark.parametrize("keys", [KEYS[:8], KEYS[1:3]], ids=["all", "people"])
def test_nor_is_a_session_listed_in_which_nobody_is_left(
    membership: Membership, redis: AnyRedis, repair: Callable[[], None], keys: list[str]
) -> None:
    redis.delete(*keys)

    repair()

    assert Directory(redis).totals() == (0, 0)


def test_evictions_are_seen_once(node: Redis, clock: Clock) -> None:
    membership, audit = Membership(node, clock=clock), Audit(node)
    assert audit.begin() is None
    for number in range(50):
        join(membership, f"c{number}", f"customer_{number}")
    node.config_set("maxmemory-policy", "allkeys-lru")
    node.config_set("maxmemory", 1)
    try:
        node.ping()
        for _ in range(3):
            node.get("anything")
    finally:
        node.config_set("maxmemory", 0)
        node.config_set("maxmemory-policy", "noeviction")

    begun = audit.begin()
    assert begun is not None
    evicted, first = begun
    assert evicted > 0
    assert first == 0
    audit.note_done(PARTITIONS - 1)
    assert audit.begin() is None


class TestInfoRefused:
    """The Redis user may not ask for the node's lineage, nor about a stream."""

    @pytest.fixture
    def membership(self, node: Redis, clock: Clock) -> Membership:
        node.acl_setuser(
            "modest",
            enabled=True,
            nopass=True,
            keys=["*"],
            commands=["+@all", "-info", "-xinfo"],
        )
        kwargs = node.connection_pool.connection_kwargs
        return Membership(
            Redis(
                host=kwargs["host"],
                port=kwargs["port"],
                username="modest",
                password="any",
                decode_responses=True,
            ),
            clock=clock,
        )

    def test_people_come_and_go(self, membership: Membership) -> None:
        join(membership, "c1", "customer_1")
        join(membership, "a1", "admin_1")
        epoch = membership.session(SESSION).epoch

        left = membership.leave("c1", SESSION, CLOSED)

        assert left.batch is not None
        assert left.batch.session.epoch == epoch
        assert present(membership) == {"admin_1"}

    @pytest.mark.parametrize("kept", [1, 0])
    def test_a_session_whose_first_key_is_evicted_goes_on(
        self, node: Redis, membership: Membership, clock: Clock, kept: int
    ) -> None:
        join(membership, "c1", "customer_1")
        membership.say("c1", identity("customer_1"), "hello", "")
        settle_all(membership, clock)
        node.delete(KEYS[0])
        node.xtrim(KEYS[3], maxlen=kept, approximate=False)

        joined = join(membership, "a1", "admin_1")

        assert joined is not None
        assert [event.version for event in joined.events] == [2 + kept]
        assert present(membership) == {"customer_1", "admin_1"}

    def test_nor_may_it_ask_for_evictions(self, membership: Membership) -> None:
        assert Audit(membership._redis).begin() is None


def test_nobody_in_grace_is_left_over_for_those_who_come_next(
    redis: AnyRedis, clock: Clock
) -> None:
    membership = Membership(redis, grace_seconds=10, clock=clock)
    join(membership, "c1", "customer_1")
    membership.leave("c1", SESSION, CLOSED)
    for kind in ("session", "connections", "people"):
        redis.delete(session_key(SESSION, kind))
    join(membership, "c2", "customer_2")
    clock.pass_seconds(11)

    membership.open("c2", SESSION, heard=True, beat=True)

    assert present(membership) == {"customer_2"}
