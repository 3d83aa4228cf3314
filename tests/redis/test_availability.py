"""Whether agents would answer, of real scripts on a node and on a cluster."""

from collections.abc import Callable
from typing import Any

import pytest

from hadir.domain.availability import Agents
from hadir.domain.identity import Identity, SessionRef, UserType
from hadir.domain.reasons import KICKED
from hadir.membership.availability import Availability
from hadir.membership.directory import Directory
from hadir.membership.membership import Membership
from hadir.membership.scripts import AnyRedis
from tests.conftest import Clock
from tests.redis.test_membership import CLOSED, SESSION, join, ref

TENANT = SESSION.tenant

LEASE_SECONDS = 90


@pytest.fixture
def availability(redis: AnyRedis, clock: Clock) -> Availability:
    return Availability(redis, LEASE_SECONDS, clock)


@pytest.fixture
def word(availability: Availability) -> Callable[[], str]:
    return lambda: availability.of(TENANT).value


Word = Callable[[], str]


def beat(membership: Membership, connection_id: str, session: SessionRef = SESSION) -> None:
    membership.open(connection_id, session, heard=True, beat=True)


def say_away(
    membership: Membership, connection_id: str, session: SessionRef = SESSION, *, away: bool = True
) -> None:
    membership.states.set(connection_id, session, {"away": away})


class TestWords:
    def test_nobody_is_there(self, word: Word) -> None:
        assert word() == "offline"

    def test_customers_do_not_count(self, membership: Membership, word: Word) -> None:
        join(membership, "c1", "customer_1")
        beat(membership, "c1")
        assert word() == "offline"

        membership.leave("c1", SESSION, CLOSED)
        assert word() == "offline"

    def test_who_only_asks_to_come_in_does_not_count(
        self, membership: Membership, word: Word
    ) -> None:
        membership.admit("a1", Identity(SESSION.session_id, "a", UserType.AGENT))
        assert word() == "offline"

    @pytest.mark.parametrize("kind", [UserType.AGENT, UserType.ADMIN])
    def test_one_who_was_heard_is_live(
        self, membership: Membership, word: Word, kind: UserType
    ) -> None:
        membership.admit("a1", Identity(SESSION.session_id, "a", kind))
        membership.open("a1", SESSION)
        assert word() == "reachable"

        beat(membership, "a1")
        assert word() == "live"

    def test_the_canary_does_not_count(self, membership: Membership, word: Word) -> None:
        """Where everybody is whom they say they are, it is an admin of the tenant `default`."""
        membership.admit("a1", Identity(SESSION.session_id, "hadir-canary-admin", UserType.ADMIN))
        membership.open("a1", SESSION)
        assert word() == "offline"
        beat(membership, "a1")
        assert word() == "offline"

        membership.leave("a1", SESSION, CLOSED)
        assert word() == "offline"

    def test_whose_name_is_like_it_does(self, membership: Membership, word: Word) -> None:
        membership.admit("a1", Identity(SESSION.session_id, "hadir-canaryna", UserType.AGENT))
        membership.open("a1", SESSION)
        assert word() == "reachable"

    def test_a_message_proves_it_too(self, membership: Membership, word: Word) -> None:
        join(membership, "a1", "admin_1")
        membership.open("a1", SESSION, heard=True)
        assert word() == "live"

    def test_a_silent_client_proves_nothing_after_a_lease(
        self, membership: Membership, word: Word, clock: Clock
    ) -> None:
        join(membership, "a1", "admin_1")
        beat(membership, "a1")
        clock.pass_seconds(LEASE_SECONDS - 0.001)
        assert word() == "live"

        clock.pass_seconds(0.001)
        assert word() == "reachable"

        beat(membership, "a1")
        assert word() == "live"

    def test_who_is_away_and_back_again(self, membership: Membership, word: Word) -> None:
        join(membership, "a1", "admin_1")
        beat(membership, "a1")
        say_away(membership, "a1")
        assert word() == "away"

        beat(membership, "a1")
        assert word() == "away"

        say_away(membership, "a1", away=False)
        assert word() == "live"

    def test_one_who_would_answer_is_enough(self, membership: Membership, word: Word) -> None:
        for number in range(30):
            where = ref(f"s{number}")
            join(membership, f"a{number}", f"admin_{number}", where)
            beat(membership, f"a{number}", where)
            say_away(membership, f"a{number}", where)
        assert word() == "away"

        join(membership, "b1", "admin_b", ref("elsewhere"))
        assert word() == "reachable"

        beat(membership, "b1", ref("elsewhere"))
        assert word() == "live"

    def test_other_tenants_agents_do_not_answer(
        self, membership: Membership, availability: Availability
    ) -> None:
        join(membership, "a1", "admin_1", SessionRef("acme", "s1"))
        beat(membership, "a1", SessionRef("acme", "s1"))

        words = {each: availability.of(each) for each in ("acme", "acm", "acme!", "acme2", TENANT)}

        assert words.pop("acme") is Agents.LIVE
        assert {*words.values()} == {Agents.OFFLINE}

        membership.leave("a1", SessionRef("acme", "s1"), CLOSED)
        assert availability.of("acme") is Agents.REACHABLE
        assert availability.of("acm") is availability.of(TENANT) is Agents.OFFLINE


class TestTabs:
    @pytest.fixture(autouse=True)
    def two_tabs(self, membership: Membership) -> None:
        for tab in ("a1", "a2"):
            join(membership, tab, "admin_1")
            beat(membership, tab)

    def test_one_tab_that_is_away_is_not_its_user(self, membership: Membership, word: Word) -> None:
        say_away(membership, "a1")
        assert word() == "live"

        say_away(membership, "a2")
        assert word() == "away"

    def test_the_tab_that_is_not_away_has_to_be_heard(
        self, membership: Membership, word: Word, clock: Clock
    ) -> None:
        say_away(membership, "a1")
        clock.pass_seconds(LEASE_SECONDS)
        beat(membership, "a1")
        assert word() == "reachable"

        beat(membership, "a2")
        assert word() == "live"

    def test_the_other_one_may_be_silent(
        self, membership: Membership, word: Word, clock: Clock
    ) -> None:
        clock.pass_seconds(LEASE_SECONDS)
        beat(membership, "a2")
        assert word() == "live"

        membership.leave("a2", SESSION, CLOSED)
        assert word() == "reachable"

    def test_a_new_tab_says_that_its_user_is_back(self, membership: Membership, word: Word) -> None:
        say_away(membership, "a1")
        say_away(membership, "a2")
        join(membership, "a3", "admin_1")
        assert word() == "reachable"

        beat(membership, "a3")
        assert word() == "live"

    def test_away_in_one_session_is_not_away_in_another(
        self, membership: Membership, word: Word
    ) -> None:
        join(membership, "b1", "admin_1", ref("other"))
        beat(membership, "b1", ref("other"))
        say_away(membership, "a1")
        say_away(membership, "a2")
        assert word() == "live"


class TestLeaving:
    def test_who_left_may_be_on_the_next_page(
        self, membership: Membership, word: Word, clock: Clock
    ) -> None:
        join(membership, "a1", "admin_1")
        beat(membership, "a1")
        membership.leave("a1", SESSION, CLOSED)
        assert word() == "reachable"

        clock.pass_seconds(30)
        assert word() == "reachable"

        clock.pass_seconds(0.001)
        assert word() == "offline"

    def test_who_was_away_when_they_left_is_not(self, membership: Membership, word: Word) -> None:
        join(membership, "a1", "admin_1")
        say_away(membership, "a1")
        membership.leave("a1", SESSION, CLOSED)
        assert word() == "offline"

    def test_nor_who_was_kicked(self, membership: Membership, word: Word) -> None:
        join(membership, "a1", "admin_1")
        membership.leave("a1", SESSION, KICKED)
        assert word() == "offline"

    def test_who_goes_on_elsewhere_is_as_they_are_there(
        self, membership: Membership, word: Word
    ) -> None:
        for session in (SESSION, ref("other")):
            join(membership, f"a-{session.session_id}", "admin_1", session)
        say_away(membership, "a-other", ref("other"))
        membership.leave(f"a-{SESSION.session_id}", SESSION, CLOSED)
        assert word() == "away"

        join(membership, "b1", "admin_2")
        membership.leave("b1", SESSION, CLOSED)
        assert word() == "reachable"

    def test_who_comes_back_after_being_away_has_reconnected(
        self, membership: Membership, clock: Clock
    ) -> None:
        """That they were away when they left does not change how long they were gone."""
        join(membership, "a1", "admin_1")
        say_away(membership, "a1")
        membership.leave("a1", SESSION, CLOSED)
        clock.pass_seconds(11)  # whoever was to announce that has died
        membership.admit("a2", Identity(SESSION.session_id, "admin_1", UserType.ADMIN))
        batch = membership.open("a2", SESSION).batch
        assert batch is not None
        event: Any = batch.events[-1]
        assert event.offline_ms == 11_000

    def test_when_they_left_is_known_as_before(
        self, membership: Membership, redis: AnyRedis, clock: Clock
    ) -> None:
        join(membership, "a1", "admin_1")
        say_away(membership, "a1")
        membership.leave("a1", SESSION, CLOSED)

        (seen,) = Directory(redis, clock).sightings(TENANT, "admin_1")

        assert seen.until == clock.now

    def test_in_grace_they_are_what_they_were(
        self, redis: AnyRedis, clock: Clock, word: Word
    ) -> None:
        membership = Membership(redis, clock=clock, grace_seconds=60)
        join(membership, "a1", "admin_1")
        beat(membership, "a1")
        membership.leave("a1", SESSION, CLOSED)
        clock.pass_seconds(59)
        assert word() == "reachable"

        clock.pass_seconds(1)
        membership.claim(SESSION)
        assert word() == "offline"

        join(membership, "a2", "admin_1")
        say_away(membership, "a2")
        membership.leave("a2", SESSION, CLOSED)
        assert word() == "away"

    def test_one_who_left_is_found_among_customers_who_did(
        self, membership: Membership, word: Word
    ) -> None:
        join(membership, "a1", "admin_1")
        membership.leave("a1", SESSION, CLOSED)
        for number in range(99):
            join(membership, f"c{number}", f"customer_{number}")
            membership.leave(f"c{number}", SESSION, CLOSED)
        assert word() == "reachable"
