"""Bugs that other presence systems' users have reported, each named after its thread.

More of them stand where their subject is tested: `wifi_off`, `hidden_tab_beats_once_a_minute`,
`unrelated_join_must_not_flush_pending_leave`, `recover_with_zero_events`, `recover_twice`,
`reconnect_before_leave_recorded`, `snapshot_fires_no_join_or_leave`, `restart_leaves_no_ghosts`,
`two_tabs_one_closes`.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from hadir.announcer import Announcer
from hadir.domain.identity import SessionRef
from hadir.domain.session import Batch
from hadir.domain.status import ConnectionStatus
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Leaving, Opening
from hadir.membership.scripts import AnyRedis
from tests.conftest import Clock
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_membership import CLOSED, SESSION, identity, join, present, ref


@pytest.fixture
def announcer(membership: Membership, poster: RecordingPoster) -> Announcer:
    return Announcer(membership, poster)


@pytest.mark.parametrize("crash", [False, True])
@pytest.mark.parametrize("new_first", [False, True])
def test_old_leave_after_new_join(
    membership: Membership,
    announcer: Announcer,
    poster: RecordingPoster,
    clock: Clock,
    new_first: bool,
    crash: bool,
) -> None:
    """ably-go#164: the old connection's late leave marks a person offline who is back."""
    join(membership, "a1", "admin_1")
    join(membership, "old", "customer_1")
    membership.admit("new", identity("customer_1"))

    def open_new() -> Batch | None:
        return membership.open("new", SESSION).batch

    def leave_old() -> Batch | None:
        return membership.leave("old", SESSION, CLOSED).batch

    for step in (open_new, leave_old) if new_first else (leave_old, open_new):
        batch = step()
        if crash:
            clock.pass_seconds(11)
            batch = membership.claim(SESSION)
        announcer.announce(batch, TEN_SECONDS)

    assert present(membership) == {"admin_1", "customer_1"}
    told = [event for _, event, _ in poster.events("a1")]
    assert told == ([] if new_first else ["user_disconnected", "user_connected"])


def test_two_tabs_two_lambdas(membership: Membership, redis: AnyRedis, clock: Clock) -> None:
    """reverb#213: two tabs on two servers looked like two people. Here on two clients of Redis."""
    other = Membership(redis, clock=clock)
    membership.admit("c1", identity("customer_1"))
    other.admit("c2", identity("customer_1"))

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(
            pool.map(
                lambda pair: pair[0].open(pair[1], SESSION).outcome,
                [(membership, "c1"), (other, "c2")],
            )
        )
    assert set(outcomes) == {Opening.JOINED, Opening.ADDED}

    with ThreadPoolExecutor(2) as pool:
        left = list(
            pool.map(
                lambda pair: pair[0].leave(pair[1], SESSION, CLOSED).outcome,
                [(other, "c1"), (membership, "c2")],
            )
        )
    assert set(left) == {Leaving.REMAINS, Leaving.LEFT}
    assert membership.session(SESSION).version == 2


def test_fast_refresh_x20(membership: Membership, announcer: Announcer) -> None:
    """Rocket.Chat#11293: refreshed quickly, one stays online for ever."""
    join(membership, "c0", "customer_1")
    for number in range(20):
        # The new page's socket, and the old one's leave, which comes twice.
        membership.admit(f"c{number + 1}", identity("customer_1"))
        announcer.announce(membership.open(f"c{number + 1}", SESSION).batch, TEN_SECONDS)
        for _ in range(2):
            left = membership.leave(f"c{number}", SESSION, CLOSED)
            announcer.announce(left.batch, TEN_SECONDS)

    assert [m.connection_id for m in membership.sockets(SESSION)] == ["c20"]
    assert membership.session(SESSION).version == 1
    announcer.announce(membership.leave("c20", SESSION, CLOSED).batch, TEN_SECONDS)
    assert present(membership) == set()


def test_recover_after_server_killed(
    membership: Membership, announcer: Announcer, poster: RecordingPoster, clock: Clock
) -> None:
    """redis-streams-adapter#27: what happened while a server was being killed is lost."""
    join(membership, "a1", "admin_1")
    epoch = membership.session(SESSION).epoch
    membership.admit("c1", identity("customer_1"))
    membership.open("c1", SESSION)  # killed here
    membership.leave("c1", SESSION, CLOSED)  # and here

    missed, session = membership.history.missed(SESSION, epoch, 1, 10)

    assert missed is not None
    assert [event.version for event in missed] == [2, 3]
    assert session.version == 3
    clock.pass_seconds(11)
    announcer.announce(membership.claim(SESSION), TEN_SECONDS)
    assert [version for version, _, _ in poster.events("a1")] == [2, 3]


def test_leave_join_within_window_keeps_order(
    membership: Membership, announcer: Announcer, poster: RecordingPoster, clock: Clock
) -> None:
    """phoenix_pubsub#182: leave and rejoin come in one diff, and the reader concludes "gone"."""
    join(membership, "a1", "admin_1")
    join(membership, "c1", "customer_1")
    membership.leave("c1", SESSION, CLOSED)
    membership.admit("c2", identity("customer_1"))
    membership.open("c2", SESSION)
    clock.pass_seconds(11)

    announcer.announce(membership.claim(SESSION), TEN_SECONDS)

    told = poster.received["a1"]
    assert [data["event_type"] for data in told] == ["user_disconnected", "user_connected"]
    assert all("customer_1" in data["connection_status"]["users"] for data in told)
    assert told[1]["reconnected"] is True
    assert told[1]["offline_seconds"] == 0


def test_410_for_a_socket_still_opening(
    membership: Membership, announcer: Announcer, poster: RecordingPoster
) -> None:
    """aws-sdk-js#3773: a socket that is only about to open is posted to, and pruned for the 410."""
    join(membership, "a1", "admin_1")
    membership.admit("opening", identity("customer_1"))
    poster.gone = {"opening"}
    membership.admit("c2", identity("customer_2"))
    announcer.announce(membership.open("c2", SESSION).batch, TEN_SECONDS)

    assert "opening" not in poster.asked
    poster.gone = set()
    assert membership.open("opening", SESSION).outcome is Opening.JOINED


def test_one_dead_peer_must_not_fail_the_send(
    membership: Membership, announcer: Announcer, poster: RecordingPoster
) -> None:
    """simple-websockets-chat-app: one dead peer turns the send into an error for everybody."""
    for number in range(5):
        join(membership, f"c{number}", f"customer_{number}")
    poster.gone = {"c1", "c3"}
    membership.admit("a1", identity("admin_1"))

    announcer.announce(membership.open("a1", SESSION).batch, TEN_SECONDS)

    for connection_id in ("c0", "c2", "c4", "a1"):
        told = [(event, user) for _, event, user in poster.events(connection_id)]
        assert told == [
            ("user_connected", "admin_1"),
            ("user_disconnected", "customer_1"),
            ("user_disconnected", "customer_3"),
        ]


def test_stale_peer_must_not_evict_sender(
    membership: Membership, announcer: Announcer, poster: RecordingPoster
) -> None:
    """simple-websockets-chat-app: on a peer's 410 it is the sender's row that is deleted."""
    join(membership, "a1", "admin_1")
    join(membership, "stale", "customer_1")
    poster.gone = {"stale"}

    said = membership.say("a1", identity("admin_1"), "hello", "")
    announcer.announce(said.batch, TEN_SECONDS)

    assert [m.connection_id for m in membership.sockets(SESSION)] == ["a1"]


def test_status_events_reordered_by_queue(
    membership: Membership, announcer: Announcer, poster: RecordingPoster
) -> None:
    """websocket-chat-application: ONLINE and OFFLINE go through a queue that may swap them."""
    join(membership, "a1", "admin_1")
    for number in range(10):
        membership.admit(f"c{number}", identity("customer_1"))

    def come_and_go(number: int) -> None:
        for batch in (
            membership.open(f"c{number}", SESSION).batch,
            membership.leave(f"c{number}", SESSION, CLOSED).batch,
        ):
            announcer.announce(batch, TEN_SECONDS)

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(come_and_go, range(10)))

    told = [(version, event) for version, event, _ in poster.events("a1")]
    assert [version for version, _ in told] == list(range(2, 2 + len(told)))
    assert [event for _, event in told] == (
        ["user_connected", "user_disconnected"] * (len(told) // 2)
    )


@pytest.mark.parametrize("redis", ["node"], indirect=True)
def test_3000_reconnect_after_proxy_restart(membership: Membership, announcer: Announcer) -> None:
    """Rocket.Chat#21182: 3,000 users come back at once and the presence storm takes all down."""
    people = [(ref(f"session-{number % 1000}"), f"customer_{number}") for number in range(3000)]

    def connect(suffix: str, person: tuple[SessionRef, str]) -> None:
        session, user_id = person
        connection_id = f"{user_id}-{suffix}"
        membership.admit(connection_id, identity(user_id, session))
        announcer.announce(membership.open(connection_id, session).batch, TEN_SECONDS)

    def drop(person: tuple[SessionRef, str]) -> None:
        session, user_id = person
        left = membership.leave(f"{user_id}-old", session, CLOSED)
        announcer.announce(left.batch, TEN_SECONDS)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(partial(connect, "old"), people))
        back = list(pool.map(partial(connect, "new"), people))
        gone = list(pool.map(drop, people))

    assert len(back) == len(gone) == 3000
    for number in range(1000):
        session = membership.session(ref(f"session-{number}"))
        assert len(ConnectionStatus.of(session).people) == 3
        assert session.version == 3  # nobody was gone for anybody


def test_logout_in_one_tab(membership: Membership) -> None:
    """sc-stateless-presence#4: who logs out in one tab is offline in all."""
    join(membership, "c1", "customer_1")
    join(membership, "c2", "customer_1")

    assert membership.leave("c1", SESSION, CLOSED).outcome is Leaving.REMAINS
    assert present(membership) == {"customer_1"}
