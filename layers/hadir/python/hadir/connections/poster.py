"""Posts to many sockets at once: the hot path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hadir.connections.calls import Call, make_all
from hadir.connections.management import ManagementApi
from hadir.domain.delivery import Delivery, Outcome


class Poster:
    """Posts frames to the sockets of one stage.

    Args:
        api: the stage's.
    """

    def __init__(self, api: ManagementApi) -> None:
        self._api = api

    def post(self, mail: Mapping[str, Sequence[bytes]], seconds: float) -> dict[str, Delivery]:
        """Post to every socket in ``mail`` its frames, in order; sockets side by side, in turns.

        With little time, every socket has had its first frame before any has its second.

        429, 5xx and broken HTTP connections are tried again, with full jitter, until ``seconds``
        are over. What has not been answered by then is cut off: nothing more of it is sent.

        A frame may arrive twice, and late, when the answer to it was lost or took longer than
        1.5 s.

        Args:
            mail: connection id -> one text frame or more, in UTF-8, at most 128 KB each.

        Returns:
            What became of each socket's frames.
        """
        letters = [_Letter("POST", to, frames[0], frames=frames) for to, frames in mail.items()]
        make_all(self._api, letters, seconds)
        return {letter.connection_id: letter.delivery() for letter in letters}


@dataclass(slots=True, eq=False)
class _Letter(Call):
    """The frames for one socket, and how far they have come."""

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
