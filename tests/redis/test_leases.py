"""Leases, the agenda and reconnects: what time does to a session."""

import pytest
from redis import Redis

from hadir.domain.errors import MembershipUnavailable
from hadir.domain.reasons import Evidence, Reason
from hadir.domain.session import Batch, EventType, PresenceEvent
from hadir.membership.keys import left_key, partition_of, session_keys
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Lease, Leaving, Opening
from hadir.membership.scripts import AnyRedis
from tests.conftest import Clock
from tests.redis.test_membership import CLOSED, SESSION, events, identity, join, present, ref


def last(batch: Batch | None) -> PresenceEvent:
    assert batch is not None
    event = batch.events[-1]
    assert isinstance(event, PresenceEvent)
    return event


class TestLeases:
    def test_a_lease_runs_out_after_90_seconds(self, membership: Membership, clock: Clock) -> None:
        membership.leases.due(10)
        join(membership, "c1", "customer_1")

        for _ in range(2):
            clock.pass_seconds(44)
            assert membership.leases.due(10).leases == ()
        clock.pass_seconds(3)
        due = membership.leases.due(10)

        assert due.leases == (Lease(SESSION, "c1", deaf=False),)

    def test_a_verdict_that_comes_late_finds_the_lease_renewed(
        self, membership: Membership, clock: Clock
    ) -> None:
        """Two sweeps at once: one was blind and renewed the lease, the other was not."""
        join(membership, "c1", "customer_1")
        membership.open("c1", SESSION, beat=True)
        clock.pass_seconds(200)
        membership.open("c1", SESSION)

        assert membership.leases.lapse("c1", SESSION).outcome is Opening.OPEN

    def test_whatever_a_client_says_renews_it(self, membership: Membership, clock: Clock) -> None:
        join(membership, "c1", "customer_1")
        for _ in range(5):
            clock.pass_seconds(60)
            membership.open("c1", SESSION, beat=True)
        clock.pass_seconds(60)

        assert membership.leases.due(10).leases == ()

    def test_who_left_has_no_lease(self, membership: Membership, clock: Clock) -> None:
        join(membership, "c1", "customer_1")
        membership.leave("c1", SESSION, CLOSED)
        clock.pass_seconds(1000)

        assert membership.leases.due(10).leases == ()

    def test_who_said_something_and_then_reads_is_not_silent(
        self, membership: Membership, clock: Clock
    ) -> None:
        """A message promises nothing: only who has sent a heartbeat is expected to go on."""
        join(membership, "c1", "customer_1")
        membership.open("c1", SESSION, heard=True)
        clock.pass_seconds(120)

        assert membership.leases.lapse("c1", SESSION).outcome is Opening.OPEN

    def test_who_used_to_beat_and_fell_silent_leaves(
        self, membership: Membership, clock: Clock
    ) -> None:
        join(membership, "a1", "admin_1")
        join(membership, "c1", "customer_1")
        membership.open("c1", SESSION, beat=True)
        clock.pass_seconds(90)

        lapsed = membership.leases.lapse("c1", SESSION)

        assert lapsed.outcome is Opening.SILENT
        event = last(lapsed.batch)
        assert (event.type, event.person.user_id) == (EventType.USER_DISCONNECTED, "customer_1")
        assert event.departure is not None
        assert event.departure.reason is Reason.HEARTBEAT_TIMEOUT
        assert event.departure.evidence is Evidence.SILENCE
        assert event.departure.close_code is None
        assert present(membership) == {"admin_1"}

    def test_who_never_spoke_is_believed_while_the_platform_knows_them(
        self, membership: Membership, clock: Clock
    ) -> None:
        """Front ends of the system Hadir replaces send no heartbeats."""
        join(membership, "c1", "customer_1")
        clock.pass_seconds(1000)

        assert membership.leases.lapse("c1", SESSION).outcome is Opening.OPEN
        assert membership.leases.due(10).leases == ()

    def test_a_word_between_the_sweeps_question_and_its_verdict_counts(
        self, membership: Membership, clock: Clock
    ) -> None:
        join(membership, "c1", "customer_1")
        membership.open("c1", SESSION, beat=True)
        clock.pass_seconds(91)
        assert membership.leases.due(10).leases
        membership.open("c1", SESSION, beat=True)

        assert membership.leases.lapse("c1", SESSION).outcome is Opening.OPEN

    def test_hidden_tab_beats_once_a_minute(self, membership: Membership, clock: Clock) -> None:
        """Named after bento#522: a throttled tab flapped every minute."""
        join(membership, "c1", "customer_1")
        for _ in range(10):
            clock.pass_seconds(61)
            for lease in membership.leases.due(10).leases:
                membership.leases.lapse(lease.connection_id, lease.ref)
            membership.open("c1", SESSION, beat=True)

        assert membership.session(SESSION).version == 1

    def test_an_admitted_socket_that_is_there_is_opened(
        self, membership: Membership, clock: Clock
    ) -> None:
        membership.admit("c1", identity("customer_1"))
        clock.pass_seconds(91)
        assert membership.leases.due(10).leases

        assert membership.leases.lapse("c1", SESSION).outcome is Opening.JOINED

    def test_a_lease_of_nobody_is_forgotten(
        self, membership: Membership, redis: AnyRedis, clock: Clock
    ) -> None:
        join(membership, "c1", "customer_1")
        redis.delete(*session_keys(SESSION)[:3])
        clock.pass_seconds(91)
        assert membership.leases.due(10).leases

        assert membership.leases.lapse("c1", SESSION).outcome is Opening.UNKNOWN
        assert membership.leases.due(10).leases == ()

    def test_after_a_pause_of_the_sweep_silence_proves_nothing(
        self, membership: Membership, clock: Clock
    ) -> None:
        membership.leases.due(10)
        join(membership, "c1", "customer_1")
        membership.open("c1", SESSION, beat=True)
        clock.pass_seconds(200)  # Redis was away: heartbeats were lost

        due = membership.leases.due(10)

        assert due.leases == (Lease(SESSION, "c1", deaf=True),)
        clock.pass_seconds(60)
        assert membership.leases.due(10).leases == due.leases  # the first did not get to it
        membership.open("c1", SESSION)  # what the sweep does then
        assert membership.leases.due(10).leases == ()

    def test_every_partition_is_looked_at(self, membership: Membership, clock: Clock) -> None:
        membership.leases.due(10)
        sessions = {ref(f"session-{number}") for number in range(600)}
        for session in sessions:
            membership.admit(f"c-{session.session_id}", identity("customer_1", session))
        clock.pass_seconds(91)

        assert {lease.ref for lease in membership.leases.due(100).leases} == sessions


class TestAgenda:
    def test_a_dead_announcers_session_is_on_it_when_the_lease_is_over(
        self, membership: Membership, clock: Clock
    ) -> None:
        membership.admit("c1", identity("customer_1"))
        membership.open("c1", SESSION)  # dies here

        clock.pass_seconds(9)
        assert membership.leases.due(10).sessions == ()
        clock.pass_seconds(2)
        assert membership.leases.due(10).sessions == (SESSION,)

        batch = membership.claim(SESSION)
        assert events(batch) == [(1, "user_connected", "customer_1")]
        assert batch is not None
        assert batch.recovered_up_to == 1
        membership.settle(batch, more=True)
        clock.pass_seconds(100)
        assert membership.leases.due(10).sessions == ()

    def test_what_was_given_back_is_on_it_at_once_and_is_no_recovery(
        self, membership: Membership
    ) -> None:
        membership.admit("c1", identity("customer_1"))
        batch = membership.open("c1", SESSION).batch
        assert batch is not None

        membership.give_back(batch)

        assert membership.leases.due(10).sessions == (SESSION,)
        again = membership.claim(SESSION)
        assert again is not None
        assert (again.events, again.recovered_up_to) == (batch.events, 0)

    def test_what_was_recovered_and_given_back_is_still_recovered(
        self, membership: Membership, clock: Clock
    ) -> None:
        membership.admit("c1", identity("customer_1"))
        membership.open("c1", SESSION)  # dies here
        clock.pass_seconds(11)
        batch = membership.claim(SESSION)
        assert batch is not None
        membership.give_back(batch)

        again = membership.claim(SESSION)
        assert again is not None
        assert again.recovered_up_to == 1

    def test_two_sweeps_claim_once(self, membership: Membership, clock: Clock) -> None:
        membership.admit("c1", identity("customer_1"))
        membership.open("c1", SESSION)
        clock.pass_seconds(11)

        assert membership.claim(SESSION) is not None
        assert membership.claim(SESSION) is None

    def test_a_session_that_is_gone_is_taken_off(
        self, membership: Membership, redis: AnyRedis, clock: Clock
    ) -> None:
        membership.admit("c1", identity("customer_1"))
        membership.open("c1", SESSION)
        redis.delete(*session_keys(SESSION)[:3])
        clock.pass_seconds(11)
        assert membership.leases.due(10).sessions == (SESSION,)

        assert membership.claim(SESSION) is None
        assert membership.leases.due(10).sessions == ()


class TestReconnecting:
    @pytest.mark.parametrize(("seconds", "offline_ms"), [(0, 0), (12.4, 12_400), (30, 30_000)])
    def test_who_is_back_within_half_a_minute_has_reconnected(
        self, membership: Membership, clock: Clock, seconds: float, offline_ms: int
    ) -> None:
        join(membership, "c1", "customer_1")
        membership.leave("c1", SESSION, CLOSED)
        clock.pass_seconds(seconds)
        membership.claim(SESSION)
        membership.admit("c2", identity("customer_1"))
        membership.open("c2", SESSION)
        clock.pass_seconds(11)

        joined = last(membership.claim(SESSION))

        assert (joined.type, joined.offline_ms) == (EventType.USER_CONNECTED, offline_ms)

    def test_later_than_that_they_have_come_anew(
        self, membership: Membership, clock: Clock
    ) -> None:
        join(membership, "c1", "customer_1")
        batch = membership.leave("c1", SESSION, CLOSED).batch
        assert batch is not None
        membership.settle(batch, more=True)
        clock.pass_seconds(31)

        assert last(join(membership, "c2", "customer_1")).offline_ms is None

    def test_who_left_lately_is_not_remembered_for_ever(
        self, membership: Membership, redis: AnyRedis, clock: Clock
    ) -> None:
        join(membership, "a1", "admin_1")
        for number in range(20):
            join(membership, f"c{number}", f"customer_{number}")
            batch = membership.leave(f"c{number}", SESSION, CLOSED).batch
            assert batch is not None
            membership.settle(batch, more=True)
            clock.pass_seconds(7 * 3600)

        assert redis.zcard(left_key(partition_of(SESSION))) <= 4

    def test_a_departure_says_why(self, membership: Membership) -> None:
        join(membership, "c1", "customer_1")

        event = last(membership.leave("c1", SESSION, CLOSED).batch)

        assert event.departure == CLOSED

    def test_connected_at_stays_with_the_person_over_a_rollover(
        self, membership: Membership, clock: Clock
    ) -> None:
        join(membership, "old", "customer_1")
        began = clock.now
        clock.pass_seconds(7000)
        join(membership, "new", "customer_1")
        membership.leave("old", SESSION, CLOSED)

        (somebody,) = membership.session(SESSION).people
        assert somebody.at == began


class TestFull:
    """Redis has no memory left."""

    def test_nobody_is_let_in_half_and_who_leaves_leaves(self, node: Redis, clock: Clock) -> None:
        membership = Membership(node, clock=clock)
        join(membership, "a1", "admin_1")
        join(membership, "c1", "customer_1")
        membership.admit("c2", identity("customer_2"))
        before = membership.session(SESSION)
        node.config_set("maxmemory", 1)
        try:
            for call in (
                lambda: membership.admit("c3", identity("customer_3")),
                lambda: membership.open("c2", SESSION),
                lambda: membership.say("c1", identity("customer_1"), "hello", ""),
            ):
                with pytest.raises(MembershipUnavailable, match="maxmemory"):
                    call()
            assert membership.session(SESSION) == before

            left = membership.leave("c1", SESSION, CLOSED)
            assert left.batch is not None
            assert membership.settle(left.batch, more=True) is None
            membership.leases.due(10)
            clock.pass_seconds(60)
            assert membership.open("a1", SESSION, beat=True).outcome is Opening.OPEN
            clock.pass_seconds(60)
            assert [each.connection_id for each in membership.leases.due(10).leases] == ["c2"]
        finally:
            node.config_set("maxmemory", 0)

        assert left.outcome is Leaving.LEFT
        assert events(left.batch) == [(3, "user_disconnected", "customer_1")]
        assert membership.open("c2", SESSION).outcome is Opening.JOINED
