"""The sweep on real membership; what the platform says of each socket is scripted."""

import pytest

from hadir.domain.bans import Ban, Banned
from hadir.domain.deadline import Deadline
from hadir.domain.errors import MembershipUnavailable
from hadir.domain.identity import DEFAULT_TENANT, SessionRef
from hadir.domain.session import Batch
from hadir.errands import Swept
from hadir.membership.bans import Bans
from hadir.membership.keys import session_keys
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Due, Lease
from hadir.membership.scripts import AnyRedis
from hadir.sweeper import Sweeper
from tests.conftest import Clock
from tests.redis.sweeping import Platform
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_membership import CLOSED, SESSION, identity, join, present, ref


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
