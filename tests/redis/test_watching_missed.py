"""What watchers have missed, and watching that ends while it begins or is renewed."""

from typing import Any

import pytest

from hadir.domain.identity import SessionRef
from hadir.membership.keys import feed_keys, partition_of, session_key
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Watch
from hadir.membership.scripts import AnyRedis
from tests.conftest import Clock
from tests.redis.consoles import DESK, Console, Desk, agent, feed_of, leftovers, truth
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_membership import CLOSED, SESSION, identity, join


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
        redis.hset(feed_keys(feed_of(SESSION))[0], "lineage", "another")

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
        redis.xtrim(feed_keys(feed_of(SESSION))[1], maxlen=2, approximate=False)
        console.taken = len(desk.poster.frames["a1"])  # its socket has lost them

        console.start()

        assert console.snapshots == 2

    def test_a_feed_that_redis_has_evicted_is_found_missing(
        self, desk: Desk, console: Console, redis: AnyRedis
    ) -> None:
        join(desk.membership, "c1", "customer_1")
        redis.delete(feed_keys(feed_of(SESSION))[1])
        desk.announcer.announce_feed(feed_of(SESSION), TEN_SECONDS)

        console.beat()

        assert console.occupied() == truth(desk.membership, [SESSION.session_id, "desk"])

    def test_who_watches_a_partition_no_more_is_watching_again_after_a_heartbeat(
        self, desk: Desk, console: Console, redis: AnyRedis
    ) -> None:
        redis.delete(*feed_keys(feed_of(SESSION))[:2])
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
        assert feeds.claim(feed_of(SESSION)) is not None

        console.beat()

        assert feeds.claim(feed_of(SESSION)) is None
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
        desk.announcer.announce_feed(feed_of(DESK), TEN_SECONDS)
        desk.deliver(console, "a1")

        assert console.occupied() == truth(desk.membership, ["desk"])
