"""Ends what nobody else ended: sockets that went without a word, events nobody announced.

Everything here may stop at any point, run twice at once, or be repeated: each step is one script,
and what is not done stays due for the next sweep, a minute later, which begins with what has waited
longest.

Leases and sessions are seen to side by side, so that neither keeps the other waiting, however many
they are and however slowly clients take what is posted. Leases are renewed and put off by many in
one script (``renew.lua``, ``postpone.lua``), and of those whose sockets are gone many leave in one
round trip; telling others of it goes on aside, session by session. What is not told stays pending.

A client that used to send heartbeats and has not been heard for a lease is silent only if it could
have been heard. What makes us deaf is the same for all clients (Redis away, functions throttled or
failing, this sweep late), so a silence is believed in only while

- sweeps have come on time for a lease (``due.lua``),
- API Gateway, too, has seen nothing of the client (``terms.lua``),
- other clients are being heard, or the function that hears them proves that it still does,
- few fall silent at once, beside those who are being heard.

Otherwise nobody is ended for silence, and for a lease from then on.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Protocol

from hadir.announcer import Announcer, Broadcast
from hadir.domain.deadline import Deadline
from hadir.domain.errors import HadirError, MembershipUnavailable
from hadir.domain.identity import SessionRef
from hadir.domain.reasons import GONE
from hadir.domain.session import Batch
from hadir.domain.sockets import Seen, State
from hadir.doorman import Doorman
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Lease, Opened, Opening, Renewal, Verdict
from hadir.wire.updates import snapshot

_MOST_PER_PARTITION = 100
_AT_ONCE = 500
"""Sockets that are asked for in one go."""

_LOOKING_SECONDS = 10.0
"""Then those that were not answered are put off, so that they keep no others waiting."""

_SIDE_BY_SIDE = 3
"""Times so many: while some answers are awaited, others are seen to."""

_THREADS = 16
"""That tell of what was found among the leases, and as many that announce what is due."""

_STOPPING_SECONDS = 6.0
"""Nothing new is begun with less time left than posting one batch may take."""

_ENDED = (Opening.SILENT, Opening.EXPIRED, Opening.CROWDED)

_RENEWALS = {Renewal.RENEWED: "renewed", Renewal.SPARED: "spared", Renewal.REFUSED: "failed"}

_FEW = 10
"""So many may always fall silent at once."""

_SHARE = 4
"""And one for so many who are being heard."""

Looked = tuple[Lease, int | None]
"""A lease that ran out, and when the platform last saw something of its socket, which is there."""


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
        seen_to = set[SessionRef]()
        with ThreadPoolExecutor(1) as aside:
            told = aside.submit(
                copy_context().run, self._see_to_sessions, due.sessions, seen_to, deadline
            )
            swept.update(self._see_to_leases(due.leases, due.heard, seen_to, deadline))
            swept.update(told.result())
        return swept

    def _see_to_sessions(
        self, due: Sequence[SessionRef], seen_to: set[SessionRef], deadline: Deadline
    ) -> Swept:
        swept = Swept()
        with ThreadPoolExecutor(_THREADS) as pool:
            telling = Errands(pool, deadline)
            while sessions := [each for each in due if each not in seen_to]:
                seen_to.update(sessions)
                for ref in sessions:
                    telling.add(partial(self._look_in, ref, deadline))
                swept.update(telling.wait())
                if deadline.seconds_left < _STOPPING_SECONDS:
                    break
                due = self._membership.leases.due(0, _MOST_PER_PARTITION, first=False).sessions
        return swept

    def _see_to_leases(
        self, due: Sequence[Lease], heard: int, seen_to: set[SessionRef], deadline: Deadline
    ) -> Swept:
        """Look at leases until none is due; telling what came of it goes on meanwhile.

        The sessions in which that is done are added to ``seen_to``: nobody else needs to.
        """
        swept, seen_before = Swept(), set[Lease]()
        suspected = 0
        with ThreadPoolExecutor(_THREADS) as pool, ThreadPoolExecutor(_SIDE_BY_SIDE) as aside:
            telling, looking = Errands(pool, deadline), Errands(aside, deadline)
            while True:
                leases = [each for each in due if each not in seen_before]
                if not leases and not telling.are_any:
                    break
                seen_before.update(leases)
                suspects: list[Looked] = []
                for first in range(0, len(leases), _AT_ONCE):
                    some = leases[first : first + _AT_ONCE]
                    look = partial(self._look_at, some, suspects, telling, seen_to, deadline)
                    looking.add(look, len(some))
                swept.update(looking.wait())
                suspected += len(suspects)
                swept.update(self._judge(suspects, suspected, heard, telling, deadline))
                if not leases:  # those that were not seen to yet may stand before others
                    swept.update(telling.wait())
                if deadline.seconds_left < _STOPPING_SECONDS:
                    break
                due = self._membership.leases.due(_MOST_PER_PARTITION, 0, first=False).leases
            swept.update(telling.wait())
        return swept

    def _look_in(self, ref: SessionRef, deadline: Deadline) -> Swept:
        return self._announce(self._membership.claim(ref), deadline)

    def _look_at(
        self,
        leases: Sequence[Lease],
        suspects: list[Looked],
        telling: "Errands",
        seen_to: set[SessionRef],
        deadline: Deadline,
    ) -> Swept:
        """Ask for sockets whose leases ran out; what seems silent is added to ``suspects``."""
        seconds = deadline.seconds_left - _STOPPING_SECONDS
        ids = [each.connection_id for each in leases]
        seen = self._sockets.look(ids, min(seconds, _LOOKING_SECONDS))
        swept = Swept()
        gone: dict[SessionRef, list[str]] = {}
        there: list[Looked] = []
        unknown: list[Lease] = []
        for lease in leases:
            what = seen[lease.connection_id]
            if what.state is State.GONE:
                gone.setdefault(lease.ref, []).append(lease.connection_id)
            elif what.state is State.OPEN:
                there.append((lease, what.last_active_ms))
            elif seconds < _LOOKING_SECONDS and not what.status:
                swept["unfinished"] += 1
            else:
                unknown.append(lease)
        seen_to.update(gone)
        swept.update(self._take_out(gone, telling, deadline))
        swept.update(self._postpone(unknown))
        renewed, lapsed = self._renew(there, suspects)
        swept.update(renewed)
        for looked in lapsed:
            verdict = Verdict.SPARE if looked[0].deaf else Verdict.NONE
            telling.add(partial(self._lapse, looked, verdict, deadline))
        return swept

    def _renew(
        self, there: Sequence[Looked], suspects: list[Looked], *, spare: bool = False
    ) -> tuple[Swept, list[Looked]]:
        """Renew leases of sockets that are there; which of them there is more to do about."""
        swept = Swept()
        lapsed: list[Looked] = []
        try:
            found = self._membership.leases.renew(there, spare=spare)
        except MembershipUnavailable:
            return Swept({"failed": len(there)}), lapsed
        for each, renewal in zip(there, found, strict=True):
            if renewal is Renewal.SUSPECT:
                suspects.append(each)
            elif renewal is Renewal.LAPSED:
                lapsed.append(each)
            else:
                swept[_RENEWALS[renewal]] += 1
        return swept, lapsed

    def _postpone(self, leases: Sequence[Lease]) -> Swept:
        with suppress(MembershipUnavailable):
            self._membership.leases.postpone(leases)
        return Swept({"failed": len(leases)})

    def _take_out(
        self, gone: Mapping[SessionRef, Sequence[str]], telling: "Errands", deadline: Deadline
    ) -> Swept:
        """Of sockets that are gone: they leave at once, and others are told aside."""
        swept = Swept()
        try:
            refused = self._membership.leave_all(gone, GONE)
        except MembershipUnavailable:
            refused = set(gone)
        for ref, connection_ids in gone.items():
            if ref in refused:
                swept["failed"] += len(connection_ids)
            else:
                swept["gone"] += len(connection_ids)
                telling.add(partial(self._look_in, ref, deadline))
        return swept

    def _judge(
        self,
        suspects: Sequence[Looked],
        suspected: int,
        heard: int,
        telling: "Errands",
        deadline: Deadline,
    ) -> Swept:
        """End the suspects, or spare them; ``suspected`` counts those of the whole sweep."""
        if not suspects:
            return Swept()
        believed = suspected <= max(_FEW, heard // _SHARE) and (
            heard >= suspected or (deadline.seconds_left >= _STOPPING_SECONDS and self._can_hear())
        )
        swept, lapsed, verdict = Swept(), suspects, Verdict.END
        if not believed:
            self._membership.leases.deafen()
            swept, lapsed = self._renew(suspects, [], spare=True)
            verdict = Verdict.SPARE
        for looked in lapsed:
            telling.add(partial(self._lapse, looked, verdict, deadline))
        return swept

    def _lapse(self, looked: Looked, verdict: Verdict, deadline: Deadline) -> Swept:
        lease, active_ms = looked
        connection_id = lease.connection_id
        found = self._membership.leases.lapse(
            connection_id, lease.ref, verdict, active_ms=active_ms
        )
        swept = self._announce(found.batch, deadline)
        if found.outcome is Opening.SUSPECT:  # has proved anew who it is meanwhile: it stays due
            return swept
        if found.outcome in (Opening.JOINED, Opening.ADDED):
            self._welcome(lease, found, deadline)
        if found.outcome not in _ENDED:
            swept["spared" if found.outcome is Opening.SPARED else "renewed"] += 1
            return swept
        closed = self._doorman.close(connection_id, found.left_for, deadline)
        swept.update([found.outcome] if closed else [found.outcome, "failed"])
        return swept

    def _welcome(self, lease: Lease, found: Opened, deadline: Deadline) -> None:
        """Do for a socket what announce, which was lost, would have done once it is open."""
        if found.session:
            frame = snapshot(found.session, time.time_ns() // 1_000_000)
            self._announcer.tell(lease.connection_id, [frame], deadline)
        who = self._membership.identity_of(lease.connection_id)
        if who:
            put_out = self._doorman.put_out_if_banned(lease.ref, who.person, deadline)
            self._on_broadcasts(put_out.broadcasts)

    def _announce(self, batch: Batch | None, deadline: Deadline) -> Swept:
        broadcasts = self._announcer.announce(batch, deadline)
        self._on_broadcasts(broadcasts)
        announced = sum(each.told for each in broadcasts)
        return Swept({"announced": announced} if announced else ())


class Errands:
    """What is done in threads, as far as the time goes.

    Args:
        pool: the threads.
        deadline: of the sweep.
    """

    def __init__(self, pool: ThreadPoolExecutor, deadline: Deadline) -> None:
        self._pool = pool
        self._deadline = deadline
        self._running: list[Future[Swept]] = []

    @property
    def are_any(self) -> bool:
        """Whether anybody has yet to wait for some."""
        return bool(self._running)

    def add(self, errand: Callable[[], Swept], size: int = 1) -> None:
        """Do ``errand``; where it fails or no time is left, so many as its size are counted."""
        # In a copy of this thread's context, by which log lines know whose they are.
        self._running.append(self._pool.submit(copy_context().run, self._do, errand, size))

    def wait(self) -> Swept:
        """What all did together that were added since the last time."""
        running, self._running = self._running, []
        swept = Swept()
        for each in running:
            swept.update(each.result())
        return swept

    def _do(self, errand: Callable[[], Swept], size: int) -> Swept:
        if self._deadline.seconds_left < _STOPPING_SECONDS:
            return Swept({"unfinished": size})
        try:
            return errand()
        except HadirError:
            return Swept({"failed": size})
