import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.domain.errors import InvalidRequest
from hadir.domain.identity import UserType
from hadir.domain.roles import Action
from hadir.wire.requests import (
    Assign,
    Heartbeat,
    Kick,
    Message,
    Position,
    SetState,
    Sync,
    Typing,
    Unwatch,
    Watch,
    client_id_of,
    parse_request,
)


@pytest.mark.parametrize(
    ("body", "request_"),
    [
        ({"action": "heartbeat", "extra": 1}, Heartbeat(action="heartbeat")),
        ({"action": "sync"}, Sync(action="sync")),
        (
            {"action": "sync", "since": {"epoch": "e1", "version": 0}},
            Sync(action="sync", since=Position(epoch="e1", version=0)),
        ),
        ({"action": "message", "text": "x" * 4000}, Message(action="message", text="x" * 4000)),
        (
            {"action": "message", "text": "hi", "client_id": "m-1"},
            Message(action="message", text="hi", client_id="m-1"),
        ),
        (
            {"action": "message", "text": "hi", "client_id": "cafe\u0301|1"},
            Message(action="message", text="hi", client_id="caf\u00e9|1"),
        ),
        ({"action": "typing", "on": False}, Typing(action="typing", on=False)),
        (
            {"action": "set_state", "state": {"a": "x", "b": 1, "c": 1.5, "d": True, "e": None}},
            SetState(action="set_state", state={"a": "x", "b": 1, "c": 1.5, "d": True, "e": None}),
        ),
        ({"action": "set_state", "state": {}}, SetState(action="set_state", state={})),
        (
            {"action": "set_state", "state": {"n": 2**1023}},
            SetState(action="set_state", state={"n": 2**1023}),
        ),
        ({"action": "unwatch", "all": True}, Unwatch(action="unwatch", all=True)),
        (
            {"action": "watch", "session_id": "s", "all": None},
            Watch(action="watch", session_id="s"),
        ),
        (
            {"action": "set_state", "state": {"k" * 64: "x" * 948}},
            SetState(action="set_state", state={"k" * 64: "x" * 948}),
        ),
        ({"action": "kick", "user_id": "auth0|5f"}, Kick(action="kick", user_id="auth0|5f")),
        ({"action": "kick", "user_id": "cafe\u0301"}, Kick(action="kick", user_id="caf\u00e9")),
        (
            {"action": "kick", "user_id": "42", "user_type": "agent", "reason": "bye"},
            Kick(action="kick", user_id="42", user_type=UserType.AGENT, reason="bye"),
        ),
        (
            {"action": "kick", "user_id": "42", "user_type": None},
            Kick(action="kick", user_id="42", user_type=None),
        ),
        ({"action": "assign", "user_id": None}, Assign(action="assign", user_id=None)),
        ({"action": "assign", "client_id": "a"}, Assign(action="assign", client_id="a")),
        (
            {"action": "assign", "user_id": "cafe\u0301", "user_type": "admin", "session_id": "s"},
            Assign(action="assign", user_id="caf\u00e9", user_type="admin", session_id="s"),
        ),
    ],
)
def test_what_the_contract_knows(body: object, request_: object) -> None:
    assert parse_request(json.dumps(body)) == request_


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("hello", "invalid_json"),
        ("", "invalid_json"),
        (None, "invalid_json"),
        ("{", "invalid_json"),
        ("[" * 100_000, "invalid_json"),
        ("[]", "invalid_payload"),
        ("7", "invalid_payload"),
        ("null", "invalid_payload"),
        ("{}", "invalid_payload"),
        ('{"action": 1}', "unknown_action"),
        ('{"action": "fly"}', "unknown_action"),
        ('{"action": "$connect"}', "unknown_action"),
        ('{"action": "message"}', "invalid_payload"),
        ('{"action": "message", "text": ""}', "invalid_payload"),
        ('{"action": "message", "text": 7}', "invalid_payload"),
        (json.dumps({"action": "message", "text": "x" * 4001}), "too_large"),
        ('{"action": "message", "text": "x", "client_id": "a b"}', "invalid_payload"),
        ('{"action": "message", "text": "x", "client_id": "a\\n"}', "invalid_payload"),
        ('{"action": "message", "text": "x", "client_id": "{a}"}', "invalid_payload"),
        ('{"action": "message", "text": "x", "client_id": "a\\u200b"}', "invalid_payload"),
        ('{"action": "message", "text": "x", "client_id": "\\ud800"}', "invalid_json"),
        (json.dumps({"action": "message", "text": "x", "client_id": "é" * 129}), "invalid_payload"),
        ('{"action": "kick"}', "invalid_payload"),
        ('{"action": "kick", "user_id": "a b"}', "invalid_payload"),
        ('{"action": "kick", "user_id": 42}', "invalid_payload"),
        ('{"action": "kick", "user_id": ""}', "invalid_payload"),
        ('{"action": "kick", "user_id": "42", "user_type": "root"}', "invalid_payload"),
        ('{"action": "kick", "user_id": "42", "user_type": 7}', "invalid_payload"),
        ('{"action": "kick", "user_id": "42", "reason": ""}', "invalid_payload"),
        ('{"action": "assign", "user_id": "42", "client_id": "a b"}', "invalid_payload"),
        ('{"action": "watch", "all": true, "client_id": 7}', "invalid_payload"),
        ('{"action": "assign", "user_id": ""}', "invalid_payload"),
        ('{"action": "assign", "user_id": 42}', "invalid_payload"),
        ('{"action": "assign", "user_id": "42", "user_type": "customer"}', "invalid_payload"),
        ('{"action": "assign", "user_id": "42", "expect": ""}', "invalid_payload"),
        ('{"action": "assign", "user_id": "42", "expect": ["a"]}', "invalid_payload"),
        ('{"action": "assign", "user_id": "42", "session_id": "a b"}', "invalid_payload"),
        ('{"action": "typing"}', "invalid_payload"),
        ('{"action": "typing", "on": "yes"}', "invalid_payload"),
        ('{"action": "typing", "on": 1}', "invalid_payload"),
        *(
            (json.dumps({"action": action, **fields}), "invalid_payload")
            for action in ("watch", "unwatch")
            for fields in (
                *({}, {"all": 1}, {"all": 1.0}, {"all": "true"}, {"all": False}, {"all": None}),
                *({"all": False, "session_id": "s"}, {"all": True, "session_id": "s"}),
            )
        ),
        *(
            (json.dumps({"action": "watch", "all": True, "position": {key: 1}}), "invalid_payload")
            for key in (
                *("", "x", "-1", "-0", "+5", " 5", "5\n", "05", "5.0", "5e0", "1_0"),
                *("256", "300", "1000", "\u0665"),
            )
        ),
        *(
            (json.dumps({"action": "watch", "all": True, "position": {"5": at}}), "invalid_payload")
            for at in (1.0, True, "1", None, -1, 2**53 + 1)
        ),
        ('{"action": "set_state"}', "invalid_payload"),
        ('{"action": "set_state", "state": null}', "invalid_payload"),
        ('{"action": "set_state", "state": []}', "invalid_payload"),
        ('{"action": "set_state", "state": {"a": []}}', "invalid_payload"),
        ('{"action": "set_state", "state": {"a": {}}}', "invalid_payload"),
        ('{"action": "set_state", "state": {"": 1}}', "invalid_payload"),
        ('{"action": "set_state", "state": {"a": NaN}}', "invalid_payload"),
        ('{"action": "set_state", "state": {"a": 1e999}}', "invalid_payload"),
        ('{"action": "set_state", "state": {"a": "\\ud800"}}', "invalid_json"),
        ('{"action": "set_state", "state": {"away": "yes"}}', "invalid_payload"),
        ('{"action": "set_state", "state": {"away": 1}}', "invalid_payload"),
        ('{"action": "set_state", "state": {"away": null}}', "invalid_payload"),
        (json.dumps({"action": "set_state", "state": {"k" * 65: 1}}), "invalid_payload"),
        (
            json.dumps({"action": "set_state", "state": dict.fromkeys(map(str, range(33)), 1)}),
            "invalid_payload",
        ),
        (json.dumps({"action": "set_state", "state": {"k" * 64: "x" * 954}}), "too_large"),
        (json.dumps({"action": "set_state", "state": {"k": "é" * 509}}), "too_large"),
        ('{"action": "set_state", "state": {"a": -1e999}}', "invalid_payload"),
        (json.dumps({"action": "set_state", "state": {"k": 10**1100}}), "invalid_payload"),
        (json.dumps({"action": "set_state", "state": {"k": 10**401}}), "invalid_payload"),
        (json.dumps({"action": "set_state", "state": {"k": -(2**1024)}}), "invalid_payload"),
        ('{"action": "sync", "since": 7}', "invalid_payload"),
        ('{"action": "sync", "since": {"epoch": "e", "version": -1}}', "invalid_payload"),
        ('{"action": "sync", "since": {"epoch": "e", "version": 1.5}}', "invalid_payload"),
    ],
)
def test_everything_else_has_its_code(body: str | None, code: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_request(body)
    assert refused.value.code == code
    assert str(refused.value)


@pytest.mark.parametrize("state", [{"<hostile >": []}, {"<hostile >": 1e999}, {"away": "<hostile"}])
def test_a_refused_state_is_named_and_not_repeated(state: object) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_request(json.dumps({"action": "set_state", "state": state}))

    assert str(refused.value).startswith("state: ")
    assert "hostile" not in str(refused.value)


def test_feeds_are_numbers() -> None:
    body = {"action": "watch", "all": True, "position": {"0": 0, "10": 2**53, "255": 1}}
    request = parse_request(json.dumps(body))

    assert isinstance(request, Watch)
    assert request.position == {0: 0, 10: 2**53, 255: 1}


def test_a_refused_feed_is_not_repeated() -> None:
    body = {"action": "watch", "all": True, "position": {"<hostile >": 1}}
    with pytest.raises(InvalidRequest) as refused:
        parse_request(json.dumps(body))

    assert str(refused.value) == "position: its keys must be numbers of feeds, from 0 to 255"


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "9" * 401, "9" * 1100])
def test_numbers_that_are_infinite_in_javascript_are_called_so(number: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_request(f'{{"action": "set_state", "state": {{"a": {number}}}}}')

    assert str(refused.value) == "state: numbers must be finite"


def test_a_state_is_measured_as_compact_json_in_utf_8() -> None:
    def body(text: str) -> str:
        return json.dumps({"action": "set_state", "state": {"k": text}}, indent=8)

    largest = "é" * 508  # with 8 bytes around it

    assert parse_request(body(largest))
    with pytest.raises(InvalidRequest) as refused:
        parse_request(body(f"{largest}x"))
    assert (refused.value.code, str(refused.value)) == (
        "too_large",
        "state must have at most 1024 bytes as JSON",
    )


@pytest.mark.parametrize(
    ("fields", "expected"), [({}, None), ({"expect": None}, ""), ({"expect": "amy"}, "amy")]
)
def test_that_nobody_is_expected_is_not_that_nothing_is(
    fields: dict[str, object], expected: str | None
) -> None:
    request = parse_request(json.dumps({"action": "assign", "user_id": "ben", **fields}))

    assert isinstance(request, Assign)
    assert request.expected == expected


@pytest.mark.parametrize(("fields", "is_sender"), [({}, True), ({"user_id": None}, False)])
def test_that_nobody_is_to_have_it_is_not_that_the_sender_is(
    fields: dict[str, object], *, is_sender: bool
) -> None:
    request = parse_request(json.dumps({"action": "assign", **fields}))

    assert isinstance(request, Assign)
    assert request.is_for_sender == is_sender


@pytest.mark.parametrize("field", ["client_id", "user_id"])
def test_a_refused_id_is_named_and_not_repeated(field: str) -> None:
    action = "kick" if field == "user_id" else "message"
    with pytest.raises(InvalidRequest) as refused:
        parse_request(json.dumps({"action": action, "text": "hi", field: "<hostile >"}))

    assert str(refused.value).startswith(f"{field}: ")
    assert "must be 1 to 128 printable characters" in str(refused.value)
    assert "hostile" not in str(refused.value)


@pytest.mark.parametrize(
    ("body", "client_id"),
    [
        ('{"action": "message", "text": "hi", "client_id": "m-1"}', "m-1"),
        ('{"action": "message", "text": 7, "client_id": "m-1"}', "m-1"),
        ('{"action": "message", "client_id": "m-1"}', "m-1"),
        ('{"action": "message", "text": "hi"}', None),
        ('{"action": "message", "text": "hi", "client_id": null}', None),
        ('{"action": "message", "text": "hi", "client_id": "<b>"}', "<b>"),
        ('{"action": "message", "text": "hi", "client_id": "e\\u0301"}', "é"),
        ('{"action": "message", "text": "hi", "client_id": "a b"}', None),
        ('{"action": "message", "text": "hi", "client_id": 7}', None),
        ('{"action": "assign", "user_id": 7, "client_id": "a-1"}', "a-1"),
        ('{"action": "watch", "client_id": "w-1"}', "w-1"),
        ('{"action": "typing", "on": 1, "client_id": "m-1"}', None),
        ('"message"', None),
        ("[" * 100_000, None),
        ("{", None),
        ("", None),
        (None, None),
    ],
)
def test_which_message_is_refused(body: str | None, client_id: str | None) -> None:
    assert client_id_of(body) == client_id


@given(st.text())
def test_no_text_does_anything_else(body: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_request(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
FIELDS = (
    *("state", "text", "since", "on", "client_id", "user_id", "user_type", "reason"),
    *("session_id", "expect", "all", "position", "next"),
)


@given(
    st.fixed_dictionaries(
        {"action": st.sampled_from([each.value for each in Action])},
        optional=dict.fromkeys(FIELDS, JSON),
    )
)
def test_any_fields_are_taken_or_refused(body: object) -> None:
    with contextlib.suppress(InvalidRequest):
        parse_request(json.dumps(body))
