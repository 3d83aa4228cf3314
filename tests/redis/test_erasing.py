"""What was said and done is taken out of the history, and nothing else changes by it."""

from typing import Any

import pytest
from redis import Redis

from hadir.attendance import Attendance, Attended
from hadir.domain.identity import Person, UserType
from hadir.domain.session import Event, MessageEvent
from hadir.membership.directory import Directory
from hadir.membership.keys import erased_key, session_key
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Saying
from hadir.membership.scripts import AnyRedis
from hadir.wire.bursts import missed_frames
from hadir.wire.updates import history
from tests.conftest import Clock
from tests.redis.test_announcer import TEN_SECONDS
from tests.redis.test_assign import AMY, comes, staff, take
from tests.redis.test_membership import CLOSED, SESSION, identity, join, present, ref
from tests.redis.test_watching_costs import NEIGHBOUR

CUSTOMER = Person(UserType.CUSTOMER, "customer_1")


@pytest.fixture
def spoken(membership: Membership) -> Membership:
    """Two people have said two things each, by turns; all of it is announced."""
    join(membership, "a1", "admin_1")
    join(membership, "c1", "customer_1")
    for text in ("one", "two"):
        say(membership, "c1", "customer_1", f"my {text}", client_id=text)
        say(membership, "a1", "admin_1", f"your {text}")
    return membership


def say(
    membership: Membership, connection_id: str, user_id: str, text: str, client_id: str = ""
) -> None:
    batch = membership.say(connection_id, identity(user_id), text, client_id).batch
    assert batch
    assert membership.settle(batch, more=True) is None


def texts(events: tuple[Event, ...] | None) -> list[tuple[int, str | None, bool]]:
    assert events is not None
    return [
        (each.version, each.text, each.is_erased)
        if isinstance(each, MessageEvent)
        else (each.version, None, False)
        for each in events
    ]


ERASED = [
    *[(1, None, False), (2, None, False)],
    *[(3, "", True), (4, "your one", False), (5, "", True), (6, "your two", False)],
]


class TestWhatSomebodyHasSaid:
    def test_the_texts_are_gone_and_the_versions_have_no_gaps(self, spoken: Membership) -> None:
        before = spoken.session(SESSION)

        assert spoken.history.erase(SESSION, CUSTOMER) == 2

        assert texts(spoken.history.page(SESSION, 100).events) == ERASED
        assert texts(spoken.history.page(SESSION, 2, before=6).events) == ERASED[3:5]
        assert spoken.session(SESSION) == before, "nobody came or went, and no event was made"

    def test_no_text_of_theirs_is_left_in_redis(self, spoken: Membership, redis: AnyRedis) -> None:
        spoken.history.erase(SESSION, CUSTOMER)

        kept: Any = redis.xrange(session_key(SESSION, "events"))
        assert "my one" not in str(kept)
        assert "your one" in str(kept)

    def test_who_asks_for_what_was_missed_is_told_that_it_was_erased(
        self, spoken: Membership
    ) -> None:
        epoch = spoken.session(SESSION).epoch
        spoken.history.erase(SESSION, CUSTOMER)

        events, session = spoken.history.missed(SESSION, epoch, 2, 200)

        assert texts(events) == ERASED[2:]
        frames = missed_frames(session, events or (), 0)
        assert frames
        assert b'"text":"","version":3' in frames[0]
        assert b'"erased":true' in frames[0]
        assert b"erased" not in frames[1]
        listed = history(SESSION.session_id, spoken.history.page(SESSION, 100))["events"]
        assert [each.get("erased") for each in listed] == [None, None, True, None, True, None]

    def test_once_more_changes_nothing(self, spoken: Membership) -> None:
        spoken.history.erase(SESSION, CUSTOMER)

        assert spoken.history.erase(SESSION, CUSTOMER) == 0
        assert texts(spoken.history.page(SESSION, 100).events) == ERASED

    def test_it_goes_on_after_that(self, spoken: Membership) -> None:
        spoken.history.erase(SESSION, CUSTOMER)
        say(spoken, "c1", "customer_1", "my three")

        assert texts(spoken.history.page(SESSION, 100).events) == [*ERASED, (7, "my three", False)]

    def test_what_was_said_is_not_said_again(self, spoken: Membership) -> None:
        spoken.history.erase(SESSION, CUSTOMER)

        again = spoken.say("c1", identity("customer_1"), "my one", "one")

        assert again.outcome is Saying.REPEATED
        assert again.earlier is not None
        assert texts((again.earlier,)) == [(3, "", True)]

    def test_it_happens_between_two_steps_of_an_announcer_that_then_dies(
        self, spoken: Membership, clock: Clock
    ) -> None:
        held = spoken.say("c1", identity("customer_1"), "my three", "").batch
        assert held

        assert spoken.history.erase(SESSION, CUSTOMER) == 3

        clock.pass_seconds(11)
        (again,) = (batch for batch in [spoken.claim(SESSION)] if batch)
        assert texts(again.events) == [(7, "", True)]
        assert again.recovered_up_to == 7
        assert spoken.settle(held, more=True) is None, "its lease is somebody else's"
        assert spoken.settle(again, more=True) is None
        assert texts(spoken.history.page(SESSION, 100).events) == [*ERASED, (7, "", True)]

    def test_who_has_it_to_post_settles_as_ever(self, spoken: Membership) -> None:
        held = spoken.say("c1", identity("customer_1"), "my three", "").batch
        assert held
        spoken.history.erase(SESSION, CUSTOMER)

        assert spoken.settle(held, more=True) is None
        assert spoken.claim(SESSION) is None

    def test_of_somebody_who_has_left_too(self, spoken: Membership) -> None:
        batch = spoken.leave("c1", SESSION, CLOSED).batch
        assert batch
        spoken.settle(batch, more=True)

        assert spoken.history.erase(SESSION, CUSTOMER) == 2

    def test_of_a_namesake_nothing(self, spoken: Membership) -> None:
        assert spoken.history.erase(SESSION, Person(UserType.AGENT, "customer_1")) == 0

    def test_where_nobody_ever_was_there_is_nothing(
        self, membership: Membership, redis: AnyRedis
    ) -> None:
        assert membership.history.erase(SESSION, CUSTOMER) == 0
        assert membership.history.clear(SESSION) == 0
        assert redis.exists(session_key(SESSION, "session")) == 0


class TestAWholeHistory:
    def test_it_is_gone_and_versions_go_on(self, spoken: Membership) -> None:
        assert spoken.history.clear(SESSION) == 6

        page = spoken.history.page(SESSION, 100)
        assert (page.events, page.version) == ((), 6)
        assert present(spoken) == {"admin_1", "customer_1"}
        say(spoken, "c1", "customer_1", "my three")
        assert texts(spoken.history.page(SESSION, 100).events) == [(7, "my three", False)]

    def test_who_asks_for_what_is_gone_is_told_so(self, spoken: Membership) -> None:
        epoch = spoken.session(SESSION).epoch
        spoken.history.clear(SESSION)

        assert spoken.history.missed(SESSION, epoch, 5, 200)[0] is None, "recovered: false"
        assert spoken.history.missed(SESSION, epoch, 6, 200)[0] == (), "this one has missed nothing"

    def test_what_is_still_to_be_told_stays(self, spoken: Membership) -> None:
        held = spoken.say("c1", identity("customer_1"), "my three", "").batch
        assert held

        assert spoken.history.clear(SESSION) == 6

        assert texts(spoken.history.page(SESSION, 100).events) == [(7, "my three", False)]
        assert spoken.settle(held, more=True) is None
        assert spoken.history.clear(SESSION) == 1


@pytest.mark.parametrize("whole", [False, True])
def test_a_full_redis_forgets_all_the_same(node: Redis, clock: Clock, whole: bool) -> None:
    membership = Membership(node, clock=clock)
    join(membership, "c1", "customer_1")
    say(membership, "c1", "customer_1", "my one")
    node.config_set("maxmemory", 1)
    try:
        count = (
            membership.history.clear(SESSION)
            if whole
            else membership.history.erase(SESSION, CUSTOMER)
        )
    finally:
        node.config_set("maxmemory", 0)

    assert count == (2 if whole else 1)
    left = [] if whole else [(1, None, False), (2, "", True)]
    assert texts(membership.history.page(SESSION, 100).events) == left


class TestWhoHasASession:
    @pytest.mark.parametrize("what", ["history of the session", "what they said"])
    def test_has_not_gone_for_good_because_their_leave_is_erased(
        self, membership: Membership, redis: AnyRedis, clock: Clock, what: str
    ) -> None:
        desk = ref("desk")
        join(membership, "c1", "customer_1")
        membership.admit("amy", staff(AMY, desk))
        membership.open("amy", desk)
        take(membership, AMY)
        clock.pass_seconds(60)
        membership.leave("amy", desk, CLOSED)
        clock.pass_seconds(20)
        if what == "what they said":
            membership.history.erase(desk, AMY)
        else:
            membership.history.clear(desk)

        assert Directory(redis, clock).sightings(desk.tenant, AMY.user_id) == ()
        clock.pass_seconds(10)
        assert Attendance(membership.assignments).note(TEN_SECONDS) == Attended(sessions=1)

        clock.pass_seconds(1)
        attended = Attendance(membership.assignments).note(TEN_SECONDS)
        assert attended == Attended(sessions=1, unattended=1, told=1)
        assert 0 < redis.pttl(erased_key(desk)) <= 30_000

    def test_of_customers_and_of_who_left_long_ago_nothing_is_kept(
        self, membership: Membership, redis: AnyRedis, clock: Clock
    ) -> None:
        join(membership, "c1", "customer_1")
        comes(membership, staff(AMY))
        membership.leave("amy", SESSION, CLOSED)
        clock.pass_seconds(31)
        membership.leave("c1", SESSION, CLOSED)

        membership.history.clear(SESSION)

        assert not redis.exists(erased_key(SESSION))

    def test_the_last_of_two_leaves_counts_whichever_is_erased_last(
        self, membership: Membership, clock: Clock
    ) -> None:
        join(membership, "c1", "customer_1")
        take(membership, AMY)
        clock.pass_seconds(60)
        for each in (SESSION, NEIGHBOUR):
            membership.admit(f"amy-{each.session_id}", staff(AMY, each))
            membership.open(f"amy-{each.session_id}", each)
        for each in (SESSION, NEIGHBOUR):
            membership.leave(f"amy-{each.session_id}", each, CLOSED)
            clock.pass_seconds(10)

        for each in (NEIGHBOUR, SESSION):
            membership.history.erase(each, AMY)
        clock.pass_seconds(15)

        assert Attendance(membership.assignments).note(TEN_SECONDS) == Attended(sessions=1)
