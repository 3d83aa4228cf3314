"""Puts sockets out: tells the client why and when to come back, then closes."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError

from hadir.announcer import Announcer, Broadcast
from hadir.domain.identity import SessionRef
from hadir.domain.reasons import KICKED
from hadir.membership.membership import Leaving, Membership
from hadir.wire.updates import closing

_KICK_ROUNDS = 3
"""A person may come back while they are being put out."""


@dataclass(slots=True)
class Kicked:
    """What became of a kick.

    Attributes:
        connections: that were taken out of the session.
        broadcasts: the events that were announced on the way.
    """

    connections: int = 0
    broadcasts: list[Broadcast] = field(default_factory=list)


class Doorman:
    """Closes sockets that are in no session any more, and puts people out.

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

    def close(
        self,
        connection_id: str,
        reason: str,
        seconds_left: Callable[[], float],
        *,
        within_ms: int = 0,
        message: str | None = None,
    ) -> bool:
        """Say ``closing``, and close; whether the socket is closed.

        One that could not be closed is a member of nothing, and is closed when its client speaks.

        Args:
            within_ms: its client is to come back within it, at a moment of its own; 0: not at all.
        """
        after = random.randrange(1, within_ms) if within_ms else 0  # noqa: S311 (not a secret)
        self._announcer.tell(connection_id, [closing(reason, after, message)], seconds_left)
        try:
            self._close_socket(connection_id)
        except (BotoCoreError, ClientError):
            return False
        return True

    def kick(
        self,
        ref: SessionRef,
        user_id: str,
        message: str | None,
        seconds_left: Callable[[], float],
    ) -> Kicked:
        """Take all of a person's connections out of a session, tell everyone, close them.

        If we die midway, some of their connections are still in; kicking again is safe.
        """
        kicked = Kicked()
        for _ in range(_KICK_ROUNDS):
            members = self._membership.session(ref).members
            theirs = [m.connection_id for m in members if m.user_id == user_id]
            if not theirs:
                break
            for connection_id in theirs:
                left = self._membership.leave(connection_id, ref, KICKED)
                kicked.connections += left.outcome is not Leaving.UNKNOWN
                kicked.broadcasts += self._announcer.announce(left.batch, seconds_left)
            for connection_id in theirs:
                self.close(connection_id, KICKED.reason.value, seconds_left, message=message)
        return kicked
