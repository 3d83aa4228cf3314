import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.domain.errors import InvalidRequest
from hadir.wire.requests import Heartbeat, parse_request


def test_a_heartbeat() -> None:
    assert parse_request('{"action": "heartbeat", "extra": 1}') == Heartbeat(action="heartbeat")


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
        ("{}", "invalid_payload"),
        ('{"action": 1}', "invalid_payload"),
        ('{"action": "fly"}', "unknown_action"),
        ('{"action": "$connect"}', "unknown_action"),
    ],
)
def test_everything_else_has_its_code(body: str | None, code: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_request(body)
    assert refused.value.code == code


@given(st.text())
def test_no_text_does_anything_else(body: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_request(body)
