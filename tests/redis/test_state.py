"""What is shown of people: the states that their clients set, their names and avatars."""

from typing import Any

import pytest
from redis import Redis

from hadir.domain.identity import Person, UserType
from hadir.domain.limits import Limits, Price
from hadir.domain.session import Presence, StateEvent
from hadir.domain.state import State
from hadir.membership.keys import session_key
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Setting
from hadir.membership.scripts import AnyRedis
from hadir.wire.bursts import missed_frames
from hadir.wire.updates import history
from tests.conftest import Clock
from tests.redis.talking import Say
from tests.redis.test_announcer import RecordingPoster
from tests.redis.test_membership import CLOSED, SESSION, events, identity, join

CUSTOMER = Person(UserType.CUSTOMER, "customer_1")


def shown(membership: Membership, user_id: str = "customer_1") -> Presence:
    (found,) = (
        each for each in membership.session(SESSION).people if each.person.user_id == user_id
    )
    return found


def set_state(membership: Membership, connection_id: str, **state: Any) -> Setting:
    """Set it; settle at once."""
    done = membership.states.set(connection_id, SESSION, state)
    if done.batch:
        assert membership.settle(done.batch, more=True) is None
    return done.outcome


def leave(membership: Membership, connection_id: str) -> list[tuple[int, str, str]]:
    """Leave; settle at once; the events."""
    batch = membership.leave(connection_id, SESSION, CLOSED).batch
    if not batch:
        return []
    assert membership.settle(batch, more=True) is None
    return events(batch)


def told_states(membership: Membership) -> list[State]:
    """Those of the history, oldest first."""
    page = membership.history.page(SESSION, 100)
    return [event.state for event in page.events if isinstance(event, StateEvent)]


class TestSetting:
    def test_everyone_is_told_by_an_update_without_an_event(
        self, membership: Membership, say: Say, poster: RecordingPoster
    ) -> None:
        join(membership, "a1", "admin_1")
        join(membership, "c1", "customer_1")

        mine = say("c1", "customer_1", action="set_state", state={"page": "/cart", "n": 1.5})

        (frame,) = poster.frames["a1"]
        assert mine == [frame]
        assert frame["type"] == "connection_status_update"
        data = frame["data"]
        assert not {"event_type", "event_user_id", "state", "user_id"} & set(data)
        assert (data["version"], data["status_version"]) == (3, 3)
        assert data["timestamp"] == "2025-01-24T10:30:00Z"
        users = data["connection_status"]["users"]
        assert users["customer_1"]["state"] == {"page": "/cart", "n": 1.5}
        assert "state" not in users["admin_1"]

    def test_it_replaces_the_whole_state_and_nothing_clears_it(
        self, membership: Membership
    ) -> None:
        join(membership, "c1", "customer_1")

        set_state(membership, "c1", a=1, b=None)
        set_state(membership, "c1", b=True)
        assert shown(membership).state == {"b": True}

        assert set_state(membership, "c1") is Setting.SET
        assert shown(membership).state == {}
        assert told_states(membership) == [{"a": 1, "b": None}, {"b": True}, {}]

    @pytest.mark.parametrize(
        "state",
        [
            {"a b": 'x y\\ "z"\t\u00a0', "é": "😀 漢", "-": "-"},
            {"away": False, "text": "", "n": -(10**30), "f": 1e-7, "none": None},
            {"away": True, "yes": True},
            {str(number): number for number in range(32)},
        ],
    )
    def test_with_one_socket_it_reads_back_as_it_was_sent(
        self, membership: Membership, state: State
    ) -> None:
        join(membership, "c1", "customer_1")

        assert set_state(membership, "c1", **state) is Setting.SET

        assert shown(membership).state == state
        assert told_states(membership) == [state]
        assert set_state(membership, "c1", **state) is Setting.SAME

    def test_the_same_again_is_no_event_and_the_sender_alone_gets_a_snapshot(
        self, membership: Membership, say: Say, poster: RecordingPoster
    ) -> None:
        join(membership, "a1", "admin_1")
        join(membership, "c1", "customer_1")
        say("c1", "customer_1", action="set_state", state={"a": 1, "b": 2})
        before = len(poster.frames["a1"])

        (again,) = say("c1", "customer_1", action="set_state", state={"b": 2, "a": 1})

        assert again["type"] == "connection_status_update"
        assert "version" not in again["data"]
        assert again["data"]["status_version"] == 3
        assert len(poster.frames["a1"]) == before
        assert membership.session(SESSION).version == 3

    def test_a_call_that_comes_twice_announces_once(self, membership: Membership) -> None:
        """As when redis-py does not get the first reply."""
        join(membership, "c1", "customer_1")
        scripts: Any = membership.states._scripts
        args = ("state", SESSION, "c1", "t1", '{"a":1}', "", "2.0", 10)

        first, again = scripts.run(*args), scripts.run(*args)

        assert (first[0], again[0]) == ("set", "same")
        assert first[1][1] == again[1][1]
        assert len(told_states(membership)) == 1

    @pytest.mark.parametrize("phase", ["unknown", "admitted", "left"])
    def test_who_is_not_there_sets_nothing(self, membership: Membership, phase: str) -> None:
        join(membership, "a1", "admin_1")
        if phase != "unknown":
            membership.admit("c1", identity("customer_1"))
        if phase == "left":
            membership.leave("c1", SESSION, CLOSED)
        before = membership.session(SESSION)

        assert set_state(membership, "c1", a=1) is Setting.UNKNOWN

        assert membership.session(SESSION) == before

    def test_where_nobody_ever_was_there_is_nothing(
        self, membership: Membership, redis: AnyRedis
    ) -> None:
        assert set_state(membership, "c1", a=1) is Setting.UNKNOWN
        assert redis.exists(session_key(SESSION, "session")) == 0

    def test_it_ends_with_the_leave(self, membership: Membership) -> None:
        join(membership, "c1", "customer_1")
        set_state(membership, "c1", a=1)
        leave(membership, "c1")

        join(membership, "c2", "customer_1")

        assert shown(membership).state == {}

    def test_a_namesake_of_another_type_has_a_state_of_their_own(
        self, membership: Membership, say: Say
    ) -> None:
        join(membership, "c1", "customer_1")
        join(membership, "a1", "admin_1")
        set_state(membership, "c1", who="customer")
        set_state(membership, "a1", who="admin")

        assert shown(membership).state == {"who": "customer"}
        assert shown(membership, "admin_1").state == {"who": "admin"}

    def test_who_dies_before_telling_it_has_it_told_as_recovered(
        self, membership: Membership, clock: Clock
    ) -> None:
        join(membership, "c1", "customer_1")
        membership.states.set("c1", SESSION, {"a": 1})  # dies here
        clock.pass_seconds(11)

        batch = membership.claim(SESSION)

        assert events(batch) == [(2, "state", "customer_1")]
        assert batch is not None
        assert batch.recovered_up_to == 2


class TestRefused:
    @pytest.mark.parametrize(
        ("state", "code"),
        [
            ({"a": {}}, "invalid_payload"),
            ({"a": "é" * 512}, "too_large"),
            ("away", "invalid_payload"),
        ],
    )
    def test_nothing_changes(
        self, membership: Membership, say: Say, state: object, code: str
    ) -> None:
        join(membership, "c1", "customer_1")

        (answer,) = say("c1", "customer_1", action="set_state", state=state)

        assert (answer["type"], answer["data"]["code"]) == ("error", code)
        assert "state" in answer["data"]["message"]
        assert membership.session(SESSION).version == 1


class TestLimits:
    def test_ten_at_once_and_two_a_second(
        self, membership: Membership, say: Say, clock: Clock
    ) -> None:
        join(membership, "c1", "customer_1")
        join(membership, "c2", "customer_1")
        number = 0

        def codes(times: int) -> list[str]:
            nonlocal number
            found = []
            for _ in range(times):
                number += 1
                tab = f"c{1 + number % 2}"  # both draw from one bucket
                frames = say(tab, "customer_1", action="set_state", state={"n": number})
                found.append(frames[-1]["data"].get("code", "told"))
            return found

        assert codes(11) == ["told"] * 10 + ["rate_limited"]
        clock.pass_seconds(1)
        assert codes(3) == ["told"] * 2 + ["rate_limited"]
        clock.pass_seconds(60)
        assert codes(11) == ["told"] * 10 + ["rate_limited"]

    def test_what_is_refused_changes_nothing(self, redis: AnyRedis, clock: Clock) -> None:
        membership = Membership(redis, limits=Limits(burst=5), clock=clock)
        join(membership, "c1", "customer_1")
        set_state(membership, "c1", n=1, away=True)
        before = membership.session(SESSION)

        assert set_state(membership, "c1", n=2) is Setting.LIMITED

        assert membership.session(SESSION) == before

    def test_saying_the_same_costs_nothing_of_it(self, membership: Membership) -> None:
        join(membership, "c1", "customer_1")
        for _ in range(20):
            set_state(membership, "c1", n=1)

        assert set_state(membership, "c1", n=2) is Setting.SET

    def test_it_is_as_dear_as_what_is_posted_to_everyone(
        self, membership: Membership, say: Say
    ) -> None:
        join(membership, "a1", "admin_1")
        join(membership, "c1", "customer_1")  # at a price of 4
        all_but_two = Price(once=Limits().posts_burst - 4 - 2)
        membership.open("c1", SESSION, heard=True, price=all_but_two)

        (refused,) = say("c1", "customer_1", action="set_state", state={"n": 1})
        (answered,) = say("c1", "customer_1", action="heartbeat")

        assert refused["data"].get("code") == "rate_limited"
        assert answered["type"] == "heartbeat_ack"


class TestHistory:
    def test_it_names_who_and_what(self, membership: Membership) -> None:
        join(membership, "c1", "customer_1")
        set_state(membership, "c1", away=True)

        *_, told = history(SESSION.session_id, membership.history.page(SESSION, 10))["events"]

        assert told == {
            "epoch": membership.session(SESSION).epoch,
            "user_id": "customer_1",
            "user_type": "customer",
            "state": {"away": True},
            "version": 2,
            "timestamp": "2025-01-24T10:30:00Z",
        }

    def test_who_missed_it_gets_it(self, membership: Membership, say: Say, clock: Clock) -> None:
        join(membership, "c1", "customer_1")
        epoch = membership.session(SESSION).epoch
        set_state(membership, "c1", a=1)

        told, snapshot = say(
            "c1", "customer_1", action="sync", since={"epoch": epoch, "version": 1}
        )

        assert (told["data"]["version"], told["data"].get("recovered")) == (2, None)
        assert (snapshot["data"].get("version"), snapshot["data"]["recovered"]) == (None, True)
        for number in range(2, 12):
            clock.pass_seconds(1)
            set_state(membership, "c1", a=number)
        events, session = membership.history.missed(SESSION, epoch, 1, 200)
        assert events
        (frame,) = missed_frames(session, events, 0) or []
        assert b'"state":{"a":1},"version":2' in frame

    def test_erasing_a_person_erases_the_states_they_had(
        self, membership: Membership, redis: AnyRedis
    ) -> None:
        join(membership, "a1", "admin_1")
        join(membership, "c1", "customer_1")
        set_state(membership, "a1", mine="secret_1")
        set_state(membership, "c1", theirs="secret_2", away=True)
        set_state(membership, "c1")

        assert membership.history.erase(SESSION, CUSTOMER) == 2
        assert membership.history.erase(SESSION, CUSTOMER) == 0

        assert told_states(membership) == [{"mine": "secret_1"}, {}, {}]
        kept: Any = redis.xrange(session_key(SESSION, "events"))
        assert "secret_1" in str(kept)
        assert "secret_2" not in str(kept)
        entries = history(SESSION.session_id, membership.history.page(SESSION, 10))["events"]
        assert [each.get("erased") for each in entries] == [None, None, None, True, True]


class TestRepair:
    def test_what_is_shown_survives_the_loss_of_other_keys(
        self, membership: Membership, redis: AnyRedis
    ) -> None:
        membership.admit("c1", identity("customer_1"))
        membership.open("c1", SESSION, name="Anna")
        join(membership, "c2", "customer_1")
        set_state(membership, "c1", away=True)
        set_state(membership, "c2", away=True)
        before = membership.session(SESSION).people
        redis.delete(session_key(SESSION, "session"))

        membership.repair(SESSION)

        assert membership.session(SESSION).people == before

    def test_only_sockets_that_are_there_are_away(
        self, membership: Membership, redis: AnyRedis
    ) -> None:
        join(membership, "c1", "customer_1")
        join(membership, "c2", "customer_1")
        set_state(membership, "c1", away=True)
        redis.hdel(session_key(SESSION, "connections"), "c1")

        membership.repair(SESSION)

        assert (shown(membership).sockets, shown(membership).state) == (1, {"away": False})


def test_a_full_redis_refuses_it_and_lets_go_who_was_away(node: Redis, clock: Clock) -> None:
    membership = Membership(node, clock=clock)
    join(membership, "c1", "customer_1")
    join(membership, "c2", "customer_1")
    set_state(membership, "c1", away=True)
    node.config_set("maxmemory", 1)
    try:
        left = leave(membership, "c2")
    finally:
        node.config_set("maxmemory", 0)

    assert left == [(3, "state", "customer_1")]
    assert shown(membership).state == {"away": True}


def test_who_says_nothing_costs_no_byte(membership: Membership, redis: AnyRedis) -> None:
    join(membership, "c1", "customer_1")
    join(membership, "c2", "customer_1")

    record = redis.hget(session_key(SESSION, "people"), "customer/customer_1")

    assert record == "1737714600000 2"
