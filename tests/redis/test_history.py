"""What clients get that were away, and pages of the history: on real scripts."""

import pytest

from hadir.domain.identity import SessionRef
from hadir.membership.keys import session_key
from hadir.membership.membership import Membership
from hadir.membership.scripts import AnyRedis
from tests.conftest import Clock
from tests.redis.talking import Say, shape
from tests.redis.test_membership import CLOSED, SESSION, join


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
