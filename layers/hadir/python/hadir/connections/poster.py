"""Posts to many sockets at once: the hot path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hadir.connections.calls import Call, make_all
from hadir.connections.management import ManagementApi
from hadir.domain.delivery import Delivery, Outcome


class Poster:
    """Posts frames to the sockets of one stage.

    Args:
        api: the stage's management API.
    """

    def __init__(self, api: ManagementApi) -> None:
        self._api = api

    def post(self, mail: Mapping[str, Sequence[bytes]], seconds: float) -> dict[str, Delivery]:
        """Post to every socket in ``mail`` its frames, in order; sockets in parallel, taking turns.

        So if time is short, every socket gets its first frame before any gets its second.

        429, 5xx and broken HTTP connections are retried, with backoff and full jitter, until
        ``seconds`` are over. Posts that are not answered by then are cut off: nothing more is sent.

        A frame may arrive twice, and late, if its answer was lost or took longer than 1.5 s.

        Args:
            mail: connection id -> one text frame or more, in UTF-8, at most 128 KB each.

        Returns:
            The result for each socket.
        """
        letters = [_Letter("POST", to, frames[0], frames=frames) for to, frames in mail.items()]
        make_all(self._api, letters, seconds)
        return {letter.connection_id: letter.delivery() for letter in letters}


@dataclass(slots=True, eq=False)
class _Letter(Call):
    """The frames for one socket, and how many of them are posted."""

    frames: Sequence[bytes] = ()
    posted: int = 0

    def has_next(self) -> bool:
        if self.status != 200:
            return False
        self.posted += 1
        if self.posted == len(self.frames):
            return False
        self.payload = self.frames[self.posted]
        return True

    def delivery(self) -> Delivery:
        outcome = Outcome.FAILED
        if self.posted == len(self.frames):
            outcome = Outcome.DELIVERED
        elif self.final and self.status == 410:
            outcome = Outcome.GONE
        return Delivery(outcome, self.posted, self.status, self.retries, self.attempted)
