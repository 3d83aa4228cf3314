"""Ends what nobody else ended: sockets that went without a word, events nobody announced.

Everything here may stop at any point, run twice at once, or be repeated: each step is one script,
and what is not done stays due for the next sweep, a minute later.

A client that used to send heartbeats and has not been heard for a lease is silent only if it could
have been heard. What makes us deaf is the same for all clients (Redis away, functions throttled or
failing, this sweep late), so a silence is believed in only while

- sweeps have come on time for a lease (``due.lua``),
- API Gateway, too, has seen nothing of the client (``lapse.lua``),
- other clients are being heard, or the function that hears them proves that it still does,
- few fall silent at once, beside those who are being heard.

Otherwise nobody is ended for silence, and for a lease from then on.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Protocol

from hadir.announcer import Announcer, Broadcast
from hadir.domain.deadline import Deadline
from hadir.domain.errors import HadirError
from hadir.domain.identity import SessionRef
from hadir.domain.reasons import GONE
from hadir.domain.session import Batch
from hadir.domain.sockets import Seen, State
from hadir.doorman import Doorman
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Lease, Opening, Verdict

_MOST_PER_PARTITION = 100
_AT_ONCE = 500
"""Sockets that are asked for in one go."""

_THREADS = 16
_STOPPING_SECONDS = 6.0
"""Nothing new is begun with less time left than posting one batch may take."""

_ENDED = (Opening.SILENT, Opening.EXPIRED, Opening.CROWDED)

_FEW = 10
"""So many may always fall silent at once."""

_SHARE = 4
"""And one for so many who are being heard."""


class Sockets(Protocol):
    """Asks for sockets; ``connections.sockets`` is the one that does."""

    def look(self, connection_ids: Sequence[str], seconds: float) -> Mapping[str, Seen]:
        """What API Gateway says of each socket, within ``seconds``."""
        ...


class Swept(Counter[str]):
    """What a sweep did, how often.

    - ``gone``: sockets that the platform no longer knew
    - ``silent``: sockets that were there but had fallen silent; they were closed
    - ``spared``: sockets that had fallen silent while we may have been deaf; they stay
    - ``expired``: sockets whose tokens had expired; they were closed
    - ``crowded``: sockets for which there was no room any more; they were closed
    - ``renewed``: sockets that are still believed in
    - ``announced``: events
    - ``repaired``: sessions of which Redis may have evicted something
    - ``failed``: what Redis or the management API did not answer; it stays due, but for a closing
    - ``unfinished``: what was not looked at, for want of time; it stays due

    Attributes:
        overdue_ms: for how long the session that waited longest had been waiting.
        oldest_lease_ms: the same of the leases.
    """

    overdue_ms = 0
    oldest_lease_ms = 0


class Sweeper:
    """Looks at every lease that ran out and every session on the agenda.

    Args:
        can_hear: proves that what clients say still reaches us; asked only when hardly anybody is
            being heard.
    """

    def __init__(
        self,
        membership: Membership,
        sockets: Sockets,
        announcer: Announcer,
        doorman: Doorman,
        can_hear: Callable[[], bool],
        on_broadcasts: Callable[[list[Broadcast]], None],
    ) -> None:
        self._membership = membership
        self._sockets = sockets
        self._announcer = announcer
        self._doorman = doorman
        self._can_hear = can_hear
        self._on_broadcasts = on_broadcasts

    def sweep(self, deadline: Deadline) -> Swept:
        """Sweep all partitions until nothing is due, as far as the time goes.

        Raises:
            MembershipUnavailable: Redis does not answer; all stays due.
        """
        due = self._membership.leases.due(_MOST_PER_PARTITION)
        swept = Swept()
        swept.overdue_ms, swept.oldest_lease_ms = due.overdue_ms, due.oldest_lease_ms
        if due.unanswered:
            swept["failed"] += due.unanswered
        heard, seen_before = due.heard, set[Lease | SessionRef]()
        suspected = 0
        with ThreadPoolExecutor(_THREADS) as pool:
            while True:
                sessions = [each for each in due.sessions if each not in seen_before]
                leases = [each for each in due.leases if each not in seen_before]
                if not sessions and not leases:
                    break
                seen_before.update(sessions, leases)
                looks = (partial(self._look_in, ref, deadline) for ref in sessions)
                swept.update(self._each(pool, looks, deadline))
                suspects: list[tuple[Lease, Seen]] = []
                for first in range(0, len(leases), _AT_ONCE):
                    some = leases[first : first + _AT_ONCE]
                    swept.update(self._look_at(pool, some, suspects, deadline))
                suspected += len(suspects)
                swept.update(self._judge(pool, suspects, suspected, heard, deadline))
                if deadline.seconds_left < _STOPPING_SECONDS:
                    break
                due = self._membership.leases.due(_MOST_PER_PARTITION, first=False)
        return swept

    def _each(
        self, pool: ThreadPoolExecutor, looks: Iterable[Callable[[], Swept]], deadline: Deadline
    ) -> Swept:
        """What all looks do together; what fails or has no time left is counted."""

        def in_time(look: Callable[[], Swept]) -> Swept:
            if deadline.seconds_left < _STOPPING_SECONDS:
                return Swept(["unfinished"])
            try:
                return look()
            except HadirError:
                return Swept(["failed"])

        swept = Swept()
        # In copies of this thread's context, by which log lines know whose they are.
        placed = [partial(copy_context().run, look) for look in looks]
        for each in pool.map(in_time, placed):
            swept.update(each)
        return swept

    def _look_in(self, ref: SessionRef, deadline: Deadline) -> Swept:
        return self._announce(self._membership.claim(ref), deadline)

    def _look_at(
        self,
        pool: ThreadPoolExecutor,
        leases: Sequence[Lease],
        suspects: list[tuple[Lease, Seen]],
        deadline: Deadline,
    ) -> Swept:
        """Ask for sockets whose leases ran out; what seems silent is added to ``suspects``."""
        seconds = deadline.seconds_left - _STOPPING_SECONDS
        if seconds <= 0:
            return Swept({"unfinished": len(leases)})
        seen = self._sockets.look([each.connection_id for each in leases], seconds)
        gone: dict[SessionRef, list[str]] = {}
        there: list[tuple[Lease, Seen]] = []
        looks: list[Callable[[], Swept]] = []
        for lease in leases:
            what = seen[lease.connection_id]
            if what.state is State.GONE:
                gone.setdefault(lease.ref, []).append(lease.connection_id)
            elif what.state is State.OPEN:
                there.append((lease, what))
            else:
                looks.append(partial(self._postpone, lease))
        looks += [partial(self._take_out, *each, deadline) for each in gone.items()]
        looks += [
            partial(
                self._lapse,
                lease,
                what,
                Verdict.SPARE if lease.deaf else Verdict.NONE,
                deadline,
                suspects,
            )
            for lease, what in there
        ]
        return self._each(pool, looks, deadline)

    def _postpone(self, lease: Lease) -> Swept:
        self._membership.leases.postpone(lease.connection_id, lease.ref)
        return Swept(["failed"])

    def _take_out(self, ref: SessionRef, connection_ids: list[str], deadline: Deadline) -> Swept:
        batch = self._membership.leave_each(connection_ids, ref, GONE, claim=True)
        swept = self._announce(batch, deadline)
        swept["gone"] += len(connection_ids)
        return swept

    def _judge(
        self,
        pool: ThreadPoolExecutor,
        suspects: list[tuple[Lease, Seen]],
        suspected: int,
        heard: int,
        deadline: Deadline,
    ) -> Swept:
        """End the suspects, or spare them; ``suspected`` counts those of the whole sweep."""
        if not suspects:
            return Swept()
        believed = suspected <= max(_FEW, heard // _SHARE) and (
            heard >= suspected or self._can_hear()
        )
        if not believed:
            self._membership.leases.deafen()
        verdict = Verdict.END if believed else Verdict.SPARE
        looks = [partial(self._lapse, *each, verdict, deadline, []) for each in suspects]
        return self._each(pool, looks, deadline)

    def _lapse(
        self,
        lease: Lease,
        seen: Seen,
        verdict: Verdict,
        deadline: Deadline,
        suspects: list[tuple[Lease, Seen]],
    ) -> Swept:
        connection_id = lease.connection_id
        found = self._membership.leases.lapse(
            connection_id, lease.ref, verdict, active_ms=seen.last_active_ms
        )
        if found.outcome is Opening.SUSPECT:
            suspects.append((lease, seen))
            return Swept()
        swept = self._announce(found.batch, deadline)
        if found.outcome not in _ENDED:
            swept["spared" if found.outcome is Opening.SPARED else "renewed"] += 1
            return swept
        closed = self._doorman.close(connection_id, found.left_for, deadline)
        swept.update([found.outcome] if closed else [found.outcome, "failed"])
        return swept

    def _announce(self, batch: Batch | None, deadline: Deadline) -> Swept:
        broadcasts = self._announcer.announce(batch, deadline)
        self._on_broadcasts(broadcasts)
        announced = sum(each.told for each in broadcasts)
        return Swept({"announced": announced} if announced else ())
