"""Tells everyone in a session what happened, in order, whoever recorded it.

Only the holder of the session's announcing lease posts events (``lib.lua``, ``claim``), so they are
posted in one order and, unless a holder died, once.

If we die while posting or before ``settle``, the lease runs out after 10 s and the next claimant
posts the same events again with ``recovered: true``. Posting one batch takes 5 s at most, so a
lease runs out only on a holder that died.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hadir.domain.delivery import Delivery, Outcome
from hadir.domain.identity import SessionRef
from hadir.domain.reasons import GONE
from hadir.domain.session import Batch, Event, MessageEvent
from hadir.membership.membership import Membership
from hadir.wire.updates import event_frames

_POSTING_SECONDS = 5.0
_SHORTEST_POSTING_SECONDS = 0.5
_SETTLING_SECONDS = 1.0
"""More is taken on only while the caller has more time than this."""


class Poster(Protocol):
    """Posts frames to sockets; ``connections.poster`` is the one that does."""

    def post(self, mail: Mapping[str, Sequence[bytes]], seconds: float) -> Mapping[str, Delivery]:
        """Post to each connection id its frames, in order, within ``seconds``."""
        ...


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One event that was posted.

    Attributes:
        told: False where nobody accepted it: it stays pending.
        received: sockets that accepted it, of ``targets``.
        gone: connections found gone while posting; they have left the session by now.
        retries: how often a post was tried again, of this event and those posted with it; with
            ``gone`` on the last of them.
        latency_ms: from the event to the last post, by two clocks: Redis's and ours.
    """

    ref: SessionRef
    event: Event
    told: bool
    received: int
    targets: int
    gone: tuple[str, ...]
    retries: int
    latency_ms: int


class Announcer:
    """Posts what ``Membership`` says is pending."""

    def __init__(self, membership: Membership, poster: Poster) -> None:
        self._membership = membership
        self._poster = poster

    def announce(self, batch: Batch | None, seconds_left: Callable[[], float]) -> list[Broadcast]:
        """Post ``batch`` and whatever becomes pending meanwhile, until nothing is.

        Args:
            batch: from ``Membership``; None when somebody else announces, or nothing is pending.
            seconds_left: how long the caller may still run. When it runs short the rest stays
                pending for the next claimant.

        Returns:
            The events posted, in order; those that nobody accepted last.
        """
        broadcasts: list[Broadcast] = []
        while batch:
            posted: list[Broadcast] = []
            if seconds_left() > _SHORTEST_POSTING_SECONDS:
                posted = self._post(batch, min(_POSTING_SECONDS, seconds_left()))
            broadcasts += posted
            if not any(each.told for each in posted):
                # No time, or the management API is away.
                self._membership.give_back(batch)
                break
            batch = self._membership.settle(batch, more=seconds_left() > _SETTLING_SECONDS)
        return broadcasts

    def tell(
        self,
        connection_id: str,
        frames: Sequence[bytes],
        seconds_left: Callable[[], float],
    ) -> bool:
        """Post frames to one socket alone, in order; whether all were accepted."""
        return self.tell_each({connection_id: frames}, seconds_left) == 1

    def tell_each(
        self, mail: Mapping[str, Sequence[bytes]], seconds_left: Callable[[], float]
    ) -> int:
        """Post to each socket its frames; how many accepted all.

        For what has no place in the session's order. Who is gone is left to whoever announces next.
        """
        posted = self._poster.post(mail, min(_POSTING_SECONDS, seconds_left()))
        return sum(made.outcome is Outcome.DELIVERED for made in posted.values())

    def _post(self, batch: Batch, seconds: float) -> list[Broadcast]:
        frames = event_frames(batch.session, batch.events, batch.recovered_up_to)
        first = batch.events[0].version
        # Versions have no gaps, so a member's frames are a tail of the batch's.
        skipped = {
            member.connection_id: max(member.since - first, 0)
            for member in batch.session.open_members()
        }
        everybodys = [frame for _, frame in frames]
        mail = {to: everybodys[skip:] for to, skip in skipped.items() if skip < len(frames)}
        for index, event in enumerate(batch.events):
            if isinstance(event, MessageEvent) and index >= skipped.get(
                event.connection_id, index + 1
            ):
                sender = event.connection_id
                mail[sender] = [*mail[sender]]
                mail[sender][index - skipped[sender]] = frames[index][0]
        deliveries = self._poster.post(mail, seconds)
        now = time.time_ns() // 1_000_000

        told = not mail or any(
            made.posted or made.outcome is Outcome.GONE for made in deliveries.values()
        )
        gone = [to for to, made in deliveries.items() if made.outcome is Outcome.GONE]
        for connection_id in gone:
            self._membership.leave(connection_id, batch.session.ref, GONE, claim=False)
        return [
            Broadcast(
                batch.session.ref,
                event,
                told,
                received=sum(
                    skipped[to] <= index < skipped[to] + made.posted
                    for to, made in deliveries.items()
                ),
                targets=sum(skipped[to] <= index for to in mail),
                gone=tuple(gone) if index == len(frames) - 1 else (),
                retries=sum(made.retries for made in deliveries.values())
                if index == len(frames) - 1
                else 0,
                latency_ms=max(now - event.at, 0),
            )
            for index, event in enumerate(batch.events)
        ]
