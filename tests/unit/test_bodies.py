"""Bodies of REST requests: what is in the contract, and a sentence for all else."""

import json
from typing import Any

import pytest

from hadir.domain.bans import LONGEST_BAN_SECONDS, Ban, Banned
from hadir.domain.errors import InvalidIdentity, InvalidRequest
from hadir.domain.identity import Person, UserType
from hadir.wire.bodies import read_ban

ADMIN = Person(UserType.ADMIN, "admin_1")
CUSTOMER = Person(UserType.CUSTOMER, "c1")
NOW = 1_800_000_000_000
C1 = {"user_type": "customer", "user_id": "c1"}


def banned(**fields: Any) -> Ban:
    return read_ban(json.dumps({**C1, **fields}), ADMIN, NOW)


@pytest.mark.parametrize(
    ("fields", "until"),
    [
        ({"seconds": 60}, NOW + 60_000),
        ({"seconds": LONGEST_BAN_SECONDS}, NOW + 1000 * LONGEST_BAN_SECONDS),
        ({"until": "2027-01-15T08:00:01Z"}, NOW + 1000),
        ({"until": "2027-01-15t09:00:01+01:00"}, NOW + 1000),
    ],
)
def test_a_ban_lasts_for_a_time_or_until_one(fields: dict[str, Any], until: int) -> None:
    assert banned(**fields) == Ban(Banned(CUSTOMER), until, ADMIN)


def test_a_ban_may_be_of_one_session_and_have_a_reason() -> None:
    made = banned(seconds=1, session_id="s1", reason="é")

    assert made == Ban(Banned(CUSTOMER, "s1"), NOW + 1000, ADMIN, "é")


SECONDS: list[Any] = [0, -1, 1.5, True, "1", LONGEST_BAN_SECONDS + 1, []]
TIMES: list[Any] = ["", "soon", 1, [], {}, "2027-01-15", "20270115T08"]
REASONS: list[Any] = ["", "x" * 201, 1, ["x"], "\ud800"]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"seconds": 1, "until": "2027-01-15T08:00:01Z"},
        *({"seconds": each} for each in SECONDS),
        *({"until": each} for each in TIMES),
        {"until": "2027-01-15T08:00:01"},  # of which zone?
        {"until": "2027-01-15T08:00:00Z"},  # now is not in the future
        {"until": "2038-01-15T08:00:00Z"},
        {"until": "0001-01-01T00:00:00+23:59"},
        *({"seconds": 1, "reason": each} for each in REASONS),
    ],
)
def test_what_no_ban_can_be_is_named(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        banned(**fields)
    assert refused.value.code == "invalid_request"


@pytest.mark.parametrize(
    "fields",
    [{"user_id": None}, {"user_id": "a b"}, {"user_type": "boss"}, {"session_id": ""}],
)
def test_nobody_and_nowhere_are_named(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidIdentity):
        banned(**{"seconds": 1, **fields})


@pytest.mark.parametrize("body", [None, "", "[]", "1", "{", '"x"', "[" * 100_000, "\ud800"])
def test_what_is_no_object_is_refused(body: str | None) -> None:
    with pytest.raises(InvalidRequest, match="must be an object"):
        read_ban(body, ADMIN, NOW)
