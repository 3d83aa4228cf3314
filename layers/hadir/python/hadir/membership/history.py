"""What happened in a session, as far as that is kept."""

from hadir.domain.identity import Person, SessionRef
from hadir.domain.session import Event, Page, Session
from hadir.membership.replies import read_events, read_session
from hadir.membership.session_scripts import SessionScripts


class History:
    """The events of sessions that everyone has been told.

    Every method is one round trip, atomic, and may be repeated.

    Raises:
        MembershipUnavailable: from every method, when Redis does not answer.
    """

    def __init__(self, scripts: SessionScripts) -> None:
        self._scripts = scripts

    def missed(
        self, ref: SessionRef, epoch: str, version: int, most: int
    ) -> tuple[tuple[Event, ...] | None, Session]:
        """What came after ``version``, in order, and the session now.

        Events are None when there are more than ``most``, the history does not reach back that far,
        or the client has seen what was lost with a node, or knows another session altogether.
        """
        missed, view = self._scripts.run("history", ref, epoch, version, most)
        events = None if missed is None else tuple(read_events(missed))
        return events, read_session(ref, view)

    def page(
        self, ref: SessionRef, most: int, *, since: int = 0, before: int | None = None
    ) -> Page:
        """A part of the history, as far as that reaches back.

        Args:
            most: events at most.
            since: the first events after that version.
            before: the last events before that version, from 1, instead.
        """
        last = "" if before is None else before
        epoch, version, events = self._scripts.run("page", ref, since, last, most)
        return Page(epoch, version, tuple(read_events(events)))

    def erase(self, ref: SessionRef, person: Person) -> int:
        """Take the texts of somebody's messages out of the history; of how many."""
        return int(self._scripts.run("erase", ref, str(person)))

    def clear(self, ref: SessionRef) -> int:
        """Take all out of the history that everyone has been told; how many events."""
        return int(self._scripts.run("clear", ref))
