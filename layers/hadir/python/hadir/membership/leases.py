"""Leases that ran out, and whether their clients could have been heard: what a sweep asks."""

import time

from redis.exceptions import RedisClusterException, RedisError

from hadir.domain.errors import MembershipUnavailable
from hadir.domain.identity import SessionRef
from hadir.domain.limits import Limits
from hadir.membership.keys import PARTITIONS, due_keys, hearing_key, tombstone_key
from hadir.membership.outcomes import Due, Lease, Opened, Verdict
from hadir.membership.replies import read_opened
from hadir.membership.scripts import AnyRedis
from hadir.membership.session_scripts import CLOSED_TOMBSTONE_MS, SessionScripts, new_token

DEAF_MS = 75_000
"""A sweep that comes later than this after the one before (they come every 60 s) did not run, or
Redis was away: clients may have spoken unheard, and silence proves nothing."""


class Leases:
    """The leases of all connections.

    Every method but ``due`` and ``deafen`` is one round trip, atomic, and may be repeated.

    Raises:
        MembershipUnavailable: from every method, when Redis does not answer.
    """

    def __init__(self, redis: AnyRedis, scripts: SessionScripts, limits: Limits) -> None:
        self._redis = redis
        self._scripts = scripts
        self._limits = limits

    def due(self, most: int, *, first: bool = True) -> Due:
        """What the sweep has to look at, over all partitions.

        Args:
            most: leases, and sessions, to return of each partition.
            first: whether a sweep begins, or goes on.
        """
        leases: list[Lease] = []
        sessions: list[SessionRef] = []
        heard = overdue_ms = oldest_ms = answered = 0
        args = (most, DEAF_MS, "1" if first else "0", self._scripts.lease_ms)
        for _, reply in self._scripts.run_everywhere("due", due_keys, *args):
            is_deaf, count, lapsed, agenda, session_ms, lease_ms = reply
            for each in lapsed:
                name, _, connection_id = each.rpartition(" ")
                leases.append(Lease(SessionRef.read(name), connection_id, is_deaf == "1"))
            sessions += map(SessionRef.read, agenda)
            heard += count
            overdue_ms, oldest_ms = max(overdue_ms, session_ms), max(oldest_ms, lease_ms)
            answered += 1
        unanswered = PARTITIONS - answered
        return Due(tuple(leases), tuple(sessions), heard, overdue_ms, oldest_ms, unanswered)

    def lapse(
        self,
        connection_id: str,
        ref: SessionRef,
        verdict: Verdict = Verdict.END,
        *,
        active_ms: int | None = None,
    ) -> Opened:
        """Note that a lease ran out although the platform says that the socket is there.

        ``SILENT`` and ``EXPIRED`` mean that it has left, and the caller is to close it.

        Args:
            verdict: what becomes of it if it is silent.
            active_ms: when the platform last saw something of it, milliseconds since the epoch.
        """
        token = new_token()
        reply = self._scripts.run(
            "lapse",
            ref,
            connection_id,
            token,
            verdict.value,
            "" if active_ms is None else active_ms,
            CLOSED_TOMBSTONE_MS,
            self._limits.connections_per_user,
            self._limits.people_per_session,
            keys=[tombstone_key(ref, connection_id)],
        )
        return read_opened(ref, token, reply)

    def postpone(self, connection_id: str, ref: SessionRef) -> int:
        """Note that nobody could say whether a socket is there; how often in a row.

        Its lease goes back in the queue: a minute the first time, then twice as far each time, at
        most 16 minutes.
        """
        return int(self._scripts.run("postpone", ref, connection_id))

    def deafen(self) -> None:
        """Note that we may not have heard clients: for a lease, silence proves nothing."""
        for _ in self._scripts.run_everywhere(
            "deafen", lambda partition: [hearing_key(partition)], self._scripts.lease_ms
        ):
            pass

    def prove_hearing(self) -> None:
        """Write as whoever hears a client does; return if that works."""
        now = self._scripts.now() or time.time_ns() // 10**6
        try:
            self._redis.hset(hearing_key(0), "proved", str(now))
        except (RedisError, RedisClusterException) as error:
            raise MembershipUnavailable(f"Redis could not be written: {error}") from error
