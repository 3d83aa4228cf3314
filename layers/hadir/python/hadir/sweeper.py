"""Ends what nobody else ended: sockets that went without a word, events nobody announced.

Everything here may stop at any point, run twice at once, or be repeated: each step is one script,
and what is not done stays due for the next sweep, a minute later.
"""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from hadir.announcer import Announcer, Broadcast
from hadir.connections.sockets import Sockets
from hadir.domain.errors import MembershipUnavailable, SocketsUnavailable
from hadir.domain.identity import SessionRef
from hadir.domain.reasons import GONE
from hadir.domain.session import Batch
from hadir.doorman import Doorman
from hadir.membership.membership import Membership, Opening

_MOST_PER_PARTITION = 100
_THREADS = 16
_STOPPING_SECONDS = 6.0
"""Nothing new is begun with less time left than posting one batch may take."""

_ENDED = (Opening.SILENT, Opening.EXPIRED)


class Swept(Counter[str]):
    """What a sweep did, how often.

    - ``gone``: sockets that the platform no longer knew
    - ``silent``: sockets that were there but had fallen silent; they were closed
    - ``expired``: sockets whose tokens had expired; they were closed
    - ``renewed``: sockets that are still believed in
    - ``announced``: events
    - ``failed``: what Redis or the management API did not answer; it stays due, but for a closing
    - ``unfinished``: what was not looked at, for want of time; it stays due

    Attributes:
        overdue_ms: for how long the session that waited longest had been waiting.
    """

    overdue_ms = 0


class Sweeper:
    """Looks at every lease that ran out and every session on the agenda."""

    def __init__(
        self,
        membership: Membership,
        sockets: Sockets,
        announcer: Announcer,
        doorman: Doorman,
        on_broadcasts: Callable[[list[Broadcast]], None],
    ) -> None:
        self._membership = membership
        self._sockets = sockets
        self._announcer = announcer
        self._doorman = doorman
        self._on_broadcasts = on_broadcasts

    def sweep(self, seconds_left: Callable[[], float]) -> Swept:
        """Sweep all partitions, as far as the time goes.

        Args:
            seconds_left: how long the caller may still run.

        Raises:
            MembershipUnavailable: Redis does not answer; all stays due.
        """
        due = self._membership.due(_MOST_PER_PARTITION)

        def in_time(look: Callable[[], Swept]) -> Swept:
            if seconds_left() < _STOPPING_SECONDS:
                return Swept(["unfinished"])
            try:
                return look()
            except (MembershipUnavailable, SocketsUnavailable):
                return Swept(["failed"])

        looks = [
            *(partial(self._look_in, ref, seconds_left) for ref in due.sessions),
            *(
                partial(self._look_at, *pair, pair in due.blind, seconds_left)
                for pair in due.connections
            ),
        ]
        swept = Swept()
        swept.overdue_ms = due.overdue_ms
        with ThreadPoolExecutor(_THREADS) as pool:
            for each in pool.map(in_time, looks):
                swept.update(each)
        return swept

    def _look_in(self, ref: SessionRef, seconds_left: Callable[[], float]) -> Swept:
        return self._announce(self._membership.claim(ref), seconds_left)

    def _look_at(
        self,
        ref: SessionRef,
        connection_id: str,
        blind: bool,
        seconds_left: Callable[[], float],
    ) -> Swept:
        if not self._sockets.is_open(connection_id):
            left = self._membership.leave(connection_id, ref, GONE)
            return Swept(["gone", *self._announce(left.batch, seconds_left).elements()])
        found = (
            self._membership.open(connection_id, ref)
            if blind
            else self._membership.lapse(connection_id, ref)
        )
        swept = self._announce(found.batch, seconds_left)
        if found.outcome not in _ENDED:
            swept["renewed"] += 1
            return swept
        closed = self._doorman.close(connection_id, found.left_for, seconds_left)
        swept.update([found.outcome] if closed else [found.outcome, "failed"])
        return swept

    def _announce(self, batch: Batch | None, seconds_left: Callable[[], float]) -> Swept:
        broadcasts = self._announcer.announce(batch, seconds_left)
        self._on_broadcasts(broadcasts)
        announced = sum(each.told for each in broadcasts)
        return Swept({"announced": announced} if announced else ())
