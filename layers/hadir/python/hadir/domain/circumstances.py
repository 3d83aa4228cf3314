"""Why somebody is in a session: what is known of each of their sockets."""

from collections.abc import Mapping
from dataclasses import dataclass

from hadir.domain.identity import Person
from hadir.domain.past import Chronicle
from hadir.domain.session import Presence, Socket


@dataclass(frozen=True, slots=True)
class Line:
    """A socket, and what Redis holds of it. Times are in milliseconds since the Unix epoch.

    Attributes:
        heard: when its client last sent a message; 0: never.
        expires: when its token expires; 0: never.
        beats: whether its client has sent a heartbeat, so that more are expected.
        leased_until: when its lease runs out; None if it has none.
        owed_since: since when it is owed the status; None if it accepted the last posts.
    """

    socket: Socket
    heard: int
    expires: int
    beats: bool
    leased_until: int | None
    owed_since: int | None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """A session at one instant, with all that is known of its sockets.

    Attributes:
        graces: people in grace, and until when (ms).
    """

    kept: Chronicle
    lines: tuple[Line, ...]
    graces: Mapping[Person, int]

    def in_order(self, most: int) -> tuple[list[tuple[Presence, list[Line]]], list[Line]]:
        """People with their open sockets, earliest first, and the sockets only admitted.

        Args:
            most: how many sockets, and how many people, at most.
        """
        lines = sorted(self.lines, key=lambda each: (each.socket.since, each.socket.connection_id))
        theirs: dict[Person, list[Line]] = {}
        for each in lines:
            if each.socket.is_open:
                theirs.setdefault(each.socket.person, []).append(each)
        people = sorted(self.kept.session.people, key=lambda each: (each.at, each.person))
        left = most
        shown = []
        for presence in people[:most]:
            some = theirs.get(presence.person, [])[:left]
            left -= len(some)
            shown.append((presence, some))
        return shown, [each for each in lines if not each.socket.is_open][:left]
