"""How much one may send, how many may come."""

import pytest

from hadir.domain.limits import Limits, Price
from hadir.domain.reasons import Departure, Evidence, Reason
from hadir.domain.session import PresenceEvent
from hadir.membership.keys import session_key
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Admission, Opening
from hadir.membership.scripts import AnyRedis
from tests.conftest import Clock
from tests.redis.test_membership import CLOSED, SESSION, identity, join, present, ref

LIMITED, OPEN = "limited", Opening.OPEN


@pytest.fixture
def strict(redis: AnyRedis, clock: Clock) -> Membership:
    """Ten messages a second, five at once; a user twice as many. Two sockets, three people."""
    return Membership(redis, limits=Limits(10, 5, 2, 3), clock=clock)


def send(membership: Membership, connection_id: str, times: int) -> list[str]:
    made = (membership.open(connection_id, SESSION, heard=True) for _ in range(times))
    return [LIMITED if opened.is_limited else opened.outcome for opened in made]


class TestDebt:
    def test_what_costs_more_than_the_bucket_holds_is_paid_off_before_the_next(
        self, redis: AnyRedis, clock: Clock
    ) -> None:
        limits = Limits(1000, 1000)
        membership = Membership(redis, limits=limits, clock=clock)
        join(membership, "c1", "customer_1")
        thrice = Price(once=3 * limits.posts_burst)
        said = 0
        for _ in range(40):
            said += not membership.open("c1", SESSION, heard=True, price=thrice).is_limited
            assert not membership.open("c1", SESSION, heard=True, beat=True).is_limited
            clock.pass_seconds(limits.posts_burst / limits.posts_per_second / 2)

        assert said == 6


class TestMessages:
    def test_a_burst_and_then_the_rate(self, strict: Membership, clock: Clock) -> None:
        join(strict, "c1", "customer_1")
        assert send(strict, "c1", 6) == [OPEN] * 5 + [LIMITED]
        clock.pass_seconds(0.2)  # two tokens, one of which the refused message has taken
        assert send(strict, "c1", 2) == [OPEN, LIMITED]
        clock.pass_seconds(60)
        assert send(strict, "c1", 6) == [OPEN] * 5 + [LIMITED]

    def test_who_keeps_to_the_rate_is_never_refused(self, strict: Membership, clock: Clock) -> None:
        join(strict, "c1", "customer_1")
        for _ in range(100):
            assert send(strict, "c1", 1) == [OPEN]
            clock.pass_seconds(0.1)

    def test_who_does_not_slow_down_is_out(self, strict: Membership) -> None:
        join(strict, "a1", "admin_1")
        join(strict, "c1", "customer_1")
        *before, last = send(strict, "c1", 10)
        assert before == [OPEN] * 5 + [LIMITED] * 4
        assert last == LIMITED
        flooding = strict.open("c1", SESSION, heard=True)
        assert flooding.outcome is Opening.FLOODING
        assert flooding.batch
        (event,) = flooding.batch.events
        assert isinstance(event, PresenceEvent)
        assert event.departure == Departure(Reason.RATE_LIMITED, Evidence.SERVER)
        assert present(strict) == {"admin_1"}
        assert strict.open("c1", SESSION, heard=True).outcome is Opening.UNKNOWN
        assert strict.admit("c1", identity("customer_1")) is Admission.LEFT

    def test_of_many_tabs_together_twice_as_many(self, redis: AnyRedis, clock: Clock) -> None:
        membership = Membership(redis, limits=Limits(10, 5), clock=clock)
        for tab in ("c1", "c2", "c3"):
            join(membership, tab, "customer_1")
        outcomes = [send(membership, tab, 5) for tab in ("c1", "c2", "c3")]
        assert outcomes == [[OPEN] * 5, [OPEN] * 5, [LIMITED] * 5]

    def test_a_flooded_tenant_keeps_nobody_from_a_heartbeat(
        self, redis: AnyRedis, clock: Clock
    ) -> None:
        membership = Membership(redis, limits=Limits(1, 2, people_per_session=40), clock=clock)
        for number in range(24):
            join(membership, f"c{number}", f"customer_{number}")
            membership.open(f"c{number}", SESSION, heard=True, price=Price(once=100))
        join(membership, "a1", "admin_1")

        dear = membership.open("a1", SESSION, heard=True, price=Price(once=1, each=1))
        beat = membership.open("a1", SESSION, heard=True, beat=True)

        assert (dear.is_limited, beat.is_limited) == (True, False)

    def test_others_are_not_held_up(self, strict: Membership) -> None:
        join(strict, "c1", "customer_1")
        join(strict, "c2", "customer_2")
        send(strict, "c1", 8)
        assert send(strict, "c2", 5) == [OPEN] * 5

    def test_what_a_limit_refuses_renews_the_lease_all_the_same(
        self, strict: Membership, clock: Clock
    ) -> None:
        join(strict, "c1", "customer_1")
        send(strict, "c1", 5)
        clock.pass_seconds(0.01)
        assert send(strict, "c1", 1) == [LIMITED]
        clock.pass_seconds(89.995)
        assert strict.leases.due(10).leases == ()

    def test_a_new_socket_is_no_new_start(self, redis: AnyRedis, clock: Clock) -> None:
        membership = Membership(redis, limits=Limits(10, 5), clock=clock)
        for tab in ("c1", "c2"):
            join(membership, tab, "customer_1")
            assert send(membership, tab, 5) == [OPEN] * 5
            membership.leave(tab, SESSION, CLOSED)
        join(membership, "c3", "customer_1")
        assert send(membership, "c3", 1) == [LIMITED]

    def test_nor_is_a_first_message(self, redis: AnyRedis, clock: Clock) -> None:
        membership = Membership(redis, limits=Limits(10, 5), clock=clock)
        for tab in ("c1", "c2"):
            join(membership, tab, "customer_1")
            send(membership, tab, 5)
        membership.admit("c3", identity("customer_1"))
        first = membership.open("c3", SESSION, heard=True)
        assert (first.outcome, first.is_limited) == (Opening.ADDED, True)
        assert first.session
        opened = {each.connection_id for each in membership.sockets(SESSION) if each.is_open}
        assert opened == {"c1", "c2", "c3"}

    def test_nothing_is_kept_of_who_left_long_ago(
        self, strict: Membership, redis: AnyRedis, clock: Clock
    ) -> None:
        for user in ("customer_1", "customer_2"):
            join(strict, user, user)
        send(strict, "customer_1", 11)
        clock.pass_seconds(60)
        strict.leave("customer_2", SESSION, CLOSED)
        assert not any(redis.scan_iter("*pace*"))
        assert not any(redis.scan_iter("*tenants*"))


class TestJoins:
    def test_who_comes_and_goes_too_fast_is_not_let_in(
        self, strict: Membership, clock: Clock
    ) -> None:
        for number in range(10):
            join(strict, f"c{number}", "customer_1")
            strict.leave(f"c{number}", SESSION, CLOSED)
        before = strict.session(SESSION)

        assert strict.admit("c10", identity("customer_1")) is Admission.HASTY

        assert strict.session(SESSION) == before
        assert strict.identities.of("c10") is None
        assert strict.admit("x", identity("customer_2")) is Admission.ADMITTED
        clock.pass_seconds(0.1)
        assert strict.admit("c10", identity("customer_1")) is Admission.ADMITTED
        assert strict.admit("c10", identity("customer_1")) is Admission.REPEATED

    def test_a_session_of_many_tabs_shuts_nobody_out_for_ever(
        self, redis: AnyRedis, clock: Clock
    ) -> None:
        membership = Membership(redis, limits=Limits(0.1, 1, 30, 3), clock=clock)
        for number in range(60):
            clock.pass_seconds(3600)
            join(membership, f"c{number}", f"customer_{number % 2}")

        assert membership.admit("c60", identity("customer_2")) is Admission.ADMITTED
        assert membership.open("c60", SESSION).outcome is Opening.JOINED
        clock.pass_seconds(3600)
        price = Price(once=1, each=1)
        assert membership.open("c60", SESSION, heard=True, price=price).outcome is OPEN


class TestPeople:
    def test_connections_of_a_user(self, strict: Membership) -> None:
        join(strict, "c1", "customer_1")
        join(strict, "c2", "customer_1")
        assert strict.admit("c2", identity("customer_1")) is Admission.REPEATED
        assert strict.admit("c3", identity("customer_1")) is Admission.CROWDED
        assert strict.admit("x3", identity("customer_1", ref("another"))) is Admission.ADMITTED

    def test_people_in_a_session(self, strict: Membership) -> None:
        for number in range(3):
            join(strict, f"c{number}", f"customer_{number}")
        assert strict.admit("c9", identity("customer_9")) is Admission.FULL
        assert strict.identities.of("c9") is None
        assert strict.admit("c1b", identity("customer_1")) is Admission.ADMITTED  # is in already

    def test_nor_does_code_of_another_version_that_counts_no_sockets(
        self, redis: AnyRedis, clock: Clock
    ) -> None:
        """During a deployment both run; the older wrote ``sizes`` of three numbers."""
        membership = Membership(redis, limits=Limits(1000, 1000), clock=clock)
        for number in range(3):
            join(membership, f"c{number}", f"customer_{number}")
        session = session_key(SESSION, "session")
        sizes = str(redis.hget(session, "sizes")).split(" ")
        redis.hset(session, mapping={"open": 50, "sizes": " ".join(sizes[:3])})

        membership.open("c1", SESSION, heard=True)

        assert redis.hget(session, "open") == "3"

    def test_nor_do_they_make_what_others_say_dearer(self, redis: AnyRedis, clock: Clock) -> None:
        membership = Membership(redis, limits=Limits(1000, 1000), clock=clock)
        join(membership, "c1", "customer_1")
        for number in range(50):
            membership.admit(f"g{number}", identity(f"ghost_{number}"))
        price = Price(each=Limits().posts_burst // 3)

        assert not membership.open("c1", SESSION, heard=True, price=price).is_limited

    def test_handshakes_that_were_given_up_shut_nobody_out(self, strict: Membership) -> None:
        for number in range(8):
            assert strict.admit(f"c{number}", identity("customer_1")) is Admission.ADMITTED

        opened = [strict.open(f"c{number}", SESSION).outcome for number in range(4)]

        assert opened == [Opening.JOINED, Opening.ADDED, Opening.CROWDED, Opening.CROWDED]
        assert strict.admit("c2", identity("customer_1")) is Admission.LEFT
        (somebody,) = strict.session(SESSION).people
        assert somebody.sockets == 2

    def test_nor_does_a_session_take_more_people_who_came_side_by_side(
        self, strict: Membership
    ) -> None:
        for number in range(5):
            assert strict.admit(f"c{number}", identity(f"customer_{number}")).is_in

        opened = [strict.open(f"c{number}", SESSION).outcome for number in range(5)]

        assert opened == [Opening.JOINED] * 3 + [Opening.CROWDED] * 2

    def test_nor_when_the_sweep_opens_them(self, strict: Membership, clock: Clock) -> None:
        for number in range(5):
            assert strict.admit(f"c{number}", identity(f"customer_{number}")).is_in
        clock.pass_seconds(91)

        opened = [strict.leases.lapse(f"c{number}", SESSION).outcome for number in range(5)]

        assert opened == [Opening.JOINED] * 3 + [Opening.CROWDED] * 2
        assert len(strict.sockets(SESSION)) == 3

    def test_there_is_room_again_when_somebody_leaves(self, strict: Membership) -> None:
        for number in range(3):
            join(strict, f"c{number}", f"customer_{number}")
        strict.leave("c0", SESSION, CLOSED)
        assert strict.admit("c9", identity("customer_9")).is_in
