"""The keyspace. Sessions live in partitions; all keys of one share a hash tag, so a slot.

Of a session:

``hadir:{p}:session:<session_id>``
    hash: epoch, lineage (of the node's data when the epoch began), version (of the last event),
    announced (last version posted to everyone), and while somebody announces: token, until (ms),
    claimed (last version handed out), recovered_up_to
``hadir:{p}:connections:<session_id>``
    hash: connection id -> "user_id user_type since at heard"
``hadir:{p}:events:<session_id>``
    stream: entry ``<version>-0`` -> type, user_id, user_type, at, and what the type has besides
``hadir:{p}:leaving:<session_id>``
    hash: user id -> their departure, while their grace lasts
``hadir:{p}:left:<session_id>``
    hash: user id -> when they left (ms), for as long as coming back is a reconnect

Of a partition:

``hadir:{p}:leases``
    sorted set: "session_id connection_id" by when the connection's lease runs out (ms)
``hadir:{p}:agenda``
    sorted set: session id by when somebody has to look at it (ms)
``hadir:{p}:swept``
    when the sweep last came by, and until when silence proves nothing (ms)

Of a connection:

``hadir:{p}:tombstone:<connection_id>``
    it has left; short-lived
``hadir:{p}:said:<session_id>:<user_id>:<client_id>``
    epoch and version of a message its client named; short-lived
``hadir:of:<connection_id>``
    its session, user and type, for events whose context does not tell; expires with the longest
    socket

The partition is ``crc32(session_id) % 256``. 256 is fixed for a deployment's life: another number
would look for every session elsewhere.
"""

from zlib import crc32

PARTITIONS = 256


def session_keys(session_id: str) -> list[str]:
    """The first seven KEYS of every script on a session: its own, then its partition's."""
    prefix = _prefix(_partition(session_id))
    own = ("session", "connections", "events", "leaving", "left")
    return [
        *(f"{prefix}:{kind}:{session_id}" for kind in own),
        f"{prefix}:leases",
        f"{prefix}:agenda",
    ]


def partition_keys(partition: int) -> list[str]:
    """KEYS of the sweep in one partition: leases, agenda, swept."""
    prefix = _prefix(partition)
    return [f"{prefix}:leases", f"{prefix}:agenda", f"{prefix}:swept"]


def tombstone_key(session_id: str, connection_id: str) -> str:
    """Where it stands that ``connection_id`` has left ``session_id``."""
    return f"{_prefix(_partition(session_id))}:tombstone:{connection_id}"


def said_key(session_id: str, user_id: str, client_id: str) -> str:
    """Where it stands that a user has sent a message of that name."""
    return f"{_prefix(_partition(session_id))}:said:{session_id}:{user_id}:{client_id}"


def identity_key(connection_id: str) -> str:
    """Where a connection's identity stands; in a slot of its own."""
    return f"hadir:of:{connection_id}"


def _partition(session_id: str) -> int:
    return crc32(session_id.encode()) % PARTITIONS


def _prefix(partition: int) -> str:
    return f"hadir:{{{partition}}}"
