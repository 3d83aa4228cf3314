"""Who is in which session: the truth, in Redis, changed by one script at a time."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from hadir.domain.errors import MembershipUnavailable
from hadir.domain.identity import Identity, UserType
from hadir.domain.session import Batch, EventType, Member, PresenceEvent, Session
from hadir.membership.keys import identity_key, session_keys, tombstone_key
from hadir.membership.scripts import Scripts

TOMBSTONE_MS = 300_000
"""How long a connection that left cannot be admitted: longer than any handler lives, so that no
``$connect`` or message still under way brings it back."""

IDENTITY_SECONDS = 3 * 3600
"""How long a connection's identity is kept. API Gateway ends every socket after 2 h ("Amazon API
Gateway quotas", WebSocket connection duration)."""


class Opening(StrEnum):
    """What ``open`` found; ``open.lua`` says what each means."""

    JOINED = "joined"
    ADDED = "added"
    OPEN = "open"
    UNKNOWN = "unknown"


class Leaving(StrEnum):
    """What ``leave`` found; ``leave.lua`` says what each means."""

    LEFT = "left"
    REMAINS = "remains"
    UNSEEN = "unseen"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Opened:
    """The outcome of ``open``.

    Attributes:
        batch: what the caller has to announce, if it became the session's announcer.
        session: membership now; None on ``JOINED``, where the event brings it.
    """

    outcome: Opening
    batch: Batch | None
    session: Session | None


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


class Membership:
    """Membership of all sessions, on one Redis.

    Every method is one round trip, atomic, and may be repeated, come late or in another order. A
    caller that dies after ``open``, ``leave`` or ``settle`` returned a batch loses nothing: the
    announcing lease runs out (10 s) and the next claimant gets the same events.

    Args:
        redis: a client made with ``decode_responses=True``.
        clock: milliseconds since the Unix epoch; Redis's own clock unless a test has its own.

    Raises:
        MembershipUnavailable: from every method, when Redis does not answer.
    """

    def __init__(self, redis: Redis, clock: Callable[[], int] | None = None) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._clock = clock

    def admit(self, connection_id: str, identity: Identity) -> bool:
        """Make a connection known; nobody is told. False if it has left already."""
        self._remember(connection_id, identity)
        reply = self._run(
            "admit",
            identity.session_id,
            connection_id,
            identity.user_id,
            identity.user_type.value,
            secrets.token_hex(8),
            tombstone_of=connection_id,
        )
        return bool(reply != "left")

    def open(self, connection_id: str, session_id: str) -> Opened:
        """Note that a socket can be written to: its user is present."""
        token = _new_token()
        outcome, claim, view = self._run("open", session_id, connection_id, token)
        return Opened(
            Opening(outcome),
            _batch(session_id, token, claim),
            _session(session_id, view) if view else None,
        )

    def leave(self, connection_id: str, session_id: str, *, claim: bool = True) -> Left:
        """Note that a socket is gone.

        Args:
            claim: False when the caller is the session's announcer and will ``settle``.
        """
        token = _new_token() if claim else ""
        outcome, claimed, remaining = self._run(
            "leave", session_id, connection_id, token, TOMBSTONE_MS, tombstone_of=connection_id
        )
        return Left(Leaving(outcome), _batch(session_id, token, claimed), remaining)

    def settle(self, batch: Batch, *, more: bool) -> Batch | None:
        """Note that ``batch`` was posted to everyone.

        Args:
            more: False when the caller has no time left for what came meanwhile.

        Returns:
            What came meanwhile; None when there is nothing, or the lease is somebody else's.
        """
        session_id = batch.session.session_id
        _, claim = self._run(
            "settle", session_id, batch.token, batch.events[-1].version, "1" if more else "0"
        )
        return _batch(session_id, batch.token, claim)

    def session(self, session_id: str) -> Session:
        """The session now; one that Redis does not know has no epoch and no members."""
        return _session(session_id, self._run("view", session_id))

    def identity_of(self, connection_id: str) -> Identity | None:
        """Whose socket this is, for events that do not tell; None if nobody's, or long ago."""
        try:
            record = self._redis.get(identity_key(connection_id))
        except RedisError as error:
            raise MembershipUnavailable(f"Redis could not be read: {error}") from error
        return Identity.parse(*str(record).split(" ")) if record else None

    def ping(self) -> None:
        """Return if Redis answers."""
        try:
            self._redis.ping()
        except RedisError as error:
            raise MembershipUnavailable(f"Redis does not answer: {error}") from error

    def _remember(self, connection_id: str, identity: Identity) -> None:
        record = f"{identity.session_id} {identity.user_id} {identity.user_type.value}"
        try:
            self._redis.set(identity_key(connection_id), record, ex=IDENTITY_SECONDS)
        except RedisError as error:
            raise MembershipUnavailable(f"Redis could not be written: {error}") from error

    def _run(
        self, name: str, session_id: str, *args: str | int, tombstone_of: str | None = None
    ) -> Any:
        keys = session_keys(session_id)
        if tombstone_of is not None:
            keys.append(tombstone_key(session_id, tombstone_of))
        return self._scripts.run(name, keys, self._clock() if self._clock else "", *args)


def _new_token() -> str:
    return secrets.token_hex(8)


def _batch(session_id: str, token: str, claim: Any) -> Batch | None:
    if not claim:
        return None
    recovered_up_to, pending, view = claim
    events = tuple(_event(entry_id, dict(_pairs(fields))) for entry_id, fields in pending)
    return Batch(token, _session(session_id, view), events, recovered_up_to)


def _pairs(flat: list[str]) -> Iterator[tuple[str, str]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _session(session_id: str, view: Any) -> Session:
    epoch, version, connections = view
    members = (_member(*pair) for pair in _pairs(connections))
    return Session(session_id, epoch, version, tuple(members))


def _member(connection_id: str, record: str) -> Member:
    user_id, user_type, since, at = record.split(" ")
    return Member(connection_id, user_id, UserType(user_type), int(since), int(at))


def _event(entry_id: str, fields: dict[str, str]) -> PresenceEvent:
    return PresenceEvent(
        version=int(entry_id.partition("-")[0]),
        type=EventType(fields["type"]),
        user_id=fields["user_id"],
        user_type=UserType(fields["user_type"]),
        at=int(fields["at"]),
    )
