"""What customers may see, and what is told of the rest."""

import json
from typing import Any

import pytest

from hadir.domain.identity import DEFAULT_TENANT, Person, SessionRef, UserType
from hadir.domain.past import Past
from hadir.domain.projection import Projection, shown_to
from hadir.domain.reasons import Departure, Evidence, Reason
from hadir.domain.roles import CustomersSee
from hadir.domain.session import (
    AssignmentEvent,
    Event,
    EventType,
    MessageEvent,
    Presence,
    PresenceEvent,
    Session,
    StateEvent,
    UnknownEvent,
)
from hadir.wire.bursts import Bursts
from hadir.wire.past import past_answer
from hadir.wire.updates import entry_data, event_frames, status_answer, typing

AT = 1_737_714_540_000
CUSTOMER, AGENT, ADMINISTRATOR = UserType
ANNA, BERT = Person(CUSTOMER, "anna"), Person(CUSTOMER, "bert")
AMY, BOSS = Person(AGENT, "amy"), Person(ADMINISTRATOR, "boss")
TWIN = Person(AGENT, "anna")
PEOPLE = (ANNA, BERT, AMY, BOSS)
EVERYBODY, AGENTS, COUNTS = CustomersSee
HIDING = (AGENTS, COUNTS)


def session(*people: Person, holder: Person | None = None) -> Session:
    here = tuple(
        Presence(each, AT, 1, f"name of {each}", state={"is": str(each)}) for each in people
    )
    return Session(SessionRef(DEFAULT_TENANT, "s1"), "e1", 9, here, holder)


def message(person: Person, connection_id: str = "", client_id: str = "") -> MessageEvent:
    return MessageEvent(1, person, AT, "e1", "Hi", connection_id, client_id)


def events_of(person: Person) -> list[Event]:
    departure = Departure(Reason.KICKED, Evidence.CLOSE_FRAME, 4001)
    return [
        PresenceEvent(1, EventType.USER_CONNECTED, person, AT, offline_ms=3000),
        PresenceEvent(1, EventType.USER_DISCONNECTED, person, AT, departure),
        StateEvent(1, person, AT, {"page": "/"}),
    ]


def data_of(frame: bytes) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(frame)["data"]
    return data


@pytest.mark.parametrize("sees", CustomersSee)
@pytest.mark.parametrize("reader", [AMY, BOSS])
def test_agents_and_admins_see_everything(sees: CustomersSee, reader: Person) -> None:
    shown, whole = shown_to(reader, sees), session(*PEOPLE, holder=AMY)

    assert shown.session(whole) is whole
    for event in [*events_of(ANNA), message(ANNA), AssignmentEvent(1, AMY, AT, BOSS)]:
        assert shown.event(event) == event


def test_so_do_customers_unless_it_is_said_otherwise() -> None:
    assert shown_to(ANNA, EVERYBODY) == shown_to(BOSS, AGENTS) == Projection(EVERYBODY)


@pytest.mark.parametrize("sees", HIDING)
def test_of_whom_nothing_is_known_sees_no_more_than_a_customer(sees: CustomersSee) -> None:
    assert shown_to(None, sees) == shown_to(ANNA, sees) == Projection(sees)


@pytest.mark.parametrize(("sees", "listed"), [(AGENTS, {"amy", "boss"}), (COUNTS, set())])
def test_all_are_counted_and_few_are_listed(sees: CustomersSee, listed: set[str]) -> None:
    whole = status_answer(session(*PEOPLE))
    seen = status_answer(Projection(sees).session(session(*PEOPLE)))

    assert seen["users"] == {name: whole["users"][name] for name in listed}
    assert {**seen, "users": whole["users"]} == whole
    assert (seen["total_customer"], seen["total_agent"]) == (2, 2)
    assert seen["customer_connected"]
    assert seen["agent_connected"]


@pytest.mark.parametrize("sees", HIDING)
def test_of_those_who_are_not_there_nobody_is_counted(sees: CustomersSee) -> None:
    seen = status_answer(Projection(sees).session(session(ANNA)))
    assert (seen["total_customer"], seen["total_agent"], seen["agent_connected"]) == (1, 0, False)


def test_the_key_of_an_agent_does_not_say_that_a_customer_has_their_id() -> None:
    assert set(status_answer(session(ANNA, TWIN))["users"]) == {"anna", "agent:anna"}
    seen = status_answer(Projection(AGENTS).session(session(ANNA, TWIN)))
    assert list(seen["users"]) == ["anna"]
    assert seen["users"]["anna"]["user_type"] == "agent"
    assert "user_id" not in seen["users"]["anna"]


def test_who_reads_alone_is_listed_with_the_agents_but_not_where_nobody_is() -> None:
    whole = session(*PEOPLE)
    listed = {sees: Projection(sees).session(whole, ANNA) for sees in HIDING}
    assert set(status_answer(listed[AGENTS])["users"]) == {"anna", "amy", "boss"}
    assert status_answer(listed[AGENTS])["total_customer"] == 2
    assert status_answer(listed[COUNTS])["users"] == {}


@pytest.mark.parametrize(("sees", "hidden"), [(AGENTS, [ANNA]), (COUNTS, [ANNA, AMY, BOSS])])
def test_of_an_event_of_somebody_hidden_its_place_is_told(
    sees: CustomersSee, hidden: list[Person]
) -> None:
    seen = Projection(sees)
    for person in PEOPLE[:1] + PEOPLE[2:]:
        for event in events_of(person):
            told = UnknownEvent(1, AT) if person in hidden else event
            assert seen.event(event) == told
            assert seen.event(event, person) == event
            assert seen.event(event, BERT) == told


def test_what_newer_code_recorded_stays_what_it_is() -> None:
    assert Projection(COUNTS).event(UnknownEvent(1, AT)) == UnknownEvent(1, AT)


@pytest.mark.parametrize(("sees", "known"), [(AGENTS, {AMY, BOSS}), (COUNTS, set())])
def test_a_message_is_told_and_of_its_author_the_type(
    sees: CustomersSee, known: set[Person]
) -> None:
    for person in PEOPLE:
        whole = entry_data(message(person))
        told = entry_data(Projection(sees).event(message(person)))
        if person not in known:
            del whole["user_id"]
        assert told == whole
        assert told["user_type"] == person.user_type


def test_who_has_the_session_is_known_where_agents_are() -> None:
    given, free = AssignmentEvent(1, AMY, AT, BOSS), AssignmentEvent(1, None, AT, AMY)

    assert Projection(AGENTS).event(given) == given
    told = entry_data(Projection(COUNTS).event(given))
    assert (told["assignment"], told["user_type"]) == ({"user_type": "agent"}, "agent")
    assert not {"user_id", "by_user_id"} & set(told)
    told = entry_data(Projection(COUNTS).event(free))
    assert (told["assignment"], told["user_id"]) == (None, None)

    held, nobodys = session(AMY, holder=AMY), session(AMY)
    assert Projection(AGENTS).session(held).holder == AMY
    seen = status_answer(Projection(COUNTS).session(held))
    assert seen["assignment"] == {"user_type": "agent"}
    assert "assignment" not in status_answer(Projection(COUNTS).session(nobodys))


@pytest.mark.parametrize(
    ("sees", "told"),
    [
        (EVERYBODY, {ANNA: "anna", AMY: "amy"}),
        (AGENTS, {ANNA: None, AMY: "amy"}),
        (COUNTS, {ANNA: None, AMY: ""}),
    ],
)
def test_of_customers_it_is_not_told_that_they_write(
    sees: CustomersSee, told: dict[Person, str | None]
) -> None:
    seen = Projection(sees)
    for person, user_id in told.items():
        writer = seen.writer(person, BERT)
        assert (writer and writer.user_id) == user_id
        assert seen.writer(person, person) == person
    frame = data_of(typing("s1", Person(AGENT, ""), on=False, at=AT))
    assert frame == {"session_id": "s1", "user_type": "agent", "on": False}


@pytest.mark.parametrize(("sees", "listed"), [(AGENTS, {"amy"}), (COUNTS, set())])
def test_nor_who_was_there_earlier(sees: CustomersSee, listed: set[str]) -> None:
    past = Past(SessionRef(DEFAULT_TENANT, "s1"), "e1", 3, AT, {ANNA: AT, BERT: None, AMY: AT})
    assert Projection(EVERYBODY).past(past) is past

    answer = past_answer(Projection(sees).past(past, BOSS))

    assert set(answer["users"]) == listed
    assert (answer["total_customer"], answer["total_agent"]) == (2, 1)
    own = past_answer(Projection(sees).past(past, ANNA))["users"]
    assert set(own) == (listed | {"anna"} if sees is AGENTS else set())


def test_a_hidden_event_is_told_as_the_status_with_its_version() -> None:
    seen = Projection(AGENTS)
    events = [seen.event(each) for each in events_of(ANNA)]

    for _, frame in event_frames(seen.session(session(*PEOPLE)), events, 9):
        data = data_of(frame)
        assert (data["version"], data["timestamp"]) == (1, "2025-01-24T10:29:00Z")
        assert not {"event_type", "event_user_id", "event_user_type", "reason"} & set(data)
        assert not {"close_code", "evidence", "reconnected", "recovered"} & set(data)
    data = data_of(Bursts(session(), events, 0).frame(0))
    assert data["events"] == [{"timestamp": "2025-01-24T10:29:00Z", "version": 1}] * 3
    assert not {"event_type", "version"} & set(data)


def test_in_a_burst_only_the_sender_sees_whose_message_it_is() -> None:
    events = [message(ANNA, "c1", "m1"), message(BERT, "c2", "m2")]
    hidden = [Projection(AGENTS).event(each) for each in events]
    bursts = Bursts(session(), hidden, 0, events)

    def authors(reader: str | None, skip: int = 0) -> list[tuple[object, object]]:
        told = data_of(bursts.frame(skip, reader))["events"]
        return [(each.get("user_id"), each.get("client_id")) for each in told]

    assert authors(None) == [(None, None), (None, None)]
    assert authors("c1") == [("anna", "m1"), (None, None)]
    assert authors("c2") == [(None, None), ("bert", "m2")]
    assert authors("c2", skip=1) == [("bert", "m2")]
