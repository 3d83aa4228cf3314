"""A backend says something: an event like others, of somebody who need not be there."""

from typing import Any

import pytest

from hadir.announcer import Announcer
from hadir.domain.identity import Person, UserType
from hadir.domain.session import MessageEvent
from hadir.membership.keys import session_key
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Said, Saying
from hadir.membership.scripts import AnyRedis
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_membership import CLOSED, SESSION, identity, join, present

BACKEND = Person(UserType.ADMIN, "billing")


def say(membership: Membership, text: str = "paid", client_id: str = "") -> Said:
    return membership.say_as_system(SESSION, BACKEND, text, client_id)


def test_everyone_is_told_in_order_and_nobody_comes_by_it(membership: Membership) -> None:
    join(membership, "c1", "customer_1")
    poster = RecordingPoster()

    said = say(membership)
    Announcer(membership, poster).announce(said.batch, TEN_SECONDS)

    (frame,) = poster.frames["c1"]
    data: dict[str, Any] = frame["data"]
    assert frame["type"] == "message"
    assert (data["user_id"], data["user_type"], data["text"]) == ("billing", "admin", "paid")
    assert (data["version"], data["system"]) == (2, True)
    assert said.place is not None
    assert data["id"] == f"{said.place.epoch}-{said.place.version}"
    assert present(membership) == {"customer_1"}


def test_what_a_client_says_is_no_system_message(membership: Membership) -> None:
    join(membership, "c1", "customer_1")
    said = membership.say("c1", identity("customer_1"), "hello", "")

    assert said.batch
    (event,) = said.batch.events
    assert isinstance(event, MessageEvent)
    assert not event.is_system
    assert said.place is not None
    assert said.place.version == event.version


def test_it_is_said_once(membership: Membership) -> None:
    join(membership, "c1", "customer_1")
    first = say(membership, client_id="m1")
    again = say(membership, client_id="m1")

    assert (first.outcome, again.outcome) == (Saying.SAID, Saying.REPEATED)
    assert first.place == again.place
    assert membership.session(SESSION).version == 2


@pytest.mark.parametrize("came", [False, True])
def test_where_nobody_is_nothing_is_recorded(
    membership: Membership, redis: AnyRedis, came: bool
) -> None:
    if came:
        join(membership, "c1", "customer_1")
        batch = membership.leave("c1", SESSION, CLOSED).batch
        assert batch
        membership.settle(batch, more=True)
    before = membership.session(SESSION)

    said = say(membership, client_id="m1")

    assert (said.outcome, said.place, said.batch) == (Saying.UNKNOWN, None, None)
    assert membership.session(SESSION) == before
    assert redis.exists(session_key(SESSION, "session")) == int(came)


def test_it_can_be_erased_as_any_other(membership: Membership) -> None:
    join(membership, "c1", "customer_1")
    say(membership)

    assert membership.history.erase(SESSION, BACKEND) == 1
