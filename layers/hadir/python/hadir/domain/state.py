"""What a client says of its user: a flat object, shown to everyone in the session."""

import json
import math
from collections.abc import Mapping

from hadir.domain.errors import InvalidRequest

Value = str | int | float | bool | None

State = Mapping[str, Value]
"""What is shown; ``away`` is true while all open sockets of the person say so."""

LARGEST_STATE = 1024
"""Bytes of a state, as compact JSON in UTF-8."""

MOST_FIELDS = 32
LONGEST_KEY = 64

AWAY = "away"


def check_state(value: Mapping[str, object]) -> State:
    """``value``, if it is a state that may be set.

    Raises:
        InvalidRequest: ``too_large`` or ``invalid_payload``, with a sentence that says what is
            allowed and never repeats the value, which may be hostile.
    """
    state: dict[str, Value] = {}
    for key, each in value.items():
        if not 1 <= len(key) <= LONGEST_KEY:
            raise _invalid(f"keys must have 1 to {LONGEST_KEY} characters")
        if not isinstance(each, Value):
            raise _invalid("values must be texts, numbers, booleans or null")
        if isinstance(each, int | float) and not _is_finite(each):
            raise _invalid("numbers must be finite")
        state[key] = each
    if len(state) > MOST_FIELDS:
        raise _invalid(f"at most {MOST_FIELDS} keys")
    if not isinstance(state.get(AWAY, False), bool):
        raise _invalid(f"{AWAY} must be a boolean")
    try:
        written = json.dumps(state, separators=(",", ":"), ensure_ascii=False)
        size = len(written.encode())
    except UnicodeEncodeError:  # half of a surrogate pair
        raise _invalid("texts must be Unicode") from None
    if size > LARGEST_STATE:
        raise InvalidRequest("too_large", f"state must have at most {LARGEST_STATE} bytes as JSON")
    return state


def with_away(state: State, *, away: bool) -> State:
    """A state as it is shown of a person who is, or is not, away on all their sockets."""
    return {**state, AWAY: away} if away or AWAY in state else state


def _is_finite(number: float) -> bool:
    """Whether it is, in JavaScript too: there, whole numbers of 310 digits are not."""
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def _invalid(what: str) -> InvalidRequest:
    return InvalidRequest("invalid_payload", f"state: {what}")
