"""Sockets that watch sessions without being present in them, on real Redis."""

import pytest

from hadir.domain.identity import Identity, SessionRef, UserType
from hadir.membership.keys import PARTITIONS, session_key
from hadir.membership.scripts import AnyRedis
from hadir.sweeper import Sweeper
from tests.conftest import Clock
from tests.redis.consoles import DESK, Desk, agent, feed_of, keys_of, leftovers, truth
from tests.redis.sweeping import Platform, sweeper_of
from tests.redis.test_announcer import TEN_SECONDS
from tests.redis.test_membership import CLOSED, SESSION, identity, join, ref


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
        feed = desk.membership.watching.feeds.claim(feed_of(SESSION))
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

    @pytest.mark.parametrize("ends", ["unwatch", "leave"])
    def test_nor_does_a_session_in_which_nobody_was(
        self, desk: Desk, redis: AnyRedis, ends: str
    ) -> None:
        """A hash for a day for each id that somebody thinks of would fill Redis."""
        one = {"session_id": "nobody-was-here"}
        for each in ("a1", "a2"):
            desk.open(each, agent("dewi"))
            desk.say(each, agent("dewi"), action="watch", **one)
            desk.say(each, agent("dewi"), action="heartbeat")
        desk.say("a2", agent("dewi"), action="unwatch", **one)
        assert len(keys_of(redis, "nobody-was-here")) == 1

        if ends == "unwatch":
            desk.say("a1", agent("dewi"), action="unwatch", **one)
        else:
            desk.membership.leave("a1", DESK, CLOSED)
            desk.membership.watching.end("a1", DESK)

        assert keys_of(redis, "nobody-was-here") == []

    @pytest.mark.parametrize("done", ["admitted", "inside", "left", "cleared", "evicted"])
    def test_but_one_in_which_somebody_was_goes_on(
        self, desk: Desk, redis: AnyRedis, done: str
    ) -> None:
        one = {"session_id": SESSION.session_id}
        desk.open("a1", agent("dewi"))
        desk.say("a1", agent("dewi"), action="watch", **one)
        if done == "admitted":
            desk.membership.admit("c1", identity("customer_1"))
        else:
            desk.join("c1", "customer_1", SESSION)
        if done in ("left", "cleared", "evicted"):
            desk.leave("c1", SESSION)
        if done == "cleared":
            desk.membership.history.clear(SESSION)
        if done == "evicted":
            redis.delete(session_key(SESSION, "events"))
        before = desk.membership.session(SESSION)

        desk.say("a1", agent("dewi"), action="unwatch", **one)

        assert before.epoch
        assert desk.membership.session(SESSION) == before

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
