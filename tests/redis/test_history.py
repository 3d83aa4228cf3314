"""Messages, and what a client gets that was away: on real scripts, through the conversation."""

from collections.abc import Callable
from typing import Any

import pytest

from hadir.announcer import Announcer
from hadir.conversation import Trouble
from hadir.domain.identity import SessionRef
from hadir.domain.limits import Limits
from hadir.domain.session import MessageEvent
from hadir.membership.keys import session_key, session_keys
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Saying
from hadir.membership.scripts import AnyRedis
from hadir.wire.updates import history
from tests.conftest import Clock
from tests.redis.talking import conversation_of, said
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_membership import CLOSED, SESSION, identity, join, present

Say = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def poster() -> RecordingPoster:
    return RecordingPoster()


@pytest.fixture
def closed() -> list[str]:
    """The sockets that were closed."""
    return []


@pytest.fixture
def say(membership: Membership, poster: RecordingPoster, clock: Clock, closed: list[str]) -> Say:
    """Send a request from a connection; the frames its socket got in answer."""
    conversation = conversation_of(membership, Announcer(membership, poster), closed.append)

    def send(connection_id: str, user_id: str, **request: object) -> list[dict[str, Any]]:
        before = len(poster.frames.get(connection_id, []))
        socket = said(connection_id, request)
        conversation.answer(socket, identity(user_id), clock(), TEN_SECONDS)
        return poster.frames.get(connection_id, [])[before:]

    return send


def shape(frames: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    return [
        (
            frame["type"],
            frame["data"].get("event_type") or frame["data"].get("text"),
            frame["data"].get("version"),
            frame["data"].get("recovered"),
        )
        for frame in frames
    ]


class TestMessages:
    def test_everyone_gets_it_in_the_sessions_order(
        self, membership: Membership, poster: RecordingPoster, say: Say, clock: Clock
    ) -> None:
        join(membership, "a1", "admin_1")
        join(membership, "c1", "customer_1")

        say("c1", "customer_1", action="message", text="hello", client_id="m1")

        theirs, own = poster.frames["a1"][-1], poster.frames["c1"][-1]
        epoch = membership.session(SESSION).epoch
        assert theirs == {
            "type": "message",
            "data": {
                "session_id": SESSION.session_id,
                "id": f"{epoch}-3",
                "user_id": "customer_1",
                "user_type": "customer",
                "text": "hello",
                "version": 3,
                "epoch": epoch,
                "timestamp": "2025-01-24T10:30:00Z",
            },
        }
        assert own["data"] == {**theirs["data"], "client_id": "m1"}

    def test_presence_and_messages_are_one_sequence(
        self, membership: Membership, poster: RecordingPoster, say: Say
    ) -> None:
        join(membership, "a1", "admin_1")
        join(membership, "c1", "customer_1")
        say("c1", "customer_1", action="message", text="one")
        batch = membership.leave("c1", SESSION, CLOSED).batch
        Announcer(membership, poster).announce(batch, TEN_SECONDS)
        say("a1", "admin_1", action="message", text="two")

        assert shape(poster.frames["a1"]) == [
            ("message", "one", 3, None),
            ("connection_status_update", "user_disconnected", 4, None),
            ("message", "two", 5, None),
        ]

    def test_the_same_client_id_is_not_said_twice(
        self, membership: Membership, poster: RecordingPoster, say: Say
    ) -> None:
        join(membership, "a1", "admin_1")
        join(membership, "c1", "customer_1")
        say("c1", "customer_1", action="message", text="hello", client_id="m1")

        again = say("c1", "customer_1", action="message", text="hello", client_id="m1")

        assert shape(again) == [("message", "hello", 3, True)]
        assert again[0]["data"]["client_id"] == "m1"
        assert len(poster.frames["a1"]) == 1
        assert membership.session(SESSION).version == 3

    def test_the_same_client_id_is_not_said_twice_across_a_failover(
        self, membership: Membership, say: Say, redis: AnyRedis
    ) -> None:
        join(membership, "c1", "customer_1")
        (told,) = say("c1", "customer_1", action="message", text="hello", client_id="m1")
        before = membership.session(SESSION)
        redis.hset(session_key(SESSION, "session"), "lineage", "another")

        (copy,) = say("c1", "customer_1", action="message", text="hello", client_id="m1")

        after = membership.session(SESSION)
        assert after.epoch != before.epoch
        assert copy["data"]["version"] == after.version == before.version
        assert copy["data"]["epoch"] == after.epoch
        kept = history("s1", membership.history.page(SESSION, 1, since=after.version - 1))
        ids = [data["id"] for data in (told["data"], copy["data"], kept["events"][0])]
        assert len({*ids}) == 1

    def test_the_version_of_another_message_is_not_taken_for_it(
        self, membership: Membership, say: Say, redis: AnyRedis
    ) -> None:
        """Redis has evicted all of the session but what was said, and it began anew."""
        join(membership, "c1", "customer_1")
        say("c1", "customer_1", action="message", text="hello", client_id="m1")
        redis.delete(*session_keys(SESSION))
        join(membership, "c1", "customer_1")
        say("c1", "customer_1", action="message", text="another", client_id="m2")

        (answer,) = say("c1", "customer_1", action="message", text="hello", client_id="m1")

        assert answer["data"]["code"] == "invalid_payload"

    def test_one_said_so_long_ago_that_it_is_forgotten_is_refused(
        self, membership: Membership, say: Say, redis: AnyRedis
    ) -> None:
        join(membership, "c1", "customer_1")
        say("c1", "customer_1", action="message", text="hello", client_id="m1")
        redis.delete(session_key(SESSION, "events"))

        (answer,) = say("c1", "customer_1", action="message", text="hello", client_id="m1")

        assert answer["data"]["code"] == "invalid_payload"
        assert answer["data"]["client_id"] == "m1"
        assert membership.session(SESSION).version == 2

    def test_refusing_it_keeps_nobody_from_announcing_what_came_meanwhile(
        self, membership: Membership, say: Say, redis: AnyRedis
    ) -> None:
        join(membership, "a1", "admin_1")
        join(membership, "c1", "customer_1")
        say("c1", "customer_1", action="message", text="hello", client_id="m1")
        redis.xdel(session_key(SESSION, "events"), "3-0")
        record = membership.say

        def another_leaves_first(*args: object) -> object:
            membership.leave("a1", SESSION, CLOSED, claim=False)
            return record(*args)  # type: ignore[arg-type]

        membership.say = another_leaves_first  # type: ignore[assignment, method-assign]
        say("c1", "customer_1", action="message", text="hello", client_id="m1")

        batch = membership.claim(SESSION)
        assert batch is not None
        assert batch.recovered_up_to == 0

    def test_what_is_refused_is_named(
        self, membership: Membership, say: Say, redis: AnyRedis
    ) -> None:
        join(membership, "c1", "customer_1")
        (answer,) = say("c1", "customer_1", action="message", text="x" * 4001, client_id="m1")
        assert (answer["data"]["code"], answer["data"]["client_id"]) == ("too_large", "m1")
        (answer,) = say("c1", "customer_1", action="typing", on=1, client_id="m1")
        assert answer["data"]["code"] == "invalid_payload"
        assert "client_id" not in answer["data"]

        sent = [
            say("c1", "customer_1", action="message", text="again", client_id=f"m{number}")
            for number in range(2, 60)
        ]

        (answer,) = next(each for each in sent if each[-1]["type"] == "error")
        assert answer["data"]["code"] == "rate_limited"
        assert answer["data"]["client_id"] == f"m{2 + sent.index([answer])}"

    def test_a_call_that_the_redis_client_repeats_says_it_once(
        self, membership: Membership, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The reply was lost: the same call, with the same token, comes again."""
        join(membership, "a1", "admin_1")
        monkeypatch.setattr("hadir.membership.membership.new_token", lambda: "the-same")

        first = membership.say("a1", identity("admin_1"), "hello", "")
        again = membership.say("a1", identity("admin_1"), "hello", "")

        assert membership.session(SESSION).version == 2
        assert first.batch is not None
        assert (again.outcome, again.batch) == (Saying.SAID, first.batch)

    def test_another_persons_client_id_is_another(
        self, membership: Membership, poster: RecordingPoster, say: Say
    ) -> None:
        join(membership, "a1", "admin_1")
        join(membership, "c1", "customer_1")
        say("c1", "customer_1", action="message", text="hello", client_id="m1")
        say("a1", "admin_1", action="message", text="hi", client_id="m1")

        assert membership.session(SESSION).version == 4

    def test_the_same_text_from_another_tab_is_said_once(
        self, membership: Membership, say: Say
    ) -> None:
        join(membership, "c1", "customer_1")
        join(membership, "c2", "customer_1")
        say("c1", "customer_1", action="message", text="hello", client_id="m1")
        say("c2", "customer_1", action="message", text="hello", client_id="m1")

        assert membership.session(SESSION).version == 2

    @pytest.mark.parametrize("text", ["\n\r\t", "🙂 ä \u2028", "x" * 4000, "{}", "0", " "])
    def test_any_text_arrives_as_it_was(
        self, membership: Membership, poster: RecordingPoster, say: Say, text: str
    ) -> None:
        join(membership, "a1", "admin_1")
        say("a1", "admin_1", action="message", text=text)

        assert poster.frames["a1"][-1]["data"]["text"] == text

    def test_who_is_not_in_the_session_says_nothing(self, membership: Membership) -> None:
        membership.admit("c1", identity("customer_1"))

        for connection_id in ("c1", "nobody"):
            said = membership.say(connection_id, identity("customer_1"), "hello", "")
            assert (said.outcome, said.batch) == (Saying.UNKNOWN, None)
        assert membership.session(SESSION).version == 0

    def test_a_message_that_nobody_lived_to_post_is_posted_by_the_next(
        self, membership: Membership, clock: Clock
    ) -> None:
        join(membership, "a1", "admin_1")
        membership.say("a1", identity("admin_1"), "hello", "")  # dies here
        clock.pass_seconds(11)

        batch = membership.claim(SESSION)

        assert batch is not None
        (event,) = batch.events
        assert isinstance(event, MessageEvent)
        assert (event.text, batch.recovered_up_to) == ("hello", 2)


class TestTyping:
    def test_the_others_are_told_and_nothing_is_kept(
        self, membership: Membership, poster: RecordingPoster, say: Say
    ) -> None:
        join(membership, "a1", "admin_1")
        join(membership, "c1", "customer_1")

        assert say("c1", "customer_1", action="typing", on=True) == []

        assert poster.frames["a1"] == [
            {
                "type": "typing",
                "data": {
                    "session_id": SESSION.session_id,
                    "user_id": "customer_1",
                    "user_type": "customer",
                    "on": True,
                    "until": "2025-01-24T10:30:06Z",
                },
            }
        ]
        assert membership.session(SESSION).version == 2

    def test_it_ends_six_seconds_later_rounded_up(
        self, membership: Membership, poster: RecordingPoster, say: Say, clock: Clock
    ) -> None:
        join(membership, "a1", "admin_1")
        join(membership, "c1", "customer_1")
        clock.pass_seconds(0.001)

        say("c1", "customer_1", action="typing", on=True)
        say("c1", "customer_1", action="typing", on=False)

        begun, stopped = (frame["data"] for frame in poster.frames["a1"])
        assert begun["until"] == "2025-01-24T10:30:07Z"
        assert (stopped["on"], "until" in stopped) == (False, False)

    def test_who_comes_by_it_is_told_of_first(
        self, membership: Membership, poster: RecordingPoster, say: Say
    ) -> None:
        join(membership, "a1", "admin_1")
        membership.admit("c1", identity("customer_1"))  # announce is lost

        say("c1", "customer_1", action="typing", on=True)

        kinds = [frame["type"] for frame in poster.frames["a1"]]
        assert kinds == ["connection_status_update", "typing"]


class TestSync:
    @pytest.fixture
    def epoch(self, membership: Membership, say: Say) -> str:
        """A session in which five things have happened."""
        join(membership, "a1", "admin_1")
        join(membership, "c1", "customer_1")
        say("c1", "customer_1", action="message", text="hello")
        membership.leave("c1", SESSION, CLOSED)
        batch = membership.claim(SESSION)
        if batch:
            membership.settle(batch, more=True)
        join(membership, "c2", "customer_2")
        return membership.session(SESSION).epoch

    def test_what_was_missed_comes_in_order_then_a_snapshot(self, epoch: str, say: Say) -> None:
        answer = say("a1", "admin_1", action="sync", since={"epoch": epoch, "version": 1})

        assert shape(answer) == [
            ("connection_status_update", "user_connected", 2, True),
            ("message", "hello", 3, True),
            ("connection_status_update", "user_disconnected", 4, True),
            ("connection_status_update", "user_connected", 5, True),
            ("connection_status_update", None, None, True),
        ]
        assert answer[-1]["data"]["status_version"] == 5
        assert answer[2]["data"]["reason"] == "client_closed"

    def test_recover_with_zero_events(self, epoch: str, say: Say) -> None:
        """Named after socket.io#5538."""
        answer = say("a1", "admin_1", action="sync", since={"epoch": epoch, "version": 5})
        assert shape(answer) == [("connection_status_update", None, None, True)]

    def test_recover_twice(self, epoch: str, say: Say) -> None:
        """Named after socket.io#4880."""
        since = {"epoch": epoch, "version": 3}
        first = say("a1", "admin_1", action="sync", since=since)
        assert say("a1", "admin_1", action="sync", since=since) == first

    @pytest.mark.parametrize(("of", "version"), [("another", 5), (None, 6), (None, 2**53)])
    def test_of_what_is_not_known_it_says_so(
        self, epoch: str, say: Say, of: str | None, version: int
    ) -> None:
        since = {"epoch": of or epoch, "version": version}
        answer = say("a1", "admin_1", action="sync", since=since)
        assert shape(answer) == [("connection_status_update", None, None, False)]

    def test_nor_does_who_saw_more_of_an_earlier_life_than_is_known_of_it_go_on(
        self, epoch: str, say: Say, redis: AnyRedis
    ) -> None:
        redis.hset(session_key(SESSION, "session"), "earlier", "an-earlier-one 3")

        lost, whole = (
            say("a1", "admin_1", action="sync", since={"epoch": "an-earlier-one", "version": seen})
            for seen in (4, 3)
        )

        assert shape(lost) == [("connection_status_update", None, None, False)]
        assert [version for _, _, version, _ in shape(whole)] == [4, 5, None]

    def test_history_that_is_no_longer_there_is_not_made_up(
        self, epoch: str, say: Say, redis: AnyRedis
    ) -> None:
        redis.xtrim(session_key(SESSION, "events"), maxlen=2, approximate=False)

        answer = say("a1", "admin_1", action="sync", since={"epoch": epoch, "version": 2})
        assert shape(answer) == [("connection_status_update", None, None, False)]
        reach = say("a1", "admin_1", action="sync", since={"epoch": epoch, "version": 3})
        assert [version for _, _, version, _ in shape(reach)] == [4, 5, None]

    def test_old_history_is_forgotten(
        self, epoch: str, say: Say, membership: Membership, clock: Clock
    ) -> None:
        clock.pass_seconds(25 * 3600)
        join(membership, "c3", "customer_3")

        answer = say("a1", "admin_1", action="sync", since={"epoch": epoch, "version": 1})
        assert shape(answer)[-1][-1] is False

    def test_without_a_position_there_is_only_the_snapshot(self, epoch: str, say: Say) -> None:
        answer = say("a1", "admin_1", action="sync")

        assert epoch
        assert shape(answer) == [("connection_status_update", None, None, None)]

    def test_snapshot_fires_no_join_or_leave(self, epoch: str, say: Say) -> None:
        """Named after supabase#41175."""
        (answer,) = say("a1", "admin_1", action="sync")

        assert epoch
        assert not {"event_type", "event_user_id", "version"} & set(answer["data"])

    def test_reconnect_before_leave_recorded(
        self, epoch: str, say: Say, membership: Membership
    ) -> None:
        """Named after redis-streams-adapter#26: the new socket is there before the old one left."""
        join(membership, "a2", "admin_1")
        answer = say("a2", "admin_1", action="sync", since={"epoch": epoch, "version": 5})
        membership.leave("a1", SESSION, CLOSED)

        assert shape(answer) == [("connection_status_update", None, None, True)]
        assert membership.session(SESSION).version == 5


class TestTrouble:
    """What a client could not have is counted."""

    @pytest.mark.parametrize(
        ("asked", "times", "expected"),
        [
            ({"action": "heartbeat"}, 5, []),
            ({"action": "heartbeat"}, 7, [Trouble.LIMITED] * 2),
            ({"action": "heartbeat"}, 11, [Trouble.LIMITED] * 5 + [Trouble.FLOODING]),
            ({"action": "sync"}, 1, []),
            ({"action": "sync", "since": {"epoch": "another", "version": 1}}, 1, ["not_recovered"]),
        ],
    )
    def test_once_each_time(
        self,
        redis: AnyRedis,
        clock: Clock,
        asked: dict[str, Any],
        times: int,
        expected: list[Trouble],
    ) -> None:
        membership = Membership(redis, limits=Limits(10, 5), clock=clock)
        join(membership, "c1", "customer_1")
        troubles: list[Trouble] = []
        conversation = conversation_of(
            membership,
            Announcer(membership, RecordingPoster()),
            lambda _: None,
            on_trouble=troubles.append,
        )

        for _ in range(times):
            conversation.answer(said("c1", asked), identity("customer_1"), clock(), TEN_SECONDS)

        assert troubles == expected


class TestPages:
    """What REST answers of the history."""

    @pytest.fixture(autouse=True)
    def five_things(self, membership: Membership, say: Say) -> None:
        join(membership, "c1", "customer_1")
        for number in range(2, 6):
            say("c1", "customer_1", action="message", text=str(number))

    @pytest.mark.parametrize(
        ("asked", "versions"),
        [
            ({}, [1, 2]),
            ({"since": 3}, [4, 5]),
            ({"since": 5}, []),
            ({"since": 2**53}, []),
            ({"before": 5}, [3, 4]),
            ({"before": 6}, [4, 5]),
            ({"before": 2**53}, [4, 5]),
            ({"before": 2}, [1]),
            ({"before": 1}, []),
        ],
    )
    def test_forwards_and_backwards_oldest_first(
        self, membership: Membership, asked: dict[str, int], versions: list[int]
    ) -> None:
        page = membership.history.page(SESSION, 2, **asked)

        assert [event.version for event in page.events] == versions
        assert (page.epoch, page.version) == (membership.session(SESSION).epoch, 5)

    def test_an_unknown_session_has_none(self, membership: Membership) -> None:
        page = membership.history.page(SessionRef("default", "another"), 2, before=9)
        assert (page.epoch, page.version, page.events) == ("", 0, ())


class TestSpeakingOpens:
    def test_a_message_admits_whom_redis_forgot(
        self, membership: Membership, poster: RecordingPoster, say: Say, redis: AnyRedis
    ) -> None:
        join(membership, "c1", "customer_1")
        redis.flushall()

        say("c1", "customer_1", action="heartbeat")

        assert shape(poster.frames["c1"])[0][:2] == ("connection_status_update", "user_connected")
        assert poster.frames["c1"][-1]["type"] == "heartbeat_ack"
        assert present(membership) == {"customer_1"}

    def test_a_second_tab_whose_announcement_was_lost_is_shown_the_session(
        self, membership: Membership, say: Say
    ) -> None:
        join(membership, "c1", "customer_1")
        membership.admit("c2", identity("customer_1"))

        shown, answer = say("c2", "customer_1", action="heartbeat")

        users = shown["data"]["connection_status"]["users"]
        assert users["customer_1"]["connections"] == 2
        assert answer["type"] == "heartbeat_ack"

    def test_one_whose_first_message_is_refused_is_shown_it_too(
        self, membership: Membership, say: Say
    ) -> None:
        for tab in ("c1", "c2"):
            join(membership, tab, "customer_1")
            for _ in range(Limits().burst):
                membership.open(tab, SESSION, heard=True)
        membership.admit("c3", identity("customer_1"))

        shown, refused = say("c3", "customer_1", action="heartbeat")

        users = shown["data"]["connection_status"]["users"]
        assert users["customer_1"]["connections"] == 3
        assert refused["data"]["code"] == "rate_limited"

    def test_who_has_left_is_told_to_come_back_and_closed(
        self, membership: Membership, say: Say, closed: list[str]
    ) -> None:
        join(membership, "c1", "customer_1")
        membership.leave("c1", SESSION, CLOSED)

        (answer,) = say("c1", "customer_1", action="heartbeat")

        assert answer["type"] == "closing"
        assert answer["data"]["reconnect_after_ms"] > 0
        assert closed == ["c1"]
        assert present(membership) == set()
