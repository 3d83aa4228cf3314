import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.domain.errors import InvalidRequest
from hadir.wire.requests import (
    Heartbeat,
    Message,
    Position,
    Sync,
    Typing,
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
        ({"action": "typing", "on": False}, Typing(action="typing", on=False)),
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
        ('{"action": "typing"}', "invalid_payload"),
        ('{"action": "typing", "on": "yes"}', "invalid_payload"),
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


@pytest.mark.parametrize(
    ("body", "client_id"),
    [
        ('{"action": "message", "text": "hi", "client_id": "m-1"}', "m-1"),
        ('{"action": "message", "text": 7, "client_id": "m-1"}', "m-1"),
        ('{"action": "message", "client_id": "m-1"}', "m-1"),
        ('{"action": "message", "text": "hi"}', None),
        ('{"action": "message", "text": "hi", "client_id": null}', None),
        ('{"action": "message", "text": "hi", "client_id": "<b>"}', None),
        ('{"action": "message", "text": "hi", "client_id": 7}', None),
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


@given(
    st.fixed_dictionaries(
        {"action": st.sampled_from(["heartbeat", "sync", "message", "typing"])},
        optional={"text": JSON, "since": JSON, "on": JSON, "client_id": JSON},
    )
)
def test_any_fields_are_taken_or_refused(body: object) -> None:
    with contextlib.suppress(InvalidRequest):
        parse_request(json.dumps(body))
