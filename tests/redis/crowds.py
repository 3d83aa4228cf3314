"""Many people in one session, and a platform on which posting takes its time."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hadir.domain.delivery import Delivery, Outcome
from hadir.domain.identity import Identity, SessionRef, UserType
from hadir.domain.limits import Limits
from hadir.membership.membership import Membership
from tests.redis.test_membership import SESSION

ROOMY = Limits(people_per_session=2000)


def customer(number: int, session: SessionRef = SESSION) -> Identity:
    """The customer of that number."""
    return Identity(session.session_id, f"customer_{number}", UserType.CUSTOMER, session.tenant)


def fill(membership: Membership, numbers: Iterable[int], session: SessionRef = SESSION) -> None:
    """Let customers in, ``c<number>`` each; all are told, a hundred at a time."""
    coming = list(numbers)
    for first in range(0, len(coming), 100):
        announcing = None
        for number in coming[first : first + 100]:
            assert membership.admit(f"c{number}", customer(number, session)).is_in
            batch = membership.open(f"c{number}", session).batch
            announcing = announcing or batch  # who announces gets all that comes meanwhile
        while announcing:
            announcing = membership.settle(announcing, more=True)


class SlowPoster:
    """Accepts so many frames a call, and in rounds: each socket's first before any's second."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.calls = 0
        self.posts = 0
        self.largest = 0
        self.frames: dict[str, list[dict[str, Any]]] = {}

    def post(self, mail: Mapping[str, Sequence[bytes]], _seconds: float) -> dict[str, Delivery]:
        self.calls += 1
        left = self.most
        posted = dict.fromkeys(mail, 0)
        while left and any(posted[to] < len(mail[to]) for to in mail):
            for to, frames in mail.items():
                if left and posted[to] < len(frames):
                    frame = frames[posted[to]]
                    self.largest = max(self.largest, len(frame))
                    self.frames.setdefault(to, []).append(json.loads(frame))
                    posted[to] += 1
                    left -= 1
        self.posts += sum(posted.values())
        return {to: _delivery(posted[to], len(mail[to])) for to in mail}

    def knows(self, connection_id: str) -> int:
        """The newest version whose status a socket has been shown."""
        frames = self.frames[connection_id]
        return max(int(frame["data"].get("status_version", 0)) for frame in frames)


def _delivery(posted: int, wanted: int) -> Delivery:
    if posted == wanted:
        return Delivery(Outcome.DELIVERED, posted, 200)
    return Delivery(Outcome.FAILED, posted, 200 if posted else 0, attempted=posted > 0)
