"""Redis holds what a newer version of the code, since rolled back, has written."""

from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from hadir.domain.bans import Ban, Banned
from hadir.domain.errors import ScriptFailed
from hadir.domain.identity import DEFAULT_TENANT, Person, UserType
from hadir.domain.session import UnknownEvent
from hadir.membership.audit import Audit
from hadir.membership.bans import Bans
from hadir.membership.directory import Directory
from hadir.membership.keys import bans_keys, identity_key, partition_of, session_key
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Assigning
from hadir.sweeper import Sweeper
from tests.conftest import Clock
from tests.redis.sweeping import leave_unannounced
from tests.redis.talking import Say, shape
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_membership import CLOSED, SESSION, identity, join, present, ref

OTHER = ref("other")
AT = 1_737_714_600_000


@pytest.fixture
def membership(node: Redis, clock: Clock) -> Membership:
    membership = Membership(node, clock=clock)
    join(membership, "a1", "admin_1")
    join(membership, "c1", "customer_1")
    return membership


def bot_joins(node: Redis) -> None:
    """Somebody of a type that is not known joins, as in a newer version of the code."""
    people, connections = session_key(SESSION, "people"), session_key(SESSION, "connections")
    node.hset(people, "co_bot/7", str(node.hget(people, "customer/customer_1")))
    record = str(node.hget(connections, "c1")).replace("customer/customer_1", "co_bot/7")
    node.hset(connections, "b1", record)
    node.hset(session_key(SESSION, "session"), "sizes", "3 3 0")
    happens(node, "user_connected", "co_bot/7")


def somebody_is_away(node: Redis) -> None:
    """Something of a type that is not known happens, as in a newer version of the code."""
    happens(node, "user_away", "customer/customer_1")


def happens(node: Redis, kind: str, person: str, **more: str) -> None:
    version = node.hincrby(session_key(SESSION, "session"), "version", 1)
    fields: dict[Any, Any] = {"type": kind, "person": person, "at": AT, **more}
    node.xadd(session_key(SESSION, "events"), fields, id=f"{version}-0")


@pytest.mark.parametrize("what", [bot_joins, somebody_is_away])
class TestSession:
    def test_its_clients_are_told_of_everything_else(
        self,
        node: Redis,
        membership: Membership,
        say: Say,
        poster: RecordingPoster,
        what: Callable[[Redis], None],
    ) -> None:
        what(node)
        epoch = membership.session(SESSION).epoch

        say("a1", "admin_1", action="heartbeat")
        say("c1", "customer_1", action="message", text="hello")
        poster.frames["a1"].clear()
        missed = say("a1", "admin_1", action="sync", since={"epoch": epoch, "version": 1})

        assert shape(missed) == [
            ("connection_status_update", "user_connected", 2, True),
            ("connection_status_update", None, 3, None),
            ("message", "hello", 4, True),
            ("connection_status_update", None, None, True),
        ]
        unknown = missed[1]["data"]
        assert set(unknown["connection_status"]["users"]) == {"admin_1", "customer_1"}
        assert (unknown["timestamp"], unknown["status_version"]) == ("2025-01-24T10:30:00Z", 4)
        assert [frame["data"]["version"] for frame in poster.frames["c1"]] == [3, 4]

    def test_the_sweep_sees_to_it_and_to_others(
        self,
        node: Redis,
        membership: Membership,
        clock: Clock,
        sweeper: Sweeper,
        poster: RecordingPoster,
        what: Callable[[Redis], None],
    ) -> None:
        what(node)
        membership.leave("c1", SESSION, CLOSED)
        leave_unannounced(membership, OTHER)
        clock.pass_seconds(11)

        swept = sweeper.sweep(TEN_SECONDS)

        assert "failed" not in swept
        assert [data.get("event_type") for data in poster.received["a1"]][-2:] == [
            None,
            "user_disconnected",
        ]
        assert poster.events("a-other")[-1][1:] == ("user_disconnected", "customer_1")

    def test_it_is_repaired(
        self, node: Redis, membership: Membership, what: Callable[[Redis], None]
    ) -> None:
        what(node)
        node.hdel(session_key(SESSION, "session"), "sizes")

        batch = membership.repair(SESSION)

        assert batch is not None
        assert isinstance(batch.events[0], UnknownEvent)
        assert present(membership) == {"admin_1", "customer_1"}
        there = Directory(node).sessions_of(DEFAULT_TENANT, "customer_1")
        assert there == (SESSION,)
        node.delete(session_key(SESSION, "people"))
        assert Audit(node).forget_ghosts(partition_of(SESSION)) >= 2

    def test_its_history_is_read(
        self, node: Redis, membership: Membership, what: Callable[[Redis], None]
    ) -> None:
        what(node)

        page = membership.history.page(SESSION, 10)

        assert page.events[-1] == UnknownEvent(3, AT)

    def test_who_is_not_known_is_not_listed(
        self, node: Redis, membership: Membership, what: Callable[[Redis], None]
    ) -> None:
        what(node)

        assert {each.connection_id for each in membership.sockets(SESSION)} == {"a1", "c1"}
        assert present(membership) == {"admin_1", "customer_1"}


def test_what_else_is_known_of_people_is_left_alone(node: Redis, membership: Membership) -> None:
    people = session_key(SESSION, "people")
    node.hset(
        people, "customer/customer_1", '1737714600000 1 - - - - {"name":"Anna","x":1} - - more'
    )

    (shown,) = (each for each in membership.session(SESSION).people if each.name)

    assert (shown.person.user_id, shown.name, shown.avatar, shown.state) == (
        *("customer_1", "Anna", ""),
        {},
    )


def test_what_older_code_wrote_in_grace_is_read(node: Redis, clock: Clock) -> None:
    membership = Membership(node, grace_seconds=60, clock=clock)
    join(membership, "c2", "customer_2")
    membership.leave("c2", SESSION, CLOSED)
    people = session_key(SESSION, "people")
    record = str(node.hget(people, "customer/customer_2"))
    assert record == f"{clock.now} 0 {clock.now} client_closed 1001 close_frame"

    join(membership, "c3", "customer_2")

    assert node.hget(people, "customer/customer_2") == f"{clock.now} 1"


def test_who_is_not_known_has_no_session(
    node: Redis, membership: Membership, say: Say, poster: RecordingPoster
) -> None:
    node.hset(session_key(SESSION, "session"), "assigned", "bot/7")
    happens(node, "assignment", "bot/7", by="admin/admin_1")
    happens(node, "assignment", "", by="bot/7")

    say("a1", "admin_1", action="heartbeat")
    boss = identity("admin_1").person
    refused = membership.assignments.assign(SESSION, "admin_1", None, by=boss)

    page = membership.history.page(SESSION, 10, since=2)
    assert page.events == (UnknownEvent(3, AT), UnknownEvent(4, AT))
    assert "assignment" not in poster.frames["c1"][-1]["data"]
    assert (refused.outcome, refused.holder) == (Assigning.CONFLICT, None)
    taken = membership.assignments.assign(SESSION, "admin_1", None, by=boss, expected="7")
    assert taken.outcome is Assigning.ASSIGNED


@pytest.mark.parametrize(
    ("record", "is_known"),
    [("s1 u1 bot default 0", False), ("s1 u1 customer default 0 and more", True)],
)
def test_whose_socket_it_is(
    node: Redis, membership: Membership, record: str, *, is_known: bool
) -> None:
    node.set(identity_key("c9"), record)

    assert (membership.identities.of("c9") is not None) == is_known


@pytest.mark.parametrize("most", [1, 2, 10])
def test_bans_of_who_is_not_known_are_not_listed(node: Redis, clock: Clock, most: int) -> None:
    bans = Bans(node, clock=clock)
    admin = identity("admin_1").person
    made = [
        Ban(Banned(Person(UserType.CUSTOMER, f"c{number}")), clock.now + 1000 * number, admin)
        for number in (1, 4)
    ]
    for each in made:
        bans.ban(DEFAULT_TENANT, each)
    ends, records = bans_keys(DEFAULT_TENANT)
    for number in (2, 3, 5):
        node.zadd(ends, {f"bot/{number}": clock.now + 1000 * number})
        node.hset(records, f"bot/{number}", "admin/admin_1 ")

    page = bans.listed(DEFAULT_TENANT, most)
    listed = [*page.bans]
    while page.following:
        page = bans.listed(DEFAULT_TENANT, most, page.following)
        listed += page.bans

    assert listed == made


def test_a_ban_by_who_is_not_known_is_listed(node: Redis, clock: Clock) -> None:
    bans = Bans(node, clock=clock)
    who = Banned(Person(UserType.CUSTOMER, "c1"))
    bans.ban(DEFAULT_TENANT, Ban(who, clock.now + 1000, identity("admin_1").person, "spam"))
    node.hset(bans_keys(DEFAULT_TENANT)[1], str(who), "supervisor/s1 spam")

    (listed,) = bans.listed(DEFAULT_TENANT, 10).bans

    assert listed == Ban(who, clock.now + 1000, None, "spam")


def test_what_cannot_be_read_at_all_costs_its_own_session_alone(
    node: Redis, membership: Membership, clock: Clock, sweeper: Sweeper, poster: RecordingPoster
) -> None:
    node.xadd(session_key(SESSION, "events"), {"type": "user_away"}, id="3-0")
    node.hincrby(session_key(SESSION, "session"), "version", 1)
    with pytest.raises(ScriptFailed):
        membership.claim(SESSION)
    leave_unannounced(membership, OTHER)
    clock.pass_seconds(61)

    assert sweeper.sweep(TEN_SECONDS)["failed"] == 1
    assert poster.events("a-other")[-1][1:] == ("user_disconnected", "customer_1")
