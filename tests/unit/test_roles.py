"""Every cell of the table."""

import pytest

from hadir.domain.errors import NotPermitted
from hadir.domain.identity import UserType
from hadir.domain.roles import ALLOWED, Action, require

FOR_ADMINS = {
    *(Action.KICK, Action.LIST_SESSIONS, Action.FIND_USER),
    *(Action.BAN, Action.ERASE, Action.POST_MESSAGE),
}
FOR_AGENTS_AND_ADMINS = {Action.ASSIGN, Action.EXPLAIN, Action.WATCH, Action.UNWATCH}

SPOKEN = {
    Action.FIND_USER: "finding people",
    Action.LIST_SESSIONS: "listing sessions",
    Action.POST_MESSAGE: "sending system messages",
}
"""What clients do not call by its name."""


def test_the_table_is_whole() -> None:
    assert set(ALLOWED) == set(Action)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("kind", UserType)
def test_who_may_do_what(kind: UserType, action: Action) -> None:
    if action in FOR_ADMINS and kind is not UserType.ADMIN:
        with pytest.raises(
            NotPermitted, match=f"^{SPOKEN.get(action, action)} is for admins only$"
        ):
            require(kind, action)
    elif action in FOR_AGENTS_AND_ADMINS and kind is UserType.CUSTOMER:
        with pytest.raises(NotPermitted, match=f"^{action} is for agents and admins only$"):
            require(kind, action)
    else:
        require(kind, action)
