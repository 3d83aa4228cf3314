"""Ends what nobody else has ended: sockets that vanished silently, and events nobody announced.

Everything here may stop at any point, run twice at once, or be repeated: each step is one script.
What is not done stays due for the next sweep, a minute later, which begins with what has waited
longest.

Leases and sessions are handled side by side, so that neither delays the other, however many there
are and however slowly clients accept posts. One script renews or postpones many leases
(``renew.lua``, ``postpone.lua``), and one round trip takes out many connections whose sockets are
gone. Other threads tell the sessions of these leaves; what they do not announce stays pending.

A client that used to send heartbeats and has not been heard for a lease is silent only if Hadir
could have heard it. Whatever keeps Hadir from hearing clients (Redis away, functions throttled or
failing, a late sweep) affects all of them, so a silence is believed only if API Gateway has seen
nothing of the client either (``terms.lua``), and for a lease every sweep

- has come on time (``due.lua``),
- has had proof from the function that hears clients that it works,
- has found that not many fewer clients are heard than before,
- has had few clients fall silent, compared with those that are heard.

Otherwise nobody is taken out for silence.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Protocol

from hadir.announcer import Announcer, Broadcast
from hadir.domain.deadline import Deadline
from hadir.domain.errors import MembershipUnavailable
from hadir.domain.feeds import FeedRef
from hadir.domain.identity import SessionRef
from hadir.domain.reasons import GONE
from hadir.domain.session import Batch
from hadir.domain.sockets import Seen, State
from hadir.doorman import Doorman
from hadir.errands import STOPPING_SECONDS, Errands, Swept
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Due, Lease, Opened, Opening, Renewal, Verdict
from hadir.wire.updates import snapshot

_MOST_PER_PARTITION = 100
_AT_ONCE = 500
"""How many sockets one call of ``look`` asks about."""

_LOOKING_SECONDS = 10.0
"""After this, sockets without an answer are postponed, so that they do not delay others."""

_SIDE_BY_SIDE = 3
"""How many such calls run at once: while some wait for answers, others are handled."""

_THREADS = 16
"""For telling what was found among the leases; as many more announce what is due."""

_ENDED = (Opening.SILENT, Opening.EXPIRED, Opening.CROWDED)

_RENEWALS = {Renewal.RENEWED: "renewed", Renewal.SPARED: "spared", Renewal.REFUSED: "failed"}

_FEW = 10
"""How many clients may always fall silent at once."""

_SHARE = 4
"""Beyond that, one client may fall silent for this many that are being heard."""

_FALL = 2
"""If fewer than one in this many are still heard, and the fall is by more than a few, we may be
deaf."""

Looked = tuple[Lease, int | None]
"""A lease that ran out although its socket is open, and the socket's last activity (ms)."""


class Sockets(Protocol):
    """Asks API Gateway about sockets; ``connections.sockets`` implements it."""

    def look(self, connection_ids: Sequence[str], seconds: float) -> Mapping[str, Seen]:
        """What API Gateway says of each socket, within ``seconds``."""
        ...


class Sweeper:
    """Looks at every lease that ran out and every session on the agenda.

    Args:
        can_hear: tests whether clients' messages reach us.
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
        """Sweep all partitions until nothing is due or the time is up.

        Raises:
            MembershipUnavailable: Redis does not answer; everything stays due.
        """
        hears = self._can_hear()
        due = self._membership.leases.due(_MOST_PER_PARTITION)
        swept = Swept()
        swept.overdue_ms, swept.oldest_lease_ms = due.overdue_ms, due.oldest_lease_ms
        if due.unanswered:
            swept["failed"] += due.unanswered
        may_fall_silent = max(_FEW, due.heard // _SHARE)
        fallen_by = due.heard_before - due.heard
        if not hears or (fallen_by > _FEW and due.heard * _FALL < due.heard_before):
            may_fall_silent = 0
            self._deafen()
        seen_to = set[SessionRef]()
        with ThreadPoolExecutor(1) as aside:
            told = aside.submit(copy_context().run, self._see_to_sessions, due, seen_to, deadline)
            swept.update(self._see_to_leases(due.leases, may_fall_silent, seen_to, deadline))
            swept.update(told.result())
        return swept

    def _see_to_sessions(self, due: Due, seen_to: set[SessionRef], deadline: Deadline) -> Swept:
        """Announce what is pending in sessions and feeds, and end what those who left watched."""
        swept, others_seen = Swept(), set[FeedRef | tuple[SessionRef, str]]()
        with ThreadPoolExecutor(_THREADS) as pool:
            telling = Errands(pool, deadline)
            while True:
                sessions = [each for each in due.sessions if each not in seen_to]
                feeds = [each for each in due.feeds if each not in others_seen]
                watchers = [each for each in due.watchers if each not in others_seen]
                if not (sessions or feeds or watchers):
                    break
                seen_to.update(sessions)
                others_seen.update(feeds, watchers)
                for ref in sessions:
                    telling.add(partial(self._look_in, ref, deadline))
                for feed in feeds:
                    telling.add(partial(self._tell_watchers, feed, deadline))
                for home, connection_id in watchers:
                    telling.add(partial(self._end_watching, connection_id, home))
                swept.update(telling.wait())
                if deadline.seconds_left < STOPPING_SECONDS:
                    break
                due = self._go_on(swept, sessions=_MOST_PER_PARTITION)
        return swept

    def _tell_watchers(self, feed: FeedRef, deadline: Deadline) -> Swept:
        self._announcer.announce_feed(feed, deadline)
        return Swept()

    def _end_watching(self, connection_id: str, home: SessionRef) -> Swept:
        self._membership.watching.end(connection_id, home)
        return Swept()

    def _see_to_leases(
        self,
        due: Sequence[Lease],
        may_fall_silent: int,
        seen_to: set[SessionRef],
        deadline: Deadline,
    ) -> Swept:
        """Look at leases until none is due; other threads tell the sessions of the outcome.

        Those sessions are added to ``seen_to``, so that they are not announced a second time.
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
                is_believed = suspected <= may_fall_silent
                swept.update(self._judge(suspects, telling, deadline, is_believed=is_believed))
                if not leases:  # leases still being handled may hide others that are due
                    swept.update(telling.wait())
                if deadline.seconds_left < STOPPING_SECONDS:
                    break
                due = self._go_on(swept, leases=_MOST_PER_PARTITION).leases
            swept.update(telling.wait())
        return swept

    def _go_on(self, swept: Swept, leases: int = 0, sessions: int = 0) -> Due:
        """What else is due; nothing if Redis has stopped answering, which is counted."""
        try:
            return self._membership.leases.due(leases, sessions, first=False)
        except MembershipUnavailable:
            swept["failed"] += 1
            return Due()

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
        """Ask about sockets whose leases ran out; those that seem silent go to ``suspects``."""
        seconds = deadline.seconds_left - STOPPING_SECONDS
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
        swept.update(self._take_out(gone, telling, seen_to, deadline))
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
        """Renew leases of open sockets; also returns those that ``lapse`` has to handle."""
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
        self,
        gone: Mapping[SessionRef, Sequence[str]],
        telling: "Errands",
        seen_to: set[SessionRef],
        deadline: Deadline,
    ) -> Swept:
        """Record at once that gone sockets have left; other threads tell the sessions."""
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
                seen_to.add(ref)
                telling.add(partial(self._look_in, ref, deadline))
        return swept

    def _deafen(self) -> None:
        with suppress(MembershipUnavailable):
            self._membership.leases.deafen()

    def _judge(
        self,
        suspects: Sequence[Looked],
        telling: "Errands",
        deadline: Deadline,
        *,
        is_believed: bool,
    ) -> Swept:
        """End or spare the suspects."""
        if not suspects:
            return Swept()
        swept, lapsed, verdict = Swept(), suspects, Verdict.END
        if not is_believed:
            self._deafen()
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
        if found.outcome is Opening.SUSPECT:  # it has reauthorized meanwhile, and stays due
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
        """Do for a socket what the lost announce would have done."""
        who = self._membership.identities.of(lease.connection_id)
        if found.session:
            shown = self._announcer.shown_to(who.person if who else None)
            frame = snapshot(shown.session(found.session), time.time_ns() // 1_000_000)
            self._announcer.tell(lease.connection_id, [frame], deadline)
        if who:
            put_out = self._doorman.put_out_if_banned(lease.ref, who.person, deadline)
            self._on_broadcasts(put_out.broadcasts)

    def _announce(self, batch: Batch | None, deadline: Deadline) -> Swept:
        broadcasts = self._announcer.announce(batch, deadline)
        self._on_broadcasts(broadcasts)
        announced = sum(each.told for each in broadcasts)
        return Swept({"announced": announced} if announced else ())
