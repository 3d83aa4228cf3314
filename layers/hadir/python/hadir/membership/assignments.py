"""Who has a session: the agent or admin it is assigned to."""

import time
from collections.abc import Iterable, Sequence

from hadir.domain.identity import Person, SessionRef
from hadir.membership.keys import PARTITIONS, assigned_key, seen_keys
from hadir.membership.outcomes import Assigned, Attending, Listing
from hadir.membership.replies import read_assigned, read_listings
from hadir.membership.session_scripts import SessionScripts, new_token

_AT_ONCE = 200
"""People that one script looks for, so that Redis stays free for others."""


class Assignments:
    """The assignments of all sessions.

    Raises:
        MembershipUnavailable: from every method, when Redis does not answer.
    """

    def __init__(self, scripts: SessionScripts) -> None:
        self._scripts = scripts

    def assign(
        self,
        ref: SessionRef,
        user_id: str | None,
        user_type: str | None,
        *,
        by: Person,
        expected: str | None = None,
        is_paid: bool = True,
    ) -> Assigned:
        """Assign a session in which somebody is present; one round trip, atomic, may be repeated.

        Without ``expected``, that is possible if nobody has the session, or ``by`` has it.

        Args:
            user_id: of the agent or admin who is to have it, present or not; None for nobody.
            user_type: theirs; if None, that of ``by`` if the id is theirs, otherwise that of the
                agent or admin with that id who is present, otherwise agent.
            expected: the ``user_id`` of who must have it now; empty for nobody.
            is_paid: whether its posts count against the limits already.
        """
        token = new_token()
        reply = self._scripts.run(
            "assign",
            ref,
            token,
            str(by),
            user_id or "",
            user_type or "",
            "" if expected is None else "1",
            expected or "",
            "1" if is_paid else "",
        )
        return read_assigned(ref, token, by, reply)

    def now(self) -> int:
        """Milliseconds since the Unix epoch, by which a ``Listing`` is how old it is."""
        return int(self._scripts.now() or time.time_ns() // 10**6)

    def listed(self) -> list[Listing]:
        """The sessions that somebody has, in the partitions that answer; one round trip a node."""
        replies = self._scripts.run_everywhere("assigned", lambda each: [assigned_key(each)])
        return [each for _, reply in replies for each in read_listings(reply)]

    def seen(
        self, people: Iterable[tuple[str, str]], within_ms: int
    ) -> tuple[set[tuple[str, str]], bool]:
        """Which of those people are present, or were within so many milliseconds.

        That takes one round trip to each node for 200 of them.

        Args:
            people: for each their tenant, and ``user_type/user_id``.

        Returns:
            Those who were seen, and whether all partitions have answered: if not, the others may
            be present too.
        """
        everybody = sorted(people)
        found, is_whole = set[tuple[str, str]](), True
        for first in range(0, len(everybody), _AT_ONCE):
            some = everybody[first : first + _AT_ONCE]
            replies = self._scripts.run_everywhere(
                "seen", seen_keys, within_ms, *(_whereabouts(*each) for each in some)
            )
            is_whole = is_whole and len(replies) == PARTITIONS
            found.update(some[place - 1] for _, places in replies for place in places)
        return found, is_whole

    def attend(self, changes: Sequence[tuple[Listing, bool]]) -> list[Attending | None]:
        """Note that whoever has a session has gone for good, or is back; tell nobody yet.

        Args:
            changes: for each session how it was listed, and whether they have gone.

        Returns:
            What came of each; None if Redis did not do it.
        """
        replies = self._scripts.run_in_each(
            "attend",
            (
                (listing.ref, (listing.record, "1" if is_gone else "0"), ())
                for listing, is_gone in changes
            ),
        )
        return [None if isinstance(each, Exception) else Attending(each) for each in replies]


def _whereabouts(tenant: str, name: str) -> str:
    """How the index of who is present names somebody, before the session."""
    user_type, _, user_id = name.partition("/")
    return f"{tenant} {user_id} {user_type}"
