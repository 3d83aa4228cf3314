"""The keyspace. Sessions live in partitions; all keys of one share a hash tag, so a slot.

``hadir:{p}:session:<session_id>``
    hash: epoch, version (of the last event), announced (last version posted to everyone), and
    while somebody announces: token, until (ms), claimed (last version handed out),
    recovered_up_to
``hadir:{p}:connections:<session_id>``
    hash: connection id -> "user_id user_type since at"
``hadir:{p}:events:<session_id>``
    stream: entry ``<version>-0`` -> type, user_id, user_type, at
``hadir:{p}:left:<connection_id>``
    tombstone of a connection that has left, short-lived
``hadir:of:<connection_id>``
    the connection's session, user and type, for events whose context does not tell; expires with
    the longest socket

The partition is ``crc32(session_id) % 256``. 256 is fixed for a deployment's life: another number
would look for every session elsewhere.
"""

from zlib import crc32

PARTITIONS = 256


def session_keys(session_id: str) -> list[str]:
    """KEYS of every script: session, connections, events."""
    prefix = _prefix(session_id)
    return [f"{prefix}:{kind}:{session_id}" for kind in ("session", "connections", "events")]


def tombstone_key(session_id: str, connection_id: str) -> str:
    """Where it stands that ``connection_id`` has left ``session_id``."""
    return f"{_prefix(session_id)}:left:{connection_id}"


def identity_key(connection_id: str) -> str:
    """Where a connection's identity stands; in a slot of its own."""
    return f"hadir:of:{connection_id}"


def _prefix(session_id: str) -> str:
    return f"hadir:{{{crc32(session_id.encode()) % PARTITIONS}}}"
