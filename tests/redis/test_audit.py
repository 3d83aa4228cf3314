"""What is looked at when Redis has evicted keys."""

import pytest

from hadir.domain.identity import Identity, UserType
from hadir.membership.audit import Audit
from hadir.membership.directory import Directory
from hadir.membership.keys import PARTITIONS, partition_of, session_key, whereabouts_key
from hadir.membership.membership import Membership
from hadir.membership.scripts import AnyRedis
from tests.redis.test_membership import SESSION, join


def always() -> bool:
    return True


@pytest.mark.parametrize("session_id", ["s1", "a:people:b", "a:connections:b", "é|[*]?\\"])
def test_a_session_is_found_whatever_it_is_called(
    redis: AnyRedis, membership: Membership, session_id: str
) -> None:
    who = Identity(session_id, ":people:", UserType.CUSTOMER)
    membership.admit("c1", who)
    membership.open("c1", who.session)

    found = dict(Audit(redis).partitions(0, always))

    assert len(found) == PARTITIONS
    assert found.pop(partition_of(who.session)) == {who.session}
    assert not any(found.values())


def test_ghosts_are_forgotten_and_nobody_else(redis: AnyRedis, membership: Membership) -> None:
    join(membership, "c1", "customer_1")
    join(membership, "a1", "admin_1")
    redis.hdel(session_key(SESSION, "people"), "customer/customer_1")

    assert Audit(redis).forget_ghosts(partition_of(SESSION)) == 1

    (name,) = redis.zrange(whereabouts_key(partition_of(SESSION)), 0, -1)
    assert name == f"{SESSION.tenant} admin_1 admin {SESSION.session_id}"


def test_who_joins_while_ghosts_are_looked_for_stays(
    redis: AnyRedis, membership: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    join(membership, "c1", "customer_1")
    redis.delete(session_key(SESSION, "people"))
    audit = Audit(redis)
    read = audit._names

    def joins_meanwhile(index: str) -> list[str]:
        names = read(index)
        join(membership, "c2", "customer_1")
        return names

    monkeypatch.setattr(audit, "_names", joins_meanwhile)

    assert audit.forget_ghosts(partition_of(SESSION)) == 0
    assert Directory(redis).sessions_of(SESSION.tenant, "customer_1") == (SESSION,)


class TestProgress:
    """Of an audit that takes more than one sweep."""

    @pytest.fixture
    def audit(self, redis: AnyRedis, monkeypatch: pytest.MonkeyPatch) -> Audit:
        self.evicted = 5
        audit = Audit(redis)
        monkeypatch.setattr(audit, "_stats", lambda: [{"evicted_keys": self.evicted}])
        return audit

    def test_it_goes_on_where_it_stopped(self, audit: Audit) -> None:
        assert audit.begin() == (5, 0)
        audit.note_done(0)
        audit.note_done(1)

        assert audit.begin() == (5, 2)
        assert [partition for partition, _ in audit.partitions(2, always)][:2] == [2, 3]

    def test_it_is_over_after_the_last_partition(self, audit: Audit) -> None:
        audit.begin()
        audit.note_done(PARTITIONS - 1)

        assert audit.begin() is None

    def test_what_is_evicted_meanwhile_is_a_reason_for_another(self, audit: Audit) -> None:
        audit.begin()
        audit.note_done(7)
        self.evicted = 9
        assert audit.begin() == (5, 8)
        audit.note_done(PARTITIONS - 1)

        assert audit.begin() == (4, 0)

    def test_a_restart_of_redis_does_not_end_it(self, audit: Audit) -> None:
        audit.begin()
        audit.note_done(7)
        self.evicted = 0

        assert audit.begin() == (5, 8)

    def test_evictions_before_a_failover_are_no_reason_to_look_for_ever(self, audit: Audit) -> None:
        self.evicted = 100
        audit.begin()
        audit.note_done(PARTITIONS - 1)
        self.evicted = 5
        assert audit.begin() == (5, 0)
        audit.note_done(PARTITIONS - 1)
        assert audit.begin() is None
        self.evicted = 7

        assert audit.begin() == (2, 0)

    def test_without_time_nothing_is_looked_at(self, audit: Audit, membership: Membership) -> None:
        join(membership, "c1", "customer_1")

        assert list(audit.partitions(0, lambda: False)) == []
