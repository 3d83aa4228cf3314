"""Who may not watch, how many may, and that watchers hold up nobody who is inside."""

from collections.abc import Mapping, Sequence

import pytest
from redis import Redis

from hadir.domain.bans import Ban, Banned
from hadir.domain.delivery import Delivery
from hadir.domain.errors import MembershipUnavailable
from hadir.membership.bans import Bans
from hadir.membership.membership import Membership
from hadir.membership.scripts import AnyRedis
from tests.conftest import Clock
from tests.redis.consoles import Desk, agent
from tests.redis.test_announcer import RecordingPoster
from tests.redis.test_membership import SESSION, identity


class TestLimits:
    def test_who_is_banned_from_a_session_does_not_watch_it(
        self, desk: Desk, redis: AnyRedis, clock: Clock
    ) -> None:
        who = agent("dewi")
        desk.open("a1", who)
        until = clock() + 60_000
        ban = Ban(Banned(who.person, SESSION.session_id), until, identity("admin_1").person, "")
        Bans(redis, clock=clock).ban(who.tenant, ban)
        desk.join("c1", "customer_1", SESSION)

        for request in (
            {"action": "watch", "session_id": SESSION.session_id},
            {"action": "assign", "session_id": SESSION.session_id, "user_id": "dewi"},
        ):
            (refused,) = desk.say("a1", who, **request)
            assert refused["data"]["code"] == "forbidden"

    def test_a_full_redis_answers_heartbeats_of_watchers(
        self, node: Redis, poster: RecordingPoster, clock: Clock
    ) -> None:
        desk = Desk(Membership(node, clock=clock), poster)
        desk.open("a1", agent("dewi"))
        desk.say("a1", agent("dewi"), action="watch", session_id=SESSION.session_id)
        node.config_set("maxmemory", 1)
        try:
            (ack,) = desk.say("a1", agent("dewi"), action="heartbeat")
        finally:
            node.config_set("maxmemory", 0)

        assert [each["session_id"] for each in ack["data"]["watching"]] == [SESSION.session_id]

    def test_who_watches_many_sessions_may_watch_all(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hadir.membership.watching._MOST_SESSIONS", 1)
        desk.open("a1", agent("dewi"))
        desk.say("a1", agent("dewi"), action="watch", session_id="s1")

        (page,) = desk.say("a1", agent("dewi"), action="watch", all=True)

        assert page["type"] == "watching"

    def test_no_more_than_so_many_watch_the_same(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hadir.membership.feeds.MOST_WATCHERS", 1)
        monkeypatch.setattr("hadir.membership.watching.MOST_WATCHERS", 1)
        for number in range(2):
            desk.open(f"a{number}", agent(f"agent_{number}"))
        one = {"action": "watch", "session_id": SESSION.session_id}
        everything = {"action": "watch", "all": True}

        for request in (one, everything):
            (shown,) = desk.say("a0", agent("agent_0"), **request)
            (refused,) = desk.say("a1", agent("agent_1"), **request)
            assert shown["type"] != "error"
            assert refused["data"]["code"] == "rate_limited"

        desk.say("a0", agent("agent_0"), action="unwatch", all=True)
        (shown,) = desk.say("a1", agent("agent_1"), **everything)
        assert shown["type"] == "watching"

    def test_a_cursor_that_was_never_given_out(self, desk: Desk) -> None:
        desk.open("a1", agent("dewi"))

        for cursor in ("x", "300.s1", "", "17.{"):
            (refused,) = desk.say("a1", agent("dewi"), action="watch", all=True, next=cursor)
            assert (refused["type"], cursor) == ("error" if cursor else "watching", cursor)
            if cursor:
                assert refused["data"]["code"] == "invalid_payload"

    def test_a_socket_watches_so_many_sessions_one_by_one(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hadir.membership.watching._MOST_SESSIONS", 2)
        desk.open("a1", agent("dewi"))

        answers = [
            desk.say("a1", agent("dewi"), action="watch", session_id=each)[0]
            for each in ("s1", "s2", "s1", "s3")
        ]

        assert [each["data"].get("code") for each in answers] == [None, None, None, "rate_limited"]


class TestThoseInside:
    def test_those_inside_are_posted_to_before_watchers(self, desk: Desk) -> None:
        desk.open("a1", agent("dewi"))
        desk.say("a1", agent("dewi"), action="watch", session_id=SESSION.session_id)
        desk.join("c1", "customer_1", SESSION)
        seen: list[list[str]] = []
        post = desk.poster.post

        def noting(mail: Mapping[str, Sequence[bytes]], seconds: float) -> dict[str, Delivery]:
            seen.append(sorted(mail))
            return post(mail, seconds)

        desk.poster.post = noting  # type: ignore[method-assign]
        desk.join("c2", "customer_2", SESSION)

        assert seen == [["c1", "c2"], ["a1"]]

    def test_what_nobody_inside_was_told_watchers_are_not_either(self, desk: Desk) -> None:
        """It is announced again, and they would get it twice."""
        desk.open("a1", agent("dewi"))
        desk.say("a1", agent("dewi"), action="watch", session_id=SESSION.session_id)
        desk.join("c1", "customer_1", SESSION)
        desk.poster.frames.clear()
        desk.poster.refused.add("c1")

        desk.say("c1", identity("customer_1"), action="message", text="hi")

        assert "a1" not in desk.poster.frames

    def test_a_feed_that_cannot_be_read_is_no_failure_for_those_inside(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desk.open("a1", agent("dewi"))
        desk.say("a1", agent("dewi"), action="watch", all=True)

        def away(*_: object) -> None:
            raise MembershipUnavailable("Redis could not run fed")

        monkeypatch.setattr(desk.membership.watching.feeds, "read", away)
        desk.join("c1", "customer_1", SESSION)

        assert [each["event_user_id"] for each in desk.poster.received["c1"]] == ["customer_1"]

    def test_an_owed_status_is_no_business_of_watchers(self, desk: Desk, clock: Clock) -> None:
        desk.open("a1", agent("dewi"))
        desk.say("a1", agent("dewi"), action="watch", session_id=SESSION.session_id)
        desk.join("c1", "customer_1", SESSION)
        desk.join("c2", "customer_2", SESSION)
        desk.poster.refused.add("c1")
        desk.join("c3", "customer_3", SESSION)
        desk.poster.refused.clear()
        desk.poster.frames.clear()
        clock.pass_seconds(11)

        desk.announce(desk.membership.claim(SESSION))

        assert list(desk.poster.frames) == ["c1"]

    def test_watchers_that_accept_nothing_hold_up_nobody(self, desk: Desk) -> None:
        desk.open("a1", agent("dewi"))
        desk.say("a1", agent("dewi"), action="watch", session_id=SESSION.session_id)
        desk.join("c1", "customer_1", SESSION)
        desk.poster.refused.add("a1")

        desk.leave("c1", SESSION)

        assert desk.membership.leases.due(100).sessions == ()

    @pytest.mark.parametrize("what", [{"all": True}, {"session_id": SESSION.session_id}])
    def test_one_that_accepts_nothing_delays_the_others_once(
        self, desk: Desk, what: dict[str, object]
    ) -> None:
        """Posts to a socket that hangs take as long as they may, in every batch."""
        desk.join("c1", "customer_1", SESSION)
        for each in ("a1", "a2"):
            desk.open(each, agent(each))
            desk.say(each, agent(each), action="watch", **what)
        desk.poster.refused.add("a1")
        seen: list[list[str]] = []
        post, more = desk.poster.post, ["c2", "c3", "c4"]

        def noting(mail: Mapping[str, Sequence[bytes]], seconds: float) -> dict[str, Delivery]:
            if watching := sorted({"a1", "a2"} & set(mail)):
                seen.append(watching)
            if watching and more:  # so that there is another batch
                other = more.pop()
                desk.membership.admit(other, identity(other))
                desk.membership.open(other, SESSION)
            return post(mail, seconds)

        desk.poster.post = noting  # type: ignore[method-assign]
        desk.join("c9", "customer_9", SESSION)

        assert seen == [["a1", "a2"], ["a2"], ["a2"], ["a2"]]

    def test_one_of_all_that_turns_out_to_be_gone_watches_no_more(self, desk: Desk) -> None:
        desk.open("a1", agent("dewi"))
        desk.say("a1", agent("dewi"), action="watch", all=True)
        desk.poster.gone.add("a1")
        desk.join("c1", "customer_1", SESSION)
        desk.poster.asked.clear()

        desk.join("c2", "customer_2", SESSION)

        assert "a1" not in desk.poster.asked
