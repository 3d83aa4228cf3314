"""Frames against the contract."""

import json
from dataclasses import replace
from typing import Any

import pytest

from hadir.domain.identity import DEFAULT_TENANT, Person, SessionRef, UserType
from hadir.domain.reasons import Departure, Evidence, Reason
from hadir.domain.session import (
    EventType,
    MessageEvent,
    Page,
    Place,
    Presence,
    PresenceEvent,
    Session,
    StateEvent,
)
from hadir.wire.frames import timestamp
from hadir.wire.updates import (
    MAX_USERS,
    assignment_now,
    error,
    event_frames,
    heartbeat_ack,
    history,
    snapshot,
    status_answer,
    totals,
)

SESSION = "550e8400-e29b-41d4-a716-446655440000"
AT = 1_737_714_540_000
CUSTOMER, AGENT, ADMINISTRATOR = UserType
ADMIN = Presence(Person(ADMINISTRATOR, "admin_456"), AT, 1)
LEFT = PresenceEvent(
    3, EventType.USER_DISCONNECTED, Person(CUSTOMER, "customer_123"), 1_737_714_600_999
)
LARGEST = 125_000
"""Bytes of a frame, a little under what API Gateway takes."""


def data_of(frame: bytes) -> dict[str, Any]:
    parsed = json.loads(frame)
    assert parsed["type"] == "connection_status_update"
    data: dict[str, Any] = parsed["data"]
    return data


def session(*people: Presence, version: int = 3) -> Session:
    return Session(SessionRef(DEFAULT_TENANT, SESSION), "e1", version, people)


def present(*names: str) -> dict[str, Any]:
    """The ``users`` map where those are who are written as ``user_type/user_id``."""
    people = [person for name in names if (person := Person.read(name))]
    here = (Presence(person, AT + place, 1) for place, person in enumerate(people))
    users: dict[str, Any] = status_answer(session(*here))["users"]
    return users


def test_the_update_is_the_frozen_one() -> None:
    ((_, frame),) = event_frames(session(ADMIN), [LEFT], 0)

    assert data_of(frame) == {
        "session_id": SESSION,
        "connection_status": {
            "users": {
                "admin_456": {
                    "user_type": "admin",
                    "connected_at": "2025-01-24T10:29:00Z",
                    "connections": 1,
                }
            },
            "customer_connected": False,
            "agent_connected": True,
            "total_customer": 0,
            "total_agent": 1,
        },
        "event_type": "user_disconnected",
        "event_user_id": "customer_123",
        "event_user_type": "customer",
        "timestamp": "2025-01-24T10:30:00Z",
        "version": 3,
        "status_version": 3,
        "epoch": "e1",
    }


def test_a_snapshot_has_no_event() -> None:
    data = data_of(snapshot(session(ADMIN), LEFT.at))

    assert not {"event_type", "event_user_id", "version", "events"} & set(data)
    assert (data["status_version"], data["timestamp"]) == (3, "2025-01-24T10:30:00Z")


def test_only_what_was_handed_out_before_is_recovered() -> None:
    later = PresenceEvent(4, EventType.USER_CONNECTED, Person(CUSTOMER, "c"), LEFT.at)

    (_, first), (_, second) = event_frames(session(ADMIN, version=4), [LEFT, later], 3)

    assert data_of(first)["recovered"] is True
    assert "recovered" not in data_of(second)


def test_a_departure_says_why_and_how_that_is_known() -> None:
    known = Departure(Reason.NETWORK_ERROR, Evidence.CLOSE_FRAME, 1006)
    unknown = Departure(Reason.UNKNOWN, Evidence.NONE)
    told = [
        PresenceEvent(version, EventType.USER_DISCONNECTED, LEFT.person, LEFT.at, departure)
        for version, departure in ((3, known), (4, unknown))
    ]

    (_, first), (_, second) = event_frames(session(ADMIN, version=4), told, 0)

    why = {"reason", "evidence", "close_code"}
    assert {name: value for name, value in data_of(first).items() if name in why} == {
        "reason": "network_error",
        "evidence": "close_frame",
        "close_code": 1006,
    }
    assert {name: value for name, value in data_of(second).items() if name in why} == {
        "reason": "unknown"
    }


def test_totals_count_people_and_admins_count_as_agents() -> None:
    known = session(
        Presence(ADMIN.person, AT, 2),
        Presence(Person(AGENT, "agent_1"), AT, 1),
        Presence(Person(CUSTOMER, "customer_1"), AT, 0),  # in grace
    )

    answer = status_answer(known)

    assert (answer["total_agent"], answer["total_customer"]) == (2, 1)
    assert answer["users"]["admin_456"]["connections"] == 2
    assert answer["users"]["admin_456"]["connected_at"] == "2025-01-24T10:29:00Z"
    assert answer["users"]["customer_1"]["connections"] == 0
    assert totals(known) == {"session_id": SESSION, "total_customer": 1, "total_agent": 2}


def test_nobody_is_an_answer_too() -> None:
    assert status_answer(Session(SessionRef(DEFAULT_TENANT, SESSION), "", 0, ())) == {
        "session_id": SESSION,
        "epoch": "",
        "version": 0,
        "users": {},
        "customer_connected": False,
        "agent_connected": False,
        "total_customer": 0,
        "total_agent": 0,
    }


def test_a_customer_and_an_agent_of_one_id_are_two_people() -> None:
    answer = status_answer(
        session(
            Presence(Person(AGENT, "42"), AT, 1), Presence(Person(CUSTOMER, "42"), AT + 1000, 2)
        )
    )

    assert answer["users"] == {
        "agent:42": {
            "user_type": "agent",
            "connected_at": "2025-01-24T10:29:00Z",
            "connections": 1,
            "user_id": "42",
        },
        "42": {
            "user_type": "customer",
            "connected_at": "2025-01-24T10:29:01Z",
            "connections": 2,
        },
    }
    assert (answer["total_customer"], answer["total_agent"]) == (1, 1)


@pytest.mark.parametrize(
    ("people", "names"),
    [
        (["customer/1"], {"1": "customer"}),
        (["admin/1"], {"1": "admin"}),
        (["admin/1", "agent/1"], {"1": "agent", "admin:1": "admin"}),
        (
            ["admin/1", "agent/1", "customer/1"],
            {"1": "customer", "agent:1": "agent", "admin:1": "admin"},
        ),
        (["agent/1", "agent/2"], {"1": "agent", "2": "agent"}),
    ],
)
def test_the_bare_id_is_the_customers_before_the_agents_before_the_admins(
    people: list[str], names: dict[str, str]
) -> None:
    for order in (people, people[::-1]):
        users = present(*order)

        assert {name: user["user_type"] for name, user in users.items()} == names
        assert {name for name, user in users.items() if "user_id" in user} == set(names) - {
            "1",
            "2",
        }


@pytest.mark.parametrize("theirs", ["customer", "agent", "admin"])
def test_an_id_that_looks_like_such_a_name_keeps_it(theirs: str) -> None:
    people = ["customer/42", "agent/42", f"{theirs}/agent:42"]
    for order in (people, people[::-1]):
        users = present(*order)

        assert users["42"]["user_type"] == "customer"
        assert users["agent:42"]["user_type"] == theirs
        assert "user_id" not in users["agent:42"]
        assert (users["agent:agent:42"]["user_type"], users["agent:agent:42"]["user_id"]) == (
            "agent",
            "42",
        )


def test_whatever_their_ids_nobody_takes_anothers_name() -> None:
    ids = ("1", "agent:1", "admin:1", "agent:agent:1", "agent:admin:1", "admin:agent:1")
    people = [f"{kind}/{user_id}" for user_id in ids for kind in UserType]

    users = present(*people)

    told = [f"{user['user_type']}/{user.get('user_id', name)}" for name, user in users.items()]
    assert told == people


@pytest.mark.parametrize("id_of", ["{:0128}", "{:04}" + "é" * 124, "{:04}" + '"\\' * 62])
@pytest.mark.parametrize("kinds", [[CUSTOMER], [CUSTOMER, AGENT]])
def test_a_crowd_fits_a_frame_and_its_totals_are_exact(id_of: str, kinds: list[UserType]) -> None:
    """The longest ids: in characters, in bytes, and in what JSON makes of them."""
    crowd = [
        Presence(Person(kind, id_of.format(n)), AT + n, 20) for n in range(1000) for kind in kinds
    ]

    ((_, frame),) = event_frames(session(*crowd), [LEFT], 0)

    data = data_of(frame)
    assert len(frame) < LARGEST
    assert data["users_truncated"] is True
    assert data["connection_status"]["total_customer"] == 1000
    users = data["connection_status"]["users"]
    assert 200 <= len(users) <= MAX_USERS
    first = {each.person.user_id for each in crowd[: len(users)]}
    assert {user.get("user_id", name) for name, user in users.items()} == first


def test_who_fits_is_listed_whole() -> None:
    crowd = [Presence(Person(CUSTOMER, f"customer_{n}"), AT + n, 1) for n in range(MAX_USERS + 1)]

    assert data_of(snapshot(session(*crowd), AT))["users_truncated"] is True
    data = data_of(snapshot(session(*crowd[1:]), AT))
    assert "users_truncated" not in data
    assert len(data["connection_status"]["users"]) == MAX_USERS


PICTURE = "https://img.example.com/a.png"


def test_what_there_is_of_name_avatar_and_state_is_shown() -> None:
    some = Presence(Person(CUSTOMER, "c"), AT, 1, "Anna", "", {"page": "/"})
    all_of_it = Presence(Person(AGENT, "c"), AT, 1, "Åsa", PICTURE, {"away": False, "n": None})

    users = status_answer(session(some, all_of_it))["users"]

    usual = {"connected_at": "2025-01-24T10:29:00Z", "connections": 1}
    assert users == {
        "c": {"user_type": "customer", **usual, "name": "Anna", "state": {"page": "/"}},
        "agent:c": {
            "user_type": "agent",
            **usual,
            "user_id": "c",
            "name": "Åsa",
            "avatar": PICTURE,
            "state": {"away": False, "n": None},
        },
    }


@pytest.mark.parametrize("text", ["x", "é", '"', "😀"])
def test_a_crowd_that_says_much_of_itself_fits_a_frame(text: str) -> None:
    room = 900 // max(len(text.encode()), len(json.dumps(text, ensure_ascii=False)) - 2)
    crowd = [
        Presence(
            Person(CUSTOMER, f"{n}"),
            AT + n,
            1,
            "漢" * 100,
            "https://a/" + "x" * 502,
            {"state": text * room},
        )
        for n in range(200)
    ]

    data = data_of(frame := snapshot(session(*crowd), AT))

    assert len(frame) < LARGEST
    assert data["users_truncated"] is True
    assert data["connection_status"]["total_customer"] == 200
    assert len(data["connection_status"]["users"]) > 45


def test_a_state_is_told_as_the_status_alone() -> None:
    told = StateEvent(4, Person(CUSTOMER, "c"), LEFT.at, {"page": "/"})

    for recovered_up_to in (0, 4):
        ((mine, others),) = event_frames(session(ADMIN, version=4), [told], recovered_up_to)

        assert mine == others
        data = data_of(others)
        shown = data.pop("connection_status")
        assert list(shown["users"]) == ["admin_456"]
        assert data == {
            "session_id": SESSION,
            "version": 4,
            "status_version": 4,
            "epoch": "e1",
            "timestamp": "2025-01-24T10:30:00Z",
        }


def test_in_the_history_a_state_says_whose_it_is() -> None:
    told = StateEvent(4, Person(CUSTOMER, "c"), LEFT.at, {"page": "/"})
    erased = StateEvent(5, Person(CUSTOMER, "c"), LEFT.at, {}, is_erased=True)

    first, second = history(SESSION, Page("e1", 5, (told, erased)))["events"]

    assert first == {
        "epoch": "e1",
        "user_id": "c",
        "user_type": "customer",
        "state": {"page": "/"},
        "version": 4,
        "timestamp": "2025-01-24T10:30:00Z",
    }
    assert second == first | {"state": {}, "version": 5, "erased": True}


def test_text_goes_out_as_utf_8_without_escapes() -> None:
    said = MessageEvent(4, Person(CUSTOMER, "Åsa"), LEFT.at, "e1", "😀" * 4000, "c1", "m1")

    ((mine, others),) = event_frames(session(ADMIN, version=4), [said], 0)

    assert "😀".encode() * 4000 in others
    assert len(others) < 4 * 4000 + 500
    assert b"\\u" not in others
    assert json.loads(others)["data"]["text"] == said.text
    assert json.loads(mine)["data"] == {**json.loads(others)["data"], "client_id": "m1"}


def test_the_small_frames() -> None:
    assert json.loads(heartbeat_ack(LEFT.at, Place("e1", 7))) == {
        "type": "heartbeat_ack",
        "data": {"server_time": "2025-01-24T10:30:00Z", "epoch": "e1", "version": 7},
    }
    assert json.loads(error("invalid_json", "no", "r1")) == {
        "type": "error",
        "data": {"code": "invalid_json", "message": "no", "request_id": "r1"},
    }
    assert json.loads(error("too_large", "no", "r1", "m1"))["data"]["client_id"] == "m1"


def test_what_an_error_has_besides_is_beside_its_code() -> None:
    data = json.loads(error("conflict", "no", "r1", details={"assigned": None}))["data"]

    assert data == {"code": "conflict", "message": "no", "request_id": "r1", "assigned": None}


def test_who_has_a_session_is_beside_its_status_and_only_then() -> None:
    held = replace(session(ADMIN), holder=Person(AGENT, "amy"))
    shown = {"user_id": "amy", "user_type": "agent"}

    for data in (data_of(snapshot(held, AT)), status_answer(held), totals(held)):
        assert data["assignment"] == shown
    for data in (data_of(snapshot(session(), AT)), status_answer(session()), totals(session())):
        assert "assignment" not in data


def test_that_nobody_has_a_session_is_told_whoever_gives_it_back_again() -> None:
    assert json.loads(assignment_now(SESSION, Place("e1", 7), None, LEFT.at)) == {
        "type": "assignment",
        "data": {
            "session_id": SESSION,
            "epoch": "e1",
            "status_version": 7,
            "timestamp": "2025-01-24T10:30:00Z",
            "user_id": None,
            "assignment": None,
        },
    }


def test_time_is_whole_seconds_in_utc() -> None:
    assert timestamp(999) == "1970-01-01T00:00:00Z"


def test_a_message_in_the_history_is_known_again() -> None:
    """By its id and its place: as in the frame that told of it."""
    said = MessageEvent(2, Person(CUSTOMER, "customer_1"), 0, "e0", "hello", "c1", "")
    came = PresenceEvent(1, EventType.USER_CONNECTED, said.person, 0)
    page = Page("e1", 2, (came, said))  # of a later epoch than the message
    ((_, frame),) = event_frames(session(version=2), [said], 0)
    told = json.loads(frame)["data"]

    joined, message = history(SESSION, page)["events"]

    assert (joined["epoch"], "id" in joined) == ("e1", False)
    assert {name: message[name] for name in ("epoch", "id", "version")} == {
        name: told[name] for name in ("epoch", "id", "version")
    }
