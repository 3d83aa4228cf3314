"""An admin puts somebody out; nobody else can."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from hadir.announcer import Announcer
from hadir.domain.deadline import Deadline
from hadir.domain.delivery import Delivery, Outcome
from hadir.domain.identity import Identity, UserType
from hadir.domain.reasons import Departure, Evidence, Reason
from hadir.doorman import Doorman
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Admission, Left
from hadir.membership.scripts import AnyRedis
from tests.conftest import Clock
from tests.redis.closing import one_by_one
from tests.redis.talking import conversation_of, said
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_membership import CLOSED, SESSION, events, identity, join, present


def ask(
    membership: Membership,
    poster: RecordingPoster,
    closed: list[str],
    connection_id: str,
    asker: str,
    **fields: object,
) -> dict[str, Any]:
    """Ask for a kick; the last thing that whoever asked was told."""
    conversation = conversation_of(membership, Announcer(membership, poster), closed.append)
    request = said(connection_id, {"action": "kick", **fields})
    conversation.answer(request, identity(asker), 0, TEN_SECONDS)
    frame: dict[str, Any] = poster.frames[connection_id][-1]
    return frame


def test_all_their_sockets_are_closed_and_everyone_is_told_once(
    membership: Membership, poster: RecordingPoster, closed: list[str]
) -> None:
    join(membership, "a1", "admin_1")
    for tab in ("c1", "c2"):
        join(membership, tab, "customer_1")

    told = ask(membership, poster, closed, "a1", "admin_1", user_id="customer_1", reason="abuse")

    assert told["data"]["event_type"] == "user_disconnected"
    assert (told["data"]["reason"], told["data"]["evidence"]) == ("kicked", "server")
    assert len(poster.frames["a1"]) == 1
    assert present(membership) == {"admin_1"}
    assert sorted(closed) == ["c1", "c2"]
    for tab in ("c1", "c2"):
        assert poster.frames[tab][-1] == {
            "type": "closing",
            "data": {"reason": "kicked", "reconnect_after_ms": 0, "message": "abuse"},
        }
        assert membership.admit(tab, identity("customer_1")) is Admission.LEFT


@pytest.mark.parametrize(
    ("asker", "fields", "code"),
    [
        ("customer_1", {"user_id": "admin_1"}, "forbidden"),
        ("customer_1", {"user_id": "customer_1"}, "forbidden"),
        ("admin_1", {"user_id": "nobody"}, "invalid_payload"),
        ("admin_1", {"user_id": "a/b"}, "invalid_payload"),
        ("admin_1", {"user_id": None}, "invalid_payload"),
        ("admin_1", {}, "invalid_payload"),
        ("admin_1", {"user_id": "customer_1", "reason": "x" * 201}, "too_large"),
        ("admin_1", {"user_id": "customer_1", "reason": ""}, "invalid_payload"),
    ],
)
def test_what_is_refused_changes_nothing(
    membership: Membership,
    poster: RecordingPoster,
    closed: list[str],
    asker: str,
    fields: dict[str, object],
    code: str,
) -> None:
    join(membership, "admin_1", "admin_1")
    join(membership, "customer_1", "customer_1")

    told = ask(membership, poster, closed, asker, asker, **fields)

    assert (told["type"], told["data"]["code"]) == ("error", code)
    assert present(membership) == {"admin_1", "customer_1"}
    assert closed == []


class TestNamesakes:
    """A customer and an agent of one id are two people."""

    @pytest.fixture
    def membership(self, membership: Membership) -> Membership:
        join(membership, "a1", "admin_1")
        for user_type in (UserType.CUSTOMER, UserType.AGENT):
            membership.admit(user_type, Identity(SESSION.session_id, "42", user_type))
            batch = membership.open(user_type, SESSION).batch
            assert batch is not None
            membership.settle(batch, more=True)
        return membership

    def test_the_id_alone_does_not_say_who(
        self, membership: Membership, poster: RecordingPoster, closed: list[str]
    ) -> None:
        told = ask(membership, poster, closed, "a1", "admin_1", user_id="42")

        assert told["data"]["code"] == "invalid_payload"
        assert "an agent and a customer have that user_id" in told["data"]["message"]
        assert closed == []

    def test_it_does_if_the_other_one_is_only_admitted(
        self, membership: Membership, poster: RecordingPoster, closed: list[str]
    ) -> None:
        batch = membership.leave("agent", SESSION, CLOSED).batch
        assert batch is not None
        membership.settle(batch, more=False)
        membership.admit("late", Identity(SESSION.session_id, "42", UserType.AGENT))

        ask(membership, poster, closed, "a1", "admin_1", user_id="42")

        assert closed == ["customer"]

    @pytest.mark.parametrize("user_type", ["customer", "agent"])
    def test_with_the_type_it_does(
        self,
        membership: Membership,
        poster: RecordingPoster,
        closed: list[str],
        user_type: str,
    ) -> None:
        ask(membership, poster, closed, "a1", "admin_1", user_id="42", user_type=user_type)

        assert closed == [user_type]
        left = {each.person.user_type for each in membership.session(SESSION).people}
        assert left == {UserType.ADMIN, UserType.CUSTOMER, UserType.AGENT} - {user_type}

    def test_nobody_of_a_third_type_is_put_out(
        self, membership: Membership, poster: RecordingPoster, closed: list[str]
    ) -> None:
        membership.leave("agent", SESSION, CLOSED)

        told = ask(membership, poster, closed, "a1", "admin_1", user_id="42", user_type="agent")

        assert told["data"]["code"] == "invalid_payload"
        assert closed == []


@pytest.mark.parametrize(
    ("reason", "latest"),
    [(Reason.KICKED, 0), (Reason.RATE_LIMITED, 59_999), (Reason.HEARTBEAT_TIMEOUT, 4_999)],
)
def test_why_somebody_is_put_out_says_how_soon_they_may_be_back(
    membership: Membership,
    poster: RecordingPoster,
    closed: list[str],
    monkeypatch: pytest.MonkeyPatch,
    reason: Reason,
    latest: int,
) -> None:
    monkeypatch.setattr("hadir.doorman.random.randrange", lambda _, end: end - 1)
    announcer = Announcer(membership, poster)
    doorman = Doorman(membership, announcer, one_by_one(closed.append), lambda *_: None)

    assert doorman.close("c1", reason, TEN_SECONDS)

    (farewell,) = poster.received["c1"]
    assert farewell == {"reason": reason, "reconnect_after_ms": latest}


def test_a_socket_that_cannot_be_closed_is_told_all_the_same(
    membership: Membership, poster: RecordingPoster
) -> None:
    doorman = Doorman(
        membership, Announcer(membership, poster), lambda *_: {"c1": False}, lambda *_: None
    )

    assert not doorman.close("c1", Reason.KICKED, TEN_SECONDS)

    assert [frame["type"] for frame in poster.frames["c1"]] == ["closing"]


def test_it_takes_no_longer_than_its_caller_waits(membership: Membership) -> None:
    """Twenty tabs, and neither posts nor closes are answered."""
    join(membership, "a1", "admin_1")
    for number in range(20):
        join(membership, f"c{number}", "customer_1")
    passed = 0.0

    class Endless:
        def post(self, mail: Mapping[str, Sequence[bytes]], seconds: float) -> dict[str, Delivery]:
            nonlocal passed
            passed += max(seconds, 0)
            return {to: Delivery(Outcome.FAILED, 0, 503) for to in mail}

    def close_each(connection_ids: Sequence[str], seconds: float) -> dict[str, bool]:
        nonlocal passed
        passed += max(seconds, 0)
        return dict.fromkeys(connection_ids, False)

    doorman = Doorman(membership, Announcer(membership, Endless()), close_each, lambda *_: None)
    deadline = Deadline(8.0, lambda: passed)

    assert doorman.kick(
        SESSION, "customer_1", None, by=None, message=None, deadline=deadline
    ).anybody

    assert passed <= 8
    assert present(membership) == {"admin_1"}


def test_there_is_no_grace_for_who_is_put_out(
    redis: AnyRedis, clock: Clock, poster: RecordingPoster, closed: list[str]
) -> None:
    membership = Membership(redis, grace_seconds=20, clock=clock)
    join(membership, "a1", "admin_1")
    join(membership, "c1", "customer_1")

    ask(membership, poster, closed, "a1", "admin_1", user_id="customer_1")

    assert present(membership) == {"admin_1"}


def test_nor_for_who_was_in_it_already(
    redis: AnyRedis, clock: Clock, poster: RecordingPoster, closed: list[str]
) -> None:
    membership = Membership(redis, grace_seconds=20, clock=clock)
    join(membership, "a1", "admin_1")
    join(membership, "c1", "customer_1")
    membership.leave("c1", SESSION, CLOSED)
    assert present(membership) == {"admin_1", "customer_1"}

    told = ask(membership, poster, closed, "a1", "admin_1", user_id="customer_1")

    assert told["data"]["reason"] == "kicked"
    assert present(membership) == {"admin_1"}


def test_whose_grace_has_just_run_out_is_gone_for_everyone_at_once(
    redis: AnyRedis, clock: Clock
) -> None:
    membership = Membership(redis, grace_seconds=20, clock=clock)
    join(membership, "a1", "admin_1")
    join(membership, "c1", "customer_1")
    membership.leave("c1", SESSION, CLOSED)
    clock.pass_seconds(20)

    ended, batch = membership.end_grace(SESSION, identity("customer_1").person)

    assert not ended
    assert events(batch)[-1][2] == "customer_1"


def test_a_kick_whose_first_answer_was_lost_has_put_them_out(
    membership: Membership, poster: RecordingPoster, closed: list[str]
) -> None:
    join(membership, "a1", "admin_1")
    join(membership, "c1", "customer_1")
    leave = membership.leave

    def leave_twice(*args: Any, **kwargs: Any) -> Left:
        left = leave(*args, **kwargs)
        again = leave(*args, **kwargs)
        return Left(again.outcome, left.batch, again.remaining)

    membership.leave = leave_twice  # type: ignore[method-assign]

    told = ask(membership, poster, closed, "a1", "admin_1", user_id="customer_1")

    assert told["data"].get("reason") == "kicked"


def test_whose_socket_could_not_be_closed_is_told_the_same_when_they_speak(
    membership: Membership, poster: RecordingPoster, closed: list[str]
) -> None:
    """For as long as any socket lives: ``test_lifetimes.py``."""
    join(membership, "a1", "admin_1")
    join(membership, "c1", "customer_1")
    membership.leave("c1", SESSION, Departure(Reason.KICKED, Evidence.SERVER))  # dies here
    membership.leave("c1", SESSION, CLOSED)  # a $disconnect that comes late changes nothing

    conversation = conversation_of(membership, Announcer(membership, poster), closed.append)
    request = said("c1", {"action": "heartbeat"})
    conversation.answer(request, identity("customer_1"), 0, TEN_SECONDS)

    assert closed == ["c1"]
    assert poster.frames["c1"][-1]["data"] == {"reason": "kicked", "reconnect_after_ms": 0}
    assert present(membership) == {"admin_1"}


def test_one_who_dies_midway_can_be_repeated(
    membership: Membership, poster: RecordingPoster, closed: list[str]
) -> None:
    join(membership, "a1", "admin_1")
    for tab in ("c1", "c2"):
        join(membership, tab, "customer_1")
    kicked = Departure(Reason.KICKED, Evidence.SERVER)
    membership.leave("c1", SESSION, kicked)  # dies here

    ask(membership, poster, closed, "a1", "admin_1", user_id="customer_1")

    assert present(membership) == {"admin_1"}
    assert closed == ["c2"]


def test_who_comes_back_while_they_are_put_out_is_put_out_again(
    membership: Membership, poster: RecordingPoster
) -> None:
    closed: list[str] = []

    def come_back(connection_id: str) -> None:
        closed.append(connection_id)
        if len(closed) < 3:
            join(membership, f"c{len(closed) + 1}", "customer_1")

    join(membership, "a1", "admin_1")
    join(membership, "c1", "customer_1")

    announcer = Announcer(membership, poster)
    doorman = Doorman(membership, announcer, one_by_one(come_back), lambda *_: None)
    kicked = doorman.kick(
        SESSION,
        "customer_1",
        None,
        by=identity("admin_1").person,
        message=None,
        deadline=TEN_SECONDS,
    )

    assert kicked.anybody
    assert closed == ["c1", "c2", "c3"]
    assert present(membership) == {"admin_1"}
