"""Redis has no memory left: nobody new comes in, and what is there already goes on."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from unittest.mock import patch

import pytest
from redis import Redis

from hadir.announcer import Announcer
from hadir.domain.errors import MembershipUnavailable
from hadir.domain.identity import Person
from hadir.doorman import Doorman
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Lease, Opening, Renewal, Saying, Verdict
from tests.conftest import Clock
from tests.redis.closing import one_by_one
from tests.redis.talking import conversation_of, said
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_membership import CLOSED, SESSION, events, identity, join, ref

Full = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def membership(node: Redis, clock: Clock) -> Membership:
    membership = Membership(node, clock=clock)
    membership.leases.due(10)
    join(membership, "a1", "admin_1")
    join(membership, "c1", "customer_1")
    return membership


@pytest.fixture
def full(node: Redis) -> Full:
    @contextmanager
    def full() -> Iterator[None]:
        node.config_set("maxmemory", 1)
        try:
            yield
        finally:
            node.config_set("maxmemory", 0)

    return full


def test_what_a_dead_announcer_left_is_announced(
    membership: Membership, full: Full, clock: Clock
) -> None:
    membership.leave("c1", SESSION, CLOSED)  # dies here
    clock.pass_seconds(11)

    with full():
        batch = membership.claim(SESSION)

    assert events(batch) == [(3, "user_disconnected", "customer_1")]


def test_what_was_announced_is_not_announced_again(
    membership: Membership, full: Full, clock: Clock
) -> None:
    batch = membership.leave("c1", SESSION, CLOSED).batch
    assert batch is not None

    with full():
        assert membership.settle(batch, more=True) is None

    clock.pass_seconds(11)
    assert membership.claim(SESSION) is None


def test_a_socket_whose_announcement_was_lost_is_opened_by_the_sweep(
    membership: Membership, full: Full, clock: Clock
) -> None:
    membership.admit("c2", identity("customer_2"))
    clock.pass_seconds(91)

    with full():
        lapsed = membership.leases.lapse("c2", SESSION)

    assert lapsed.outcome is Opening.JOINED
    assert events(lapsed.batch) == [(3, "user_connected", "customer_2")]


def test_a_silent_client_is_suspected(membership: Membership, full: Full, clock: Clock) -> None:
    membership.open("c1", SESSION, beat=True)
    clock.pass_seconds(91)

    with full():
        assert membership.leases.lapse("c1", SESSION, Verdict.NONE).outcome is Opening.SUSPECT


def test_leases_of_sockets_that_are_there_are_renewed(
    membership: Membership, full: Full, clock: Clock
) -> None:
    clock.pass_seconds(91)
    due = membership.leases.due(10).leases

    with full():
        found = membership.leases.renew([(lease, clock.now) for lease in due])

    assert set(found) == {Renewal.RENEWED}
    assert membership.leases.due(10).leases == ()


def test_what_the_platform_does_not_say_is_put_off(
    membership: Membership, full: Full, clock: Clock
) -> None:
    clock.pass_seconds(91)
    due = {lease.connection_id for lease in membership.leases.due(10).leases}

    with full():
        membership.leases.postpone([Lease(SESSION, "c1", deaf=False)])

    assert due == {"a1", "c1"}
    assert {lease.connection_id for lease in membership.leases.due(10).leases} == {"a1"}


def test_nothing_is_erased_of_who_has_said_nothing(membership: Membership, full: Full) -> None:
    with full():
        assert membership.history.erase(SESSION, identity("customer_1").person) == 0


def test_a_message_that_comes_again_is_known_again(membership: Membership, full: Full) -> None:
    who = identity("customer_1")
    membership.say("c1", who, "hello", "m1")

    with full():
        again = membership.say("c1", who, "hello", "m1")

    assert again.earlier
    assert again.outcome is Saying.REPEATED


def test_what_waits_is_announced_though_what_is_asked_for_is_refused(
    membership: Membership, full: Full, clock: Clock
) -> None:
    poster = RecordingPoster()
    conversation = conversation_of(membership, Announcer(membership, poster), lambda _: None)
    membership.leave("c1", SESSION, CLOSED)  # dies here
    clock.pass_seconds(11)

    with full():
        request = said("a1", {"action": "message", "text": "hello"})
        conversation.answer(request, identity("admin_1"), clock(), TEN_SECONDS)

    refused, left = poster.received["a1"]
    assert (refused["code"], left["event_type"]) == ("unavailable", "user_disconnected")


def test_nobody_begins_a_session(membership: Membership, full: Full) -> None:
    """Though on a cluster the identity may have been written to another node."""
    with full(), patch.object(membership.identities, "remember", lambda *_: False):
        for session in (SESSION, ref("another")):
            with pytest.raises(MembershipUnavailable):
                membership.admit("n1", identity("newcomer", session))


def test_somebody_is_put_out_and_whoever_wanted_it_is_answered(
    membership: Membership, full: Full
) -> None:
    kicks: list[Person] = []
    closed: list[str] = []
    announcer = Announcer(membership, RecordingPoster())
    doorman = Doorman(
        membership, announcer, one_by_one(closed.append), lambda _, who, by: kicks.append(who)
    )
    admin, customer = identity("admin_1").person, identity("customer_1").person

    with full():
        kicked = doorman.kick(
            *(SESSION, "customer_1", None), by=admin, message=None, deadline=TEN_SECONDS
        )

    assert kicked.anybody
    assert (kicks, closed) == ([customer], ["c1"])
