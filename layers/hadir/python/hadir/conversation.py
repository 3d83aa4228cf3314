"""What a client's message does."""

import random
from collections.abc import Callable

from hadir.announcer import Announcer, Broadcast
from hadir.domain.identity import Identity
from hadir.domain.session import Session
from hadir.membership.membership import Membership, Opened, Opening, Saying
from hadir.wire.requests import Heartbeat, Message, Request, Sync, Typing
from hadir.wire.updates import closing, event_frames, heartbeat_ack, snapshot, typing

_COME_BACK_MS = 2000
"""Who is to come back does so within that time, each at their own moment."""

_MOST_MISSED = 200
"""Events that are sent again; each carries the status, and all must arrive in a few seconds."""


class Conversation:
    """Answers what clients send.

    Args:
        close_socket: closes a socket by its connection id.
    """

    def __init__(
        self,
        membership: Membership,
        announcer: Announcer,
        close_socket: Callable[[str], None],
    ) -> None:
        self._membership = membership
        self._announcer = announcer
        self._close_socket = close_socket

    def answer(
        self,
        connection_id: str,
        who: Identity,
        request: Request,
        now: int,
        seconds_left: Callable[[], float],
    ) -> list[Broadcast]:
        """Do what ``request`` asks for.

        Args:
            now: milliseconds since the Unix epoch.
            seconds_left: how long the caller may still run.

        Returns:
            The events that were announced on the way.

        Raises:
            MembershipUnavailable: Redis does not answer; nothing is known to have changed.
        """
        opened = self._open(connection_id, who)
        if opened.outcome is Opening.UNKNOWN:
            farewell = closing("gone", random.randrange(1, _COME_BACK_MS))  # noqa: S311 (not a secret)
            self._announcer.tell(connection_id, [farewell], seconds_left)
            self._close_socket(connection_id)
            return self._announcer.announce(opened.batch, seconds_left)
        broadcasts = self._announcer.announce(opened.batch, seconds_left)
        if opened.outcome is Opening.ADDED and opened.session:
            self._announcer.tell(connection_id, [snapshot(opened.session, now)], seconds_left)
        match request:
            case Heartbeat():
                self._announcer.tell(
                    connection_id, [heartbeat_ack(now, opened.session)], seconds_left
                )
            case Sync():
                frames = self._missed(who.session_id, request, now)
                self._announcer.tell(connection_id, frames, seconds_left)
            case Message():
                broadcasts += self._say(connection_id, who, request, seconds_left)
            case Typing() if opened.session:
                frame = typing(who.session_id, who.user_id, who.user_type, on=request.on)
                others = _others(opened.session, connection_id)
                self._announcer.tell_each(dict.fromkeys(others, (frame,)), seconds_left)
        return broadcasts

    def _open(self, connection_id: str, who: Identity) -> Opened:
        opened = self._membership.open(connection_id, who.session_id, heard=True)
        if opened.outcome is Opening.UNKNOWN and self._membership.admit(connection_id, who):
            return self._membership.open(connection_id, who.session_id, heard=True)
        return opened

    def _missed(self, session_id: str, request: Sync, now: int) -> list[bytes]:
        if request.since is None:
            return [snapshot(self._membership.session(session_id), now)]
        events, session = self._membership.missed(
            session_id, request.since.epoch, request.since.version
        )
        if events is None or len(events) > _MOST_MISSED:
            return [snapshot(session, now, recovered=False)]
        frames = event_frames(session, events, recovered_up_to=session.version)
        return [*(frame for _, frame in frames), snapshot(session, now, recovered=True)]

    def _say(
        self,
        connection_id: str,
        who: Identity,
        request: Message,
        seconds_left: Callable[[], float],
    ) -> list[Broadcast]:
        said = self._membership.say(connection_id, who, request.text, request.client_id or "")
        if said.outcome is Saying.REPEATED and said.earlier:
            session = self._membership.session(who.session_id)
            ((copy, _),) = event_frames(session, [said.earlier], said.earlier.version)
            self._announcer.tell(connection_id, [copy], seconds_left)
        return self._announcer.announce(said.batch, seconds_left)


def _others(session: Session, connection_id: str) -> list[str]:
    members = session.open_members()
    return [member.connection_id for member in members if member.connection_id != connection_id]
