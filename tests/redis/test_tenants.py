"""What two tenants call alike has nothing in common; and who is present where."""

from dataclasses import replace
from itertools import count

import pytest

from hadir.domain.errors import InvalidIdentity
from hadir.domain.grant import Grant
from hadir.domain.identity import Identity, SessionRef, UserType
from hadir.membership.directory import Directory, Place
from hadir.membership.keys import partition_of
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Opening, Saying
from hadir.membership.scripts import AnyRedis
from tests.redis.test_membership import CLOSED, SESSION, identity, join, present

ALL = Grant("acme", "admin_1", UserType.ADMIN, ("*",), 0)
ACME = Identity(SESSION.session_id, "customer_1", UserType.CUSTOMER, "acme")
NEIGHBOUR = next(
    each
    for each in (replace(ACME, tenant=f"tenant-{number}") for number in count())
    if partition_of(each.session) == partition_of(SESSION)
)
"""Of a tenant whose session of that name shares the partition, as that of one in 256 does."""


class TestApart:
    @pytest.mark.parametrize("other", [ACME, NEIGHBOUR])
    def test_nothing_of_one_is_seen_by_the_other(
        self, membership: Membership, other: Identity
    ) -> None:
        join(membership, "c1", "customer_1")
        assert membership.sockets(other.session) == ()
        assert membership.admit("x1", other).is_in
        opened = membership.open("x1", other.session)
        assert opened.batch
        assert [m.connection_id for m in opened.batch.sockets] == ["x1"]
        assert opened.batch.events[0].version == 1
        assert membership.session(SESSION).epoch != membership.session(other.session).epoch
        assert membership.history.page(other.session, 10).events == opened.batch.events
        epoch = membership.session(SESSION).epoch
        assert membership.history.missed(other.session, epoch, 0, 10)[0] is None

    @pytest.mark.parametrize("other", [ACME, NEIGHBOUR])
    def test_what_one_has_said_the_other_has_not(
        self, membership: Membership, other: Identity
    ) -> None:
        join(membership, "c1", "customer_1")
        assert membership.admit("x1", other).is_in
        membership.open("x1", other.session)

        for connection_id, who in (("c1", identity("customer_1")), ("x1", other)):
            said = membership.say(connection_id, who, "hello", "m1")
            assert said.outcome is Saying.SAID

    def test_a_socket_of_one_can_do_nothing_to_the_other(self, membership: Membership) -> None:
        join(membership, "c1", "customer_1")
        assert membership.open("c1", ACME.session, heard=True).outcome is Opening.UNKNOWN
        assert membership.say("c1", ACME, "hello", "m1").batch is None
        assert membership.claim(ACME.session) is None
        assert present(membership) == {"customer_1"}

    def test_whose_socket_it_is_is_known_by_its_id(self, membership: Membership) -> None:
        who = Identity("s", "u", UserType.AGENT, "acme", 77)
        membership.admit("x1", who)
        assert membership.identities.of("x1") == who


def enter(membership: Membership, tenant: str, session_id: str, user_id: str) -> str:
    connection_id = f"{tenant}.{session_id}.{user_id}"
    who = Identity(session_id, user_id, UserType.CUSTOMER, tenant)
    membership.admit(connection_id, who)
    membership.open(connection_id, who.session)
    return connection_id


@pytest.fixture
def directory(redis: AnyRedis) -> Directory:
    return Directory(redis)


class TestDirectory:
    def test_pages_cover_all_once_and_only_ones_own(
        self, membership: Membership, directory: Directory
    ) -> None:
        expected = {f"session-{number}" for number in range(37)}
        for name in expected:
            enter(membership, "acme", name, "u1")
        for tenant in ("acm", "acme0", "acme.", "default"):
            enter(membership, tenant, "session-1", "u1")
        found: list[SessionRef] = []
        place: Place | None = Place()
        while place:
            page = directory.sessions(ALL, 5, Place.read(str(place)) if found else Place())
            assert len(page.sessions) <= 5
            found += page.sessions
            place = page.following
        assert sorted(found) == sorted(SessionRef("acme", name) for name in expected)

    @pytest.mark.parametrize("most", [1, 4])
    def test_of_what_is_not_open_to_one_nothing_is_seen(
        self, membership: Membership, directory: Directory, most: int
    ) -> None:
        for team in ("a", "b", "c"):
            for number in range(30):
                enter(membership, "acme", f"{team}-{number}", "u1")
        enter(membership, "acme", "b", "u1")
        grant = replace(ALL, sessions=("b-1*", "c-7", "nowhere"))
        found: list[str] = []
        place: Place | None = Place()
        while place:
            page = directory.sessions(grant, most, place)
            found += [ref.session_id for ref in page.sessions]
            place = page.following
            named = place.session_id if place else ""
            assert not named or grant.covers(named) or named == "b-1"
        expected = {"b-1", "c-7", *(f"b-{number}" for number in range(10, 20))}
        assert len(found) == len(expected)
        assert set(found) == expected

    def test_the_last_to_leave_empties_it(
        self, membership: Membership, directory: Directory
    ) -> None:
        first, second = (enter(membership, "acme", "s1", user) for user in ("u1", "u2"))
        ref = SessionRef("acme", "s1")
        membership.leave(first, ref, CLOSED)
        assert directory.sessions(ALL, 5, Place()).sessions == (ref,)
        assert directory.sessions_of("acme", "u1") == ()
        membership.leave(second, ref, CLOSED)
        assert directory.sessions(ALL, 5, Place()).sessions == ()

    def test_who_is_only_admitted_is_nowhere(
        self, membership: Membership, directory: Directory
    ) -> None:
        membership.admit("x1", ACME)
        assert directory.sessions(ALL, 5, Place()).sessions == ()
        assert directory.sessions_of("acme", "customer_1") == ()

    def test_where_somebody_is(self, membership: Membership, directory: Directory) -> None:
        for session_id in ("s2", "s1"):
            enter(membership, "acme", session_id, "u1")
        for tenant, user_id in (("acme", "u10"), ("acme", "u"), ("other", "u1")):
            enter(membership, tenant, "s9", user_id)
        found = directory.sessions_of("acme", "u1")
        assert [ref.session_id for ref in found] == ["s1", "s2"]

    @pytest.mark.parametrize(
        "cursor", ["x", "1", "256.a", "-1.a", "1:a", "1.a b", "0.{a}", "1.a\n"]
    )
    def test_a_cursor_that_was_not_given_out(self, cursor: str) -> None:
        with pytest.raises(InvalidIdentity, match=r"^cursor must be"):
            Place.read(cursor)
