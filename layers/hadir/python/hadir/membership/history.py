"""The events of a session that are still kept."""

from hadir.domain.identity import Person, SessionRef
from hadir.domain.session import Event, Page, Session
from hadir.membership.keys import erased_key
from hadir.membership.replies import read_events, read_session
from hadir.membership.session_scripts import SessionScripts


class History:
    """The announced events of sessions.

    Every method is one round trip, atomic, and may be repeated.

    Raises:
        MembershipUnavailable: from every method, when Redis does not answer.
    """

    def __init__(self, scripts: SessionScripts) -> None:
        self._scripts = scripts

    def missed(
        self, ref: SessionRef, epoch: str, version: int, most: int
    ) -> tuple[tuple[Event, ...] | None, Session]:
        """The events after ``version``, in order, and the session as it is now.

        The events are None if there are more than ``most``, if the history does not reach back that
        far, if the client has seen events that were lost with a node, or if its epoch is not
        remembered.
        """
        missed, view = self._scripts.run("history", ref, epoch, version, most)
        session = read_session(ref, view)
        events = None if missed is None else tuple(read_events(missed, session.epoch))
        return events, session

    def page(
        self, ref: SessionRef, most: int, *, since: int = 0, before: int | None = None
    ) -> Page:
        """A page of the history that is kept.

        Args:
            most: how many events at most.
            since: return the first events after this version.
            before: if given, return the last events before this version (1 or more) instead.
        """
        last = "" if before is None else before
        epoch, version, events = self._scripts.run("page", ref, since, last, most)
        return Page(epoch, version, tuple(read_events(events, epoch)))

    def erase(self, ref: SessionRef, person: Person) -> int:
        """Erase the texts of a person's messages from the history; return the number erased."""
        return int(self._scripts.run("erase", ref, str(person), keys=[erased_key(ref)]))

    def clear(self, ref: SessionRef) -> int:
        """Delete all announced events; return how many."""
        return int(self._scripts.run("clear", ref, keys=[erased_key(ref)]))
