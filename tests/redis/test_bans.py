"""Somebody is kept out: of one session or of all of their tenant, until a moment."""

from typing import Any

import pytest
from redis import Redis

from hadir.announcer import Announcer
from hadir.domain.bans import Ban, Banned
from hadir.domain.errors import InvalidIdentity
from hadir.domain.identity import DEFAULT_TENANT, Identity, Person, SessionRef, UserType
from hadir.doorman import Doorman
from hadir.membership.bans import Bans, BansPlace
from hadir.membership.keys import bans_keys, identity_key
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Admission
from hadir.membership.scripts import AnyRedis
from tests.conftest import Clock
from tests.redis.closing import one_by_one
from tests.redis.talking import conversation_of, said
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_membership import SESSION, identity, join, present, ref

ADMIN = Person(UserType.ADMIN, "admin_1")
CUSTOMER = Person(UserType.CUSTOMER, "customer_1")
HERE, EVERYWHERE = Banned(CUSTOMER, SESSION.session_id), Banned(CUSTOMER)
MINUTE = 60_000


@pytest.fixture
def bans(redis: AnyRedis, clock: Clock) -> Bans:
    return Bans(redis, clock=clock)


def for_a_minute(clock: Clock, who: Banned, reason: str = "") -> Ban:
    return Ban(who, clock.now + MINUTE, ADMIN, reason)


def test_who_is_banned_from_a_session_enters_others(
    membership: Membership, bans: Bans, clock: Clock
) -> None:
    bans.ban(DEFAULT_TENANT, for_a_minute(clock, HERE))

    assert membership.admit("c1", identity("customer_1")) is Admission.BANNED
    assert membership.sockets(SESSION) == ()
    assert membership.admit("c2", identity("customer_1", ref("another"))).is_in
    assert membership.admit("c3", identity("customer_2")).is_in


def test_who_is_banned_from_a_tenant_enters_none_of_its_sessions(
    membership: Membership, bans: Bans, clock: Clock
) -> None:
    bans.ban(DEFAULT_TENANT, for_a_minute(clock, EVERYWHERE))

    for place, session in enumerate((SESSION, ref("another"))):
        who = identity("customer_1", session)
        assert membership.admit(f"c{place}", who) is Admission.BANNED
    assert membership.admit("c3", identity("customer_1", SessionRef("acme", "s1"))).is_in
    agent = Identity(SESSION.session_id, "customer_1", UserType.AGENT)
    assert membership.admit("c4", agent).is_in, "an agent of that id is somebody else"


def test_nothing_is_kept_of_a_socket_that_was_refused(
    membership: Membership, bans: Bans, clock: Clock, redis: AnyRedis
) -> None:
    bans.ban(DEFAULT_TENANT, for_a_minute(clock, HERE))
    membership.admit("c1", identity("customer_1"))

    assert redis.exists(identity_key("c1")) == 0


@pytest.mark.parametrize("who", [HERE, EVERYWHERE])
def test_a_ban_ends_by_itself_and_leaves_nothing(
    membership: Membership, bans: Bans, clock: Clock, redis: AnyRedis, who: Banned
) -> None:
    bans.ban(DEFAULT_TENANT, for_a_minute(clock, who))
    assert all(0 < redis.pttl(key) <= MINUTE for key in bans_keys(DEFAULT_TENANT))

    clock.pass_seconds(60)

    assert membership.admit("c1", identity("customer_1")).is_in
    assert bans.listed(DEFAULT_TENANT, 10).bans == ()
    assert redis.exists(*bans_keys(DEFAULT_TENANT)) == 0


def test_a_shorter_ban_takes_the_place_of_a_longer_one(bans: Bans, clock: Clock) -> None:
    bans.ban(DEFAULT_TENANT, Ban(HERE, clock.now + 5 * MINUTE, ADMIN, "at first"))
    second = for_a_minute(clock, HERE, "then")
    bans.ban(DEFAULT_TENANT, second)

    assert bans.listed(DEFAULT_TENANT, 10).bans == (second,)


def test_a_ban_that_is_lifted_is_over(membership: Membership, bans: Bans, clock: Clock) -> None:
    bans.ban(DEFAULT_TENANT, for_a_minute(clock, HERE))
    bans.ban(DEFAULT_TENANT, for_a_minute(clock, EVERYWHERE))

    assert bans.lift(DEFAULT_TENANT, HERE)
    assert not bans.lift(DEFAULT_TENANT, HERE), "lifted already"
    assert membership.admit("c1", identity("customer_1")) is Admission.BANNED, "everywhere, still"
    assert bans.lift(DEFAULT_TENANT, EVERYWHERE)
    assert membership.admit("c1", identity("customer_1")).is_in


def test_a_full_redis_keeps_somebody_out_all_the_same(node: Redis, clock: Clock) -> None:
    bans = Bans(node, clock=clock)
    node.config_set("maxmemory", 1)
    try:
        bans.ban(DEFAULT_TENANT, for_a_minute(clock, HERE))
    finally:
        node.config_set("maxmemory", 0)

    assert Membership(node, clock=clock).identities.is_banned(SESSION, CUSTOMER)


def test_a_listing_goes_on_where_it_stood_whatever_was_lifted_meanwhile(
    bans: Bans, clock: Clock
) -> None:
    """Several that end at one moment too."""
    made = [
        Ban(Banned(Person(UserType.CUSTOMER, f"c{n}")), clock.now + MINUTE * (1 + n // 3), ADMIN)
        for n in range(7)
    ]
    for each in reversed(made):
        bans.ban(DEFAULT_TENANT, each)
    first = bans.listed(DEFAULT_TENANT, 2)
    assert first.bans == tuple(made[:2])
    assert first.following is not None
    for each in made[:2]:
        bans.lift(DEFAULT_TENANT, each.who)

    place: BansPlace | None = BansPlace.read(str(first.following))
    rest: list[Ban] = []
    while place:
        page = bans.listed(DEFAULT_TENANT, 2, place)
        rest += page.bans
        place = page.following

    assert rest == made[2:]
    assert bans.listed("acme", 2).bans == ()


@pytest.mark.parametrize(
    "text", ["x", "1", "1.customer", "1.customer/", "1.nobody/a", "1.customer/{", "-1.customer/a"]
)
def test_a_cursor_that_was_never_given_out_is_refused(text: str) -> None:
    with pytest.raises(InvalidIdentity):
        BansPlace.read(text)


class TestBannedWhileComing:
    """$connect has let somebody in, and before they are present they are banned."""

    def test_they_are_put_out_as_soon_as_they_are_present(
        self,
        membership: Membership,
        bans: Bans,
        clock: Clock,
        poster: RecordingPoster,
        closed: list[str],
    ) -> None:
        join(membership, "a1", "admin_1")
        membership.admit("c1", identity("customer_1"))
        bans.ban(DEFAULT_TENANT, for_a_minute(clock, EVERYWHERE))
        announcer = Announcer(membership, poster)
        doorman = Doorman(membership, announcer, one_by_one(closed.append), lambda *_: None)

        announcer.announce(membership.open("c1", SESSION).batch, TEN_SECONDS)
        put_out = doorman.put_out_if_banned(SESSION, CUSTOMER, TEN_SECONDS)

        assert put_out.anybody
        assert closed == ["c1"]
        assert present(membership) == {"admin_1"}
        assert poster.frames["a1"][-1]["data"]["reason"] == "kicked"

    def test_by_their_first_message_too_which_is_not_said(
        self,
        membership: Membership,
        bans: Bans,
        clock: Clock,
        poster: RecordingPoster,
        closed: list[str],
    ) -> None:
        membership.admit("c1", identity("customer_1"))
        bans.ban(DEFAULT_TENANT, for_a_minute(clock, HERE))
        conversation = conversation_of(membership, Announcer(membership, poster), closed.append)

        request: dict[str, Any] = {"action": "message", "text": "hello"}
        conversation.answer(said("c1", request), identity("customer_1"), 0, TEN_SECONDS)

        assert closed == ["c1"]
        assert present(membership) == set()
        kinds = [frame["type"] for frame in poster.frames["c1"]]
        assert kinds == ["connection_status_update", "closing"]
