"""The grace: who is back within it was never gone."""

import pytest

from hadir.domain.session import EventType
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Leaving, Opening
from hadir.membership.scripts import AnyRedis
from tests.conftest import Clock
from tests.redis.test_leases import last
from tests.redis.test_membership import CLOSED, SESSION, events, identity, join, present


class TestGrace:
    @pytest.fixture
    def membership(self, redis: AnyRedis, clock: Clock) -> Membership:
        return Membership(redis, grace_seconds=10, clock=clock)

    def test_who_is_back_within_it_was_never_gone(
        self, membership: Membership, clock: Clock
    ) -> None:
        join(membership, "a1", "admin_1")
        join(membership, "c1", "customer_1")
        began = clock.now

        left = membership.leave("c1", SESSION, CLOSED)
        assert (left.outcome, left.batch) == (Leaving.LEFT, None)
        assert present(membership) == {"admin_1", "customer_1"}
        clock.pass_seconds(9)
        membership.admit("c2", identity("customer_1"))
        opened = membership.open("c2", SESSION)

        assert (opened.outcome, opened.batch) == (Opening.ADDED, None)
        clock.pass_seconds(20)
        assert membership.claim(SESSION) is None
        assert membership.session(SESSION).version == 2
        since = {each.person.user_id: each.at for each in membership.session(SESSION).people}
        assert since["customer_1"] == began

    def test_who_is_not_is_gone_when_it_is_over(self, membership: Membership, clock: Clock) -> None:
        join(membership, "a1", "admin_1")
        join(membership, "c1", "customer_1")
        membership.leave("c1", SESSION, CLOSED)
        went = clock.now
        clock.pass_seconds(9.9)
        assert membership.claim(SESSION) is None
        clock.pass_seconds(0.1)

        event = last(membership.claim(SESSION))

        assert (event.type, event.person.user_id) == (EventType.USER_DISCONNECTED, "customer_1")
        assert (event.at, event.departure) == (went, CLOSED)
        assert present(membership) == {"admin_1"}

    def test_the_sweep_ends_it_where_the_handler_died(
        self, membership: Membership, clock: Clock
    ) -> None:
        join(membership, "c1", "customer_1")
        membership.leave("c1", SESSION, CLOSED)  # dies here
        clock.pass_seconds(9)
        assert membership.leases.due(10).sessions == ()
        clock.pass_seconds(1)

        assert membership.leases.due(10).sessions == (SESSION,)
        assert last(membership.claim(SESSION)).person.user_id == "customer_1"

    def test_unrelated_join_must_not_flush_pending_leave(
        self, membership: Membership, clock: Clock
    ) -> None:
        """Named after firezone#11540. Nor is the join held back."""
        join(membership, "c1", "customer_1")
        membership.leave("c1", SESSION, CLOSED)
        clock.pass_seconds(5)

        batch = join(membership, "a1", "admin_1")

        assert events(batch) == [(2, "user_connected", "admin_1")]
        clock.pass_seconds(5)
        assert events(membership.claim(SESSION)) == [(3, "user_disconnected", "customer_1")]

    def test_several_leave_in_the_order_they_went(
        self, membership: Membership, clock: Clock
    ) -> None:
        for number in (3, 1, 2):
            join(membership, f"c{number}", f"customer_{number}")
        for number in (2, 3, 1):
            membership.leave(f"c{number}", SESSION, CLOSED)
            clock.pass_seconds(0.1)
        clock.pass_seconds(11)

        assert [user for _, _, user in events(membership.claim(SESSION))] == [
            "customer_2",
            "customer_3",
            "customer_1",
        ]

    def test_a_reconnect_counts_from_when_they_went(
        self, membership: Membership, clock: Clock
    ) -> None:
        join(membership, "c1", "customer_1")
        membership.leave("c1", SESSION, CLOSED)
        clock.pass_seconds(15)
        membership.admit("c2", identity("customer_1"))

        opened = membership.open("c2", SESSION)

        assert events(opened.batch) == [
            (2, "user_disconnected", "customer_1"),
            (3, "user_connected", "customer_1"),
        ]
        assert last(opened.batch).offline_ms == 15_000

    def test_whom_we_put_out_has_none(self, membership: Membership, clock: Clock) -> None:
        join(membership, "a1", "admin_1")
        membership.admit("c1", identity("customer_1", expires_at=clock.now // 1000 + 30))
        membership.open("c1", SESSION)
        clock.pass_seconds(31)

        assert membership.leases.lapse("c1", SESSION).outcome is Opening.EXPIRED

        assert present(membership) == {"admin_1"}
