"""The announcer on real membership, with a poster that remembers what it was given."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hadir.announcer import Announcer
from hadir.domain.deadline import Deadline
from hadir.domain.delivery import Delivery, Outcome
from hadir.membership.membership import Membership
from tests.conftest import Clock
from tests.redis.test_membership import CLOSED, SESSION, identity, join, present


class RecordingPoster:
    """Accepts everything but what is said to be gone; runs ``meanwhile`` while it posts."""

    def __init__(self) -> None:
        self.frames: dict[str, list[dict[str, Any]]] = {}
        self.gone: set[str] = set()
        self.refused: set[str] = set()
        self.asked: set[str] = set()
        self.meanwhile: Callable[[], object] = lambda: None

    def post(self, mail: Mapping[str, Sequence[bytes]], seconds: float) -> dict[str, Delivery]:
        assert 0 < seconds <= 5
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        self.asked |= set(mail)
        deliveries = {}
        for to, frames in mail.items():
            if to in self.gone:
                deliveries[to] = Delivery(Outcome.GONE, 0, 410)
            elif to in self.refused:
                deliveries[to] = Delivery(Outcome.FAILED, 0, 429)
            else:
                received = self.frames.setdefault(to, [])
                received += [json.loads(frame) for frame in frames]
                deliveries[to] = Delivery(Outcome.DELIVERED, len(frames), 200)
        return deliveries

    @property
    def received(self) -> dict[str, list[dict[str, Any]]]:
        return {to: [frame["data"] for frame in frames] for to, frames in self.frames.items()}

    def events(self, connection_id: str) -> list[tuple[int, str, str]]:
        return [
            (data["version"], data["event_type"], data["event_user_id"])
            for data in self.received.get(connection_id, [])
        ]


TEN_SECONDS = Deadline(10.0, lambda: 0.0)
"""A deadline that comes no nearer."""


class TestAnnouncing:
    def test_everyone_remaining_is_told_and_the_status_is_from_after_the_removal(
        self, membership: Membership
    ) -> None:
        poster = RecordingPoster()
        join(membership, "c1", "customer_1")
        join(membership, "a1", "admin_1")

        batch = membership.leave("c1", SESSION, CLOSED).batch
        (broadcast,) = Announcer(membership, poster).announce(batch, TEN_SECONDS)

        assert (broadcast.received, broadcast.targets) == (1, 1)
        assert poster.events("a1") == [(3, "user_disconnected", "customer_1")]
        status = poster.received["a1"][0]["connection_status"]
        assert list(status["users"]) == ["admin_1"]
        assert (status["customer_connected"], status["total_customer"]) == (False, 0)
        assert "c1" not in poster.received

    def test_what_comes_meanwhile_is_told_after_in_order(self, membership: Membership) -> None:
        poster = RecordingPoster()
        join(membership, "a1", "admin_1")
        membership.admit("c1", identity("customer_1"))
        membership.admit("c2", identity("customer_2"))
        batch = membership.open("c1", SESSION).batch
        poster.meanwhile = lambda: (
            membership.open("c2", SESSION),
            membership.leave("c1", SESSION, CLOSED),
        )

        Announcer(membership, poster).announce(batch, TEN_SECONDS)

        assert poster.events("a1") == [
            (2, "user_connected", "customer_1"),
            (3, "user_connected", "customer_2"),
            (4, "user_disconnected", "customer_1"),
        ]
        # From one's own version on, none from before.
        assert poster.events("c2") == poster.events("a1")[1:]

    def test_events_told_together_carry_the_newest_status(self, membership: Membership) -> None:
        poster = RecordingPoster()
        join(membership, "a1", "admin_1")
        membership.admit("c1", identity("customer_1"))
        batch = membership.open("c1", SESSION).batch
        poster.meanwhile = lambda: (
            membership.leave("c1", SESSION, CLOSED),
            membership.admit("c2", identity("customer_2")),
            membership.open("c2", SESSION),
        )

        Announcer(membership, poster).announce(batch, TEN_SECONDS)

        left, joined = poster.received["a1"][1:]
        assert (left["version"], left["status_version"]) == (3, 4)
        assert set(left["connection_status"]["users"]) == {"admin_1", "customer_2"}
        assert left["connection_status"] == joined["connection_status"]

    def test_a_second_tab_is_told_of_events_after_it_opened_only(
        self, membership: Membership
    ) -> None:
        poster = RecordingPoster()
        join(membership, "a1", "admin_1")
        membership.admit("c1", identity("customer_1"))
        membership.admit("a2", identity("admin_1"))
        batch = membership.open("c1", SESSION).batch
        poster.meanwhile = lambda: (
            membership.open("a2", SESSION),
            membership.leave("c1", SESSION, CLOSED),
        )

        Announcer(membership, poster).announce(batch, TEN_SECONDS)

        assert poster.events("a2") == [(3, "user_disconnected", "customer_1")]

    def test_nor_of_one_before_that_nobody_has_announced_yet(
        self, membership: Membership, clock: Clock
    ) -> None:
        poster = RecordingPoster()
        join(membership, "a1", "admin_1")
        membership.admit("c1", identity("customer_1"))
        membership.open("c1", SESSION)  # dies here
        clock.pass_seconds(11)
        membership.admit("a2", identity("admin_1"))

        Announcer(membership, poster).announce(membership.open("a2", SESSION).batch, TEN_SECONDS)

        assert poster.events("a1") == [(2, "user_connected", "customer_1")]
        assert poster.events("a2") == []

    def test_a_socket_found_gone_late_takes_no_lease_from_its_own_announcer(
        self, membership: Membership, clock: Clock
    ) -> None:
        poster = RecordingPoster()
        join(membership, "a1", "admin_1")
        join(membership, "c1", "customer_1")
        poster.gone = {"c1"}
        membership.admit("c2", identity("customer_2"))
        batch = membership.open("c2", SESSION).batch
        poster.meanwhile = lambda: clock.pass_seconds(11)

        Announcer(membership, poster).announce(batch, TEN_SECONDS)

        assert poster.events("a1") == [
            (3, "user_connected", "customer_2"),
            (4, "user_disconnected", "customer_1"),
        ]
        clock.pass_seconds(11)
        assert membership.claim(SESSION) is None

    def test_a_socket_found_gone_leaves_and_that_is_told_too(self, membership: Membership) -> None:
        poster = RecordingPoster()
        join(membership, "a1", "admin_1")
        join(membership, "c1", "customer_1")
        poster.gone = {"c1"}
        membership.admit("c2", identity("customer_2"))
        batch = membership.open("c2", SESSION).batch

        told, left = Announcer(membership, poster).announce(batch, TEN_SECONDS)

        assert (told.received, told.targets, told.gone) == (2, 3, ("c1",))
        assert (left.received, left.targets, left.gone) == (2, 2, ())
        assert poster.events("a1")[-1] == (4, "user_disconnected", "customer_1")
        assert present(membership) == {"admin_1", "customer_2"}

    def test_events_of_a_dead_announcer_are_marked_recovered(
        self, membership: Membership, clock: Clock
    ) -> None:
        poster = RecordingPoster()
        join(membership, "a1", "admin_1")
        join(membership, "c1", "customer_1")
        membership.leave("c1", SESSION, CLOSED)  # dies here
        clock.pass_seconds(11)
        membership.admit("c2", identity("customer_2"))
        batch = membership.open("c2", SESSION).batch

        Announcer(membership, poster).announce(batch, TEN_SECONDS)

        assert poster.events("a1") == [
            (3, "user_disconnected", "customer_1"),
            (4, "user_connected", "customer_2"),
        ]
        assert [data.get("recovered") for data in poster.received["a1"]] == [True, None]

    def test_an_event_for_nobody_does_not_settle_one_that_nobody_got(
        self, membership: Membership, clock: Clock
    ) -> None:
        poster = RecordingPoster()
        join(membership, "c1", "customer_1")
        membership.leave("c1", SESSION, CLOSED)  # dies here; nobody is there to be told
        membership.admit("c2", identity("customer_2"))
        membership.open("c2", SESSION)
        clock.pass_seconds(11)
        poster.refused = {"c2"}

        made = Announcer(membership, poster).announce(membership.claim(SESSION), TEN_SECONDS)
        assert [each.told for each in made] == [False] * len(made)

        poster.refused = set()
        Announcer(membership, poster).announce(membership.claim(SESSION), TEN_SECONDS)
        assert poster.events("c2") == [(3, "user_connected", "customer_2")]

    def test_nor_does_a_socket_that_is_gone_tell_those_that_refused(
        self, membership: Membership
    ) -> None:
        poster = RecordingPoster()
        for number in range(4):
            join(membership, f"c{number}", f"customer_{number}")
        poster.gone, poster.refused = {"c1"}, {"c2", "c3"}
        left = membership.leave("c0", SESSION, CLOSED)

        made = Announcer(membership, poster).announce(left.batch, TEN_SECONDS)

        assert [each.told for each in made] == [False]
        poster.refused = set()
        Announcer(membership, poster).announce(membership.claim(SESSION), TEN_SECONDS)
        assert poster.events("c2") == [
            (5, "user_disconnected", "customer_0"),
            (6, "user_disconnected", "customer_1"),
        ]

    def test_without_time_the_rest_stays_for_the_next(self, membership: Membership) -> None:
        poster = RecordingPoster()
        join(membership, "a1", "admin_1")
        membership.admit("c1", identity("customer_1"))
        batch = membership.open("c1", SESSION).batch
        poster.meanwhile = lambda: membership.leave("c1", SESSION, CLOSED)

        Announcer(membership, poster).announce(batch, Deadline(0.9, lambda: 0.0))

        assert poster.events("a1") == [(2, "user_connected", "customer_1")]
        Announcer(membership, poster).announce(
            membership.leave("nobody", SESSION, CLOSED).batch, TEN_SECONDS
        )
        assert poster.events("a1")[1:] == [(3, "user_disconnected", "customer_1")]

    def test_without_time_for_a_single_post_all_of_it_stays(self, membership: Membership) -> None:
        poster = RecordingPoster()
        join(membership, "a1", "admin_1")
        membership.admit("c1", identity("customer_1"))
        batch = membership.open("c1", SESSION).batch

        assert Announcer(membership, poster).announce(batch, Deadline(0.4, lambda: 0.0)) == []

        assert poster.asked == set()
        again = membership.claim(SESSION)
        assert again is not None
        assert batch is not None
        assert (again.events, again.recovered_up_to) == (batch.events, 0)
