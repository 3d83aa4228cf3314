"""What a client sends, and what it gets in answer: on real scripts, through the conversation."""

from typing import Any

import pytest

from hadir.announcer import Announcer
from hadir.conversation import Trouble
from hadir.domain.limits import Limits
from hadir.domain.session import MessageEvent
from hadir.membership.keys import session_key, session_keys
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Saying
from hadir.membership.scripts import AnyRedis
from hadir.wire.updates import history
from tests.conftest import Clock
from tests.redis.talking import Say, conversation_of, said, shape
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_membership import CLOSED, SESSION, identity, join, present


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

    def test_nor_if_the_first_was_recorded_by_code_before_an_upgrade(
        self, membership: Membership, say: Say, redis: AnyRedis
    ) -> None:
        join(membership, "c1", "customer_1")
        say("c1", "customer_1", action="message", text="hello", client_id="m1")
        events = session_key(SESSION, "events")
        raw: Any = redis
        ((entry_id, fields),) = raw.xrevrange(events, count=1)
        del fields["epoch"]
        raw.delete(events)
        raw.xadd(events, fields, id=entry_id)

        (copy,) = say("c1", "customer_1", action="message", text="hello", client_id="m1")

        epoch = membership.session(SESSION).epoch
        assert (copy["data"]["text"], copy["data"]["id"]) == ("hello", f"{epoch}-2")

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
