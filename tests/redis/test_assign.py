"""Who has a session: of two who take it one wins, and everyone is told, in order."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest

from hadir.announcer import Announcer
from hadir.conversation import Trouble
from hadir.domain.identity import Identity, Person, SessionRef, UserType
from hadir.domain.limits import Limits
from hadir.membership.keys import session_key
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Assigned, Assigning
from hadir.membership.scripts import AnyRedis
from hadir.wire.updates import history, status_answer, totals
from tests.conftest import Clock
from tests.redis.talking import conversation_of, said, shape
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_membership import CLOSED, SESSION, identity, join, ref

OTHER = ref("other")
AMY, BEN = (Person(UserType.AGENT, name) for name in ("amy", "ben"))
BOSS = Person(UserType.ADMIN, "boss")
CUSTOMER = identity("customer_1")

Assign = Callable[..., list[dict[str, Any]]]
"""Sends ``assign`` for a person; returns what their socket, which is named like them, got."""


def staff(person: Person, session: SessionRef = SESSION) -> Identity:
    return Identity(session.session_id, person.user_id, person.user_type)


def comes(membership: Membership, who: Identity, connection_id: str = "") -> None:
    """On a socket that is called as they are, or otherwise."""
    assert membership.admit(connection_id or who.user_id, who).is_in
    batch = membership.open(connection_id or who.user_id, who.session).batch
    while batch:
        batch = membership.settle(batch, more=True)


@pytest.fixture
def session(membership: Membership) -> SessionRef:
    """With a customer and two agents in it: three events."""
    join(membership, "c1", "customer_1")
    for each in (AMY, BEN):
        comes(membership, staff(each))
    return SESSION


@pytest.fixture
def troubles() -> list[Trouble]:
    return []


@pytest.fixture
def assign(
    membership: Membership, poster: RecordingPoster, clock: Clock, troubles: list[Trouble]
) -> Assign:
    conversation = conversation_of(
        membership, Announcer(membership, poster), print, on_trouble=troubles.append
    )

    def send(who: Person | Identity, **fields: object) -> list[dict[str, Any]]:
        sender = staff(who) if isinstance(who, Person) else who
        connection_id = "c1" if sender == CUSTOMER else sender.user_id
        before = len(poster.frames.get(connection_id, []))
        asked = said(connection_id, {"action": "assign", **fields})
        conversation.answer(asked, sender, clock(), TEN_SECONDS)
        return poster.frames.get(connection_id, [])[before:]

    return send


def take(membership: Membership, who: Person, **options: Any) -> Assigned:
    return membership.assignments.assign(SESSION, who.user_id, None, by=who, **options)


def code_of(frames: list[dict[str, Any]]) -> str:
    (frame,) = frames
    assert frame["type"] == "error", frame
    code: str = frame["data"]["code"]
    return code


@pytest.mark.usefixtures("session")
class TestNamed:
    """By a ``client_id``, so that a client knows which of its messages is answered."""

    def test_a_refusal_says_what_is_refused(self, assign: Assign) -> None:
        assign(AMY, user_id="amy")

        (conflict,) = assign(BEN, user_id="ben", client_id="b1")
        (forbidden,) = assign(BEN, session_id="other", user_id="ben", client_id="b2")
        (unnamed,) = assign(BEN, user_id="ben")

        assert conflict["data"]["code"] == "conflict"
        assert conflict["data"]["client_id"] == "b1"
        assert (forbidden["data"]["code"], forbidden["data"]["client_id"]) == ("forbidden", "b2")
        assert "client_id" not in unnamed["data"]

    def test_one_that_is_too_much_is_named_too(
        self, membership: Membership, poster: RecordingPoster, assign: Assign
    ) -> None:
        frames = [each for n in range(60) for each in assign(AMY, user_id="amy", client_id=f"a{n}")]

        refused = [each["data"] for each in frames if each["type"] == "error"]
        assert {each["code"] for each in refused} == {"rate_limited"}
        assert refused[-1]["client_id"] == "a59"

    def test_the_sender_alone_is_answered_by_name(
        self, poster: RecordingPoster, assign: Assign
    ) -> None:
        answer, event = assign(AMY, user_id="amy", client_id="a1")
        (again,) = assign(AMY, user_id="amy", client_id="a2")

        assert answer["data"] == {**event["data"], "client_id": "a1"}
        assert "client_id" not in event["data"]
        assert again["data"]["client_id"] == "a2"
        assert "version" not in again["data"]
        (told,) = poster.frames["ben"]
        assert told == event

    def test_in_another_session_too(self, membership: Membership, assign: Assign) -> None:
        join(membership, "c2", "customer_2", OTHER)
        amy = replace(staff(AMY), sessions=("*",))

        (answer,) = assign(amy, user_id="amy", session_id=OTHER.session_id, client_id="a1")

        assert (answer["data"]["client_id"], answer["data"]["version"]) == ("a1", 2)


@pytest.mark.usefixtures("session")
class TestTaking:
    def test_everyone_inside_is_told_in_the_sessions_order(
        self, membership: Membership, poster: RecordingPoster, assign: Assign
    ) -> None:
        told = assign(AMY, user_id="amy")

        epoch = membership.session(SESSION).epoch
        assert told == [
            {
                "type": "assignment",
                "data": {
                    "session_id": SESSION.session_id,
                    "epoch": epoch,
                    "version": 4,
                    "timestamp": "2025-01-24T10:30:00Z",
                    "user_id": "amy",
                    "user_type": "agent",
                    "assignment": {"user_id": "amy", "user_type": "agent"},
                    "by_user_id": "amy",
                    "by_user_type": "agent",
                },
            }
        ]
        assert poster.frames == dict.fromkeys(("amy", "ben", "c1"), told)
        assert membership.claim(SESSION) is None

    def test_who_comes_later_sees_who_has_it(self, membership: Membership, assign: Assign) -> None:
        assert membership.session(SESSION).holder is None
        assert "assignment" not in status_answer(membership.session(SESSION))

        assign(AMY, user_id="amy")

        session = membership.session(SESSION)
        assert session.holder == AMY
        shown = {"user_id": "amy", "user_type": "agent"}
        assert status_answer(session)["assignment"] == totals(session)["assignment"] == shown

    def test_the_status_in_an_update_says_so(
        self, membership: Membership, poster: RecordingPoster, assign: Assign
    ) -> None:
        assign(AMY, user_id="amy")
        batch = membership.leave("c1", SESSION, CLOSED).batch
        Announcer(membership, poster).announce(batch, TEN_SECONDS)

        left = poster.frames["amy"][-1]["data"]
        assert left["event_type"] == "user_disconnected"
        assert left["assignment"] == {"user_id": "amy", "user_type": "agent"}

    def test_who_comes_second_is_told_who_has_it(
        self, membership: Membership, poster: RecordingPoster, assign: Assign
    ) -> None:
        assign(AMY, user_id="amy")

        (refused,) = assign(BEN, user_id="ben")

        assert refused["type"] == "error"
        data = refused["data"]
        assert (data["code"], data["request_id"]) == ("conflict", "request-1")
        assert data["assigned"] == {"user_id": "amy", "user_type": "agent"}
        assert membership.session(SESSION).holder == AMY
        assert len(poster.frames["c1"]) == 1

    def test_whoever_has_it_hands_it_over_and_gives_it_back(
        self, membership: Membership, poster: RecordingPoster, assign: Assign
    ) -> None:
        assign(AMY, user_id="amy")
        assign(AMY, user_id="ben")
        assert code_of(assign(AMY, user_id=None)) == "conflict"
        (given_back,) = assign(BEN, user_id=None)

        assert membership.session(SESSION).holder is None
        data = given_back["data"]
        assert (data["user_id"], data["assignment"], data["by_user_id"]) == (None, None, "ben")
        assert "user_type" not in data
        assert [frame["data"]["version"] for frame in poster.frames["c1"]] == [4, 5, 6]

    @pytest.mark.parametrize(
        ("expect", "is_done"), [("amy", True), ("ben", False), (None, False), ("am", False)]
    )
    def test_what_is_expected_decides(
        self, membership: Membership, assign: Assign, expect: str | None, *, is_done: bool
    ) -> None:
        assign(AMY, user_id="amy")

        (answer,) = assign(BEN, user_id="ben", expect=expect)

        assert answer["type"] == ("assignment" if is_done else "error")
        assert membership.session(SESSION).holder == (BEN if is_done else AMY)

    def test_even_for_who_has_it(self, membership: Membership, assign: Assign) -> None:
        assign(AMY, user_id="amy")
        assert code_of(assign(AMY, user_id="ben", expect="ben")) == "conflict"
        assert code_of(assign(AMY, user_id="ben", expect=None)) == "conflict"
        assert membership.session(SESSION).holder == AMY

    def test_nobody_has_it_where_somebody_is_expected(self, assign: Assign) -> None:
        (refused,) = assign(AMY, user_id="amy", expect="ben")
        assert (refused["data"]["code"], refused["data"]["assigned"]) == ("conflict", None)

    def test_the_same_again_is_a_success_and_no_event(
        self, membership: Membership, poster: RecordingPoster, assign: Assign, clock: Clock
    ) -> None:
        assign(AMY, user_id="amy", expect=None)
        clock.pass_seconds(3)

        (again,) = assign(AMY, user_id="amy", expect=None)

        assert again == {
            "type": "assignment",
            "data": {
                "session_id": SESSION.session_id,
                "epoch": membership.session(SESSION).epoch,
                "status_version": 4,
                "timestamp": "2025-01-24T10:30:03Z",
                "user_id": "amy",
                "user_type": "agent",
                "assignment": {"user_id": "amy", "user_type": "agent"},
            },
        }
        assert len(poster.frames["ben"]) == len(poster.frames["c1"]) == 1
        assert membership.session(SESSION).version == 4

    def test_nobody_again_too(self, membership: Membership, assign: Assign) -> None:
        (answer,) = assign(AMY, user_id=None, expect="ben")

        assert (answer["type"], answer["data"]["user_id"]) == ("assignment", None)
        assert membership.session(SESSION).version == 3

    def test_a_customer_neither_assigns_nor_is_assigned(
        self, membership: Membership, assign: Assign
    ) -> None:
        assert code_of(assign(CUSTOMER, user_id="amy")) == "forbidden"
        asked = {"user_id": "customer_1", "user_type": "customer"}
        assert code_of(assign(AMY, **asked)) == "invalid_payload"
        assert membership.session(SESSION).holder is None

    def test_it_lasts_while_nobody_is_there(
        self, membership: Membership, assign: Assign, clock: Clock
    ) -> None:
        assign(AMY, user_id="amy")
        for each in ("c1", "amy", "ben"):
            membership.leave(each, SESSION, CLOSED)
        clock.pass_seconds(3600)
        join(membership, "c2", "customer_1")

        assert membership.session(SESSION).holder == AMY


@pytest.mark.usefixtures("session")
class TestWho:
    """Of which type they are, if the request does not say."""

    def test_the_sender_is_of_their_own(self, membership: Membership, assign: Assign) -> None:
        comes(membership, staff(Person(UserType.AGENT, "boss")))
        assign(BOSS, user_id="boss")
        assert membership.session(SESSION).holder == BOSS

    def test_without_an_id_it_is_the_sender(self, membership: Membership, assign: Assign) -> None:
        comes(membership, staff(Person(UserType.ADMIN, "amy")), "another")

        (told,) = assign(AMY, user_type="admin")

        assert told["data"]["assignment"] == {"user_id": "amy", "user_type": "agent"}
        assert membership.session(SESSION).holder == AMY
        assert assign(AMY, user_id=None)[0]["data"]["assignment"] is None

    def test_another_is_who_is_there(self, membership: Membership, assign: Assign) -> None:
        comes(membership, staff(BOSS))
        assign(AMY, user_id="boss")
        assert membership.session(SESSION).holder == BOSS

    def test_who_is_not_there_is_an_agent(self, membership: Membership, assign: Assign) -> None:
        assign(AMY, user_id="boss")
        assert membership.session(SESSION).holder == Person(UserType.AGENT, "boss")

    def test_a_customer_of_that_id_does_not_count(
        self, membership: Membership, assign: Assign
    ) -> None:
        assign(AMY, user_id="customer_1")
        assert membership.session(SESSION).holder == Person(UserType.AGENT, "customer_1")

    def test_of_two_it_must_be_said(self, membership: Membership, assign: Assign) -> None:
        comes(membership, staff(BOSS))
        membership.admit("b2", staff(Person(UserType.AGENT, "boss")))
        membership.open("b2", SESSION)

        (refused,) = assign(AMY, user_id="boss")

        assert refused["data"]["code"] == "invalid_payload"
        assert refused["data"]["message"].startswith("user_type: ")
        assert membership.session(SESSION).holder is None
        assign(AMY, user_id="boss", user_type="admin")
        assert membership.session(SESSION).holder == BOSS

    def test_an_admin_who_has_left_meanwhile_is_still_meant(
        self, membership: Membership, assign: Assign
    ) -> None:
        comes(membership, staff(BOSS))
        assign(AMY, user_id="boss")
        membership.leave("boss", SESSION, CLOSED, claim=False)
        version = membership.session(SESSION).version

        answer, left = assign(AMY, user_id="boss")

        assert (answer["type"], "version" in answer["data"]) == ("assignment", False)
        assert left["data"]["event_type"] == "user_disconnected"
        assert membership.session(SESSION).holder == BOSS
        assert membership.session(SESSION).version == version


class TestAnotherSession:
    @pytest.fixture(autouse=True)
    def desk(self, membership: Membership, session: SessionRef) -> Identity:
        """An agent in a session of her own."""
        desk = ref("desk")
        comes(membership, staff(Person(UserType.AGENT, "eve"), desk))
        return replace(staff(Person(UserType.AGENT, "eve"), desk), sessions=("desk", "550e*"))

    def test_those_inside_are_told_and_the_sender(
        self, desk: Identity, poster: RecordingPoster, assign: Assign
    ) -> None:
        (told,) = assign(desk, session_id=SESSION.session_id, user_id="eve")

        assert told["data"]["session_id"] == SESSION.session_id
        assert (told["data"]["version"], told["data"]["user_id"]) == (4, "eve")
        assert poster.frames["amy"] == poster.frames["c1"] == [told]

    def test_one_that_the_token_is_not_for(
        self, membership: Membership, desk: Identity, assign: Assign
    ) -> None:
        join(membership, "x1", "customer_1", OTHER)
        for session_id in ("other", "550e*"):
            assert code_of(assign(desk, session_id=session_id, user_id="eve")) == "forbidden"
        bare = replace(desk, sessions=())
        asked = {"session_id": SESSION.session_id, "user_id": "eve"}
        assert code_of(assign(bare, **asked)) == "forbidden"
        assert membership.session(SESSION).holder is membership.session(OTHER).holder is None

    def test_the_sockets_own_may_be_named(
        self, membership: Membership, desk: Identity, assign: Assign
    ) -> None:
        (told,) = assign(replace(desk, sessions=()), session_id="desk", user_id="eve")
        assert told["type"] == "assignment"

    def test_where_nobody_is_nothing_is_assigned(
        self, membership: Membership, desk: Identity, assign: Assign, redis: AnyRedis
    ) -> None:
        everywhere = replace(desk, sessions=("*",))
        join(membership, "x1", "customer_1", OTHER)
        membership.leave("x1", OTHER, CLOSED)
        for session_id in ("never", "other"):
            (refused,) = assign(everywhere, session_id=session_id, user_id="eve")
            assert refused["data"]["code"] == "invalid_payload"
            assert refused["data"]["message"].startswith("session_id: ")
        assert not redis.exists(session_key(ref("never"), "session"))
        assert membership.session(OTHER).holder is None

    def test_posts_there_count_there(
        self, redis: AnyRedis, clock: Clock, session: SessionRef
    ) -> None:
        """Each of them costs four: the sender and three people are told."""
        limits = Limits(messages_per_second=0.1, burst=1, people_per_session=1)
        membership = Membership(redis, clock=clock, limits=limits)

        def toggle(number: int) -> Assigning:
            user_id = None if number % 2 else "eve"
            return membership.assignments.assign(
                session, user_id, None, by=Person(UserType.AGENT, "eve"), is_paid=False
            ).outcome

        enough = limits.posts_burst // 4
        assert {toggle(number) for number in range(enough)} == {Assigning.ASSIGNED}
        assert toggle(enough) is Assigning.LIMITED
        assert membership.session(session).version == 3 + enough
        clock.pass_seconds(2)
        assert toggle(enough) is Assigning.ASSIGNED

    def test_who_posts_too_much_there_is_told(
        self, membership: Membership, desk: Identity, assign: Assign, troubles: list[Trouble]
    ) -> None:
        limited = Assigned(*(Assigning.LIMITED, None, None, None), *(None, 0))  # type: ignore[arg-type]
        membership.assignments.assign = lambda *_, **__: limited  # type: ignore[method-assign]

        asked = {"session_id": SESSION.session_id, "user_id": "eve"}
        assert code_of(assign(desk, **asked)) == "rate_limited"
        assert troubles == [Trouble.LIMITED]


class TestTwoAtOnce:
    ROUNDS = 150

    @pytest.mark.parametrize("options", [{}, {"expected": ""}])
    def test_one_wins_and_the_other_is_told_who(
        self, redis: AnyRedis, session: SessionRef, options: dict[str, str]
    ) -> None:
        membership = Membership(redis)
        with ThreadPoolExecutor(2) as pool:
            for _ in range(self.ROUNDS):
                before = membership.session(session).version
                start = Barrier(2)

                def grab(who: Person, start: Barrier = start) -> Assigned:
                    start.wait()
                    return take(membership, who, **options)

                results = dict(zip((AMY, BEN), pool.map(grab, (AMY, BEN)), strict=True))

                (winner,) = (
                    who for who, made in results.items() if made.outcome is Assigning.ASSIGNED
                )
                loser = results[BEN if winner is AMY else AMY]
                assert (loser.outcome, loser.holder) == (Assigning.CONFLICT, winner)
                after = membership.session(session)
                assert (after.holder, after.version) == (winner, before + 1)
                membership.assignments.assign(session, None, None, by=winner)


@pytest.mark.usefixtures("session")
class TestDying:
    def test_an_assignment_that_nobody_lived_to_tell_is_told_by_the_next(
        self, membership: Membership, poster: RecordingPoster, clock: Clock
    ) -> None:
        take(membership, AMY)  # dies here
        clock.pass_seconds(11)

        Announcer(membership, poster).announce(membership.claim(SESSION), TEN_SECONDS)

        (told,) = poster.frames["ben"]
        assert (told["type"], told["data"]["user_id"]) == ("assignment", "amy")
        assert told["data"]["recovered"] is True

    def test_a_call_that_the_redis_client_repeats_is_told_once_and_soon(
        self, membership: Membership, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The reply was lost: the same call, with the same token, comes again."""
        monkeypatch.setattr("hadir.membership.assignments.new_token", lambda: "the-same")

        first, again = take(membership, AMY), take(membership, AMY)

        assert first.batch is not None
        assert (again.outcome, again.batch) == (Assigning.UNCHANGED, first.batch)
        assert membership.session(SESSION).version == 4

    def test_the_sender_whose_answer_was_lost_asks_again_and_is_told(
        self, membership: Membership, poster: RecordingPoster, assign: Assign
    ) -> None:
        take(membership, AMY)  # dies here

        (answer,) = assign(AMY, user_id="amy")

        assert (answer["type"], answer["data"]["user_id"]) == ("assignment", "amy")

    def test_a_new_epoch_keeps_it(
        self, membership: Membership, assign: Assign, redis: AnyRedis
    ) -> None:
        assign(AMY, user_id="amy")
        epoch = membership.session(SESSION).epoch
        redis.hset(session_key(SESSION, "session"), "lineage", "another")

        (answer,) = assign(AMY, user_id="amy")

        assert answer["data"]["epoch"] == membership.session(SESSION).epoch != epoch
        assert membership.session(SESSION).holder == AMY


@pytest.mark.usefixtures("session")
class TestHistory:
    def test_it_is_among_what_was_missed(
        self, membership: Membership, assign: Assign, poster: RecordingPoster, clock: Clock
    ) -> None:
        epoch = membership.session(SESSION).epoch
        assign(AMY, user_id="amy")
        assign(AMY, user_id=None)
        poster.frames.clear()

        conversation = conversation_of(membership, Announcer(membership, poster), print)
        since = {"epoch": epoch, "version": 3}
        sync = said("c1", {"action": "sync", "since": since})
        conversation.answer(sync, CUSTOMER, clock(), TEN_SECONDS)

        assert shape(poster.frames["c1"]) == [
            ("assignment", None, 4, True),
            ("assignment", None, 5, True),
            ("connection_status_update", None, None, True),
        ]

    def test_it_is_in_what_rest_answers(self, membership: Membership, assign: Assign) -> None:
        (told,) = assign(AMY, user_id="amy")

        page = history(SESSION.session_id, membership.history.page(SESSION, 10, since=3))

        (entry,) = page["events"]
        assert {"session_id": SESSION.session_id, **entry} == told["data"]
