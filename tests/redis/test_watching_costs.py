"""What watchers cost: nothing where nobody watches, a post an event where somebody does."""

from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from hadir.domain.identity import SessionRef
from hadir.membership.keys import partition_of
from hadir.membership.membership import Membership
from tests.conftest import Clock
from tests.redis.consoles import Desk, agent
from tests.redis.test_announcer import RecordingPoster
from tests.redis.test_membership import SESSION, identity, ref

NEIGHBOUR = next(
    each
    for each in (ref(f"n{number}") for number in range(10_000))
    if partition_of(each) == partition_of(SESSION)
)
"""Another session of the same partition."""


@pytest.fixture
def desk(node: Redis, clock: Clock) -> Desk:
    return Desk(Membership(node, clock=clock), RecordingPoster())


def costs(node: Redis, run: Callable[[], object]) -> tuple[int, int]:
    """How many commands Redis ran, those of scripts included, and how many bytes it answered."""
    before = _counts(node)
    run()
    after = _counts(node)
    return after[0] - before[0], after[1] - before[1]


def _counts(node: Redis) -> tuple[int, int]:
    stats: Any = node.info("commandstats")
    traffic: Any = node.info("stats")
    # Not what this asks itself.
    asked = {"cmdstat_info", "cmdstat_client|setinfo", "cmdstat_hello"}
    ran = sum(each["calls"] for name, each in stats.items() if name not in asked)
    return ran, traffic["total_net_output_bytes"]


def visit(desk: Desk, session: SessionRef) -> None:
    desk.join("c1", "customer_1", session)
    desk.say("c1", identity("customer_1", session), action="heartbeat")
    desk.say("c1", identity("customer_1", session), action="message", text="hi")
    desk.leave("c1", session)


class TestUnwatched:
    def test_a_session_costs_no_command_and_no_byte_more(self, desk: Desk, node: Redis) -> None:
        visit(desk, SESSION)
        node.delete(*(key for key in node.keys("*tombstone*")))
        alone = costs(node, lambda: visit(desk, SESSION))
        desk.open("a1", agent("dewi"))
        desk.say("a1", agent("dewi"), action="watch", session_id=NEIGHBOUR.session_id)
        desk.say("a1", agent("dewi"), action="heartbeat")
        node.delete(*(key for key in node.keys("*tombstone*")))

        beside_a_watched_one = costs(node, lambda: visit(desk, SESSION))

        assert beside_a_watched_one[0] == alone[0]
        assert abs(beside_a_watched_one[1] - alone[1]) < 2000  # what INFO answers differs a little

    def test_a_watched_one_does(self, desk: Desk, node: Redis) -> None:
        visit(desk, SESSION)
        node.delete(*(key for key in node.keys("*tombstone*")))
        alone = costs(node, lambda: visit(desk, SESSION))
        desk.open("a1", agent("dewi"))
        desk.say("a1", agent("dewi"), action="watch", all=True)
        node.delete(*(key for key in node.keys("*tombstone*")))

        assert costs(node, lambda: visit(desk, SESSION))[0] > alone[0]


class TestWatched:
    WATCHERS = 20

    def _watch(self, desk: Desk, **what: object) -> None:
        for number in range(self.WATCHERS):
            who = agent(f"agent_{number}")
            desk.open(f"w{number}", who)
            desk.say(f"w{number}", who, action="watch", **what)
        desk.poster.frames.clear()

    def _posts(self, desk: Desk, to: str) -> int:
        return sum(len(frames) for name, frames in desk.poster.frames.items() if name[0] == to)

    @pytest.mark.parametrize("what", [{"all": True}, {"session_id": SESSION.session_id}])
    def test_a_watcher_costs_one_post_an_event(self, desk: Desk, what: dict[str, object]) -> None:
        for number in range(5):
            desk.join(f"c{number}", f"customer_{number}", SESSION)
        self._watch(desk, **what)

        desk.join("c9", "customer_9", SESSION)
        desk.say("c9", identity("customer_9"), action="message", text="hi")
        desk.leave("c9", SESSION)

        assert self._posts(desk, "w") == 3 * self.WATCHERS
        assert self._posts(desk, "c") == 6 + 6 + 5

    @pytest.mark.parametrize("what", [{"all": True}, {"session_id": SESSION.session_id}])
    def test_of_a_burst_a_watcher_gets_as_many_posts_as_there_are_batches(
        self, desk: Desk, what: dict[str, object]
    ) -> None:
        self._watch(desk, **what)
        batches = []
        for number in range(50):
            desk.membership.admit(f"c{number}", identity(f"customer_{number}"))
            batches.append(desk.membership.open(f"c{number}", SESSION).batch)

        desk.announce(batches[0])

        assert self._posts(desk, "w") <= 2 * self.WATCHERS  # the first event, then all others

    def test_watchers_add_nothing_to_what_an_announcer_reads_of_a_large_session(
        self, desk: Desk, node: Redis
    ) -> None:
        """Each of them is some 40 bytes; people and their status are read once."""
        for number in range(200):
            desk.membership.admit(f"c{number}", identity(f"customer_{number}"))
            desk.membership.open(f"c{number}", SESSION)
        desk.announce(desk.membership.claim(SESSION))
        _, before = costs(node, lambda: desk.join("x1", "customer_x", SESSION))
        self._watch(desk, session_id=SESSION.session_id)

        _, after = costs(node, lambda: desk.join("x2", "customer_y", SESSION))

        assert after - before < 60 * self.WATCHERS + 2000
