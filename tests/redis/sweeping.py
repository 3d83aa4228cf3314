"""A sweeper on real membership, and what it sweeps."""

from collections.abc import Sequence

from hadir.announcer import Announcer
from hadir.domain.identity import SessionRef
from hadir.domain.sockets import Seen, State
from hadir.doorman import Doorman
from hadir.membership.membership import Membership
from hadir.sweeper import Sweeper
from tests.redis.closing import one_by_one
from tests.redis.test_announcer import RecordingPoster
from tests.redis.test_membership import CLOSED, join


class Platform:
    """Stands in for GetConnection and DeleteConnection, which need sockets."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        self.trouble: set[str] = set()
        self.active: dict[str, int] = {}
        self.connected: dict[str, int] = {}
        self.asked: list[str] = []
        self.seconds: list[float] = []
        self.hears = True
        self.closed: list[str] = []

    def look(self, connection_ids: Sequence[str], seconds: float) -> dict[str, Seen]:
        self.seconds.append(seconds)
        return {each: self._seen(each) for each in connection_ids}

    def _seen(self, connection_id: str) -> Seen:
        self.asked.append(connection_id)
        if connection_id in self.trouble:
            return Seen(State.FAILED, None, 403)
        if connection_id in self.gone:
            return Seen(State.GONE, None, 410)
        active, connected = self.active.get(connection_id), self.connected.get(connection_id)
        return Seen(State.OPEN, active, 200, connected)

    def can_hear(self) -> bool:
        return self.hears

    def close(self, connection_id: str) -> None:
        self.closed.append(connection_id)


def sweeper_of(membership: Membership, platform: Platform, poster: RecordingPoster) -> Sweeper:
    """A sweeper that could hear clients until now: the last sweep was a minute ago."""
    membership.leases.due(1)
    announcer = Announcer(membership, poster)
    doorman = Doorman(membership, announcer, one_by_one(platform.close), lambda *_: None)
    return Sweeper(membership, platform, announcer, doorman, platform.can_hear, lambda _: None)


def leave_unannounced(membership: Membership, session: SessionRef) -> None:
    """A customer has left, and whoever was to tell the admin of it died."""
    join(membership, f"a-{session.session_id}", "admin_1", session)
    join(membership, f"c-{session.session_id}", "customer_1", session)
    membership.leave(f"c-{session.session_id}", session, CLOSED)
