"""The keyspace. Sessions live in partitions; all keys of one share a hash tag, so a slot.

``<session>`` is ``tenant/session_id``: what two tenants call alike are two sessions.

Of a session:

``hadir:{p}:session:<session>``
    hash: epoch, lineage (of the node's data when the epoch began), version (of the last event),
    announced (last version posted to everyone), and while somebody announces: token, until (ms),
    claimed (last version handed out), recovered_up_to
``hadir:{p}:connections:<session>``
    hash: connection id -> "user_id user_type since at heard expires"
``hadir:{p}:events:<session>``
    stream: entry ``<version>-0`` -> type, user_id, user_type, at, and what the type has besides
``hadir:{p}:leaving:<session>``
    hash: user id -> their departure, while their grace lasts
``hadir:{p}:left:<session>``
    hash: user id -> when they left (ms), for as long as coming back is a reconnect
``hadir:{p}:pace:<session>``
    hash: "c <connection_id>" and "u <user_id>" -> when their token bucket is full again (ms)

Of a partition:

``hadir:{p}:leases``
    sorted set: "session connection_id" by when the connection's lease runs out (ms)
``hadir:{p}:agenda``
    sorted set: session by when somebody has to look at it (ms)
``hadir:{p}:occupied``
    sorted set, by name: sessions in which somebody is present
``hadir:{p}:people``
    sorted set, by name: "tenant/user_id session_id" of everybody present
``hadir:{p}:swept``
    when the sweep last came by, and until when silence proves nothing (ms)

Of a connection:

``hadir:{p}:tombstone:<connection_id>``
    why it has left (``domain.reasons``); short-lived
``hadir:{p}:said:<session>/<user_id>/<client_id>``
    epoch and version of a message its client named; short-lived
``hadir:of:<connection_id>``
    whose it is (``Identity``), for events whose context does not tell; expires with the longest
    socket

The partition is ``crc32(session) % 256``. 256 is fixed for a deployment's life: another number
would look for every session elsewhere.
"""

from zlib import crc32

from hadir.domain.identity import SessionRef

PARTITIONS = 256


def session_keys(ref: SessionRef) -> list[str]:
    """The first ten KEYS of every script on a session: its own, then its partition's."""
    prefix = _prefix(_partition(ref))
    own = ("session", "connections", "events", "leaving", "left", "pace")
    partitions = ("leases", "agenda", "occupied", "people")
    return [*(f"{prefix}:{kind}:{ref}" for kind in own), *(f"{prefix}:{k}" for k in partitions)]


def events_key(ref: SessionRef) -> str:
    """Where a session's events are."""
    return session_keys(ref)[2]


def partition_keys(partition: int) -> list[str]:
    """KEYS of the sweep in one partition: leases, agenda, swept."""
    prefix = _prefix(partition)
    return [f"{prefix}:leases", f"{prefix}:agenda", f"{prefix}:swept"]


def occupied_key(partition: int) -> str:
    """Where the sessions of a partition are in which somebody is present."""
    return f"{_prefix(partition)}:occupied"


def people_key(partition: int) -> str:
    """Where everybody is who is present in a partition's sessions."""
    return f"{_prefix(partition)}:people"


def tombstone_key(ref: SessionRef, connection_id: str) -> str:
    """Where it stands that ``connection_id`` has left its session."""
    return f"{_prefix(_partition(ref))}:tombstone:{connection_id}"


def said_key(ref: SessionRef, user_id: str, client_id: str) -> str:
    """Where it stands that a user has sent a message of that name."""
    return f"{_prefix(_partition(ref))}:said:{ref}/{user_id}/{client_id}"


def identity_key(connection_id: str) -> str:
    """Where a connection's identity stands; in a slot of its own."""
    return f"hadir:of:{connection_id}"


def _partition(ref: SessionRef) -> int:
    return crc32(str(ref).encode()) % PARTITIONS


def _prefix(partition: int) -> str:
    return f"hadir:{{{partition}}}"
