"""What a sweep asks: which leases ran out, and whether their clients could have been heard."""

import time
from collections.abc import Iterable, Sequence

from redis.exceptions import RedisClusterException, RedisError

from hadir.domain.errors import MembershipUnavailable
from hadir.domain.feeds import FeedRef
from hadir.domain.identity import SessionRef
from hadir.membership.keys import (
    PARTITIONS,
    due_keys,
    hearing_key,
    lease_keys,
    partition_of,
    session_key,
    tombstone_key,
)
from hadir.membership.outcomes import Due, Lease, Opened, Renewal, Verdict
from hadir.membership.replies import read_opened
from hadir.membership.scripts import AnyRedis
from hadir.membership.session_scripts import CLOSED_TOMBSTONE_MS, SessionScripts, forget, new_token

DEAF_MS = 75_000
"""If two sweeps (every 60 s) are further apart than this, one did not run, or Redis was away. Then
clients may have sent something unheard, and silence proves nothing."""


class Leases:
    """The leases of all connections.

    Every method is one round trip to each node that it concerns, and may be repeated. It changes
    each connection in one step.

    Raises:
        MembershipUnavailable: from every method, when Redis does not answer.
    """

    def __init__(self, redis: AnyRedis, scripts: SessionScripts) -> None:
        self._redis = redis
        self._scripts = scripts

    def due(self, leases: int, sessions: int | None = None, *, first: bool = True) -> Due:
        """What the sweep has to look at, over all partitions.

        Args:
            leases: how many leases to return of each partition at most.
            sessions: how many sessions to return of each at most; as many as leases by default.
            first: whether this call begins a sweep; if not, the sweep goes on.
        """
        most = (leases, leases if sessions is None else sessions)
        args = (*most, DEAF_MS, "1" if first else "0")
        replies = self._scripts.run_everywhere("due", due_keys, *args)
        by_age: list[tuple[int, list[Lease]]] = []
        agenda: list[tuple[float, str]] = []
        heard = heard_before = overdue_ms = oldest_ms = 0
        # If a node was away when we were found deaf, its partitions do not know of it.
        deaf = any(is_deaf == "1" for _, (is_deaf, *_) in replies)
        feeds: list[FeedRef] = []
        watchers: list[tuple[SessionRef, str]] = []
        for partition, (_, count, before, lapsed, waiting, session_ms, lease_ms) in replies:
            by_age.append((lease_ms, [_read_lease(each, deaf) for each in lapsed]))
            for name, since in zip(waiting[::2], waiting[1::2], strict=True):
                match name.split(" "):
                    case tenant, "":
                        feeds.append(FeedRef(tenant, partition))
                    case tenant, session_id, connection_id:
                        watchers.append((SessionRef(tenant, session_id), connection_id))
                    case _:
                        agenda.append((float(since), name))
            heard, heard_before = heard + count, heard_before + before
            overdue_ms, oldest_ms = max(overdue_ms, session_ms), max(oldest_ms, lease_ms)
        by_age.sort(key=lambda each: -each[0])
        return Due(
            tuple(lease for _, some in by_age for lease in some),
            tuple(SessionRef.read(name) for _, name in sorted(agenda)),
            heard,
            heard_before,
            tuple(feeds),
            tuple(watchers),
            overdue_ms,
            oldest_ms,
            unanswered=PARTITIONS - len(replies),
        )

    def renew(
        self, there: Sequence[tuple[Lease, int | None]], *, spare: bool = False
    ) -> list[Renewal]:
        """Renew leases that ran out although the platform says that their sockets are open.

        This takes one round trip to each node, and one script for each partition. If Redis refuses
        one script, the others still run.

        Args:
            there: the leases, each with its socket's last activity that the platform saw, in
                milliseconds since the epoch.
            spare: whether silence proves nothing for all leases, not only for ``deaf`` ones.

        Returns:
            The outcome for each lease.
        """
        groups: dict[tuple[int, bool], list[int]] = {}
        for place, (lease, _) in enumerate(there):
            group = partition_of(lease.ref), spare or lease.deaf
            groups.setdefault(group, []).append(place)
        calls = []
        for (partition, is_deaf), places in groups.items():
            keys = lease_keys(partition)
            args: list[str | int] = ["1" if is_deaf else "0"]
            for place in places:
                lease, active_ms = there[place]
                keys.append(session_key(lease.ref, "connections"))
                args += (_written(lease), "" if active_ms is None else active_ms)
            calls.append((keys, args))
        found = [Renewal.REFUSED] * len(there)
        for places, reply in zip(
            groups.values(), self._scripts.run_all("renew", calls), strict=True
        ):
            if not isinstance(reply, Exception):
                for place, letter in zip(places, reply, strict=True):
                    found[place] = Renewal(letter)
        return found

    def lapse(
        self,
        connection_id: str,
        ref: SessionRef,
        verdict: Verdict = Verdict.END,
        *,
        active_ms: int | None = None,
    ) -> Opened:
        """Record that a lease ran out although the platform says that the socket is open.

        ``SILENT``, ``EXPIRED`` and ``CROWDED`` mean that it has left, and the caller must close it.

        Args:
            verdict: what to do if it is silent.
            active_ms: the socket's last activity that the platform saw, in milliseconds since the
                epoch.
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
            keys=[tombstone_key(ref, connection_id)],
        )
        opened = read_opened(ref, token, reply)
        if opened.outcome.is_end:
            forget(self._redis, [connection_id])
        return opened

    def postpone(self, leases: Iterable[Lease]) -> None:
        """Record that API Gateway did not say whether sockets are open.

        Their leases are due again after a minute, then with exponential backoff of up to 16
        minutes. This takes one round trip to each node; what Redis refuses stays due.
        """
        calls: dict[int, list[str]] = {}
        for lease in leases:
            calls.setdefault(partition_of(lease.ref), []).append(_written(lease))
        self._scripts.run_all(
            "postpone", ((lease_keys(partition), names) for partition, names in calls.items())
        )

    def deafen(self) -> None:
        """Record that we may not have heard clients: for a lease, silence proves nothing."""
        self._scripts.run_everywhere("deafen", lambda partition: [hearing_key(partition)])

    def prove_hearing(self) -> None:
        """Write to Redis as the function that hears clients does; return if that works."""
        now = self._scripts.now() or time.time_ns() // 10**6
        try:
            self._redis.hset(hearing_key(0), "proved", str(now))
        except (RedisError, RedisClusterException) as error:
            raise MembershipUnavailable(f"Redis could not be written: {error}") from error


def _read_lease(text: str, deaf: bool) -> Lease:
    session, _, connection_id = text.rpartition(" ")
    return Lease(SessionRef.read(session), connection_id, deaf)


def _written(lease: Lease) -> str:
    return f"{lease.ref} {lease.connection_id}"
