"""Who is in which session: the truth, in Redis, changed by one script at a time."""

import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisClusterException, RedisError

from hadir.domain.bans import Banned
from hadir.domain.errors import MembershipUnavailable
from hadir.domain.identity import Identity, Person, SessionRef
from hadir.domain.limits import Limits, Price
from hadir.domain.reasons import OURS, Departure, Reason
from hadir.domain.session import Batch, Event, Page, Place, Session, Socket
from hadir.membership.healing import ask_all
from hadir.membership.keys import (
    PARTITIONS,
    bans_keys,
    due_keys,
    hearing_key,
    identity_key,
    said_key,
    session_keys,
    tombstone_key,
)
from hadir.membership.outcomes import (
    Admission,
    Due,
    Lease,
    Leaving,
    Left,
    Opened,
    Opening,
    Said,
    Saying,
    Verdict,
)
from hadir.membership.replies import read_batch, read_events, read_session, read_sockets
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

DEAF_MS = 75_000
"""A sweep that comes later than this after the one before (they come every 60 s) did not run, or
Redis was away: clients may have spoken unheard, and silence proves nothing."""

_MOST_AT_ONCE = 200
"""Connections that leave in one script, so that Redis stays free for others meanwhile."""


class Membership:
    """Membership of all sessions.

    Every method is one round trip, atomic, and may be repeated, come late or in another order;
    ``admit`` and ``leave`` also write or delete the connection's identity, in one more; ``admit``
    asks in that whether the person is banned. A caller that dies after a method returned a batch
    loses nothing: the announcing lease runs out (10 s) and the next claimant gets the same events.

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

    @property
    def lease_ms(self) -> int:
        """How long a connection is believed in without being heard, milliseconds."""
        return self._lease_ms

    def admit(self, connection_id: str, identity: Identity) -> Admission:
        """Make a connection known, if its person may be there and there is room; nobody is told."""
        if self._remember(connection_id, identity):
            self._forget([connection_id])
            return Admission.BANNED
        limits = self._limits
        reply = self._run(
            "admit",
            identity.session,
            connection_id,
            str(identity.person),
            identity.expires_at * 1000,
            limits.connections_per_user,
            limits.people_per_session,
            str(2 * limits.messages_per_second),
            2 * limits.burst,
            str(limits.posts_per_second),
            limits.posts_burst,
            keys=[tombstone_key(identity.session, connection_id)],
        )
        admitted = Admission(reply)
        if not admitted.is_in:
            self._forget([connection_id])
        return admitted

    def open(
        self,
        connection_id: str,
        ref: SessionRef,
        *,
        heard: bool = False,
        beat: bool = False,
        price: Price | None = None,
        expires_at: int | None = None,
    ) -> Opened:
        """Note that a socket can be written to: its person is present, its lease renewed.

        Args:
            heard: whether its client has just spoken.
            beat: whether that was a heartbeat; from then on it is expected to go on.
            price: of what it asks for.
            expires_at: until when the client has just proved anew who it is, seconds since the
                Unix epoch.
        """
        token, limits, price = _new_token(), self._limits, price or Price(once=1)
        reply = self._run(
            "open",
            ref,
            connection_id,
            token,
            "beat" if beat else "message" if heard else "",
            price.once,
            price.each,
            str(limits.messages_per_second),
            limits.burst,
            str(2 * limits.messages_per_second),
            2 * limits.burst,
            str(limits.posts_per_second),
            limits.posts_burst,
            str(limits.tenant_posts_per_second),
            limits.tenant_posts_burst,
            limits.connections_per_user,
            limits.people_per_session,
            CLOSED_TOMBSTONE_MS,
            "" if expires_at is None else expires_at * 1000,
            keys=[tombstone_key(ref, connection_id)],
        )
        return _opened(ref, token, reply)

    def leave(
        self, connection_id: str, ref: SessionRef, departure: Departure, *, claim: bool = True
    ) -> Left:
        """Note that a socket is gone.

        Args:
            claim: False when the caller is the session's announcer and will ``settle``.
        """
        return self._leave([connection_id], ref, departure, claim=claim)

    def leave_each(
        self,
        connection_ids: Sequence[str],
        ref: SessionRef,
        departure: Departure,
        *,
        claim: bool = True,
    ) -> Batch | None:
        """Note that many sockets are gone; what the caller has to announce.

        Args:
            claim: as of ``leave``.
        """
        batch = None
        for first in range(0, len(connection_ids), _MOST_AT_ONCE):
            some = connection_ids[first : first + _MOST_AT_ONCE]
            is_last = first + _MOST_AT_ONCE >= len(connection_ids)
            batch = self._leave(some, ref, departure, claim=claim and is_last).batch
        return batch

    def end_grace(self, ref: SessionRef, person: Person) -> tuple[bool, Batch | None]:
        """Take somebody out who has left and may still come back; whether there was such a one."""
        token = _new_token()
        ended, claimed = self._run("end_grace", ref, token, str(person))
        return ended == 1, read_batch(ref, token, claimed)

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
        token = _new_token()
        reply = self._run(
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
        return _opened(ref, token, reply)

    def postpone(self, connection_id: str, ref: SessionRef) -> int:
        """Note that nobody could say whether a socket is there; how often in a row.

        Its lease goes back in the queue: a minute the first time, then twice as far each time, at
        most 16 minutes.
        """
        return int(self._run("postpone", ref, connection_id))

    def repair(self, ref: SessionRef) -> Batch | None:
        """Write anew what Redis has evicted of a session, from what is left."""
        token = _new_token()
        (claimed,) = self._run("repair", ref, token)
        return read_batch(ref, token, claimed)

    def say(self, connection_id: str, who: Identity, text: str, client_id: str) -> Said:
        """Record a message; one with a ``client_id`` that was said before changes nothing."""
        return self._say(connection_id, who.session, who.person, text, client_id)

    def say_as_system(self, ref: SessionRef, person: Person, text: str, client_id: str) -> Said:
        """Record a message of a backend, if anybody is there; it makes nobody present."""
        return self._say("", ref, person, text, client_id)

    def erase(self, ref: SessionRef, person: Person) -> int:
        """Take the texts of somebody's messages out of the history; of how many."""
        return int(self._run("erase", ref, str(person)))

    def clear(self, ref: SessionRef) -> int:
        """Take all out of the history that everyone has been told; how many events."""
        return int(self._run("clear", ref))

    def is_banned(self, ref: SessionRef, person: Person) -> bool:
        """Whether somebody is kept out of a session."""
        (ends,) = self._ask(_ends_of(ref, person))
        return self._is_any_ahead(ends)

    def claim(self, ref: SessionRef) -> Batch | None:
        """Become the session's announcer, if there is something to announce and nobody is."""
        token = _new_token()
        (claimed,) = self._run("claim", ref, token)
        return read_batch(ref, token, claimed)

    def settle(
        self, batch: Batch, *, missed: Iterable[str] = (), more: bool, soon: bool = False
    ) -> Batch | None:
        """Note that ``batch`` was posted to everyone but ``missed``, who are owed the status.

        Args:
            missed: connection ids of those who did not get all of it.
            more: False when the caller has no time left for what came meanwhile.
            soon: True when time alone was short for them: they may be tried at once. Otherwise in
                10 s at the soonest, by whoever claims then.

        Returns:
            What came meanwhile; None when there is nothing, or the lease is somebody else's.
        """
        behind = list(missed)
        caught_up = sorted(batch.behind.keys() - behind)
        return self._settle(batch, batch.announced, more, soon, len(behind), *behind, *caught_up)

    def give_back(self, batch: Batch) -> None:
        """Note that ``batch`` was posted to nobody: its events stay pending, the lease is free."""
        self._settle(batch, batch.before, False, False, 0)

    def session(self, ref: SessionRef) -> Session:
        """Who is there now; a session that Redis does not know has no epoch and nobody in it."""
        return read_session(ref, self._run("view", ref))

    def sockets(self, ref: SessionRef) -> tuple[Socket, ...]:
        """The connections of a session, also those that are only admitted."""
        return tuple(read_sockets(self._run("sockets", ref)))

    def missed(
        self, ref: SessionRef, epoch: str, version: int, most: int
    ) -> tuple[tuple[Event, ...] | None, Session]:
        """What came after ``version``, in order, and the session now.

        Events are None when there are more than ``most``, the history does not reach back that far,
        or the client has seen what was lost with a node, or knows another session altogether.
        """
        missed, view = self._run("history", ref, epoch, version, most)
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

    def due(self, most: int, *, first: bool = True) -> Due:
        """What the sweep has to look at, over all partitions.

        Args:
            most: leases, and sessions, to return of each partition.
            first: whether a sweep begins, or goes on.
        """
        leases: list[Lease] = []
        sessions: list[SessionRef] = []
        heard = overdue_ms = oldest_ms = answered = 0
        args = (self._now(), most, DEAF_MS, "1" if first else "0", self._lease_ms)
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

    def deafen(self) -> None:
        """Note that we may not have heard clients: for a lease, silence proves nothing."""
        for _ in self._scripts.run_everywhere(
            "deafen", lambda partition: [hearing_key(partition)], self._now(), self._lease_ms
        ):
            pass

    def prove_hearing(self) -> None:
        """Write as whoever hears a client does; return if that works."""
        try:
            self._redis.hset(hearing_key(0), "proved", str(self._now() or time.time_ns() // 10**6))
        except (RedisError, RedisClusterException) as error:
            raise MembershipUnavailable(f"Redis could not be written: {error}") from error

    def identity_of(self, connection_id: str) -> Identity | None:
        """Whose socket this is, for events that do not tell; None if nobody's, or it has left."""
        try:
            record = self._redis.get(identity_key(connection_id))
        except (RedisError, RedisClusterException) as error:
            raise MembershipUnavailable(f"Redis could not be read: {error}") from error
        return Identity.parse(*str(record).split(" ")) if record else None

    def ping(self) -> None:
        """Return if Redis answers."""
        self._run("view", SessionRef("-", "ping"))

    def _say(
        self, connection_id: str, ref: SessionRef, person: Person, text: str, client_id: str
    ) -> Said:
        token = _new_token()
        outcome, claimed, earlier, place = self._run(
            "message",
            ref,
            connection_id,
            str(person),
            token,
            text,
            client_id,
            SAID_MS,
            keys=[said_key(ref, person, client_id or f"~{token}")],
        )
        before = read_events(earlier or [])
        return Said(
            Saying(outcome),
            read_batch(ref, token, claimed),
            before[0] if before else None,
            Place(*place) if place else None,
        )

    def _leave(
        self, connection_ids: Sequence[str], ref: SessionRef, departure: Departure, *, claim: bool
    ) -> Left:
        token = _new_token() if claim else ""
        code = departure.close_code
        outcomes, claimed, remaining = self._run(
            "leave",
            ref,
            token,
            departure.reason.value,
            "" if code is None else code,
            departure.evidence.value,
            CLOSED_TOMBSTONE_MS if departure.reason in OURS else TOMBSTONE_MS,
            *connection_ids,
            keys=[tombstone_key(ref, each) for each in connection_ids],
        )
        self._forget(connection_ids)
        return Left(Leaving(outcomes[0]), read_batch(ref, token, claimed), remaining)

    def _settle(
        self, batch: Batch, announced: int, more: bool, soon: bool, *missed: str | int
    ) -> Batch | None:
        ref = batch.session.ref
        flags = ("1" if more else "0", "1" if soon else "0")
        _, claimed = self._run("settle", ref, batch.token, announced, *flags, *missed)
        return read_batch(ref, batch.token, claimed)

    def _remember(self, connection_id: str, identity: Identity) -> bool:
        """Write whose a connection is; whether its person is banned."""
        record = " ".join(
            (
                identity.session_id,
                identity.user_id,
                identity.user_type.value,
                identity.tenant,
                str(identity.expires_at),
            )
        )
        remember = ("SET", identity_key(connection_id), record, "EX", IDENTITY_SECONDS)
        _, ends = self._ask(remember, _ends_of(identity.session, identity.person))
        return self._is_any_ahead(ends)

    def _forget(self, connection_ids: Iterable[str]) -> None:
        with suppress(RedisError, RedisClusterException):  # they expire by themselves
            self._redis.delete(*map(identity_key, connection_ids))

    def _ask(self, *commands: tuple[str | int, ...]) -> list[Any]:
        """The replies, in one round trip to each node."""
        replies = ask_all(self._redis, commands, "asked")
        for reply in replies:
            if isinstance(reply, Exception):
                raise MembershipUnavailable(f"Redis could not be asked: {reply}") from reply
        return replies

    def _is_any_ahead(self, ends: list[Any]) -> bool:
        now = self._now() or time.time_ns() // 10**6
        return any(end is not None and float(end) > int(now) for end in ends)

    def _run(self, name: str, ref: SessionRef, *args: str | int, keys: Sequence[str] = ()) -> Any:
        common = (self._now(), self._lease_ms, self._grace_ms, _new_epoch(), str(ref))
        return self._scripts.run(name, [*session_keys(ref), *keys], *common, *args)

    def _now(self) -> int | str:
        return self._clock() if self._clock else ""


def _ends_of(ref: SessionRef, person: Person) -> tuple[str, ...]:
    """Asks when the bans end that keep somebody out of a session."""
    ends, _ = bans_keys(ref.tenant)
    return ("ZMSCORE", ends, *map(str, Banned.from_entering(ref, person)))


def _new_token() -> str:
    return secrets.token_hex(8)


def _new_epoch() -> str:
    """A name that sorts after those made earlier, so that clients can tell which life is newer."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(4)}"


def _opened(ref: SessionRef, token: str, reply: Any) -> Opened:
    outcome, claimed, (epoch, announced), view, left_for = reply
    return Opened(
        Opening(outcome),
        read_batch(ref, token, claimed),
        Place(epoch, announced),
        read_session(ref, view) if view else None,
        Reason(left_for) if left_for else None,
    )
