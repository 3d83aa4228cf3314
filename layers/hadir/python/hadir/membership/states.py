"""What people say of themselves: their states, and the names and avatars of their tokens.

In Redis both are JSON without blanks, as they are words of a record.
"""

import json
from collections.abc import Mapping

from hadir.domain.identity import SessionRef
from hadir.domain.state import AWAY, State, with_away
from hadir.membership.outcomes import Setting, StateSet
from hadir.membership.replies import read_batch, read_session
from hadir.membership.session_scripts import SessionScripts, new_token


class States:
    """The states that clients set.

    Raises:
        MembershipUnavailable: from every method, when Redis does not answer.
    """

    def __init__(self, scripts: SessionScripts) -> None:
        self._scripts = scripts

    def set(self, connection_id: str, ref: SessionRef, state: State) -> StateSet:
        """Replace the state of a connection's person; it ends when they leave.

        One round trip, atomic, and may be repeated.
        """
        token = new_token()
        outcome, claimed, view = self._scripts.run(
            "state",
            ref,
            connection_id,
            token,
            write_word(with_away(state, away=False)),
            "1" if state.get(AWAY) else "",
        )
        session = read_session(ref, view) if view else None
        return StateSet(Setting(outcome), read_batch(ref, token, claimed), session)


def write_profile(name: str, avatar: str) -> str:
    """A name and an avatar as one word; empty if there is neither."""
    both = {"name": name, "avatar": avatar} if name or avatar else {}
    return write_word({key: value for key, value in both.items() if value})


def write_word(value: Mapping[str, object]) -> str:
    """An object as one word; empty if it is empty. Equal objects are written alike."""
    if not value:
        return ""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True)
    return text.replace(" ", "\\u0020")
