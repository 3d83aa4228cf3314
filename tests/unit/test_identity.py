import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.domain.errors import InvalidIdentity
from hadir.domain.identity import Identity, UserType, check_id

ALLOWED = "ABCXYZabcxyz0189_.:@-"


@given(st.text(ALLOWED, min_size=1, max_size=128))
def test_every_id_the_contract_allows_is_taken(value: str) -> None:
    assert check_id("user_id", value) == value


@pytest.mark.parametrize(
    "value",
    ["", "x" * 129, "a b", "a\n", "{1}", "a/b", "é", "\u0430", "\u0663", None, 7, ["a"], "a\x00"],
)
def test_every_other_id_is_refused_without_being_repeated(value: object) -> None:
    with pytest.raises(InvalidIdentity, match=r"^user_id must be 1 to 128 characters"):
        check_id("user_id", value)


@pytest.mark.parametrize("kind", ["customer", "agent", "admin"])
def test_the_three_user_types(kind: str) -> None:
    assert Identity.parse("s", "u", kind).user_type is UserType(kind)


@pytest.mark.parametrize("kind", ["Customer", "", None, "root"])
def test_no_other_user_type(kind: object) -> None:
    with pytest.raises(InvalidIdentity, match="customer, agent or admin"):
        Identity.parse("s", "u", kind)
