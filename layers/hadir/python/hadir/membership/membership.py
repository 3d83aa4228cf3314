"""Who is in which session: the truth, in Redis, changed by one script at a time."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis.exceptions import RedisClusterException, RedisError

from hadir.domain.errors import MembershipUnavailable
from hadir.domain.identity import Identity, SessionRef
from hadir.domain.limits import Limits
from hadir.domain.reasons import OURS, Departure, Reason
from hadir.domain.session import Batch, Event, Page, Session
from hadir.membership.keys import (
    identity_key,
    said_key,
    session_keys,
    tombstone_key,
)
from hadir.membership.replies import read_batch, read_events, read_session
from hadir.membership.scripts import AnyRedis, Scripts

TOMBSTONE_MS = 300_000
"""How long a connection that left cannot be admitted: longer than any handler lives, so that no
``$connect`` or message still under way brings it back."""

CLOSED_TOMBSTONE_MS = 7200_000
"""The same for a socket that we close ourselves, which may fail: as long as any socket lives
("Amazon API Gateway quotas", WebSocket connection duration)."""

IDENTITY_SECONDS = 3 * 3600
"""How long a connection's identity is kept. API Gateway ends every socket after 2 h ("Amazon API
Gateway quotas", WebSocket connection duration)."""

SAID_MS = 600_000
"""How long a message's client id is remembered."""

BLIND_MS = 75_000
"""A sweep that comes later than this after the one before (they come every 60 s) did not run, or
Redis was away: clients may have spoken unheard, and silence proves nothing."""


class Opening(StrEnum):
    """What ``open`` or ``lapse`` found; ``open.lua`` and ``lapse.lua`` say what each means."""

    JOINED = "joined"
    ADDED = "added"
    OPEN = "open"
    LIMITED = "limited"
    FLOODING = "flooding"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    SILENT = "silent"

    @property
    def has_left(self) -> bool:
        """Whether the connection is in no session any more, and its socket is to be closed."""
        return self in (Opening.FLOODING, Opening.EXPIRED, Opening.UNKNOWN, Opening.SILENT)


class Admission(StrEnum):
    """What ``admit`` found; ``admit.lua`` says what each means."""

    ADMITTED = "admitted"
    REPEATED = "repeated"
    LEFT = "left"
    CROWDED = "crowded"
    FULL = "full"
    HASTY = "hasty"

    @property
    def is_in(self) -> bool:
        """Whether the connection is known now."""
        return self in (Admission.ADMITTED, Admission.REPEATED)


class Leaving(StrEnum):
    """What ``leave`` found; ``leave.lua`` says what each means."""

    LEFT = "left"
    REMAINS = "remains"
    UNSEEN = "unseen"
    UNKNOWN = "unknown"


class Saying(StrEnum):
    """What ``say`` found; ``message.lua`` says what each means."""

    SAID = "said"
    REPEATED = "repeated"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Opened:
    """The outcome of ``open`` or ``lapse``.

    Attributes:
        batch: what the caller has to announce, if it became the session's announcer.
        session: membership now; None on ``JOINED``, where the event brings it.
        left_for: why it has left; None if it has not, or nobody remembers.
    """

    outcome: Opening
    batch: Batch | None
    session: Session | None
    left_for: Reason | None


@dataclass(frozen=True, slots=True)
class Left:
    """The outcome of ``leave``.

    Attributes:
        batch: what the caller has to announce, if it became the session's announcer.
        remaining: connections still in the session, whoever's.
    """

    outcome: Leaving
    batch: Batch | None
    remaining: int


@dataclass(frozen=True, slots=True)
class Said:
    """The outcome of ``say``.

    Attributes:
        batch: what the caller has to announce, if it became the session's announcer.
        earlier: on ``REPEATED``, the message as it was said before, if it is still known.
    """

    outcome: Saying
    batch: Batch | None
    earlier: Event | None


@dataclass(frozen=True, slots=True)
class Due:
    """What the sweep has to look at.

    Attributes:
        connections: session and connection id of leases that ran out.
        blind: those of them whose clients may have spoken unheard.
        sessions: with events or departures that wait for somebody.
        overdue_ms: for how long the first of them has been waiting.
    """

    connections: tuple[tuple[SessionRef, str], ...]
    blind: frozenset[tuple[SessionRef, str]]
    sessions: tuple[SessionRef, ...]
    overdue_ms: int


class Membership:
    """Membership of all sessions.

    Every method is one round trip, atomic, and may be repeated, come late or in another order. A
    caller that dies after a method returned a batch loses nothing: the announcing lease runs out
    (10 s) and the next claimant gets the same events.

    Args:
        redis: a client made with ``decode_responses=True``, of one node or of a cluster.
        lease_seconds: how long a connection is believed in without being heard.
        grace_seconds: how long a person who left may come back in as if they had never gone.
        limits: the usual ones unless given.
        clock: milliseconds since the Unix epoch; Redis's own clock unless a test has its own.

    Raises:
        MembershipUnavailable: from every method, when Redis does not answer.
    """

    def __init__(
        self,
        redis: AnyRedis,
        *,
        lease_seconds: float = 90,
        grace_seconds: float = 0,
        limits: Limits | None = None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._lease_ms = int(lease_seconds * 1000)
        self._grace_ms = int(grace_seconds * 1000)
        self._limits = limits or Limits()
        self._clock = clock

    def admit(self, connection_id: str, identity: Identity) -> Admission:
        """Make a connection known, if it has not left already and there is room; nobody is told."""
        self._remember(connection_id, identity)
        reply = self._run(
            "admit",
            identity.session,
            connection_id,
            identity.user_id,
            identity.user_type.value,
            identity.expires_at * 1000,
            self._limits.connections_per_user,
            self._limits.people_per_session,
            str(self._limits.messages_per_second),
            self._limits.burst,
            key=tombstone_key(identity.session, connection_id),
        )
        admitted = Admission(reply)
        if not admitted.is_in:
            self._forget(connection_id)
        return admitted

    def open(
        self,
        connection_id: str,
        ref: SessionRef,
        *,
        heard: bool = False,
        expires_at: int | None = None,
    ) -> Opened:
        """Note that a socket can be written to: its user is present, its lease renewed.

        Args:
            heard: whether its client has just spoken; from then on it is expected to go on.
            expires_at: until when the client has just proved anew who it is, seconds since the
                Unix epoch.
        """
        token = _new_token()
        reply = self._run(
            "open",
            ref,
            connection_id,
            token,
            "1" if heard else "0",
            str(self._limits.messages_per_second),
            self._limits.burst,
            CLOSED_TOMBSTONE_MS,
            "" if expires_at is None else expires_at * 1000,
            key=tombstone_key(ref, connection_id),
        )
        return _opened(ref, token, reply)

    def leave(
        self, connection_id: str, ref: SessionRef, departure: Departure, *, claim: bool = True
    ) -> Left:
        """Note that a socket is gone.

        Args:
            claim: False when the caller is the session's announcer and will ``settle``.
        """
        token = _new_token() if claim else ""
        code = departure.close_code
        outcome, claimed, remaining = self._run(
            "leave",
            ref,
            connection_id,
            token,
            departure.reason.value,
            "" if code is None else code,
            departure.evidence.value,
            CLOSED_TOMBSTONE_MS if departure.reason in OURS else TOMBSTONE_MS,
            key=tombstone_key(ref, connection_id),
        )
        return Left(Leaving(outcome), read_batch(ref, token, claimed), remaining)

    def end_grace(self, ref: SessionRef, user_id: str) -> tuple[bool, Batch | None]:
        """Take somebody out who has left and may still come back; whether there was such a one."""
        token = _new_token()
        ended, claimed = self._run("end_grace", ref, token, user_id)
        return ended == 1, read_batch(ref, token, claimed)

    def lapse(self, connection_id: str, ref: SessionRef) -> Opened:
        """Note that a lease ran out although the platform says that the socket is there.

        ``SILENT`` and ``EXPIRED`` mean that it has left, and the caller is to close it.
        """
        token = _new_token()
        reply = self._run(
            "lapse",
            ref,
            connection_id,
            token,
            CLOSED_TOMBSTONE_MS,
            key=tombstone_key(ref, connection_id),
        )
        return _opened(ref, token, reply)

    def say(self, connection_id: str, who: Identity, text: str, client_id: str) -> Said:
        """Record a message; one with a ``client_id`` that was said before changes nothing."""
        token = _new_token()
        outcome, claimed, earlier = self._run(
            "message",
            who.session,
            connection_id,
            token,
            text,
            client_id,
            SAID_MS,
            key=said_key(who.session, who.user_id, client_id or f"~{token}"),
        )
        before = read_events(earlier or [])
        return Said(
            Saying(outcome),
            read_batch(who.session, token, claimed),
            before[0] if before else None,
        )

    def claim(self, ref: SessionRef) -> Batch | None:
        """Become the session's announcer, if events are pending and nobody is."""
        token = _new_token()
        (claimed,) = self._run("claim", ref, token)
        return read_batch(ref, token, claimed)

    def settle(self, batch: Batch, *, more: bool) -> Batch | None:
        """Note that ``batch`` was posted to everyone.

        Args:
            more: False when the caller has no time left for what came meanwhile.

        Returns:
            What came meanwhile; None when there is nothing, or the lease is somebody else's.
        """
        return self._settle(batch, batch.events[-1].version, more=more)

    def give_back(self, batch: Batch) -> None:
        """Note that ``batch`` was posted to nobody: its events stay pending, the lease is free."""
        self._settle(batch, batch.events[0].version - 1, more=False)

    def session(self, ref: SessionRef) -> Session:
        """The session now; one that Redis does not know has no epoch and no members."""
        return read_session(ref, self._run("view", ref))

    def missed(
        self, ref: SessionRef, epoch: str, version: int
    ) -> tuple[tuple[Event, ...] | None, Session]:
        """What came after ``version``, in order, and the session now.

        Events are None when the history does not reach back that far, or the epoch is another.
        """
        missed, view = self._run("history", ref, epoch, version)
        events = None if missed is None else tuple(read_events(missed))
        return events, read_session(ref, view)

    def page(
        self, ref: SessionRef, most: int, *, since: int = 0, before: int | None = None
    ) -> Page:
        """A part of the history, as far as that reaches back.

        Args:
            most: events at most.
            since: the first events after that version.
            before: the last events before that version, from 1, instead.
        """
        last = "" if before is None else before
        epoch, version, events = self._run("page", ref, since, last, most)
        return Page(epoch, version, tuple(read_events(events)))

    def due(self, most: int) -> Due:
        """What the sweep has to look at, over all partitions.

        Args:
            most: leases, and sessions, to return of each partition.
        """
        now = self._clock() if self._clock else ""
        connections: list[tuple[SessionRef, str]] = []
        blind: set[tuple[SessionRef, str]] = set()
        sessions: list[SessionRef] = []
        overdue_ms = 0
        replies = self._scripts.run_due(now, most, BLIND_MS, self._lease_ms)
        for was_blind, leases, agenda, waiting_ms in replies:
            overdue_ms = max(overdue_ms, waiting_ms)
            pairs = [(SessionRef.read(name), each) for name, each in map(str.split, leases)]
            connections += pairs
            if was_blind == "1":
                blind.update(pairs)
            sessions += map(SessionRef.read, agenda)
        return Due(tuple(connections), frozenset(blind), tuple(sessions), overdue_ms)

    def identity_of(self, connection_id: str) -> Identity | None:
        """Whose socket this is, for events that do not tell; None if nobody's, or long ago."""
        try:
            record = self._redis.get(identity_key(connection_id))
        except (RedisError, RedisClusterException) as error:
            raise MembershipUnavailable(f"Redis could not be read: {error}") from error
        return Identity.parse(*str(record).split(" ")) if record else None

    def ping(self) -> None:
        """Return if Redis answers."""
        self._run("view", SessionRef("", "ping"))

    def _settle(self, batch: Batch, announced: int, *, more: bool) -> Batch | None:
        ref = batch.session.ref
        _, claimed = self._run("settle", ref, batch.token, announced, "1" if more else "0")
        return read_batch(ref, batch.token, claimed)

    def _remember(self, connection_id: str, identity: Identity) -> None:
        record = " ".join(
            (
                identity.session_id,
                identity.user_id,
                identity.user_type.value,
                identity.tenant,
                str(identity.expires_at),
            )
        )
        try:
            self._redis.set(identity_key(connection_id), record, ex=IDENTITY_SECONDS)
        except (RedisError, RedisClusterException) as error:
            raise MembershipUnavailable(f"Redis could not be written: {error}") from error

    def _forget(self, connection_id: str) -> None:
        try:
            self._redis.delete(identity_key(connection_id))
        except (RedisError, RedisClusterException) as error:
            raise MembershipUnavailable(f"Redis could not be written: {error}") from error

    def _run(self, name: str, ref: SessionRef, *args: str | int, key: str | None = None) -> Any:
        keys = session_keys(ref)
        if key is not None:
            keys.append(key)
        now = self._clock() if self._clock else ""
        common = (now, self._lease_ms, self._grace_ms, _new_epoch(), str(ref))
        return self._scripts.run(name, keys, *common, *args)


def _new_token() -> str:
    return secrets.token_hex(8)


def _new_epoch() -> str:
    """A name that sorts after those made earlier, so that clients can tell which life is newer."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(4)}"


def _opened(ref: SessionRef, token: str, reply: Any) -> Opened:
    outcome, claimed, view, left_for = reply
    return Opened(
        Opening(outcome),
        read_batch(ref, token, claimed),
        read_session(ref, view) if view else None,
        Reason(left_for) if left_for else None,
    )
