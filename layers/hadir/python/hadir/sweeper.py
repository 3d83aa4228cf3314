"""Ends what nobody else ended: sockets that went without a word, events nobody announced.

Everything here may stop at any point, run twice at once, or be repeated: each step is one script,
and what is not done stays due for the next sweep, a minute later.
"""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from hadir.announcer import Announcer, Broadcast
from hadir.connections.sockets import Sockets
from hadir.domain.reasons import GONE, Reason
from hadir.domain.session import Batch
from hadir.membership.membership import Membership, Opening
from hadir.wire.updates import closing

_MOST_PER_PARTITION = 100
_THREADS = 16
_STOPPING_SECONDS = 6.0
"""Nothing new is begun with less time left than posting one batch may take."""

_RECONNECT_SPREAD_MS = 5000


@dataclass(slots=True)
class Swept:
    """What a sweep did.

    Attributes:
        gone: sockets that the platform no longer knew.
        silent: sockets that were there but had fallen silent; they were closed.
        renewed: sockets that are still believed in.
        broadcasts: events that were announced.
        unfinished: what was due but not looked at, for want of time.
    """

    gone: int = 0
    silent: int = 0
    renewed: int = 0
    broadcasts: int = 0
    unfinished: int = 0


class Sweeper:
    """Looks at every lease that ran out and every session on the agenda."""

    def __init__(
        self,
        membership: Membership,
        sockets: Sockets,
        announcer: Announcer,
        on_broadcasts: Callable[[list[Broadcast]], None],
    ) -> None:
        self._membership = membership
        self._sockets = sockets
        self._announcer = announcer
        self._on_broadcasts = on_broadcasts

    def sweep(self, seconds_left: Callable[[], float]) -> Swept:
        """Sweep all partitions, as far as the time goes.

        Args:
            seconds_left: how long the caller may still run.

        Raises:
            MembershipUnavailable: Redis does not answer; all stays due.
        """
        due = self._membership.due(_MOST_PER_PARTITION)
        swept = Swept()

        def look_at(pair: tuple[str, str]) -> None:
            if seconds_left() < _STOPPING_SECONDS:
                swept.unfinished += 1
            else:
                self._look_at_socket(*pair, pair in due.blind, swept, seconds_left)

        def look_in(session_id: str) -> None:
            if seconds_left() < _STOPPING_SECONDS:
                swept.unfinished += 1
            else:
                self._announce(self._membership.claim(session_id), swept, seconds_left)

        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(look_in, due.sessions))
            list(pool.map(look_at, due.connections))
        return swept

    def _look_at_socket(
        self,
        session_id: str,
        connection_id: str,
        blind: bool,
        swept: Swept,
        seconds_left: Callable[[], float],
    ) -> None:
        if not self._sockets.is_open(connection_id):
            left = self._membership.leave(connection_id, session_id, GONE)
            swept.gone += 1
            self._announce(left.batch, swept, seconds_left)
            return
        found = (
            self._membership.open(connection_id, session_id)
            if blind
            else self._membership.lapse(connection_id, session_id)
        )
        if found.outcome is Opening.SILENT:
            swept.silent += 1
            jitter = random.randrange(1, _RECONNECT_SPREAD_MS)  # noqa: S311 (not a secret)
            farewell = closing(Reason.HEARTBEAT_TIMEOUT.value, jitter)
            self._announcer.tell(connection_id, [farewell], seconds_left)
            self._sockets.close(connection_id)
        else:
            swept.renewed += 1
        self._announce(found.batch, swept, seconds_left)

    def _announce(
        self, batch: Batch | None, swept: Swept, seconds_left: Callable[[], float]
    ) -> None:
        broadcasts = self._announcer.announce(batch, seconds_left)
        swept.broadcasts += len(broadcasts)
        self._on_broadcasts(broadcasts)
