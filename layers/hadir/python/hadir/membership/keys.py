"""The keyspace. Sessions live in partitions; all keys of one share a hash tag, so a slot.

``<session>`` is ``tenant session_id``, a person ``user_type/user_id``: ids hold no blank, so what
two tenants call alike are two sessions. Records are words with a blank between them
(``records.lua``).

Of a session:

``hadir2:{p}:session:<session>``
    hash: epoch, lineage (of the node's data when the epoch began), earlier (epochs, and the last
    version of each), version (of the last event), announced (last version posted to everyone),
    sizes (of connections, people and leaving, to see what Redis has evicted); while somebody
    announces: token, until (ms), claimed (last version handed out), recovered_up_to; while the
    status is owed to somebody: retry_at (ms)
``hadir2:{p}:connections:<session>``
    hash: connection id -> person, since, heard, expires, beats
``hadir2:{p}:people:<session>``
    hash: person -> since when they are present (ms), their open sockets, and their departure while
    their grace lasts
``hadir2:{p}:events:<session>``
    stream: entry ``<version>-0`` -> type, person, at, and what the type has besides
``hadir2:{p}:leaving:<session>``
    sorted set: people in grace by when it is over (ms)
``hadir2:{p}:left:<session>``
    sorted set: people by when they left (ms), for as long as coming back is a reconnect
``hadir2:{p}:pace:<session>``
    sorted set of token buckets by when each is full again (ms): ``c <connection id>`` messages of a
    connection; of a person ``m <person>`` messages, ``j <person>`` joins, ``p <person>`` posts
``hadir2:{p}:behind:<session>``
    sorted set: connection ids that missed something by since when (ms)

Of a partition:

``hadir2:{p}:leases``
    sorted set: ``<session> connection_id`` by when the connection's lease runs out (ms)
``hadir2:{p}:failing``
    sorted set: the same by how often in a row nobody could say whether the socket is there
``hadir2:{p}:agenda``
    sorted set: session by when somebody has to look at it (ms)
``hadir2:{p}:occupied``
    sorted set, by name: sessions in which somebody is present
``hadir2:{p}:whereabouts``
    sorted set, by name: ``tenant user_id user_type session_id`` of everybody present
``hadir2:{p}:hearing``
    hash: when the sweep last came by, how many connections were heard since, and until when silence
    proves nothing (ms)
``hadir2:{p}:tenants``
    sorted set of token buckets: posts of a tenant, by when they are full again (ms)

Of a tenant:

``hadir2:{bans:<tenant>}:ends``
    sorted set: ``user_type/user_id``, kept out of all sessions, and ``user_type/user_id
    session_id``, kept out of that one, by when that is over (ms)
``hadir2:{bans:<tenant>}:bans``
    hash: the same -> who wanted that (``user_type/user_id``) and why

Of all:

``hadir2:audited``
    how many evictions of keys the sweep has seen to

Of a connection:

``hadir2:{p}:tombstone:<connection_id>``
    why it has left (``domain.reasons``); short-lived
``hadir2:{p}:said:<session> <person> <client_id>``
    epoch and version of a message its client named; short-lived
``hadir2:of:<connection_id>``
    whose it is (``Identity``), for events whose context does not tell; until it leaves

The partition is ``crc32(session) % 256``. 256 is fixed for a deployment's life: another number
would look for every session elsewhere.
"""

from zlib import crc32

from hadir.domain.identity import Person, SessionRef

PARTITIONS = 256

PREFIX = "hadir2"
"""Of all keys. The number grows when what stands in them changes, so that what an earlier version
of the code wrote is not misread: it expires."""

_OF_SESSION = (
    "session",
    "connections",
    "people",
    "events",
    "leaving",
    "left",
    "pace",
    "behind",
)
_OF_PARTITION = ("leases", "failing", "agenda", "occupied", "whereabouts", "hearing", "tenants")


def session_keys(ref: SessionRef) -> list[str]:
    """The first KEYS of every script on a session: its own, then its partition's."""
    prefix = _prefix(_partition(ref))
    return [
        *(f"{prefix}:{kind}:{ref}" for kind in _OF_SESSION),
        *(f"{prefix}:{kind}" for kind in _OF_PARTITION),
    ]


def session_key(ref: SessionRef, kind: str) -> str:
    """One of a session's own keys, ``events`` for example."""
    return session_keys(ref)[_OF_SESSION.index(kind)]


def due_keys(partition: int) -> list[str]:
    """KEYS of ``due.lua`` in one partition: leases, agenda, hearing."""
    prefix = _prefix(partition)
    return [f"{prefix}:leases", f"{prefix}:agenda", f"{prefix}:hearing"]


def hearing_key(partition: int) -> str:
    """Where it stands since when, and how well, a partition's clients are heard."""
    return f"{_prefix(partition)}:hearing"


def occupied_key(partition: int) -> str:
    """Where the sessions of a partition are in which somebody is present."""
    return f"{_prefix(partition)}:occupied"


def whereabouts_key(partition: int) -> str:
    """Where everybody is who is present in a partition's sessions."""
    return f"{_prefix(partition)}:whereabouts"


def tombstone_key(ref: SessionRef, connection_id: str) -> str:
    """Where it stands that ``connection_id`` has left its session."""
    return f"{_prefix(_partition(ref))}:tombstone:{connection_id}"


def said_key(ref: SessionRef, person: Person, client_id: str) -> str:
    """Where it stands that somebody has sent a message of that name."""
    return f"{_prefix(_partition(ref))}:said:{ref} {person} {client_id}"


def bans_keys(tenant: str) -> list[str]:
    """Where a tenant's bans are: when they end, and what else is known of them."""
    return [f"{PREFIX}:{{bans:{tenant}}}:{kind}" for kind in ("ends", "bans")]


def identity_key(connection_id: str) -> str:
    """Where a connection's identity stands; in a slot of its own."""
    return f"{PREFIX}:of:{connection_id}"


def _partition(ref: SessionRef) -> int:
    return crc32(str(ref).encode()) % PARTITIONS


def _prefix(partition: int) -> str:
    return f"{PREFIX}:{{{partition}}}"
