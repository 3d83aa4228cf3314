"""What a customer, an agent and an admin may do, and whom customers may see.

Handlers check what somebody may do; nothing else is allowed.
"""

from enum import StrEnum

from hadir.domain.errors import NotPermitted
from hadir.domain.identity import Person, UserType


class Action(StrEnum):
    """The actions that clients may ask for, over a socket or by REST."""

    HEARTBEAT = "heartbeat"
    SYNC = "sync"
    MESSAGE = "message"
    TYPING = "typing"
    REAUTHORIZE = "reauthorize"
    SET_STATE = "set_state"
    READ_STATUS = "read_status"
    READ_EVENTS = "read_events"
    KICK = "kick"
    LIST_SESSIONS = "list_sessions"
    FIND_USER = "find_user"
    BAN = "ban"
    ERASE = "erase"
    POST_MESSAGE = "post_message"
    EXPLAIN = "explain"
    WATCH = "watch"
    UNWATCH = "unwatch"
    ASSIGN = "assign"


_EVERYBODY = frozenset(UserType)
_STAFF = frozenset(kind for kind in UserType if kind.is_staff)
_ADMINS = frozenset({UserType.ADMIN})

ALLOWED = {
    Action.HEARTBEAT: _EVERYBODY,
    Action.SYNC: _EVERYBODY,
    Action.MESSAGE: _EVERYBODY,
    Action.TYPING: _EVERYBODY,
    Action.REAUTHORIZE: _EVERYBODY,
    Action.SET_STATE: _EVERYBODY,
    Action.READ_STATUS: _EVERYBODY,
    Action.READ_EVENTS: _EVERYBODY,
    Action.KICK: _ADMINS,
    Action.LIST_SESSIONS: _ADMINS,
    Action.FIND_USER: _ADMINS,
    Action.BAN: _ADMINS,
    Action.ERASE: _ADMINS,
    Action.POST_MESSAGE: _ADMINS,
    Action.EXPLAIN: _STAFF,
    Action.WATCH: _STAFF,
    Action.UNWATCH: _STAFF,
    Action.ASSIGN: _STAFF,
}
"""Who may do what, and only in the sessions of their tenant that their token is for."""


_SPOKEN = {
    Action.FIND_USER: "finding people",
    Action.LIST_SESSIONS: "listing sessions",
    Action.POST_MESSAGE: "sending system messages",
}
"""How a refusal says what clients do not call by its name."""


class CustomersSee(StrEnum):
    """Whom customers may see."""

    EVERYBODY = "everybody"
    AGENTS = "agents"
    """Agents and admins, and how many customers there are."""
    COUNTS = "counts"
    """Only how many there are."""

    def limits(self, reader: Person | None) -> bool:
        """Whether ``reader`` may see less than everybody; None: it is not known who reads."""
        is_staff = reader is not None and reader.user_type.is_staff
        return self is not CustomersSee.EVERYBODY and not is_staff


def require(user_type: UserType, action: Action) -> None:
    """Return if a user of that type may do that.

    Raises:
        NotPermitted: they may not.
    """
    if user_type not in ALLOWED[action]:
        allowed = " and ".join(f"{kind}s" for kind in UserType if kind in ALLOWED[action])
        raise NotPermitted(f"{_SPOKEN.get(action, action)} is for {allowed} only")
