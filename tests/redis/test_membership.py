"""The scripts, on real Redis."""

import socket
from collections.abc import Iterator

import pytest
from redis import Redis
from redis.crc import key_slot

from hadir.domain.errors import MembershipUnavailable
from hadir.domain.identity import DEFAULT_TENANT, Identity, SessionRef, UserType
from hadir.domain.reasons import Departure, Evidence, Reason
from hadir.domain.session import (
    AssignmentEvent,
    Batch,
    Event,
    EventType,
    MessageEvent,
    PresenceEvent,
    StateEvent,
    UnknownEvent,
)
from hadir.domain.status import ConnectionStatus
from hadir.membership.client import connect
from hadir.membership.keys import (
    PARTITIONS,
    due_keys,
    hearing_key,
    occupied_key,
    said_key,
    session_key,
    session_keys,
    tombstone_key,
    whereabouts_key,
)
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Leaving, Opening
from hadir.membership.scripts import AnyRedis
from tests.conftest import Clock

SESSION = SessionRef(DEFAULT_TENANT, "550e8400-e29b-41d4-a716-446655440000")
CLOSED = Departure(Reason.CLIENT_CLOSED, Evidence.CLOSE_FRAME, 1001)


def ref(session_id: str) -> SessionRef:
    return SessionRef(DEFAULT_TENANT, session_id)


def identity(user_id: str, session: SessionRef = SESSION, expires_at: int = 0) -> Identity:
    kind = UserType.CUSTOMER if user_id.startswith("customer") else UserType.ADMIN
    return Identity(session.session_id, user_id, kind, session.tenant, expires_at)


def join(
    membership: Membership, connection_id: str, user_id: str, session: SessionRef = SESSION
) -> Batch | None:
    """Admit and open; settle at once, as an announcer that is never interrupted would."""
    assert membership.admit(connection_id, identity(user_id, session)).is_in
    batch = membership.open(connection_id, session).batch
    if batch:
        assert membership.settle(batch, more=True) is None
    return batch


def events(batch: Batch | None) -> list[tuple[int, str, str]]:
    assert batch is not None
    return [_shape(event) for event in batch.events]


_KINDS: dict[type, str] = {MessageEvent: "message", StateEvent: "state"}


def _shape(event: Event) -> tuple[int, str, str]:
    assert not isinstance(event, AssignmentEvent | UnknownEvent)
    kind = event.type.value if isinstance(event, PresenceEvent) else _KINDS[type(event)]
    return event.version, kind, event.person.user_id


def present(membership: Membership) -> set[str]:
    status = ConnectionStatus.of(membership.session(SESSION))
    return {each.person.user_id for each in status.people}


class TestJoining:
    def test_admitted_is_not_present(self, membership: Membership) -> None:
        membership.admit("c1", identity("customer_1"))

        assert present(membership) == set()
        assert membership.session(SESSION).version == 0

    def test_the_first_socket_makes_the_event_and_its_newcomer_is_told(
        self, membership: Membership, clock: Clock
    ) -> None:
        membership.admit("c1", identity("customer_1"))

        opened = membership.open("c1", SESSION)

        assert opened.outcome is Opening.JOINED
        assert events(opened.batch) == [(1, "user_connected", "customer_1")]
        assert opened.batch is not None
        assert opened.batch.events[0].at == clock.now
        (member,) = opened.batch.sockets
        assert (member.connection_id, member.since) == ("c1", 1)

    def test_a_second_tab_makes_no_event_and_is_shown_the_session(
        self, membership: Membership
    ) -> None:
        join(membership, "c1", "customer_1")
        membership.admit("c2", identity("customer_1"))

        opened = membership.open("c2", SESSION)

        assert (opened.outcome, opened.batch) == (Opening.ADDED, None)
        assert opened.session is not None
        (person,) = ConnectionStatus.of(opened.session).people
        assert person.sockets == 2

    def test_opening_twice_makes_one_event(self, membership: Membership) -> None:
        join(membership, "c1", "customer_1")

        assert membership.open("c1", SESSION).outcome is Opening.OPEN
        assert membership.session(SESSION).version == 1

    def test_opening_again_as_after_a_lost_reply_shows_the_session_again(
        self, membership: Membership
    ) -> None:
        join(membership, "a1", "admin_1")
        join(membership, "c1", "customer_1")
        membership.admit("c2", identity("customer_1"))
        membership.open("c2", SESSION)

        again = membership.open("c2", SESSION)

        assert again.outcome is Opening.ADDED
        assert again.session is not None
        assert {each.person.user_id for each in again.session.people} == {"admin_1", "customer_1"}
        join(membership, "a2", "admin_2")  # of which c2 is told, with the status
        assert membership.open("c2", SESSION).outcome is Opening.OPEN
        assert membership.open("c1", SESSION).outcome is Opening.OPEN

    def test_a_socket_never_admitted_cannot_open(self, membership: Membership) -> None:
        assert membership.open("c1", SESSION).outcome is Opening.UNKNOWN
        assert membership.sockets(SESSION) == ()

    def test_admitting_twice_does_not_close_what_is_open(self, membership: Membership) -> None:
        join(membership, "c1", "customer_1")

        assert membership.admit("c1", identity("customer_1")).is_in

        assert present(membership) == {"customer_1"}


class TestLeaving:
    def test_the_status_of_a_leave_is_without_the_one_who_left(
        self, membership: Membership
    ) -> None:
        join(membership, "c1", "customer_1")
        join(membership, "a1", "admin_1")

        left = membership.leave("c1", SESSION, CLOSED)

        assert (left.outcome, left.remaining) == (Leaving.LEFT, 1)
        assert events(left.batch) == [(3, "user_disconnected", "customer_1")]
        assert left.batch is not None
        assert {member.person.user_id for member in left.batch.sockets} == {"admin_1"}

    def test_the_last_tab_makes_the_event(self, membership: Membership) -> None:
        join(membership, "c1", "customer_1")
        join(membership, "c2", "customer_1")

        assert membership.leave("c1", SESSION, CLOSED).outcome is Leaving.REMAINS
        assert present(membership) == {"customer_1"}
        assert membership.leave("c2", SESSION, CLOSED).outcome is Leaving.LEFT
        assert present(membership) == set()

    def test_leaving_twice_makes_one_event(self, membership: Membership) -> None:
        join(membership, "c1", "customer_1")
        membership.leave("c1", SESSION, CLOSED)

        again = membership.leave("c1", SESSION, CLOSED)

        assert again.outcome is Leaving.UNKNOWN
        assert membership.session(SESSION).version == 2

    def test_a_socket_that_never_opened_leaves_without_an_event(
        self, membership: Membership
    ) -> None:
        membership.admit("c1", identity("customer_1"))

        left = membership.leave("c1", SESSION, CLOSED)

        assert (left.outcome, left.batch) == (Leaving.UNSEEN, None)
        assert membership.session(SESSION).version == 0

    def test_a_leave_that_overtakes_the_connect_keeps_it_out(self, membership: Membership) -> None:
        membership.leave("c1", SESSION, CLOSED)

        assert not membership.admit("c1", identity("customer_1")).is_in
        assert membership.open("c1", SESSION).outcome is Opening.UNKNOWN

    def test_the_new_socket_of_a_reload_survives_the_old_ones_late_leave(
        self, membership: Membership
    ) -> None:
        join(membership, "old", "customer_1")
        join(membership, "new", "customer_1")

        left = membership.leave("old", SESSION, CLOSED)

        assert (left.outcome, left.batch) == (Leaving.REMAINS, None)
        assert present(membership) == {"customer_1"}


class TestAnnouncing:
    def test_one_announcer_a_session_and_it_takes_along_what_came_meanwhile(
        self, membership: Membership
    ) -> None:
        membership.admit("c1", identity("customer_1"))
        membership.admit("a1", identity("admin_1"))
        first = membership.open("c1", SESSION).batch
        assert first is not None

        assert membership.open("a1", SESSION).batch is None
        assert membership.leave("c1", SESSION, CLOSED).batch is None

        second = membership.settle(first, more=True)
        assert events(second) == [
            (2, "user_connected", "admin_1"),
            (3, "user_disconnected", "customer_1"),
        ]
        assert second is not None
        assert second.recovered_up_to == 0
        assert second.session.version == 3
        assert membership.settle(second, more=True) is None

    def test_a_dead_announcers_events_are_announced_by_the_next_as_recovered(
        self, membership: Membership, clock: Clock
    ) -> None:
        membership.admit("c1", identity("customer_1"))
        membership.admit("a1", identity("admin_1"))
        membership.admit("a2", identity("admin_2"))
        assert membership.open("c1", SESSION).batch  # dies here, before or while posting

        clock.pass_seconds(9.9)
        assert membership.open("a1", SESSION).batch is None
        clock.pass_seconds(0.2)
        batch = membership.open("a2", SESSION).batch

        assert [version for version, _, _ in events(batch)] == [1, 2, 3]
        assert batch is not None
        assert batch.recovered_up_to == 1

    def test_a_repeated_leave_announces_what_the_first_did_not_live_to(
        self, membership: Membership, clock: Clock
    ) -> None:
        join(membership, "c1", "customer_1")
        join(membership, "a1", "admin_1")
        membership.leave("c1", SESSION, CLOSED)  # dies here

        clock.pass_seconds(11)
        again = membership.leave("c1", SESSION, CLOSED)

        assert again.outcome is Leaving.UNKNOWN
        assert events(again.batch) == [(3, "user_disconnected", "customer_1")]

    def test_a_socket_nobody_knows_takes_no_lease_it_would_not_use(
        self, membership: Membership, clock: Clock
    ) -> None:
        membership.admit("c1", identity("customer_1"))
        membership.open("c1", SESSION)  # dies here
        clock.pass_seconds(11)

        assert membership.open("nobody", SESSION).batch is None

        assert membership.claim(SESSION) is not None

    def test_settling_renews_the_lease(self, membership: Membership, clock: Clock) -> None:
        membership.admit("c0", identity("customer_0"))
        batch = membership.open("c0", SESSION).batch
        for number in range(1, 6):
            clock.pass_seconds(6)  # more than the lease's 10 s in all, never at once
            membership.admit(f"c{number}", identity(f"customer_{number}"))
            assert membership.open(f"c{number}", SESSION).batch is None
            assert batch is not None

            batch = membership.settle(batch, more=True)

            assert events(batch) == [(number + 1, "user_connected", f"customer_{number}")]

    def test_who_lost_the_lease_changes_nothing(self, membership: Membership, clock: Clock) -> None:
        membership.admit("c1", identity("customer_1"))
        slow = membership.open("c1", SESSION).batch
        assert slow is not None
        clock.pass_seconds(11)
        other = membership.leave("c1", SESSION, CLOSED).batch
        assert other is not None

        assert membership.settle(slow, more=True) is None

        assert membership.claim(SESSION) is None, "the other still announces"
        assert membership.settle(other, more=True) is None
        join(membership, "c3", "customer_3")
        assert membership.session(SESSION).version == 3

    def test_who_stops_leaves_the_rest_to_the_next_not_as_recovered(
        self, membership: Membership
    ) -> None:
        membership.admit("c1", identity("customer_1"))
        membership.admit("a1", identity("admin_1"))
        batch = membership.open("c1", SESSION).batch
        membership.open("a1", SESSION)
        assert batch is not None

        assert membership.settle(batch, more=False) is None

        following = membership.leave("c1", SESSION, CLOSED).batch
        assert [version for version, _, _ in events(following)] == [2, 3]
        assert following is not None
        assert following.recovered_up_to == 0

    def test_a_long_queue_is_handed_out_in_order_and_in_parts(
        self, membership: Membership, clock: Clock
    ) -> None:
        membership.admit("a1", identity("admin_1"))
        membership.open("a1", SESSION)  # dies here
        for number in range(125):
            membership.admit(f"c{number}", identity(f"customer_{number}"))
            membership.open(f"c{number}", SESSION)
            membership.leave(f"c{number}", SESSION, CLOSED)
        clock.pass_seconds(11)

        batch = membership.leave("nobody", SESSION, CLOSED).batch
        handed_out = []
        while batch:
            assert len(batch.events) <= 100
            handed_out += [event.version for event in batch.events]
            batch = membership.settle(batch, more=True)

        assert handed_out == list(range(1, 252))

    def test_however_many_leave_at_once_who_tells_of_it_has_them_all(
        self, membership: Membership
    ) -> None:
        join(membership, "a1", "admin_1")
        crowd = [f"c{number}" for number in range(201)]
        for number in range(201):
            join(membership, f"c{number}", f"customer_{number}")

        batch = membership.leave_each(crowd, SESSION, CLOSED)

        gone = set()
        while batch:
            gone |= {user_id for _, _, user_id in events(batch)}
            batch = membership.settle(batch, more=True)
        assert gone == {f"customer_{number}" for number in range(201)}

    def test_so_are_long_messages_as_many_as_fit_in_a_frame(self, membership: Membership) -> None:
        join(membership, "c1", "customer_1")
        batch = membership.say("c1", identity("customer_1"), "x" * 4000, "").batch
        for _ in range(29):
            membership.say("c1", identity("customer_1"), "x" * 4000, "")
        handed_out = []
        while batch:
            texts = [event.text for event in batch.events if isinstance(event, MessageEvent)]
            assert sum(map(len, texts)) <= 48_000
            handed_out += [event.version for event in batch.events]
            batch = membership.settle(batch, more=True)

        assert handed_out == list(range(2, 32))

    def test_the_history_is_bounded_and_what_is_pending_is_never_cut(
        self, membership: Membership, redis: AnyRedis
    ) -> None:
        join(membership, "a1", "admin_1")
        for number in range(600):
            join(membership, f"c{number}", f"customer_{number}")
            batch = membership.leave(f"c{number}", SESSION, CLOSED).batch
            assert batch is not None
            assert membership.settle(batch, more=True) is None

        assert redis.xlen(session_key(SESSION, "events")) == 1000


class TestApart:
    def test_sessions_do_not_see_each_other(self, membership: Membership) -> None:
        join(membership, "c1", "customer_1")
        membership.admit("x1", identity("customer_1", ref("another")))

        opened = membership.open("x1", ref("another"))

        assert events(opened.batch) == [(1, "user_connected", "customer_1")]
        assert membership.session(ref("another")).epoch != membership.session(SESSION).epoch
        assert [m.connection_id for m in membership.sockets(SESSION)] == ["c1"]

    def test_a_connection_of_another_session_cannot_leave_this_one(
        self, membership: Membership
    ) -> None:
        join(membership, "c1", "customer_1")

        assert membership.leave("c1", ref("another"), CLOSED).outcome is Leaving.UNKNOWN
        assert present(membership) == {"customer_1"}

    @pytest.mark.parametrize("session_id", ["a", "x" * 128, "A.b:c@d-e_f"])
    def test_all_keys_of_a_script_share_a_slot(self, session_id: str) -> None:
        keys = [
            *session_keys(ref(session_id)),
            tombstone_key(ref(session_id), "ejHAm_tb4qkCHlw="),
            said_key(ref(session_id), identity("customer_1").person, "m1"),
        ]

        assert len({key_slot(key.encode()) for key in keys}) == 1

    def test_all_keys_of_a_partition_share_a_slot_and_there_is_no_other(self) -> None:
        for partition in range(PARTITIONS):
            assert len({key_slot(key.encode()) for key in due_keys(partition)}) == 1
        shared = [
            {*due_keys(p), occupied_key(p), whereabouts_key(p), hearing_key(p)}
            for p in range(PARTITIONS)
        ]
        assert any(keys <= set(session_keys(SESSION)) for keys in shared)


class TestForgetting:
    def test_a_session_left_alone_is_forgotten_after_a_day(
        self, membership: Membership, redis: AnyRedis
    ) -> None:
        join(membership, "c1", "customer_1")

        lives = [redis.pttl(key) for key in session_keys(SESSION) if redis.exists(key)]

        # Its record, connections, people, events and pace; the leases, and the two indexes of who
        # is where.
        assert len(lives) == 8
        assert all(23 * 3600_000 < life <= 24 * 3600_000 for life in lives)

    def test_nothing_in_redis_lives_for_ever(self, membership: Membership, redis: AnyRedis) -> None:
        join(membership, "c1", "customer_1")
        batch = membership.leave("c1", SESSION, CLOSED).batch
        assert batch is not None
        membership.settle(batch, more=True)
        membership.leave("nobody", SESSION, CLOSED)
        assert membership.session(ref("never seen")).epoch == ""

        assert [key for key in redis.scan_iter() if redis.ttl(key) == -1] == []

    def test_a_session_forgotten_begins_a_new_epoch(
        self, membership: Membership, redis: AnyRedis
    ) -> None:
        join(membership, "c1", "customer_1")
        before = membership.session(SESSION)
        redis.delete(session_key(SESSION, "session"))  # evicted, what else there is was not

        batch = join(membership, "c2", "customer_2")

        assert events(batch) == [(2, "user_connected", "customer_2")]
        assert membership.session(SESSION).epoch not in ("", before.epoch)

    def test_events_that_redis_evicted_block_nothing(
        self, membership: Membership, redis: AnyRedis, clock: Clock
    ) -> None:
        membership.admit("c1", identity("customer_1"))
        membership.open("c1", SESSION)  # dies here
        redis.delete(session_key(SESSION, "events"))
        clock.pass_seconds(11)
        assert membership.leave("nobody", SESSION, CLOSED).batch is None

        assert events(membership.leave("c1", SESSION, CLOSED).batch) == [
            (2, "user_disconnected", "customer_1")
        ]

    def test_scripts_are_loaded_again_after_a_restart(
        self, membership: Membership, redis: AnyRedis
    ) -> None:
        redis.script_flush()

        assert join(membership, "c1", "customer_1") is not None

    def test_the_identity_is_found_by_the_connection_alone(self, membership: Membership) -> None:
        membership.admit("c1", identity("customer_1"))

        assert membership.identities.of("c1") == identity("customer_1")
        assert membership.identities.of("c2") is None


class TestClock:
    def test_without_a_clock_of_ours_redis_tells_the_time(self, redis: AnyRedis) -> None:
        membership = Membership(redis)
        seconds, _ = redis.time()
        membership.admit("c1", identity("customer_1"))

        batch = membership.open("c1", SESSION).batch

        assert batch is not None
        assert isinstance(batch.events[0], PresenceEvent)
        assert batch.events[0].type is EventType.USER_CONNECTED
        assert 0 <= batch.events[0].at // 1000 - seconds <= 5


class TestSlow:
    def test_a_redis_that_does_not_answer_is_not_waited_for(self) -> None:
        """It takes connections and says nothing: twice the time for a reply, then an error."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            membership = Membership(connect(f"redis://127.0.0.1:{silent.getsockname()[1]}"))

            with pytest.raises(MembershipUnavailable, match="Timeout"):
                membership.open("c1", SESSION)


class TestUnavailable:
    @pytest.fixture
    def nowhere(self) -> Iterator[Membership]:
        with Redis.from_url("redis://127.0.0.1:1", decode_responses=True) as client:
            yield Membership(client)

    def test_every_call_says_so(self, nowhere: Membership) -> None:
        for call in (
            lambda: nowhere.admit("c1", identity("customer_1")),
            lambda: nowhere.open("c1", SESSION),
            lambda: nowhere.leave("c1", SESSION, CLOSED),
            lambda: nowhere.session(SESSION),
            lambda: nowhere.identities.of("c1"),
            nowhere.ping,
        ):
            with pytest.raises(MembershipUnavailable):
                call()
