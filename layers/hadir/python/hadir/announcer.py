"""Announces a session's events to everyone in it, in order, whoever recorded them.

Only the holder of the session's announcing lease posts events (``outbox.lua``, ``claim``), so they
are posted in one order and, unless a holder died, once.

Posting one batch takes 5 s at most, so the lease of 10 s expires only if its holder died. A socket
that did not get all of a batch by then is noted in the session, and gets the current status with
the next batch, whoever posts that: at once if only time was short, otherwise with the next event or
after 10 s.

If we die while posting or before ``settle``, the lease expires after 10 s and the next claimant
posts the same events again with ``recovered: true``.

Where customers may not see everybody, agents and admins are told one thing and customers another
(``domain.projection``); the frames of each are written once.
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Protocol

from hadir.domain.deadline import Deadline
from hadir.domain.delivery import Delivery, Outcome
from hadir.domain.errors import MembershipUnavailable
from hadir.domain.feeds import FeedRef
from hadir.domain.identity import Person, SessionRef
from hadir.domain.projection import EVERYTHING, Projection, shown_to
from hadir.domain.reasons import GONE
from hadir.domain.roles import CustomersSee
from hadir.domain.session import Batch, Event, MessageEvent, Session
from hadir.membership.membership import Membership
from hadir.wire.bursts import MAX_FRAME, Bursts
from hadir.wire.feeds import feed_frames, told_of
from hadir.wire.updates import event_frames, snapshot

_POSTING_SECONDS = 5.0
_SHORTEST_POSTING_SECONDS = 0.5
_WATCHERS_SECONDS = 2.0
"""For those who watch, so that one who does not accept a frame delays others no longer."""

_SETTLING_SECONDS = 1.0
"""The announcer takes on more events only while the caller has more time than this."""

_MOST_POSTS = 256
"""Posts in one batch. If one frame for each event would need more, one frame carries them all."""


class Poster(Protocol):
    """Posts frames to sockets; ``connections.poster`` is the one that does."""

    def post(self, mail: Mapping[str, Sequence[bytes]], seconds: float) -> Mapping[str, Delivery]:
        """Post to each connection id its frames, in order, within ``seconds``."""
        ...


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One event that was posted.

    Attributes:
        event: None if there was no event, and only owed statuses were posted.
        told: False if nobody accepted the event: it stays pending.
        received: how many of the ``targets`` accepted it.
        targets: how many sockets it was for.
        untold: people none of whose sockets accepted it; they are owed the status.
        gone: connections found gone while posting; they have left the session by now. Given only
            with the last event of a batch.
        retries: how often a post of the batch was retried; also given only with the last event.
        latency_ms: from the event to the last post, by two clocks: Redis's and ours.
        owed_ms: for each socket that caught up with this batch, how long it had been owed the
            status; also given only with the last event.
    """

    ref: SessionRef
    event: Event | None
    told: bool
    received: int
    targets: int
    untold: int
    gone: tuple[str, ...]
    retries: int
    latency_ms: int
    owed_ms: tuple[int, ...] = ()


class Announcer:
    """Posts the events that ``Membership`` says are pending.

    Args:
        customers_see: whom customers may be told of.
    """

    def __init__(
        self,
        membership: Membership,
        poster: Poster,
        customers_see: CustomersSee = CustomersSee.EVERYBODY,
    ) -> None:
        self._membership = membership
        self._poster = poster
        self._customers_see = customers_see

    def shown_to(self, reader: Person | None) -> Projection:
        """What ``reader`` may be told of a session; None: it is not known whose socket it is."""
        return shown_to(reader, self._customers_see)

    def announce(self, batch: Batch | None, deadline: Deadline) -> list[Broadcast]:
        """Post ``batch`` and the events that become pending meanwhile, until none is left.

        Args:
            batch: from ``Membership``; None if somebody else announces, or nothing is pending.
            deadline: of the caller. If time runs short, the rest stays pending for the next
                claimant.

        Returns:
            The events posted, in order; those that nobody accepted last.
        """
        broadcasts: list[Broadcast] = []
        feed: FeedRef | None = None
        slow = set[str]()
        while batch:
            feed = feed or batch.feed
            if not batch.token:
                break
            if deadline.seconds_left <= _SHORTEST_POSTING_SECONDS:
                self._membership.give_back(batch)
                break
            within = deadline.within(_POSTING_SECONDS)
            posted = _Posted(batch, self._poster, self._customers_see, within, slow)
            slow |= posted.watchers_missed
            if posted.gone:
                ref = batch.session.ref
                left = self._membership.leave_each(posted.gone, ref, GONE, claim=False)
                feed = feed or (left.feed if left else None)
            for each in posted.watchers_gone:
                with suppress(MembershipUnavailable):  # the next post finds it gone too
                    self._membership.watching.forget(each, batch.session.ref)
            broadcasts += posted.broadcasts()
            if not posted.is_told:  # the management API is away
                self._membership.give_back(batch)
                break
            batch = self._membership.settle(
                batch,
                missed=posted.missed,
                more=deadline.seconds_left > _SETTLING_SECONDS,
                soon=posted.is_cut_off,
            )
        if feed:
            with suppress(MembershipUnavailable):  # those inside are told; the sweep tells the rest
                self.announce_feed(feed, deadline)
        return broadcasts

    def announce_feed(self, feed: FeedRef, deadline: Deadline) -> int:
        """Post what is pending in a feed to its watchers, until nothing is; return how many events.

        If time runs short, the rest stays pending for the next claimant. Watchers that do not
        accept a frame are posted to no more, so that they delay the others once; they find at their
        next heartbeat that they missed it.
        """
        feeds, count, slow = self._membership.watching.feeds, 0, set[str]()
        if deadline.seconds_left <= _SHORTEST_POSTING_SECONDS:
            return count
        batch = feeds.claim(feed)
        while batch:
            frames = feed_frames(
                [told_of(batch, feeds.read(feed.tenant, batch.pointers), time.time_ns() // 10**6)]
            )
            mail = {to: frames for to in batch.watchers if to not in slow}
            made = self._poster.post(mail, _WATCHERS_SECONDS)
            count += len(batch.pointers)
            gone = [to for to, each in made.items() if each.outcome is Outcome.GONE]
            slow |= {to for to, each in made.items() if each.outcome is Outcome.FAILED}
            batch = feeds.settle(batch, gone=gone, more=deadline.seconds_left > _SETTLING_SECONDS)
        return count

    def tell(self, connection_id: str, frames: Sequence[bytes], deadline: Deadline) -> bool:
        """Post frames to one socket alone, in order; return whether it accepted them all."""
        return self.tell_each({connection_id: frames}, deadline) == 1

    def tell_each(self, mail: Mapping[str, Sequence[bytes]], deadline: Deadline) -> int:
        """Post to each socket its frames; return how many sockets accepted all of theirs.

        This is for frames that have no place in the session's order. A socket that turns out to be
        gone is left to the next announcer.
        """
        posted = self._poster.post(mail, deadline.within(_POSTING_SECONDS).seconds_left)
        return sum(made.outcome is Outcome.DELIVERED for made in posted.values())


@dataclass(frozen=True, slots=True)
class _Audience:
    """Sockets that are told the same of a batch.

    Attributes:
        session, events: the batch's, as they may see them.
        skipped: how many of the first events each of those who are told events is not told.
        owed: those who are owed the status.
    """

    session: Session
    events: Sequence[Event]
    skipped: Mapping[str, int]
    owed: Sequence[str]


class _Posted:
    """The result of posting a batch.

    Attributes:
        gone: connections that no longer exist.
        watchers_gone: likewise, of those that watch from other sessions.
        watchers_missed: those of them that did not get all of the batch.
        missed: connections that did not get all of the batch.
        is_cut_off: whether some of them were never tried for lack of time, while others were
            reached.
        is_told: whether anybody was reached; True if nobody is left who could be.
    """

    def __init__(
        self,
        batch: Batch,
        poster: Poster,
        customers_see: CustomersSee,
        deadline: Deadline,
        slow: Collection[str],
    ) -> None:
        self._batch = batch
        self._customers_see = customers_see
        first = batch.before + 1
        # Versions have no gaps, so the events that a socket gets are a tail of the batch.
        self._skipped = {
            socket.connection_id: max(socket.since - first, 0)
            for socket in (*batch.watchers, *batch.sockets)
            if socket.since <= batch.announced and socket.connection_id not in batch.behind
        }
        self._is_burst = self._is_too_much()
        mail = dict(self._mail())
        watchers = (each.connection_id for each in batch.watchers)
        watching = {to: mail.pop(to) for to in watchers if to in mail}
        for to in slow:  # they missed an earlier batch, and would delay those inside again
            watching.pop(to, None)
        self._made = dict(poster.post(mail, deadline.seconds_left))
        self._now = time.time_ns() // 1_000_000
        self.gone = self._those(Outcome.GONE)
        self.missed = self._those(Outcome.FAILED)
        self.is_told = len(self.gone) == len(mail) or any(
            made.posted for made in self._made.values()
        )
        self.is_cut_off = self.is_told and any(not self._made[to].attempted for to in self.missed)
        # Watchers come last, as they find by themselves what they missed, and only after somebody
        # inside, as events that nobody was told are announced again.
        self.watchers_gone: list[str] = []
        self.watchers_missed: set[str] = set()
        if watching and self.is_told:
            made = poster.post(watching, _WATCHERS_SECONDS)
            self.watchers_gone = [to for to, each in made.items() if each.outcome is Outcome.GONE]
            self.watchers_missed = {
                to for to, each in made.items() if each.outcome is Outcome.FAILED
            }

    def broadcasts(self) -> list[Broadcast]:
        """One for each event, or one without an event if only owed statuses were posted."""
        if not self._batch.events:
            ref, owed = self._batch.session.ref, self._owed_ms(0)
            return [Broadcast(ref, None, False, len(owed), len(self._made), 0, (), 0, 0, owed)]
        return [self._broadcast(*each) for each in enumerate(self._batch.events)]

    def _those(self, outcome: Outcome) -> list[str]:
        return [to for to, made in self._made.items() if made.outcome is outcome]

    def _is_too_much(self) -> bool:
        events = len(self._batch.events)
        posts = sum(events - skip for skip in self._skipped.values())
        return events > 1 and posts > _MOST_POSTS

    def _mail(self) -> Iterator[tuple[str, Sequence[bytes]]]:
        audiences = self._audiences()
        for each in audiences:
            if each.owed:
                status = snapshot(each.session, time.time_ns() // 1_000_000)
                yield from ((to, [status]) for to in each.owed)
        if not self._batch.events:
            return
        burst = self._burst(audiences) if self._is_burst else None
        yield from burst.items() if burst else chain(*map(self._one_by_one, audiences))

    def _audiences(self) -> Sequence[_Audience]:
        batch, skipped = self._batch, self._skipped
        sockets = {socket.connection_id for socket in batch.sockets}
        owed = [to for to in batch.behind if to in sockets]
        limited = {
            each.connection_id for each in batch.sockets if self._customers_see.limits(each.person)
        }
        if not limited:
            return [_Audience(batch.session, batch.events, skipped, owed)]
        audiences = []
        for seen, is_limited in ((EVERYTHING, False), (Projection(self._customers_see), True)):
            told = {to: skip for to, skip in skipped.items() if (to in limited) is is_limited}
            behind = [to for to in owed if (to in limited) is is_limited]
            if told or behind:
                events = [seen.event(each) for each in batch.events]
                audiences.append(_Audience(seen.session(batch.session), events, told, behind))
        return audiences

    def _burst(self, audiences: Sequence[_Audience]) -> dict[str, Sequence[bytes]] | None:
        """One frame for each socket; None if a frame would be too large."""
        mail: dict[str, Sequence[bytes]] = {}
        for audience in audiences:
            bursts = Bursts(
                audience.session, audience.events, self._batch.recovered_up_to, self._batch.events
            )
            everybodys = {skip: bursts.frame(skip) for skip in set(audience.skipped.values())}
            for to, skip in audience.skipped.items():
                mail[to] = [bursts.frame(skip, to) if to in self._sent else everybodys[skip]]
        is_too_large = any(len(frame) > MAX_FRAME for (frame,) in mail.values())
        self._is_burst = not is_too_large
        return None if is_too_large else mail

    def _one_by_one(self, audience: _Audience) -> Iterator[tuple[str, Sequence[bytes]]]:
        frames = self._frames
        if audience.session is not self._batch.session:
            frames = event_frames(audience.session, audience.events, self._batch.recovered_up_to)
        everybodys = [frame for _, frame in frames]
        for to, skip in audience.skipped.items():
            theirs = [*everybodys] if to in self._sent else everybodys
            for place in self._sent.get(to, ()):
                theirs[place] = self._frames[place][0]
            yield to, theirs[skip:]

    @cached_property
    def _frames(self) -> list[tuple[bytes, bytes]]:
        """Of each event, the sender's copy, and that of everybody who may see everything."""
        batch = self._batch
        return event_frames(batch.session, batch.events, batch.recovered_up_to)

    @cached_property
    def _sent(self) -> Mapping[str, Sequence[int]]:
        """By connection, the places of the messages that came from it."""
        sent: dict[str, list[int]] = {}
        for place, event in enumerate(self._batch.events):
            if isinstance(event, MessageEvent):
                sent.setdefault(event.connection_id, []).append(place)
        return sent

    def _got(self, connection_id: str, place: int) -> bool:
        """Whether a socket has accepted the event at ``place``, or the status after it."""
        made = self._made.get(connection_id)
        if made is None:
            return False
        if self._is_burst or connection_id not in self._skipped:
            return made.posted > 0
        return place < self._skipped[connection_id] + made.posted

    def _broadcast(self, place: int, event: Event) -> Broadcast:
        batch, is_last = self._batch, place == len(self._batch.events) - 1
        targets = {
            socket.connection_id: socket.person
            for socket in batch.sockets
            if socket.since <= event.version and socket.connection_id in self._made
        }
        received = [to for to in targets if self._got(to, place)]
        there = {targets[to] for to in targets if to not in self.gone}
        return Broadcast(
            batch.session.ref,
            event,
            self.is_told,
            received=len(received),
            targets=len(targets),
            untold=len(there - {targets[to] for to in received}),
            gone=tuple(self.gone) if is_last else (),
            retries=sum(made.retries for made in self._made.values()) if is_last else 0,
            latency_ms=max(self._now - event.at, 0),
            owed_ms=self._owed_ms(place) if is_last else (),
        )

    def _owed_ms(self, place: int) -> tuple[int, ...]:
        behind = self._batch.behind.items()
        return tuple(max(self._now - since, 0) for to, since in behind if self._got(to, place))
