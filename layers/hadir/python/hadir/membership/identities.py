"""Whose connections they are, and whether these people are banned."""

import time
from typing import Any

from redis import Redis
from redis.exceptions import RedisClusterException, RedisError

from hadir.domain.bans import Banned
from hadir.domain.errors import InvalidIdentity, MembershipUnavailable
from hadir.domain.identity import Identity, Person, SessionRef
from hadir.membership.healing import ask_all, ask_each
from hadir.membership.keys import bans_keys, identity_key
from hadir.membership.scripts import AnyRedis
from hadir.membership.session_scripts import SessionScripts

IDENTITY_SECONDS = 3 * 3600
"""How long a connection's identity is kept. API Gateway ends every socket after 2 h ("Amazon API
Gateway quotas", WebSocket connection duration)."""

_WORDS = 5
"""Words in the record of an identity; newer code, since rolled back, may have written more."""


class Identities:
    """The identities of connections, each in a slot of its own.

    Raises:
        MembershipUnavailable: from every method, when Redis does not answer.
    """

    def __init__(self, redis: AnyRedis, scripts: SessionScripts) -> None:
        self._redis = redis
        self._scripts = scripts

    def remember(self, connection_id: str, identity: Identity) -> bool:
        """Write a connection's identity; return whether its person is known to be banned.

        A cluster may be without the node that holds the tenant's bans, or the identity. That keeps
        nobody out of sessions on other nodes; ``is_banned``, when the socket is open, asks again,
        and events say whose socket they are about.
        """
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
        ends_of = _ends_of(identity.session, identity.person)
        ask = ask_all if isinstance(self._redis, Redis) else ask_each
        _, ends = ask(self._redis, (remember, ends_of), "asked")
        return not isinstance(ends, Exception) and self._is_any_ahead(ends)

    def of(self, connection_id: str) -> Identity | None:
        """Whose socket this is, for events without that; None if it is unknown or has left."""
        try:
            record = self._redis.get(identity_key(connection_id))
        except (RedisError, RedisClusterException) as error:
            raise MembershipUnavailable(f"Redis could not be read: {error}") from error
        try:
            return Identity.parse(*str(record).split(" ")[:_WORDS]) if record else None
        except InvalidIdentity:  # a newer version of the code, since rolled back, wrote it
            return None

    def is_banned(self, ref: SessionRef, person: Person) -> bool:
        """Whether a person is banned from a session."""
        (ends,) = ask_all(self._redis, [_ends_of(ref, person)], "asked")
        return self._is_any_ahead(ends)

    def _is_any_ahead(self, ends: list[Any]) -> bool:
        now = self._scripts.now() or time.time_ns() // 10**6
        return any(end is not None and float(end) > int(now) for end in ends)


def _ends_of(ref: SessionRef, person: Person) -> tuple[str, ...]:
    """The command that reads when the bans end that keep a person out of a session."""
    ends, _ = bans_keys(ref.tenant)
    return ("ZMSCORE", ends, *map(str, Banned.from_entering(ref, person)))
