"""Who sends something is answered first, and then waits for the others no longer than it would."""

import json
from collections.abc import Mapping, Sequence

import pytest

from hadir.announcer import Announcer
from hadir.domain.deadline import Deadline
from hadir.domain.delivery import Delivery, Outcome
from hadir.domain.reasons import GONE, KICKED, Departure
from hadir.membership.membership import Membership
from tests.redis.talking import conversation_of, said
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_membership import CLOSED, SESSION, identity, join


class Stuck:
    """Accepts nothing, and takes all the time that it is given for posts to one socket."""

    def __init__(self, slow: str) -> None:
        self.time = 0.0
        self.posts: list[tuple[str, str, float]] = []
        self._slow = slow

    def post(self, mail: Mapping[str, Sequence[bytes]], seconds: float) -> dict[str, Delivery]:
        for to, frames in mail.items():
            self.posts += [(to, json.loads(frame)["type"], self.time) for frame in frames]
        if self._slow in mail:
            self.time += seconds
        return {to: Delivery(Outcome.FAILED, 0, 503) for to in mail}


def beat(membership: Membership, poster: Stuck) -> None:
    """A heartbeat of c1, to a function that has half a minute."""
    conversation = conversation_of(membership, Announcer(membership, poster), lambda _: None)
    request = said("c1", {"action": "heartbeat"})
    deadline = Deadline(29.0, lambda: poster.time)
    conversation.answer(request, identity("customer_1"), 0, deadline)


def test_a_heartbeat_is_answered_before_others_are_told(membership: Membership) -> None:
    join(membership, "a1", "admin_1")
    join(membership, "c1", "customer_1")
    join(membership, "c2", "customer_2")
    batch = membership.leave("c2", SESSION, CLOSED).batch
    assert batch is not None
    membership.give_back(batch)  # it is pending
    order: list[tuple[str, str]] = []

    class Ordered:
        def post(self, mail: Mapping[str, Sequence[bytes]], _: float) -> dict[str, Delivery]:
            for to, frames in mail.items():
                order.extend((to, json.loads(frame)["type"]) for frame in frames)
            return {to: Delivery(Outcome.DELIVERED, len(mail[to]), 200) for to in mail}

    announcer = Announcer(membership, Ordered())
    conversation = conversation_of(membership, announcer, lambda _: None)

    conversation.answer(said("c1", {"action": "heartbeat"}), identity("customer_1"), 0, TEN_SECONDS)

    assert order[0] == ("c1", "heartbeat_ack")
    assert ("a1", "connection_status_update") in order[1:]


def test_it_works_for_others_no_longer_than_its_client_waits(membership: Membership) -> None:
    join(membership, "c1", "customer_1")
    join(membership, "c2", "customer_2")
    batch = membership.leave("c2", SESSION, CLOSED).batch
    assert batch is not None
    membership.give_back(batch)
    poster = Stuck("c1")

    beat(membership, poster)

    assert poster.time < 10


def test_nor_does_its_own_join_keep_it_from_an_answer(membership: Membership) -> None:
    """The announcement was lost, and the others accept nothing."""
    join(membership, "c2", "customer_2")
    membership.admit("c1", identity("customer_1"))
    poster = Stuck("c2")

    beat(membership, poster)

    answered = [at for _, kind, at in poster.posts if kind == "heartbeat_ack"]
    told = [at for to, _, at in poster.posts if to == "c2"]
    assert answered == [3.0]
    assert told == [0.0, 3.0]  # the rest of the time is for the others again


@pytest.mark.parametrize(
    ("why", "told"), [(GONE, "gone"), (KICKED, "kicked")], ids=["gone", "kicked"]
)
def test_who_has_left_between_two_scripts_is_told_so(
    membership: Membership, why: Departure, told: str
) -> None:
    join(membership, "c1", "customer_1")
    poster = RecordingPoster()
    closed: list[str] = []
    announcer = Announcer(membership, poster)
    conversation = conversation_of(membership, announcer, closed.append)
    say = membership.say

    def say_too_late(*args: object) -> object:
        membership.leave("c1", SESSION, why)
        return say(*args)  # type: ignore[arg-type]

    membership.say = say_too_late  # type: ignore[assignment, method-assign]
    conversation.answer(
        said("c1", {"action": "message", "text": "hello"}),
        identity("customer_1"),
        0,
        TEN_SECONDS,
    )

    assert [frame["type"] for frame in poster.frames["c1"]] == ["closing"]
    assert poster.received["c1"][0]["reason"] == told
    assert closed == ["c1"]
