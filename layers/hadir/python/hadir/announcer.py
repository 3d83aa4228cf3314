"""Tells everyone in a session what happened, in order, whoever recorded it.

Only the holder of the session's announcing lease posts events (``lib.lua``, ``claim``), so they are
posted in one order and, unless a holder died, once.

If we die while posting or before ``settle``, the lease runs out after 10 s and the next claimant
posts the same events again with ``recovered: true``. Posting one batch takes 5 s at most, so a
lease runs out only on a holder that died.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hadir.domain.delivery import Delivery, Outcome
from hadir.domain.session import Batch, PresenceEvent
from hadir.membership.membership import Membership
from hadir.wire.updates import updates

_POSTING_SECONDS = 5.0
_SETTLING_SECONDS = 1.0
"""Kept back of the caller's time for ``settle``."""


class Poster(Protocol):
    """Posts frames to sockets; ``connections.poster`` is the one that does."""

    def post(self, mail: Mapping[str, Sequence[bytes]], seconds: float) -> Mapping[str, Delivery]:
        """Post to each connection id its frames, in order, within ``seconds``."""
        ...


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One event that was posted.

    Attributes:
        received: sockets that accepted it, of ``targets``.
        gone: connections found gone while posting; they have left the session by now.
    """

    session_id: str
    event: PresenceEvent
    received: int
    targets: int
    gone: tuple[str, ...]


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
            The events posted, in order.
        """
        broadcasts: list[Broadcast] = []
        while batch:
            broadcasts += self._post(batch, min(_POSTING_SECONDS, seconds_left()))
            batch = self._membership.settle(batch, more=seconds_left() > _SETTLING_SECONDS)
        return broadcasts

    def tell(self, connection_id: str, frame: bytes, seconds_left: Callable[[], float]) -> bool:
        """Post one frame to one socket alone; whether it was accepted."""
        posted = self._poster.post({connection_id: [frame]}, min(_POSTING_SECONDS, seconds_left()))
        return posted[connection_id].outcome is Outcome.DELIVERED

    def _post(self, batch: Batch, seconds: float) -> list[Broadcast]:
        frames = updates(batch)
        first = batch.events[0].version
        # Versions have no gaps, so a member's frames are a tail of the batch's.
        skipped = {
            member.connection_id: max(member.since - first, 0)
            for member in batch.session.open_members()
        }
        mail = {to: frames[skip:] for to, skip in skipped.items() if skip < len(frames)}
        deliveries = self._poster.post(mail, seconds)

        gone = [to for to, made in deliveries.items() if made.outcome is Outcome.GONE]
        for connection_id in gone:
            self._membership.leave(connection_id, batch.session.session_id, claim=False)
        return [
            Broadcast(
                batch.session.session_id,
                event,
                received=sum(
                    skipped[to] <= index < skipped[to] + made.posted
                    for to, made in deliveries.items()
                ),
                targets=sum(skipped[to] <= index for to in mail),
                gone=tuple(gone) if index == len(frames) - 1 else (),
            )
            for index, event in enumerate(batch.events)
        ]
