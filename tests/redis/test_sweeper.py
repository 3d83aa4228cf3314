"""The sweep on real membership; what the platform says of each socket is scripted."""

from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

import pytest

from hadir.announcer import Announcer, Broadcast
from hadir.domain.bans import Ban, Banned
from hadir.domain.deadline import Deadline
from hadir.domain.errors import MembershipUnavailable
from hadir.domain.identity import DEFAULT_TENANT, SessionRef
from hadir.domain.session import Batch
from hadir.domain.sockets import Seen, State
from hadir.doorman import Doorman
from hadir.membership.bans import Bans
from hadir.membership.keys import partition_of, session_key, session_keys
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Due, Lease, Renewal
from hadir.membership.scripts import AnyRedis
from hadir.sweeper import Sweeper, Swept
from tests.conftest import Clock
from tests.redis.crowds import ROOMY, fill
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_membership import CLOSED, SESSION, identity, join, present, ref


class Platform:
    """Stands in for GetConnection and DeleteConnection, which need sockets."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        self.trouble: set[str] = set()
        self.active: dict[str, int] = {}
        self.asked: list[str] = []
        self.seconds: list[float] = []
        self.hears = True
        self.probes = 0
        self.closed: list[str] = []

    def look(self, connection_ids: Sequence[str], seconds: float) -> dict[str, Seen]:
        self.seconds.append(seconds)
        return {each: self._seen(each) for each in connection_ids}

    def _seen(self, connection_id: str) -> Seen:
        self.asked.append(connection_id)
        if connection_id in self.trouble:
            return Seen(State.FAILED, None, 403)
        if connection_id in self.gone:
            return Seen(State.GONE, None, 410)
        return Seen(State.OPEN, self.active.get(connection_id), 200)

    def can_hear(self) -> bool:
        self.probes += 1
        return self.hears

    def close(self, connection_id: str) -> None:
        self.closed.append(connection_id)


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def poster() -> RecordingPoster:
    return RecordingPoster()


@pytest.fixture
def sweeper(membership: Membership, platform: Any, poster: RecordingPoster) -> Sweeper:
    told: list[Broadcast] = []
    membership.leases.due(1)  # a minute ago the sweep came by, and was not blind
    announcer = Announcer(membership, poster)
    doorman = Doorman(membership, announcer, platform.close, lambda *_: None)
    return Sweeper(membership, platform, announcer, doorman, platform.can_hear, told.extend)


def test_nothing_due_nothing_done(sweeper: Sweeper) -> None:
    assert sweeper.sweep(TEN_SECONDS) == Swept()


def test_nothing_is_kept_of_who_left_while_the_platform_did_not_say(
    membership: Membership, redis: AnyRedis
) -> None:
    join(membership, "c1", "customer_1")
    membership.leave("c1", SESSION, CLOSED)

    membership.leases.postpone([Lease(SESSION, "c1", deaf=False)])

    assert redis.exists(session_keys(SESSION)[9]) == 0


def test_wifi_off(
    sweeper: Sweeper,
    membership: Membership,
    platform: Platform,
    poster: RecordingPoster,
    clock: Clock,
) -> None:
    """Named after simple-websockets-chat-app#27: `$disconnect` is not called."""
    join(membership, "a1", "admin_1")
    join(membership, "c1", "customer_1")
    platform.gone = {"c1"}
    clock.pass_seconds(70)
    membership.open("a1", SESSION, beat=True)
    membership.leases.due(1)
    clock.pass_seconds(21)

    swept = sweeper.sweep(TEN_SECONDS)

    assert swept == Swept(["gone", "announced"])
    (told,) = poster.received["a1"]
    assert (told["event_type"], told["event_user_id"]) == ("user_disconnected", "customer_1")
    assert (told["reason"], told["evidence"]) == ("gone", "platform")
    assert "close_code" not in told
    assert present(membership) == {"admin_1"}


def test_who_fell_silent_is_told_to_come_back_and_closed(
    sweeper: Sweeper,
    membership: Membership,
    platform: Platform,
    poster: RecordingPoster,
    clock: Clock,
) -> None:
    join(membership, "c1", "customer_1")
    membership.open("c1", SESSION, beat=True)
    clock.pass_seconds(60)
    membership.leases.due(1)
    clock.pass_seconds(31)

    assert sweeper.sweep(TEN_SECONDS)["silent"] == 1

    (farewell,) = poster.frames["c1"]
    assert farewell["type"] == "closing"
    assert farewell["data"]["reason"] == "heartbeat_timeout"
    assert farewell["data"]["reconnect_after_ms"] > 0
    assert platform.closed == ["c1"]
    assert present(membership) == set()


def test_who_never_beat_stays_while_the_platform_knows_them(
    sweeper: Sweeper, membership: Membership, platform: Platform, clock: Clock
) -> None:
    join(membership, "c1", "customer_1")
    for _ in range(100):
        clock.pass_seconds(60)
        sweeper.sweep(TEN_SECONDS)

    assert present(membership) == {"customer_1"}
    assert platform.closed == []


def test_blind_it_ends_only_what_the_platform_says_is_gone(
    sweeper: Sweeper, membership: Membership, platform: Platform, clock: Clock
) -> None:
    """Redis was away for ten minutes: nobody's heartbeat was recorded."""
    join(membership, "a1", "admin_1")
    join(membership, "c1", "customer_1")
    for connection_id in ("a1", "c1"):
        membership.open(connection_id, SESSION, beat=True)
    platform.gone = {"c1"}
    clock.pass_seconds(600)

    swept = sweeper.sweep(TEN_SECONDS)

    assert swept == Swept(["gone", "announced", "spared"])
    assert present(membership) == {"admin_1"}


def test_an_announcement_that_was_lost_is_made(
    sweeper: Sweeper, membership: Membership, poster: RecordingPoster, clock: Clock
) -> None:
    membership.admit("c1", identity("customer_1"))
    clock.pass_seconds(60)
    membership.leases.due(1)
    clock.pass_seconds(31)

    assert sweeper.sweep(TEN_SECONDS)["announced"] == 1
    assert poster.events("c1") == [(1, "user_connected", "customer_1")]


def test_a_second_tab_that_was_not_announced_is_shown_the_session(
    sweeper: Sweeper, membership: Membership, poster: RecordingPoster, clock: Clock
) -> None:
    join(membership, "c1", "customer_1")
    membership.admit("c2", identity("customer_1"))
    clock.pass_seconds(91)

    sweeper.sweep(TEN_SECONDS)

    (shown,) = poster.received["c2"]
    assert "event_type" not in shown
    assert set(shown["connection_status"]["users"]) == {"customer_1"}


def test_nor_is_somebody_who_was_banned_while_coming_let_in(
    sweeper: Sweeper, membership: Membership, platform: Platform, redis: AnyRedis, clock: Clock
) -> None:
    join(membership, "a1", "admin_1")
    who = identity("customer_1")
    membership.admit("c1", who)
    ban = Ban(Banned(who.person), clock.now + 600_000, identity("admin_1").person, "")
    Bans(redis, clock=clock).ban(DEFAULT_TENANT, ban)
    clock.pass_seconds(91)

    sweeper.sweep(TEN_SECONDS)

    assert present(membership) == {"admin_1"}
    assert platform.closed == ["c1"]


def test_a_dead_announcers_events_are_told_as_recovered(
    sweeper: Sweeper, membership: Membership, poster: RecordingPoster, clock: Clock
) -> None:
    join(membership, "a1", "admin_1")
    join(membership, "c1", "customer_1")
    membership.leave("c1", SESSION, CLOSED)  # dies here
    clock.pass_seconds(11)

    assert sweeper.sweep(TEN_SECONDS)["announced"] == 1
    (told,) = poster.received["a1"]
    assert (told["version"], told["recovered"]) == (3, True)
    assert sweeper.sweep(TEN_SECONDS)["announced"] == 0


def test_without_time_all_stays_due(
    sweeper: Sweeper, membership: Membership, platform: Platform, clock: Clock
) -> None:
    join(membership, "c1", "customer_1")
    platform.gone = {"c1"}
    clock.pass_seconds(60)
    membership.leases.due(1)
    clock.pass_seconds(31)

    assert sweeper.sweep(Deadline(1.0, lambda: 0.0)) == Swept(["unfinished"])
    assert sweeper.sweep(TEN_SECONDS)["gone"] == 1


def test_without_time_what_is_to_be_told_stays_due_too(
    sweeper: Sweeper, membership: Membership, clock: Clock
) -> None:
    join(membership, "a1", "admin_1")
    join(membership, "c1", "customer_1")
    membership.leave("c1", SESSION, CLOSED)  # dies here
    clock.pass_seconds(11)

    assert sweeper.sweep(Deadline(1.0, lambda: 0.0)) == Swept(["unfinished"])
    assert sweeper.sweep(TEN_SECONDS)["announced"] == 1


def test_without_time_to_ask_whether_clients_are_heard_silence_proves_nothing(
    sweeper: Sweeper,
    membership: Membership,
    platform: Platform,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    join(membership, "c1", "customer_1")
    membership.open("c1", SESSION, beat=True, heard=True)
    clock.pass_seconds(60)
    membership.leases.due(1)
    clock.pass_seconds(31)
    passed = 0.0
    look = platform.look

    def look_slowly(connection_ids: Sequence[str], seconds: float) -> dict[str, Seen]:
        nonlocal passed
        passed += seconds
        return look(connection_ids, seconds)

    monkeypatch.setattr(platform, "look", look_slowly)

    swept = sweeper.sweep(Deadline(10.0, lambda: passed * 1.1))

    assert (swept["spared"], platform.probes) == (1, 0)
    assert present(membership) == {"customer_1"}


def test_one_socket_nobody_can_tell_of_does_not_stop_the_sweep(
    sweeper: Sweeper, membership: Membership, platform: Platform, clock: Clock
) -> None:
    for number in range(3):
        membership.admit(f"c{number}", identity(f"customer_{number}", ref(f"session-{number}")))
    platform.gone = {"c0", "c2"}
    platform.trouble = {"c1"}
    clock.pass_seconds(60)
    membership.leases.due(1)
    clock.pass_seconds(31)

    assert sweeper.sweep(TEN_SECONDS) == Swept(["gone", "failed", "gone"])
    assert sweeper.sweep(TEN_SECONDS) == Swept()  # it has moved back in the queue
    clock.pass_seconds(60)
    assert sweeper.sweep(TEN_SECONDS) == Swept(["failed"])


def test_nor_does_one_session_that_redis_does_not_answer_for(
    sweeper: Sweeper, membership: Membership, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    for number in range(3):
        session = ref(f"session-{number}")
        membership.admit(f"c{number}", identity(f"customer_{number}", session))
        membership.open(f"c{number}", session)  # dies here
    clock.pass_seconds(11)
    claim = membership.claim

    def claim_but_one(session: SessionRef) -> Batch | None:
        if session == ref("session-1"):
            raise MembershipUnavailable("away")
        return claim(session)

    monkeypatch.setattr(membership, "claim", claim_but_one)

    assert sweeper.sweep(TEN_SECONDS) == Swept({"announced": 2, "failed": 1})


def test_what_is_not_answered_is_not_waited_for_until_the_end(
    sweeper: Sweeper, membership: Membership, platform: Platform, clock: Clock
) -> None:
    join(membership, "c1", "customer_1")
    clock.pass_seconds(91)

    sweeper.sweep(Deadline(50.0, lambda: 0.0))

    assert max(platform.seconds) <= 10


def test_what_was_done_counts_when_redis_stops_answering_in_the_middle(
    sweeper: Sweeper, membership: Membership, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    join(membership, "c1", "customer_1")
    clock.pass_seconds(91)
    due = membership.leases.due

    def away_later(*args: int, first: bool = True) -> Due:
        if not first:
            raise MembershipUnavailable("away")
        return due(*args)

    monkeypatch.setattr(membership.leases, "due", away_later)

    swept = sweeper.sweep(TEN_SECONDS)

    assert (swept["renewed"], swept["failed"]) == (1, 1)


def test_two_sweeps_tell_once(
    sweeper: Sweeper,
    membership: Membership,
    platform: Platform,
    poster: RecordingPoster,
    clock: Clock,
) -> None:
    join(membership, "a1", "admin_1")
    join(membership, "c1", "customer_1")
    platform.gone = {"c1"}
    clock.pass_seconds(60)
    membership.leases.due(1)
    clock.pass_seconds(31)
    first, second = membership.leases.due(10), membership.leases.due(10)
    assert first == second  # both have seen the same

    sweeper.sweep(TEN_SECONDS)
    sweeper.sweep(TEN_SECONDS)

    assert poster.events("a1") == [(3, "user_disconnected", "customer_1")]


def test_restart_leaves_no_ghosts(
    sweeper: Sweeper, membership: Membership, platform: Platform, clock: Clock
) -> None:
    """Named after SAGE-3#175: every socket is gone with the servers, and no `$disconnect` came."""
    for number in range(50):
        membership.admit(f"c{number}", identity(f"customer_{number}", ref(f"session-{number}")))
        membership.open(f"c{number}", ref(f"session-{number}"))
    platform.gone = {f"c{number}" for number in range(50)}
    clock.pass_seconds(91)

    assert sweeper.sweep(TEN_SECONDS)["gone"] == 50
    for number in range(50):
        assert membership.sockets(ref(f"session-{number}")) == ()


def test_whose_token_has_expired_is_told_and_closed(
    sweeper: Sweeper,
    membership: Membership,
    platform: Platform,
    poster: RecordingPoster,
    clock: Clock,
) -> None:
    join(membership, "a1", "admin_1")
    membership.admit("c1", identity("customer_1", expires_at=clock.now // 1000 + 30))
    membership.open("c1", SESSION)
    clock.pass_seconds(31)

    assert sweeper.sweep(TEN_SECONDS) == Swept({"expired": 1, "announced": 2})

    assert present(membership) == {"admin_1"}
    assert platform.closed == ["c1"]
    (farewell,) = (frame for frame in poster.frames["c1"] if frame["type"] == "closing")
    assert farewell["data"]["reason"] == "token_expired"
    assert poster.frames["a1"][-1]["data"]["reason"] == "token_expired"


def leave_unannounced(membership: Membership, session: SessionRef) -> None:
    """A customer has left, and whoever was to tell the admin of it died."""
    join(membership, f"a-{session.session_id}", "admin_1", session)
    join(membership, f"c-{session.session_id}", "customer_1", session)
    membership.leave(f"c-{session.session_id}", session, CLOSED)


def test_more_leases_than_are_looked_at_in_one_go_are_all_seen_to(
    membership: Membership, sweeper: Sweeper, platform: Platform, clock: Clock
) -> None:
    """Of one partition, with some that the platform says nothing of, and some that are gone."""
    roomy = Membership(membership._redis, limits=ROOMY, clock=clock)
    fill(roomy, range(230))
    platform.trouble = {f"c{number}" for number in range(0, 230, 10)}
    platform.gone = {f"c{number}" for number in range(5, 230, 10)}
    clock.pass_seconds(91)

    swept = sweeper.sweep(TEN_SECONDS)

    assert (swept["renewed"], swept["failed"], swept["gone"]) == (184, 23, 23)
    assert membership.leases.due(1000).leases == ()


def test_what_has_waited_longest_is_looked_at_first(membership: Membership, clock: Clock) -> None:
    sessions = [ref(f"session-{number}") for number in range(20)]
    for session in sessions:
        leave_unannounced(membership, session)
        clock.pass_seconds(1)
    clock.pass_seconds(91)

    due = membership.leases.due(10)

    assert list(due.sessions) == sessions
    assert [lease.ref for lease in due.leases] == sessions


def test_a_lease_that_redis_cannot_renew_keeps_no_other_from_it(
    membership: Membership, redis: AnyRedis, sweeper: Sweeper, clock: Clock
) -> None:
    here = [ref(f"s{number}") for number in range(3000)]
    first, second, *_ = [each for each in here if partition_of(each) == partition_of(SESSION)]
    for session in (first, second):
        join(membership, f"c-{session.session_id}", "customer_1", session)
    broken = session_key(first, "connections")
    redis.delete(broken)
    redis.set(broken, "what does not belong here")
    clock.pass_seconds(91)

    swept = sweeper.sweep(TEN_SECONDS)

    assert (swept["renewed"], swept["failed"]) == (1, 1)
    assert [lease.ref for lease in membership.leases.due(10).leases] == [first]


def test_scripts_that_redis_has_forgotten_are_loaded_again(
    membership: Membership, redis: AnyRedis, sweeper: Sweeper, clock: Clock
) -> None:
    for number in range(20):
        join(membership, f"c{number}", "customer_1", ref(f"session-{number}"))
    clock.pass_seconds(91)
    membership.leases.due(10)
    redis.script_flush()

    assert sweeper.sweep(TEN_SECONDS)["renewed"] == 20


class Waiting:
    """Does what it wraps once something has happened elsewhere."""

    def __init__(self, wrapped: Callable[..., Any]) -> None:
        self.happened = Event()
        self.in_time: list[bool] = []
        self._wrapped = wrapped

    def __call__(self, *args: Any) -> Any:
        self.in_time.append(self.happened.wait(20))
        return self._wrapped(*args)


def telling(happened: Event, wrapped: Callable[..., Any]) -> Callable[..., Any]:
    """Does what it wraps, and says so."""

    def call(*args: Any) -> Any:
        happened.set()
        return wrapped(*args)

    return call


class TestSideBySide:
    """Neither what is to be announced nor the leases are kept waiting by the other."""

    @pytest.fixture(autouse=True)
    def due(self, membership: Membership, sweeper: Sweeper, clock: Clock) -> None:
        for number in range(40):
            leave_unannounced(membership, ref(f"session-{number}"))
        clock.pass_seconds(91)

    def test_slow_clients_keep_no_lease_waiting(
        self, sweeper: Sweeper, platform: Platform, poster: RecordingPoster, monkeypatch: Any
    ) -> None:
        posts = Waiting(poster.post)
        monkeypatch.setattr(poster, "post", posts)
        monkeypatch.setattr(platform, "look", telling(posts.happened, platform.look))

        swept = sweeper.sweep(TEN_SECONDS)

        assert all(posts.in_time)
        assert (swept["announced"], swept["renewed"]) == (40, 40)

    def test_nor_do_slow_clients_of_sessions_that_somebody_vanished_from(
        self,
        membership: Membership,
        sweeper: Sweeper,
        platform: Platform,
        poster: RecordingPoster,
        clock: Clock,
        monkeypatch: Any,
    ) -> None:
        """More than are told at a time, and more leases behind them than are looked at at once."""
        sweeper.sweep(TEN_SECONDS)
        vanishing = [ref(f"session-{number}") for number in range(40)]
        for session in vanishing:
            join(membership, f"v-{session.session_id}", "customer_1", session)
        platform.gone = {f"v-{session.session_id}" for session in vanishing}
        clock.pass_seconds(1)
        crowd = ref("crowd")
        fill(Membership(membership._redis, limits=ROOMY, clock=clock), range(230), crowd)
        clock.pass_seconds(91)
        posts = Waiting(poster.post)
        monkeypatch.setattr(poster, "post", posts)
        renew = membership.leases.renew

        def renewing(there: Sequence[tuple[Lease, int | None]], **spare: bool) -> list[Renewal]:
            found = renew(there, **spare)
            renewed.update(lease.connection_id for lease, _ in there)
            if len(renewed) == 40 + 230:
                posts.happened.set()
            return found

        renewed = set[str]()
        monkeypatch.setattr(membership.leases, "renew", renewing)

        swept = sweeper.sweep(TEN_SECONDS)

        assert all(posts.in_time)
        assert (swept["announced"], swept["gone"], swept["renewed"]) == (40, 40, 270)

    def test_a_slow_platform_keeps_no_announcement_waiting(
        self, sweeper: Sweeper, platform: Platform, poster: RecordingPoster, monkeypatch: Any
    ) -> None:
        looks = Waiting(platform.look)
        monkeypatch.setattr(platform, "look", looks)
        monkeypatch.setattr(poster, "post", telling(looks.happened, poster.post))

        swept = sweeper.sweep(TEN_SECONDS)

        assert all(looks.in_time)
        assert (swept["announced"], swept["renewed"]) == (40, 40)
