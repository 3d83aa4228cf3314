"""Sockets that watch sessions without being present in them, on real Redis."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from redis import Redis

from hadir.domain.bans import Ban, Banned
from hadir.domain.delivery import Delivery
from hadir.domain.errors import MembershipUnavailable
from hadir.domain.feeds import FeedRef
from hadir.domain.identity import Identity, SessionRef, UserType
from hadir.membership.bans import Bans
from hadir.membership.keys import PARTITIONS, feed_keys, partition_of, session_key
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Watch
from hadir.membership.scripts import AnyRedis
from hadir.sweeper import Sweeper
from tests.conftest import Clock
from tests.redis.consoles import DESK, Console, Desk, agent, leftovers, truth
from tests.redis.sweeping import Platform, sweeper_of
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_membership import CLOSED, SESSION, identity, join, ref


@pytest.fixture
def desk(membership: Membership, poster: RecordingPoster) -> Desk:
    return Desk(membership, poster)


class TestOneSession:
    def test_a_watcher_gets_what_those_inside_get(self, desk: Desk) -> None:
        desk.open("a1", agent("dewi"))
        desk.join("c1", "customer_1", SESSION)

        (shown,) = desk.say("a1", agent("dewi"), action="watch", session_id=SESSION.session_id)
        desk.join("b1", "admin_1", SESSION)
        desk.leave("c1", SESSION)

        assert shown["type"] == "connection_status_update"
        assert list(shown["data"]["connection_status"]["users"]) == ["customer_1"]
        seen = desk.poster.frames["a1"][1:]
        assert seen == [*desk.poster.frames["b1"]]
        assert [frame["data"]["event_type"] for frame in seen] == [
            "user_connected",
            "user_disconnected",
        ]

    def test_a_watcher_is_not_present(self, desk: Desk) -> None:
        desk.open("a1", agent("dewi"))
        desk.join("c1", "customer_1", SESSION)
        before = desk.membership.session(SESSION)

        desk.say("a1", agent("dewi"), action="watch", session_id=SESSION.session_id)

        assert desk.membership.session(SESSION) == before

    def test_a_watcher_of_one_session_is_told_of_no_other(self, desk: Desk) -> None:
        desk.open("a1", agent("dewi"))
        desk.say("a1", agent("dewi"), action="watch", session_id=SESSION.session_id)
        desk.poster.frames.clear()

        desk.join("c1", "customer_1", ref("another"))

        assert "a1" not in desk.poster.frames

    def test_after_unwatch_nothing_comes(self, desk: Desk, redis: AnyRedis) -> None:
        desk.open("a1", agent("dewi"))
        desk.say("a1", agent("dewi"), action="watch", session_id=SESSION.session_id)
        desk.say("a1", agent("dewi"), action="unwatch", session_id=SESSION.session_id)
        desk.poster.frames.clear()

        desk.join("c1", "customer_1", SESSION)

        assert "a1" not in desk.poster.frames
        assert leftovers(redis) == []

    def test_the_heartbeat_says_where_the_session_is_and_since_gets_the_rest(
        self, desk: Desk
    ) -> None:
        desk.open("a1", agent("dewi"))
        session_id = SESSION.session_id
        (shown,) = desk.say("a1", agent("dewi"), action="watch", session_id=session_id)
        desk.poster.refused.add("a1")
        desk.join("c1", "customer_1", SESSION)
        desk.poster.refused.clear()

        (ack,) = desk.say("a1", agent("dewi"), action="heartbeat")
        (place,) = ack["data"]["watching"]
        since = {"epoch": shown["data"]["epoch"], "version": shown["data"]["status_version"]}
        missed = desk.say("a1", agent("dewi"), action="watch", session_id=session_id, since=since)

        assert place == {"session_id": session_id, "epoch": since["epoch"], "version": 1}
        assert [frame["data"].get("event_user_id") for frame in missed] == ["customer_1", None]
        assert all(frame["data"]["recovered"] for frame in missed)

    def test_one_that_is_lost_with_redis_is_watched_again_with_the_next_heartbeat(
        self, desk: Desk, redis: AnyRedis
    ) -> None:
        desk.open("a1", agent("dewi"))
        desk.say("a1", agent("dewi"), action="watch", session_id=SESSION.session_id)
        for key in list(redis.scan_iter("*:session:*")):
            if SESSION.session_id in key:
                redis.delete(key)

        desk.say("a1", agent("dewi"), action="heartbeat")
        desk.poster.frames.clear()
        desk.join("c1", "customer_1", SESSION)

        assert [frame["data"]["event_user_id"] for frame in desk.poster.frames["a1"]] == [
            "customer_1"
        ]

    @pytest.mark.parametrize("user_type", UserType)
    def test_who_may(self, desk: Desk, user_type: UserType) -> None:
        who = Identity(DESK.session_id, "x", user_type, DESK.tenant, sessions=("shop-*",))
        desk.open("a1", who)

        (one,) = desk.say("a1", who, action="watch", session_id="shop-1")
        (other,) = desk.say("a1", who, action="watch", session_id="bank-1")
        (everything,) = desk.say("a1", who, action="watch", all=True)

        may = user_type is not UserType.CUSTOMER
        assert (one["type"] == "connection_status_update") is may
        assert other["data"]["code"] == everything["data"]["code"] == "forbidden"

    def test_a_watcher_that_turns_out_to_be_gone_watches_no_more(
        self, desk: Desk, redis: AnyRedis
    ) -> None:
        desk.open("a1", agent("dewi"))
        desk.say("a1", agent("dewi"), action="watch", session_id=SESSION.session_id)
        desk.poster.gone.add("a1")

        desk.join("c1", "customer_1", SESSION)
        desk.poster.asked.clear()
        desk.join("c2", "customer_2", SESSION)

        assert "a1" not in desk.poster.asked


class TestAllSessions:
    def test_the_first_page_and_what_happens_then(self, desk: Desk) -> None:
        desk.open("a1", agent("dewi"))
        desk.join("c1", "customer_1", ref("s1"))

        (page,) = desk.say("a1", agent("dewi"), action="watch", all=True)
        desk.join("c2", "customer_2", ref("s2"))

        data = page["data"]
        assert page["type"] == "watching"
        assert {each["session_id"] for each in data["sessions"]} == {"s1", "desk"}
        assert len(data["position"]) == PARTITIONS
        assert data["next"] is None
        feed = desk.poster.frames["a1"][-1]
        (event,) = feed["data"]["events"]
        assert event == desk.poster.frames["c2"][0]
        ((partition, serial),) = feed["data"]["position"].items()
        assert data["position"][partition] == feed["data"]["previous"][partition] == serial - 1

    def test_a_table_is_paged_and_kept(self, desk: Desk) -> None:
        names = [f"s{number}" for number in range(250)]
        for name in names:
            join(desk.membership, f"c-{name}", "customer_1", ref(name))
        desk.open("a1", agent("dewi"))
        console = desk.console("a1")

        console.start()
        for name in names[::2]:
            desk.leave(f"c-{name}", ref(name))

        desk.deliver(console, "a1")
        assert console.occupied() == truth(desk.membership, [*names, "desk"])
        assert console.snapshots == 1

    def test_a_burst_in_one_session_is_one_frame(self, desk: Desk) -> None:
        desk.open("a1", agent("dewi"))
        desk.say("a1", agent("dewi"), action="watch", all=True)
        for number in range(30):
            desk.membership.admit(f"c{number}", identity(f"customer_{number}"))
            batch = desk.membership.open(f"c{number}", SESSION).batch
            if not number:
                first = batch
        desk.poster.frames.clear()

        desk.announce(first)

        (feed,) = desk.poster.frames["a1"]
        (update,) = feed["data"]["events"]
        assert [each["version"] for each in update["data"]["events"]] == [*range(1, 31)]
        assert len(update["data"]["connection_status"]["users"]) == 30

    def test_a_gap_is_seen_with_the_next_frame_and_only_that_is_told(self, desk: Desk) -> None:
        desk.open("a1", agent("dewi"))
        console = desk.console("a1")
        console.start()
        desk.poster.refused.add("a1")
        desk.join("c1", "customer_1", SESSION)
        desk.poster.refused.clear()

        desk.leave("c1", SESSION)
        desk.deliver(console, "a1")

        assert console.events[SESSION.session_id] == {1, 2}
        assert console.snapshots == 1
        assert console.occupied() == truth(desk.membership, ["desk"])

    def test_a_gap_is_seen_with_the_next_heartbeat(self, desk: Desk) -> None:
        desk.open("a1", agent("dewi"))
        console = desk.console("a1")
        console.start()
        desk.poster.refused.add("a1")
        desk.join("c1", "customer_1", SESSION)
        desk.poster.refused.clear()

        console.beat()

        assert console.events[SESSION.session_id] == {1}
        assert console.occupied() == truth(desk.membership, [SESSION.session_id, "desk"])

    def test_without_a_gap_a_heartbeat_asks_for_nothing(self, desk: Desk) -> None:
        desk.open("a1", agent("dewi"))
        console = desk.console("a1")
        console.start()
        desk.join("c1", "customer_1", SESSION)
        desk.deliver(console, "a1")
        desk.poster.frames.clear()

        console.beat()

        assert [frame["type"] for frame in desk.poster.frames["a1"]] == ["heartbeat_ack"]

    def test_an_announcer_that_dies_loses_nothing(
        self, desk: Desk, clock: Clock, platform: Platform
    ) -> None:
        desk.open("a1", agent("dewi"))
        console = desk.console("a1")
        console.start()
        join(desk.membership, "c1", "customer_1")
        feed = desk.membership.watching.feeds.claim(_feed_of(SESSION))
        assert feed is not None
        clock.pass_seconds(11)

        sweeper_of(desk.membership, platform, desk.poster).sweep(TEN_SECONDS)

        desk.deliver(console, "a1")
        assert console.events[SESSION.session_id] == {1}
        assert desk.poster.frames["a1"][-1]["data"]["recovered"]

    def test_who_leaves_leaves_nothing_behind(self, desk: Desk, redis: AnyRedis) -> None:
        desk.open("a1", agent("dewi"))
        desk.say("a1", agent("dewi"), action="watch", all=True)
        desk.say("a1", agent("dewi"), action="watch", session_id=SESSION.session_id)
        assert leftovers(redis) != []

        left = desk.membership.leave("a1", DESK, CLOSED)
        desk.membership.watching.end("a1", DESK)

        assert left.watched
        assert leftovers(redis) == []
        assert desk.membership.leases.due(100).watchers == ()

    def test_what_nobody_has_ended_the_sweep_ends(
        self, desk: Desk, redis: AnyRedis, sweeper: Sweeper
    ) -> None:
        desk.open("a1", agent("dewi"))
        desk.say("a1", agent("dewi"), action="watch", all=True)
        desk.say("a1", agent("dewi"), action="watch", session_id=SESSION.session_id)
        desk.membership.leave_all({DESK: ["a1"]}, CLOSED)
        assert leftovers(redis) != []

        sweeper.sweep(TEN_SECONDS)

        assert leftovers(redis) == []

    def test_tenants_are_apart(self, desk: Desk) -> None:
        desk.open("a1", agent("dewi"))
        desk.say("a1", agent("dewi"), action="watch", all=True)
        desk.poster.frames.clear()

        desk.join("c1", "customer_1", SessionRef("another", "s1"))

        assert "a1" not in desk.poster.frames


class TestWhatWasMissed:
    @pytest.fixture
    def console(self, desk: Desk) -> Console:
        desk.open("a1", agent("dewi"))
        console = desk.console("a1")
        console.start()
        return console

    def _other_data(self, redis: AnyRedis) -> None:
        """The data are another node's from now on, as after a failover."""
        for key in map(str, redis.scan_iter()):
            if ":watch:" in key or ":session:" in key:
                redis.hset(key, "lineage", "another")

    def test_after_a_failover_all_sessions_are_told_anew(
        self, desk: Desk, console: Console, redis: AnyRedis, clock: Clock
    ) -> None:
        desk.join("c1", "customer_1", SESSION)
        desk.deliver(console, "a1")
        clock.pass_seconds(1)
        self._other_data(redis)

        desk.leave("c1", SESSION)
        desk.deliver(console, "a1")

        assert console.snapshots == 2
        assert console.occupied() == truth(desk.membership, [SESSION.session_id, "desk"])

    def test_a_heartbeat_finds_the_failover_too(
        self, desk: Desk, console: Console, redis: AnyRedis, clock: Clock
    ) -> None:
        clock.pass_seconds(1)
        redis.hset(feed_keys(_feed_of(SESSION))[0], "lineage", "another")

        console.beat()

        assert console.snapshots == 2

    def test_a_new_epoch_is_told_though_nothing_happened(
        self, desk: Desk, console: Console, redis: AnyRedis
    ) -> None:
        desk.join("c1", "customer_1", SESSION)
        desk.deliver(console, "a1")
        redis.hset(session_key(SESSION, "session"), "lineage", "another")

        desk.say("c1", identity("customer_1"), action="heartbeat")
        desk.deliver(console, "a1")

        assert console.occupied() == truth(desk.membership, [SESSION.session_id, "desk"])

    def test_of_what_is_no_longer_kept_nothing_is_told_in_part(
        self, desk: Desk, console: Console, redis: AnyRedis
    ) -> None:
        for number in range(3):
            desk.join(f"c{number}", f"customer_{number}", SESSION)
        redis.xtrim(feed_keys(_feed_of(SESSION))[1], maxlen=2, approximate=False)

        console.start()

        assert console.snapshots == 2

    def test_a_feed_that_redis_has_evicted_is_found_missing(
        self, desk: Desk, console: Console, redis: AnyRedis
    ) -> None:
        join(desk.membership, "c1", "customer_1")
        redis.delete(feed_keys(_feed_of(SESSION))[1])
        desk.announcer.announce_feed(_feed_of(SESSION), TEN_SECONDS)

        console.beat()

        assert console.occupied() == truth(desk.membership, [SESSION.session_id, "desk"])

    def test_who_watches_a_partition_no_more_is_watching_again_after_a_heartbeat(
        self, desk: Desk, console: Console, redis: AnyRedis
    ) -> None:
        redis.delete(*feed_keys(_feed_of(SESSION))[:2])
        desk.join("c1", "customer_1", SESSION)

        console.beat()
        desk.join("c2", "customer_2", SESSION)
        desk.deliver(console, "a1")

        assert console.occupied() == truth(desk.membership, [SESSION.session_id, "desk"])

    def test_an_answer_about_one_feed_says_nothing_of_others(self, desk: Desk) -> None:
        desk.open("a1", agent("dewi"))
        who = agent("dewi")
        (page,) = desk.say("a1", who, action="watch", all=True)
        feed = str(partition_of(SESSION))
        known = page["data"]["position"][feed]

        (answer,) = desk.say("a1", who, action="watch", all=True, position={feed: known})

        assert answer["data"] == {
            "position": {feed: known},
            "sessions": [],
            "next": None,
            "recovered": True,
        }

    def test_whoever_is_about_to_post_is_waited_for(self, desk: Desk, console: Console) -> None:
        join(desk.membership, "c1", "customer_1")
        feeds = desk.membership.watching.feeds
        assert feeds.claim(_feed_of(SESSION)) is not None

        console.beat()

        assert feeds.claim(_feed_of(SESSION)) is None
        assert SESSION.session_id not in console.events


class TestRaces:
    def test_a_heartbeat_under_way_does_not_bring_back_what_was_unwatched(
        self, desk: Desk, redis: AnyRedis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        who = agent("dewi")
        desk.open("a1", who)
        for what in ({"session_id": SESSION.session_id}, {"all": True}):
            desk.say("a1", who, action="watch", **what)
        watching = desk.membership.watching
        watched = watching.watched

        def late(connection_id: str, home: SessionRef) -> set[str]:
            found = watched(connection_id, home)
            monkeypatch.setattr(watching, "watched", watched)
            for what in ({"session_id": SESSION.session_id}, {"all": True}):
                desk.say("a1", who, action="unwatch", **what)
            return found

        monkeypatch.setattr(watching, "watched", late)
        desk.say("a1", who, action="heartbeat")

        assert leftovers(redis) == []

    @pytest.mark.parametrize("what", [{"session_id": SESSION.session_id}, {"all": True}])
    def test_who_leaves_while_beginning_to_watch_leaves_nothing_behind(
        self,
        desk: Desk,
        redis: AnyRedis,
        monkeypatch: pytest.MonkeyPatch,
        what: dict[str, object],
    ) -> None:
        desk.open("a1", agent("dewi"))
        watching = desk.membership.watching
        note = watching.note

        def noted(*args: Any) -> Watch:
            found = note(*args)
            desk.membership.leave("a1", DESK, CLOSED)
            watching.end("a1", DESK)
            return found

        monkeypatch.setattr(watching, "note", noted)
        desk.say("a1", agent("dewi"), action="watch", **what)

        assert leftovers(redis) == []

    def test_a_grace_that_ends_as_a_watch_is_refused_is_told(
        self, redis: AnyRedis, poster: RecordingPoster, clock: Clock
    ) -> None:
        desk = Desk(Membership(redis, grace_seconds=10, clock=clock), poster)
        desk.open("a1", agent("dewi"))
        console = desk.console("a1")
        console.start()
        desk.join("c1", "customer_1", DESK)
        desk.leave("c1", DESK)
        clock.pass_seconds(11)

        desk.membership.watching.note("nobodys", DESK, "s1")
        desk.announcer.announce_feed(_feed_of(DESK), TEN_SECONDS)
        desk.deliver(console, "a1")

        assert console.occupied() == truth(desk.membership, ["desk"])


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

    def test_one_of_all_that_turns_out_to_be_gone_watches_no_more(self, desk: Desk) -> None:
        desk.open("a1", agent("dewi"))
        desk.say("a1", agent("dewi"), action="watch", all=True)
        desk.poster.gone.add("a1")
        desk.join("c1", "customer_1", SESSION)
        desk.poster.asked.clear()

        desk.join("c2", "customer_2", SESSION)

        assert "a1" not in desk.poster.asked


def _feed_of(session: SessionRef) -> FeedRef:
    return FeedRef(session.tenant, partition_of(session))
