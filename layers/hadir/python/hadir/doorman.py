"""Closes sockets: tells the client why, and when to reconnect, then closes."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hadir.announcer import Announcer, Broadcast
from hadir.domain.deadline import Deadline
from hadir.domain.errors import InvalidRequest
from hadir.domain.identity import Person, SessionRef, UserType
from hadir.domain.reasons import KICKED, OURS, Reason
from hadir.membership.membership import Membership
from hadir.wire.updates import closing

_BACK_WITHIN_MS = {Reason.KICKED: 0, Reason.RATE_LIMITED: 60_000}
"""How soon a client is to reconnect, at a random moment within that time; 0: not at all."""

_USUALLY_BACK_WITHIN_MS = 5000

_CLOSING_SECONDS = 3.0

_KICK_ROUNDS = 3
"""A person may reconnect while they are being kicked, so a kick looks several times."""


@dataclass(slots=True)
class Kicked:
    """The result of a kick.

    Attributes:
        anybody: whether the person was in the session.
        broadcasts: the events that were announced meanwhile.
    """

    anybody: bool = False
    broadcasts: list[Broadcast] = field(default_factory=list)


class Doorman:
    """Closes sockets that are in no session any more, and kicks people.

    Args:
        close_sockets: closes sockets by their connection ids, within some seconds; returns for
            each whether it is closed.
        on_kick: called with the session, the person who was kicked, and the admin who did it.
    """

    def __init__(
        self,
        membership: Membership,
        announcer: Announcer,
        close_sockets: Callable[[Sequence[str], float], Mapping[str, bool]],
        on_kick: Callable[[SessionRef, Person, Person], None],
    ) -> None:
        self._membership = membership
        self._announcer = announcer
        self._close_sockets = close_sockets
        self._on_kick = on_kick

    def close(
        self,
        connection_id: str,
        left_for: Reason | None,
        deadline: Deadline,
        message: str | None = None,
    ) -> bool:
        """Post ``closing``, and close the socket; return whether it is closed.

        A connection whose socket could not be closed has left all the same. While its tombstone
        lasts (``TOMBSTONE_MS``, ``CLOSED_TOMBSTONE_MS``), its client's next message closes the
        socket, with the same reason.

        Args:
            left_for: why the connection has left; None if that is not known.
        """
        return self._close_each([connection_id], left_for, deadline, message)[connection_id]

    def _close_each(
        self,
        connection_ids: Sequence[str],
        left_for: Reason | None,
        deadline: Deadline,
        message: str | None,
    ) -> Mapping[str, bool]:
        reason = left_for if left_for in OURS else Reason.GONE
        within_ms = _BACK_WITHIN_MS.get(reason, _USUALLY_BACK_WITHIN_MS)
        after = random.randrange(1, within_ms) if within_ms else 0  # noqa: S311 (not a secret)
        farewell = [closing(reason.value, after, message)]
        self._announcer.tell_each(dict.fromkeys(connection_ids, farewell), deadline)
        seconds = deadline.within(_CLOSING_SECONDS).seconds_left
        return self._close_sockets(connection_ids, seconds)

    def kick(
        self,
        ref: SessionRef,
        user_id: str,
        user_type: UserType | None,
        *,
        by: Person | None,
        message: str | None,
        deadline: Deadline,
    ) -> Kicked:
        """Take a person out of a session with all their connections, tell everyone, and close them.

        If we die midway, some of their connections are still in the session; kicking again is safe.

        Args:
            user_type: None if the id alone says who is meant.
            by: the admin who asks for it; None if a ban is the cause.
            message: told to the person who is kicked.

        Raises:
            InvalidRequest: two people with that id are there, and ``user_type`` is None.
        """
        kicked = Kicked()
        person = self._find(ref, user_id, user_type)
        if person is None:
            return kicked
        for _ in range(_KICK_ROUNDS):
            sockets = self._membership.sockets(ref)
            theirs = [each.connection_id for each in sockets if each.person == person]
            if not theirs:
                break
            kicked.anybody = True
            batch = self._membership.leave_each(theirs, ref, KICKED)
            kicked.broadcasts += self._announcer.announce(batch, deadline)
            self._close_each(theirs, Reason.KICKED, deadline, message)
        in_grace, batch = self._membership.end_grace(ref, person)
        kicked.anybody |= in_grace
        kicked.broadcasts += self._announcer.announce(batch, deadline)
        if kicked.anybody and by:
            self._on_kick(ref, person, by)
        return kicked

    def put_out_if_banned(self, ref: SessionRef, person: Person, deadline: Deadline) -> Kicked:
        """Kick a person who has just become present, if they are banned.

        ``$connect`` has checked that already; a ban since then found nobody present to kick.
        """
        if not self._membership.identities.is_banned(ref, person):
            return Kicked()
        user_type, user_id = person.user_type, person.user_id
        return self.kick(ref, user_id, user_type, by=None, message=None, deadline=deadline)

    def _find(self, ref: SessionRef, user_id: str, user_type: UserType | None) -> Person | None:
        present = {each.person for each in self._membership.session(ref).people}
        types = sorted(each.user_type for each in present if each.user_id == user_id)
        if user_type is not None or not types:  # who is only admitted can be kicked too
            admitted = {each.person for each in self._membership.sockets(ref)}
            types = sorted(each.user_type for each in admitted | present if each.user_id == user_id)
        if user_type is None and len(types) > 1:
            which = " and ".join(f"a {each}" for each in types).replace("a a", "an a")
            raise InvalidRequest("invalid_payload", f"user_type: {which} have that user_id")
        if user_type is not None:
            types = [each for each in types if each is user_type]
        return Person(types[0], user_id) if types else None
