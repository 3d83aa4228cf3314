"""A session of many: everybody is told, and nothing but telling them grows with their number."""

import json
from collections.abc import Callable

import pytest
from redis import Redis

from hadir.announcer import Announcer
from hadir.domain.limits import Limits, Price
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Admission
from hadir.membership.scripts import AnyRedis
from tests.conftest import Clock
from tests.redis.crowds import ROOMY, SlowPoster, customer, fill
from tests.redis.talking import conversation_of, said
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_membership import CLOSED, SESSION, identity, join


@pytest.fixture
def membership(redis: AnyRedis, clock: Clock) -> Membership:
    return Membership(redis, limits=ROOMY, clock=clock)


class TestBursts:
    def test_who_joins_a_crowd_in_a_burst_is_told_like_everybody_else(
        self, membership: Membership
    ) -> None:
        """500 posts fit into one batch's time; 922 people have to be told of 22 joins."""
        fill(membership, range(900))
        poster = SlowPoster(most=500)
        announcer = Announcer(membership, poster)
        for number in range(900, 922):
            membership.admit(f"c{number}", customer(number))
        first = membership.open("c900", SESSION)
        for number in range(901, 922):
            assert membership.open(f"c{number}", SESSION).batch is None  # somebody announces

        broadcasts = announcer.announce(first.batch, TEN_SECONDS)

        assert [each.told for each in broadcasts if each.event] == [True] * 22
        assert len(poster.frames) == 922
        newest = membership.session(SESSION).version
        assert {poster.knows(to) for to in poster.frames} == {newest}
        assert poster.posts < 4 * 922
        assert membership.claim(SESSION) is None

    def test_one_frame_tells_of_all_of_them_in_order(self, membership: Membership) -> None:
        fill(membership, range(100))
        for number in range(100, 110):
            membership.admit(f"c{number}", customer(number))
        batch = membership.open("c100", SESSION).batch
        for number in range(101, 110):
            membership.open(f"c{number}", SESSION)
        poster = RecordingPoster()
        membership.say("c0", customer(0), "hello", "m1")
        assert batch is not None
        batch = membership.settle(batch, more=True)

        Announcer(membership, poster).announce(batch, TEN_SECONDS)

        (told,) = poster.received["c5"]
        assert [each["version"] for each in told["events"]] == list(range(102, 112))
        assert [each.get("event_user_id", each.get("text")) for each in told["events"]] == [
            *(f"customer_{number}" for number in range(101, 110)),
            "hello",
        ]
        assert (told["event_type"], told["event_user_id"]) == ("user_connected", "customer_109")
        assert (told["version"], told["status_version"]) == (110, 111)
        assert told["connection_status"]["total_customer"] == 110
        # The sender is told its own name for the message; who came late, nothing of before.
        assert poster.received["c0"][0]["events"][-1]["client_id"] == "m1"
        assert "client_id" not in told["events"][-1]
        assert [each["version"] for each in poster.received["c108"][0]["events"]] == [109, 110, 111]

    def test_few_are_told_of_each_event_by_itself(self, membership: Membership) -> None:
        """Front ends from before Hadir read one event a frame."""
        join(membership, "a1", "admin_1")
        for number in range(3, 6):
            membership.admit(f"c{number}", customer(number))
        batch = membership.open("c3", SESSION).batch
        membership.open("c4", SESSION)
        membership.open("c5", SESSION)
        poster = RecordingPoster()

        Announcer(membership, poster).announce(batch, TEN_SECONDS)

        assert [each[2] for each in poster.events("a1")] == [f"customer_{n}" for n in (3, 4, 5)]
        assert not any("events" in data for data in poster.received["a1"])


class TestOwed:
    """Somebody missed something: they are owed the status."""

    @pytest.fixture
    def poster(self, membership: Membership) -> RecordingPoster:
        for connection_id, user_id in (("a1", "admin_1"), ("a2", "admin_2"), ("c1", "customer_1")):
            join(membership, connection_id, user_id)
        return RecordingPoster()

    @pytest.fixture
    def announcer(self, membership: Membership, poster: RecordingPoster) -> Announcer:
        """Has told of customer_1's leave, but not a2, which refuses everything."""
        poster.refused = {"a2"}
        announcer = Announcer(membership, poster)
        announcer.announce(membership.leave("c1", SESSION, CLOSED).batch, TEN_SECONDS)
        return announcer

    def test_they_get_it_with_the_next_event_whoever_announces_that(
        self, membership: Membership, poster: RecordingPoster
    ) -> None:
        poster.refused = {"a2"}
        batch = membership.leave("c1", SESSION, CLOSED).batch
        (lost,) = Announcer(membership, poster).announce(batch, TEN_SECONDS)
        assert (lost.told, lost.received, lost.targets, lost.untold) == (True, 1, 2, 1)

        poster.refused = set()
        membership.admit("c2", identity("customer_2"))
        batch = membership.open("c2", SESSION).batch
        (told,) = Announcer(membership, poster).announce(batch, TEN_SECONDS)

        (status,) = poster.received["a2"]
        assert "event_type" not in status
        assert status["status_version"] == 5
        assert set(status["connection_status"]["users"]) == {"admin_1", "admin_2", "customer_2"}
        assert len(told.owed_ms) == 1
        assert told.untold == 0

    def test_or_when_the_sweep_comes_by(
        self, membership: Membership, poster: RecordingPoster, announcer: Announcer, clock: Clock
    ) -> None:
        poster.refused = set()
        assert membership.leases.due(10).sessions == ()
        assert membership.claim(SESSION) is None
        clock.pass_seconds(10)

        assert membership.leases.due(10).sessions == (SESSION,)
        announcer.announce(membership.claim(SESSION), TEN_SECONDS)

        assert [data["status_version"] for data in poster.received["a2"]] == [4]
        clock.pass_seconds(100)
        assert membership.leases.due(10).sessions == ()

    def test_who_is_refused_again_is_still_owed_it_and_holds_nobody_up(
        self, membership: Membership, poster: RecordingPoster, announcer: Announcer, clock: Clock
    ) -> None:
        for _ in range(3):
            clock.pass_seconds(10)
            announcer.announce(membership.claim(SESSION), TEN_SECONDS)
            assert membership.claim(SESSION) is None
        membership.admit("c2", identity("customer_2"))
        announcer.announce(membership.open("c2", SESSION).batch, TEN_SECONDS)
        assert [data["version"] for data in poster.received["a1"]] == [4, 5]
        poster.refused = set()
        clock.pass_seconds(10)
        announcer.announce(membership.claim(SESSION), TEN_SECONDS)

        assert [data["status_version"] for data in poster.received["a2"]] == [5]

    def test_it_is_owed_to_nobody_who_has_left(
        self, membership: Membership, poster: RecordingPoster, announcer: Announcer, clock: Clock
    ) -> None:
        announcer.announce(membership.leave("a2", SESSION, CLOSED).batch, TEN_SECONDS)
        clock.pass_seconds(60)
        poster.asked.clear()

        announcer.announce(membership.claim(SESSION), TEN_SECONDS)

        assert poster.asked == set()
        clock.pass_seconds(60)
        assert membership.leases.due(10).sessions == ()

    def test_an_announcer_that_dies_owes_it_still(
        self, membership: Membership, poster: RecordingPoster, announcer: Announcer, clock: Clock
    ) -> None:
        poster.refused = set()
        clock.pass_seconds(10)
        assert membership.claim(SESSION) is not None  # dies here
        clock.pass_seconds(11)

        announcer.announce(membership.claim(SESSION), TEN_SECONDS)

        assert [data["status_version"] for data in poster.received["a2"]] == [4]

    def test_a_person_is_told_when_one_of_their_tabs_is(
        self, membership: Membership, poster: RecordingPoster
    ) -> None:
        membership.admit("a2b", identity("admin_2"))
        membership.open("a2b", SESSION)
        poster.refused = {"a2"}

        (told,) = Announcer(membership, poster).announce(
            membership.leave("c1", SESSION, CLOSED).batch, TEN_SECONDS
        )

        assert (told.received, told.targets, told.untold) == (2, 3, 0)


class TestCosts:
    """Nothing that Redis is asked, or answers, grows with the number of people."""

    @pytest.fixture
    def bytes_out(self, node: Redis) -> Callable[[Callable[[], object]], int]:
        def measure(action: Callable[[], object]) -> int:
            before = node.info("stats")["total_net_output_bytes"]
            action()
            return int(node.info("stats")["total_net_output_bytes"] - before)

        return measure

    @pytest.mark.parametrize("action", ["heartbeat", "join", "leave"])
    def test_bytes(
        self, node: Redis, bytes_out: Callable[[Callable[[], object]], int], action: str
    ) -> None:
        membership = Membership(node, limits=ROOMY)
        membership.session(SESSION)  # connected, script known

        def cost(number: int) -> int:
            connection_id = f"c{number}"
            membership.admit(connection_id, customer(number))
            if action != "join":
                batch = membership.open(connection_id, SESSION).batch
                assert batch is not None
                membership.settle(batch, more=False)
            # Somebody else holds the lease: no batch, which grows, is handed out.
            holder = f"holder{number}"
            membership.admit(holder, customer(5000 + number))
            holds = membership.open(holder, SESSION).batch
            assert holds is not None
            spent = bytes_out(
                {
                    "heartbeat": lambda: membership.open(connection_id, SESSION, beat=True),
                    "join": lambda: membership.open(connection_id, SESSION),
                    "leave": lambda: membership.leave(connection_id, SESSION, CLOSED),
                }[action]
            )
            membership.settle(holds, more=False)
            left = membership.leave(holder, SESSION, CLOSED).batch
            while left:
                left = membership.settle(left, more=True)
            return spent

        fill(membership, range(2))
        cost(10)  # loads the scripts
        few = cost(11)
        fill(membership, range(100, 600))
        many = cost(12)

        assert abs(many - few) < 100

    def test_a_sync_asks_for_no_more_than_can_be_given(
        self, node: Redis, bytes_out: Callable[[Callable[[], object]], int]
    ) -> None:
        membership = Membership(node, limits=Limits(1000, 5000))
        join(membership, "c1", "customer_1")
        for _ in range(500):
            batch = membership.say("c1", identity("customer_1"), "x" * 4000, "").batch
            assert batch is not None
            membership.settle(batch, more=False)
        epoch = membership.session(SESSION).epoch

        spent = bytes_out(lambda: membership.history.missed(SESSION, epoch, 1, 200))

        assert spent < 10_000

    def test_a_thousand_sockets_gone_leave_in_a_few_scripts(
        self, node: Redis, clock: Clock
    ) -> None:
        membership = Membership(node, limits=ROOMY, clock=clock)
        fill(membership, range(1000))
        poster = RecordingPoster()
        poster.gone = {f"c{number}" for number in range(999)}
        membership.admit("a1", identity("admin_1"))
        batch = membership.open("a1", SESSION).batch
        before = _calls(node, "evalsha")

        Announcer(membership, poster).announce(batch, TEN_SECONDS)

        assert _calls(node, "evalsha") - before < 30
        (last,) = membership.session(SESSION).people[-1:]
        assert {each.person.user_id for each in membership.session(SESSION).people} == {
            "customer_999",
            "admin_1",
        }
        assert last.sockets == 1
        told = poster.received["c999"][-1]
        assert told["status_version"] == membership.session(SESSION).version


def _calls(node: Redis, command: str) -> int:
    return int(node.info("commandstats").get(f"cmdstat_{command}", {}).get("calls", 0))


class TestSync:
    def test_two_hundred_events_among_five_hundred_people_are_one_frame(
        self, membership: Membership
    ) -> None:
        fill(membership, range(700))
        for number in range(200):
            left = membership.leave(f"c{number}", SESSION, CLOSED).batch
            assert left is not None
            membership.settle(left, more=False)
        poster = RecordingPoster()
        conversation = conversation_of(membership, Announcer(membership, poster), lambda _: None)
        session = membership.session(SESSION)
        since = {"epoch": session.epoch, "version": session.version - 200}
        asked = said("c650", {"action": "sync", "since": since})

        conversation.answer(asked, customer(650), 0, TEN_SECONDS)

        (frame,) = poster.received["c650"]
        assert frame["recovered"] is True
        assert "event_type" not in frame
        assert [each["version"] for each in frame["events"]] == list(range(701, 901))
        assert len(json.dumps(frame)) < 128 * 1024

    def test_what_is_too_much_for_one_comes_in_a_few(self, membership: Membership) -> None:
        limits = Limits(1000, 5000)
        membership = Membership(membership._redis, limits=limits)
        join(membership, "c1", "customer_1")
        epoch = membership.session(SESSION).epoch
        for _ in range(200):
            batch = membership.say("c1", identity("customer_1"), "x" * 4000, "").batch
            assert batch is not None
            membership.settle(batch, more=False)
        poster = SlowPoster(1000)
        conversation = conversation_of(membership, Announcer(membership, poster), lambda _: None)
        asked = said("c1", {"action": "sync", "since": {"epoch": epoch, "version": 1}})

        conversation.answer(asked, identity("customer_1"), 0, TEN_SECONDS)

        *parts, last = poster.frames["c1"]
        assert {part["type"] for part in parts} == {"events"}
        assert last["data"]["recovered"] is True
        versions = [e["version"] for frame in (*parts, last) for e in frame["data"]["events"]]
        assert versions == list(range(2, 202))
        assert poster.largest < 128 * 1024
        assert len(parts) < 10
        assert "connection_status" not in parts[0]["data"]


class TestPrices:
    def test_joins_of_one_person_cost_a_crowd_no_more_than_their_share(
        self, membership: Membership, clock: Clock
    ) -> None:
        """Twenty a second are let in by their number; each is told to 1,000 people, twice."""
        fill(membership, range(1000))
        posts = refused = 0
        start = clock.now
        for number in range(300):
            clock.pass_seconds(0.05)
            connection_id = f"x{number}"
            if membership.admit(connection_id, customer(1500)) is Admission.HASTY:
                refused += 1
                continue
            opened = membership.open(connection_id, SESSION)
            left = membership.leave(connection_id, SESSION, CLOSED, claim=False)
            assert opened.batch is not None
            assert left.batch is None
            batch = membership.settle(opened.batch, more=True)
            while batch:
                batch = membership.settle(batch, more=True)
            posts += 2001
        seconds = (clock.now - start) / 1000

        assert refused > 250
        assert posts <= ROOMY.posts_burst + ROOMY.posts_per_second * seconds

    def test_syncs_of_one_person_cost_no_more_than_their_share(
        self, membership: Membership, clock: Clock
    ) -> None:
        for tab in ("c1", "c2"):
            join(membership, tab, "customer_1")
        epoch = membership.session(SESSION).epoch
        for _ in range(200):
            batch = membership.say("c1", identity("customer_1"), "hello", "").batch
            assert batch is not None
            membership.settle(batch, more=False)
        poster = RecordingPoster()
        conversation = conversation_of(membership, Announcer(membership, poster), lambda _: None)
        for number in range(200):
            clock.pass_seconds(0.05)
            tab = ("c1", "c2")[number % 2]
            asked = said(tab, {"action": "sync", "since": {"epoch": epoch, "version": 1}})
            conversation.answer(asked, identity("customer_1"), 0, TEN_SECONDS)

        posts = sum(len(frames) for frames in poster.frames.values())
        assert posts <= 200 * 2

    def test_a_sync_is_dearer_than_a_heartbeat(self, membership: Membership) -> None:
        join(membership, "c1", "customer_1")
        poster = RecordingPoster()
        conversation = conversation_of(membership, Announcer(membership, poster), lambda _: None)
        all_but_five = Price(once=ROOMY.posts_burst - 5)
        membership.open("c1", SESSION, heard=True, price=all_but_five)

        for action in ("sync", "heartbeat"):
            conversation.answer(
                said("c1", {"action": action}), identity("customer_1"), 0, TEN_SECONDS
            )

        refused, answered = poster.frames["c1"]
        assert (refused["type"], refused["data"].get("code")) == ("error", "rate_limited")
        assert answered["type"] == "heartbeat_ack"

    def test_a_message_to_a_crowd_is_dearer_than_one_to_few(
        self, membership: Membership, clock: Clock
    ) -> None:
        limits = ROOMY
        fill(membership, range(1000))
        conversation = conversation_of(
            membership, Announcer(membership, RecordingPoster()), lambda _: None
        )
        said_before = membership.session(SESSION).version
        for _ in range(200):
            clock.pass_seconds(0.1)
            asked = said("c1", {"action": "message", "text": "hello"})
            conversation.answer(asked, customer(1), 0, TEN_SECONDS)

        messages = membership.session(SESSION).version - said_before
        assert messages * 1000 <= limits.posts_burst + limits.posts_per_second * 20
        assert messages > 5
