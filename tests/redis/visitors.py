"""People who come and go on one client, whatever happens to Redis meanwhile."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hadir.domain.errors import MembershipUnavailable
from hadir.domain.identity import SessionRef
from hadir.membership.membership import Membership
from tests.redis.test_membership import CLOSED, identity
from tests.redis_cluster import wait_until

_STAYING = 3


class Visitors:
    """One thread for each session, all on one `membership`; each of the last few people stays.

    No two connections have the same id, in whatever sessions they are, as API Gateway gives none
    out twice: sessions of one partition share the tombstones.

    A call that is refused is made again, as by API Gateway's retries and clients' next words.
    """

    def __init__(self, membership: Membership, sessions: list[SessionRef]) -> None:
        self._membership = membership
        self._stop = threading.Event()
        self._cycles = dict.fromkeys(sessions, 0)
        self._model: dict[SessionRef, list[str]] = {session: [] for session in sessions}
        self._failures: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._come_and_go, args=(session,)) for session in sessions
        ]
        for thread in self._threads:
            thread.start()

    def go_on(self) -> None:
        """Return when in every session two more people have come and gone."""
        goals = {session: number + 2 for session, number in self._cycles.items()}
        wait_until(
            lambda: (
                bool(self._failures)
                or all(self._cycles[session] >= goal for session, goal in goals.items())
            )
        )
        assert self._failures == []

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def check(self) -> None:
        """Who is in is who came and has not gone."""
        assert self._failures == []
        for session, model in self._model.items():
            members = self._membership.sockets(session)
            assert {member.connection_id for member in members} == set(model)

    def _come_and_go(self, session: SessionRef) -> None:
        model = self._model[session]
        try:
            while not self._stop.is_set():
                number = self._cycles[session]
                connection_id, who = (
                    f"c{number}-{session.session_id}",
                    identity(f"customer_{number}", session),
                )
                self._until_done(self._membership.admit, connection_id, who)
                self._until_done(self._membership.open, connection_id, session)
                model.append(connection_id)
                if len(model) > _STAYING:
                    self._until_done(self._membership.leave, model.pop(0), session, CLOSED)
                self._cycles[session] += 1
        except BaseException as error:  # noqa: BLE001 (whatever it is, the test fails by it)
            self._failures.append(error)

    def _until_done(self, call: Callable[..., object], *args: object) -> None:
        while True:
            try:
                call(*args)
            except MembershipUnavailable:
                if self._stop.is_set():
                    raise
                time.sleep(0.02)
            else:
                return


@contextmanager
def visitors(membership: Membership, sessions: list[SessionRef]) -> Iterator[Visitors]:
    """People who come and go until the end; who is in then is as it should be."""
    coming = Visitors(membership, sessions)
    try:
        yield coming
    finally:
        coming.stop()
    coming.check()
