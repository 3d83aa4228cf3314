"""The WebSocket is as ``docs/asyncapi.yaml`` says: each request, and each frame that is written."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, get_args

import pytest
from openapi_spec_validator import validate

from hadir.domain.errors import InvalidRequest
from hadir.domain.feeds import FeedRef, Missed, Pointer
from hadir.domain.identity import DEFAULT_TENANT, Person, SessionRef, UserType
from hadir.domain.projection import Projection
from hadir.domain.reasons import OURS, Departure, Evidence, Reason
from hadir.domain.roles import CustomersSee
from hadir.domain.session import (
    AssignmentEvent,
    Event,
    EventType,
    MessageEvent,
    Place,
    Presence,
    PresenceEvent,
    Session,
    StateEvent,
    UnknownEvent,
)
from hadir.wire.bursts import Bursts, missed_frames
from hadir.wire.feeds import feed_frames, told_of, watching
from hadir.wire.holders import person_fields
from hadir.wire.requests import Request, parse_request
from hadir.wire.updates import (
    MAX_USERS,
    assignment,
    assignment_now,
    closing,
    error,
    event_frames,
    heartbeat_ack,
    reauthorized,
    snapshot,
    typing,
)
from tests.running_gateway import ROOT
from tests.specs import ASYNCAPI, OPENAPI, nodes, properties, socket_problems

AT = 1_737_714_540_000
SCHEMAS: dict[str, Any] = ASYNCAPI["components"]["schemas"]
CUSTOMER, NAMESAKE, BOSS = (Person(kind, "42") for kind in UserType)
LEFT = PresenceEvent(2, EventType.USER_DISCONNECTED, CUSTOMER, AT)
SAID = MessageEvent(5, CUSTOMER, AT, "e1", "Hi", "c1", "m1")
SESSION = Session(
    SessionRef(DEFAULT_TENANT, "s1"),
    "e1",
    20,
    (
        Presence(CUSTOMER, AT, 1, "Anna", "https://img.example/a.png", {"away": True, "n": None}),
        Presence(NAMESAKE, AT + 1, 0),
    ),
    NAMESAKE,
)
FULL = replace(
    SESSION,
    people=tuple(
        Presence(Person(CUSTOMER.user_type, f"c{n}"), AT, 1) for n in range(MAX_USERS + 1)
    ),
    holder=BOSS,
    is_holder_gone=True,
)
EVENTS: tuple[Event, ...] = (
    PresenceEvent(1, EventType.USER_CONNECTED, CUSTOMER, AT, offline_ms=4_000),
    *(
        replace(LEFT, departure=Departure(reason, evidence, 1001))
        for reason, evidence in zip(Reason, [*Evidence, *Evidence], strict=True)
    ),
    LEFT,
    SAID,
    replace(SAID, version=6, client_id="", connection_id="", is_system=True),
    replace(SAID, version=7, text="", is_erased=True),
    StateEvent(8, CUSTOMER, AT, {"page": "/cart", "n": 1.5, "away": False}),
    StateEvent(9, CUSTOMER, AT, {}, is_erased=True),
    AssignmentEvent(10, NAMESAKE, AT, BOSS),
    AssignmentEvent(11, None, AT, NAMESAKE),
    AssignmentEvent(12, NAMESAKE, AT, None, is_gone=True),
    UnknownEvent(13, AT),
)


def shown_to_customers(sees: CustomersSee) -> tuple[Session, tuple[Event, ...]]:
    shown = Projection(sees)
    return shown.session(SESSION), tuple(shown.event(each) for each in EVENTS)


def frames() -> Iterator[bytes]:
    """Of every type, what the server writes, with all that may be in it."""
    counted = [shown_to_customers(sees) for sees in CustomersSee]
    yield snapshot(FULL, AT)
    for session, events in [(SESSION, EVENTS), *counted]:
        yield snapshot(session, AT)
        yield snapshot(session, AT, recovered=False)
        for recovered_up_to in (0, 99):
            for copies in event_frames(session, events, recovered_up_to):
                yield from copies
            yield Bursts(session, events, recovered_up_to).frame(0, "c1")
        yield from missed_frames(session, events, AT) or ()
    yield Bursts(SESSION, [SAID], 0).frame(0)
    long = [replace(SAID, version=n, text="x" * 4000) for n in range(1, 99)]
    yield from missed_frames(SESSION, long, AT) or ()

    for holder in (None, NAMESAKE, Person(NAMESAKE.user_type, "")):
        yield assignment_now("s1", Place("e1", 3), holder, AT, is_gone=bool(holder))
    taken = AssignmentEvent(3, NAMESAKE, AT, NAMESAKE)
    yield assignment("s1", "e1", taken, client_id="a1")
    yield assignment_now("s1", Place("e1", 3), NAMESAKE, AT, client_id="a1")
    for writer in (CUSTOMER, Person(NAMESAKE.user_type, "")):
        yield typing("s1", writer, on=True, at=AT)
        yield typing("s1", writer, on=False, at=AT)
    for reason in OURS | {Reason.GONE}:
        yield closing(reason.value, 0)
        yield closing(reason.value, 500, "Bye")
    yield reauthorized(AT // 1000)
    watched = {"feed": {"0": 7, "255": 2**53}, "watching": [{**place("s2"), "session_id": "s2"}]}
    yield heartbeat_ack(AT, Place("", 0))
    yield heartbeat_ack(AT, Place("e1", 3), watched)

    yield error("invalid_json", "the message is not JSON", "r1", "m1")
    yield error("conflict", "nobody has it", "r1", details={"assigned": None})
    yield error("conflict", "somebody has it", "r1", details={"assigned": person_fields(BOSS)})
    pointers = tuple(Pointer(n, "s1", each.version) for n, each in enumerate(EVENTS[-9:], 1))
    for some in (*((each,) for each in pointers), pointers, (Pointer(1, "s1", 0),)):
        missed = Missed(FeedRef(DEFAULT_TENANT, 17), 0, 9, some)
        yield from feed_frames([told_of(missed, {"s1": (SESSION, EVENTS)}, AT)])
    yield watching([SESSION, FULL], {0: 7, 255: 8}, "17.s1")
    yield watching([], {17: 8}, None, recovered=True)


def place(epoch: str) -> dict[str, Any]:
    return {"epoch": epoch, "version": 3}


@cache
def written() -> Mapping[str, list[dict[str, Any]]]:
    """The frames by their type."""
    found: dict[str, list[dict[str, Any]]] = {}
    for frame in map(json.loads, frames()):
        found.setdefault(frame["type"], []).append(frame)
    return found


def messages(operation: str, discriminator: str) -> dict[str, str]:
    """By action or type, the name of the schema."""
    named = [each["$ref"] for each in ASYNCAPI["operations"][operation]["messages"]]
    found = {}
    for ref in named:
        message = ASYNCAPI["channels"]["socket"]["messages"][ref.rpartition("/")[2]]
        schema = message["payload"]["$ref"].rpartition("/")[2]
        found[SCHEMAS[schema]["properties"][discriminator]["const"]] = schema
        assert message["name"] == SCHEMAS[schema]["properties"][discriminator]["const"]
    assert len(found) == len(named)
    return found


REQUESTS = messages("request", "action")
FRAMES = messages("frame", "type")


class TestDocuments:
    def test_openapi_is_valid(self) -> None:
        validate(OPENAPI)

    @pytest.mark.parametrize("document", [OPENAPI, ASYNCAPI], ids=["openapi", "asyncapi"])
    def test_every_reference_leads_somewhere_and_every_schema_is_used(
        self, document: dict[str, Any]
    ) -> None:
        refs = {each["$ref"] for each in nodes(document) if "$ref" in each}
        for ref in refs:
            found = document
            for part in ref.removeprefix("#/").split("/"):
                found = found[part]
        schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
        assert schemas - refs == set()

    def test_a_name_means_the_same_in_both(self) -> None:
        others = OPENAPI["components"]["schemas"]
        shared = SCHEMAS.keys() & others.keys()
        assert {"Entry", "User", "Assignment", "Id"} <= shared
        for name in shared:
            assert SCHEMAS[name] == others[name], name

    def test_nothing_stands_beside_a_reference(self) -> None:
        """Draft-07 would ignore it."""
        assert [each for each in nodes(ASYNCAPI) if "$ref" in each and len(each) > 1] == []

    def test_what_the_server_sends_may_get_more_fields(self) -> None:
        for document in (OPENAPI, ASYNCAPI):
            assert not any(each.get("additionalProperties") is False for each in nodes(document))


class TestFrames:
    def test_all_types_are_described_that_the_code_writes(self) -> None:
        code = "".join(
            each.read_text("utf-8")
            for folder in ("layers/hadir/python", "functions")
            for each in (ROOT / folder).rglob("*.py")
        )
        types = re.findall(r'write_frame\(\s*"(\w+)"|"type":"(\w+)"', code)
        assert {"".join(each) for each in types} == FRAMES.keys() == written().keys()

    @pytest.mark.parametrize("kind", FRAMES)
    def test_they_are_as_described(self, kind: str) -> None:
        for frame in written()[kind]:
            assert socket_problems(FRAMES[kind], frame) == [], frame

    @pytest.mark.parametrize("kind", FRAMES)
    def test_every_field_that_is_described_is_written(self, kind: str) -> None:
        fields = {name for frame in written()[kind] for name in frame["data"]}
        assert fields == properties(ASYNCAPI, FRAMES[kind]).keys()

    @pytest.mark.parametrize("kind", FRAMES)
    def test_none_of_the_required_fields_may_be_missing(self, kind: str) -> None:
        for frame in (written()[kind][0], written()[kind][-1]):
            data = SCHEMAS[FRAMES[kind]]["properties"]["data"]
            if "$ref" in data:
                data = SCHEMAS[data["$ref"].rpartition("/")[2]]
            for name in data["required"]:
                less = {key: value for key, value in frame["data"].items() if key != name}
                assert socket_problems(FRAMES[kind], {**frame, "data": less}), name

    def test_so_is_every_field_of_people_and_events(self) -> None:
        updates = [each["data"] for each in written()["connection_status_update"]]
        people = [each for one in updates for each in one["connection_status"]["users"].values()]
        holders = [each["assignment"] for each in updates if "assignment" in each]
        for name, all_of_them in (("User", people), ("Assignment", holders)):
            fields = {field for each in all_of_them for field in each}
            assert fields == properties(ASYNCAPI, name).keys(), name
        entries = [entry for each in updates for entry in each.get("events", ())]
        described = [each["$ref"].rpartition("/")[2] for each in SCHEMAS["Entry"]["anyOf"]]
        seen: dict[str, set[str]] = {name: set() for name in described}
        for entry in entries:
            (kind,) = [name for name in described if not socket_problems(name, entry)]
            seen[kind] |= entry.keys()
        for name in described:
            assert seen[name] == properties(ASYNCAPI, name).keys() - {"epoch"}, name

    @pytest.mark.parametrize(
        ("name", "values"),
        [
            ("Reason", Reason),
            ("Evidence", set(Evidence) - {Evidence.NONE}),
            ("UserType", UserType),
            ("EventType", EventType),
        ],
    )
    def test_values_are_those_that_there_are(self, name: str, values: Any) -> None:
        assert set(SCHEMAS[name]["enum"]) == {each.value for each in values}

    def test_the_codes_of_errors_are_those_that_there_are(self) -> None:
        code = "".join(
            each.read_text("utf-8")
            for each in (ROOT / "layers/hadir/python/hadir").rglob("*.py")
            if each.name not in ("queries.py", "bodies.py")  # they are REST's
        )
        codes = set(re.findall(r'InvalidRequest\(\s*"(\w+)"', code))
        assert codes == set(properties(ASYNCAPI, "ErrorFrame")["code"]["enum"])


GOOD: list[dict[str, Any]] = [
    {"action": "heartbeat"},
    {"action": "sync"},
    {"action": "sync", "since": {"epoch": "e" * 64, "version": 2**53}},
    {"action": "message", "text": "x" * 4000, "client_id": "i" * 128},
    {"action": "typing", "on": False},
    {"action": "set_state", "state": {}},
    {"action": "set_state", "state": {"k" * 64: "x", "n": 1.5, "z": None, "away": True}},
    {"action": "set_state", "state": {str(n): n for n in range(32)}},
    {"action": "reauthorize", "token": "t" * 4096},
    {"action": "kick", "user_id": "auth0|5f"},
    {"action": "kick", "user_id": "42", "user_type": "agent", "reason": "x" * 200},
    {"action": "assign", "user_id": None},
    {"action": "assign", "user_id": "a", "user_type": "admin", "session_id": "s", "expect": None},
    {"action": "assign", "user_id": "a", "expect": "b"},
    {"action": "assign", "client_id": "i" * 128},
    {"action": "watch", "session_id": "s1", "since": {"epoch": "e1", "version": 0}},
    {"action": "watch", "all": True, "position": {"0": 0, "9": 1, "99": 2, "255": 2**53}},
    {"action": "watch", "all": True, "next": "x" * 200, "client_id": "i" * 128},
    {"action": "unwatch", "session_id": "s1"},
    {"action": "unwatch", "all": True},
]
NO_IDS: tuple[Any, ...] = ("", "a b", "a{", "a}", "\ufffd", "i" * 129)
NO_STATES: tuple[Any, ...] = ([], {"": 1}, {"k" * 65: 1}, {"a": {}}, {"a": []}, {"away": 1})
BAD: list[dict[str, Any]] = [
    {"action": "heartbeats"},
    {"action": "sync", "since": {"epoch": "", "version": 1}},
    {"action": "sync", "since": {"epoch": "e" * 65, "version": 1}},
    {"action": "sync", "since": {"epoch": "e1", "version": -1}},
    {"action": "sync", "since": {"epoch": "e1", "version": 2**53 + 1}},
    {"action": "sync", "since": {"epoch": "e1"}},
    {"action": "message"},
    {"action": "message", "text": ""},
    {"action": "message", "text": "x" * 4001},
    *({"action": "message", "text": "x", "client_id": each} for each in NO_IDS),
    {"action": "typing"},
    {"action": "typing", "on": "yes"},
    {"action": "set_state"},
    *({"action": "set_state", "state": each} for each in NO_STATES),
    {"action": "set_state", "state": {str(n): n for n in range(33)}},
    {"action": "reauthorize", "token": ""},
    {"action": "reauthorize", "token": "t" * 4097},
    {"action": "kick", "user_type": "agent"},
    {"action": "kick", "user_id": "42", "user_type": "boss"},
    {"action": "kick", "user_id": "42", "reason": ""},
    {"action": "kick", "user_id": "42", "reason": "x" * 201},
    {"action": "assign", "user_id": ""},
    {"action": "assign", "user_id": "a", "client_id": "i" * 129},
    {"action": "assign", "user_id": "a", "user_type": "customer"},
    {"action": "assign", "user_id": "a", "session_id": "a b"},
    {"action": "assign", "user_id": "a", "expect": 1},
    *({"action": action} for action in ("watch", "unwatch")),
    *({"action": action, "session_id": "s", "all": True} for action in ("watch", "unwatch")),
    *({"action": action, "all": False} for action in ("watch", "unwatch")),
    *({"action": "watch", "all": True, "position": {feed: 1}} for feed in ("256", "01", "-1", "x")),
    {"action": "watch", "all": True, "position": {"1": -1}},
    {"action": "watch", "all": True, "next": "x" * 201},
]


def action_of(model: Any) -> Any:
    (action,) = get_args(model.model_fields["action"].annotation)
    return action


class TestRequests:
    def test_the_actions_are_those_that_there_are(self) -> None:
        assert {action_of(model) for model in get_args(Request)} == REQUESTS.keys()

    @pytest.mark.parametrize("model", get_args(Request), ids=lambda each: each.__name__)
    def test_their_fields_are_those_that_are_read(self, model: Any) -> None:
        schema = SCHEMAS[REQUESTS[action_of(model)]]
        assert schema["properties"].keys() == model.model_fields.keys()
        needed = {name for name, field in model.model_fields.items() if field.is_required()}
        assert set(schema["required"]) == needed

    @pytest.mark.parametrize("request_", GOOD, ids=lambda each: json.dumps(each)[:60])
    def test_what_is_described_is_read(self, request_: dict[str, Any]) -> None:
        assert socket_problems(REQUESTS[request_["action"]], request_) == []
        parse_request(json.dumps(request_))

    @pytest.mark.parametrize("request_", BAD, ids=lambda each: json.dumps(each)[:60])
    def test_what_is_refused_is_not_described(self, request_: dict[str, Any]) -> None:
        name = REQUESTS.get(request_["action"])
        assert name is None or socket_problems(name, request_) != []
        with pytest.raises(InvalidRequest):
            parse_request(json.dumps(request_))

    def test_there_is_one_of_each(self) -> None:
        fields: dict[str, set[str]] = {}
        for each in GOOD:
            fields.setdefault(REQUESTS[each["action"]], set()).update(each)
        assert fields == {name: {*SCHEMAS[name]["properties"]} for name in REQUESTS.values()}
