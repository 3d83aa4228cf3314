"""Ends what nobody else ended: sockets that went without a word, events nobody announced.

Everything here may stop at any point, run twice at once, or be repeated: each step is one script,
and what is not done stays due for the next sweep, a minute later.
"""

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from hadir.announcer import Announcer, Broadcast
from hadir.connections.sockets import Sockets
from hadir.domain.errors import MembershipUnavailable
from hadir.domain.reasons import GONE, Reason
from hadir.domain.session import Batch
from hadir.membership.membership import Membership, Opening
from hadir.wire.updates import closing

_MOST_PER_PARTITION = 100
_THREADS = 16
_STOPPING_SECONDS = 6.0
"""Nothing new is begun with less time left than posting one batch may take."""

_RECONNECT_SPREAD_MS = 5000


class Swept(Counter[str]):
    """What a sweep did, how often.

    - ``gone``: sockets that the platform no longer knew
    - ``silent``: sockets that were there but had fallen silent; they were closed
    - ``renewed``: sockets that are still believed in
    - ``announced``: events
    - ``failed``: what Redis or the management API did not answer; it stays due
    - ``unfinished``: what was not looked at, for want of time; it stays due
    """


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

        def in_time(look: Callable[[], Swept]) -> Swept:
            if seconds_left() < _STOPPING_SECONDS:
                return Swept(["unfinished"])
            try:
                return look()
            except (MembershipUnavailable, BotoCoreError, ClientError):
                return Swept(["failed"])

        looks = [
            *(partial(self._look_in, session_id, seconds_left) for session_id in due.sessions),
            *(
                partial(self._look_at, *pair, pair in due.blind, seconds_left)
                for pair in due.connections
            ),
        ]
        swept = Swept()
        with ThreadPoolExecutor(_THREADS) as pool:
            for each in pool.map(in_time, looks):
                swept.update(each)
        return swept

    def _look_in(self, session_id: str, seconds_left: Callable[[], float]) -> Swept:
        return self._announce(self._membership.claim(session_id), seconds_left)

    def _look_at(
        self,
        session_id: str,
        connection_id: str,
        blind: bool,
        seconds_left: Callable[[], float],
    ) -> Swept:
        if not self._sockets.is_open(connection_id):
            left = self._membership.leave(connection_id, session_id, GONE)
            return Swept(["gone", *self._announce(left.batch, seconds_left).elements()])
        found = (
            self._membership.open(connection_id, session_id)
            if blind
            else self._membership.lapse(connection_id, session_id)
        )
        swept = self._announce(found.batch, seconds_left)
        if found.outcome is Opening.SILENT:
            jitter = random.randrange(1, _RECONNECT_SPREAD_MS)  # noqa: S311 (not a secret)
            farewell = closing(Reason.HEARTBEAT_TIMEOUT.value, jitter)
            self._announcer.tell(connection_id, [farewell], seconds_left)
            self._sockets.close(connection_id)
            swept["silent"] += 1
        else:
            swept["renewed"] += 1
        return swept

    def _announce(self, batch: Batch | None, seconds_left: Callable[[], float]) -> Swept:
        broadcasts = self._announcer.announce(batch, seconds_left)
        self._on_broadcasts(broadcasts)
        return Swept({"announced": len(broadcasts)} if broadcasts else ())
