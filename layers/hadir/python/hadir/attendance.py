"""Sees to it that nobody waits for an agent who has gone for good.

A session may be assigned to somebody who is present in it, or only elsewhere, as one who watches
all sessions from a console. They have gone for good if they are present in no session of the
tenant, and left the last one more than 30 s ago. No script on one session sees that, as their other
sessions are in other partitions; so the sweep does.

All assigned sessions are read in one round trip, and where their people are in another. Only a
session where something has changed is written to. It may stop at any point, run twice at once, or
be repeated: what was recorded is pending, and the rest is seen by the next sweep.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hadir.domain.deadline import Deadline
from hadir.membership.assignments import Assignments
from hadir.membership.outcomes import Attending, Listing

WINDOW_MS = 30_000
"""Who is back within it has not gone for good: the reconnect window of ``people.lua``. Whoever is
assigned without being anywhere has as long to come."""

_AGE_MS = 86_400_000
"""An entry as old as this is looked after, as its session may have been forgotten meanwhile."""

_AT_ONCE = 500
"""Sessions written to in one round trip."""

_STOPPING_SECONDS = 6.0
"""Nothing new is begun with less time left than this."""

_MOST = 5000
"""Sessions written to in one sweep, so that it goes on to what else is due."""


@dataclass(slots=True)
class Attended:
    """What was found, and done.

    Attributes:
        sessions: how many somebody has.
        unattended: of how many of them whoever has them has gone for good.
        told: in how many of them that has changed, so that an event is pending.
        failed: how many Redis could not see to, and if not all of it answered, how many may be
            without anybody; they are seen to by a later sweep.
        unfinished: how many were left for the next sweep.
    """

    sessions: int = 0
    unattended: int = 0
    told: int = 0
    failed: int = 0
    unfinished: int = 0

    def __str__(self) -> str:
        """What there is to say; empty if that is nothing."""
        counts = {"told": self.told, "failed": self.failed, "unfinished": self.unfinished}
        return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


class Attendance:
    """Notes in assigned sessions who has gone for good, and who is back."""

    def __init__(self, assignments: Assignments) -> None:
        self._assignments = assignments

    def note(self, deadline: Deadline) -> Attended:
        """Look after all assigned sessions; the sweep announces what is pending then.

        Raises:
            MembershipUnavailable: Redis does not answer; the next sweep does it.
        """
        listed = self._assignments.listed()
        if not listed:
            return Attended()
        people = {(each.ref.tenant, each.name) for each in listed}
        seen, is_whole = self._assignments.seen(people, WINDOW_MS)
        now, done = self._assignments.now(), Attended(len(listed))
        changes: list[tuple[Listing, bool]] = []
        for each in listed:
            is_missed = (each.ref.tenant, each.name) not in seen
            if is_missed and not is_whole:  # perhaps they are where Redis did not answer
                done.failed += not each.is_gone
                done.unattended += each.is_gone
                continue
            is_gone = is_missed and (each.is_gone or now - each.at >= WINDOW_MS)
            done.unattended += is_gone
            if is_gone != each.is_gone or now - each.at >= _AGE_MS:
                changes.append((each, is_gone))
        self._attend(changes, done, deadline)
        return done

    def _attend(
        self, changes: Sequence[tuple[Listing, bool]], done: Attended, deadline: Deadline
    ) -> None:
        for first in range(0, len(changes), _AT_ONCE):
            if first >= _MOST or deadline.seconds_left < _STOPPING_SECONDS:
                done.unfinished = len(changes) - first
                return
            outcomes = self._assignments.attend(changes[first : first + _AT_ONCE])
            done.told += outcomes.count(Attending.TOLD)
            done.failed += outcomes.count(None)
