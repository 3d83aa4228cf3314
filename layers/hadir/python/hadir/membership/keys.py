"""The keyspace. Sessions live in partitions; all keys of a partition share a hash tag, so a slot.

``<session>`` is ``tenant session_id``, and a person is ``user_type/user_id``. Ids contain no blank,
so two tenants that use the same id have two sessions. Records are words separated by blanks
(``records.lua``).

Of a session:

``hadir2:{p}:session:<session>``
    hash: epoch, lineage (of the node's data when the epoch began), renewed_at (when the expiry of
    all keys was renewed, ms), earlier (epochs, and the last version of each), version (of the last
    event), announced (last version posted to everyone), open (how many sockets are), sizes (of
    connections, people and leaving, and open, to see what Redis has evicted, or what code of
    another version has done); watchers (connections of other sessions that watch this one: for each
    its id, the first version that it is told of, its person); while somebody has the session:
    assigned (who), and assignee_gone (the same if they have gone for good); while somebody
    announces: token, until (ms), claimed (last version handed out), recovered_up_to; while the
    status is owed to somebody: retry_at (ms)
``hadir2:{p}:connections:<session>``
    hash: connection id -> person, since, heard, expires, beats, watches
``hadir2:{p}:people:<session>``
    hash: person -> since when they are present (ms), their open sockets, their departure while
    their grace lasts, and if they have them their name and avatar, their state, and which of their
    sockets say that they are away
``hadir2:{p}:events:<session>``
    stream: entry ``<version>-0`` -> type, person, at, and what the type has besides
``hadir2:{p}:leaving:<session>``
    sorted set: people in grace by when it is over (ms)
``hadir2:{p}:pace:<session>``
    sorted set of token buckets by when each is full again (ms): ``c <connection id>`` messages of a
    connection; of a person ``m <person>`` messages, ``j <person>`` joins, ``p <person>`` posts,
    ``s <person>`` changes of their state
``hadir2:{p}:behind:<session>``
    sorted set: ids of connections that are owed the status, by since when (ms)

Of a partition:

``hadir2:{p}:leases``
    sorted set: ``<session> connection_id`` by when the connection's lease runs out (ms)
``hadir2:{p}:failing``
    sorted set: the same by how often in a row API Gateway did not say whether the socket is open
``hadir2:{p}:agenda``
    sorted set: what the sweep has to look at, by when (ms): ``tenant session_id`` a session,
    ``tenant`` and a blank a feed, ``tenant session_id connection_id`` a watcher that has left
``hadir2:{p}:occupied``
    sorted set, by name: sessions in which somebody is present
``hadir2:{p}:whereabouts``
    sorted set, by name: ``tenant user_id user_type session_id`` of everybody present
``hadir2:{p}:staff``
    sorted set, by name: ``tenant user_type user_id session_id`` of the agents and admins present
``hadir2:{p}:left``
    sorted set: ``tenant user_id user_type session_id`` of everybody who left in the last 24 h and
    is not back, by when (ms); half a millisecond later if they were away, or kicked, so that
    they are not expected back
``hadir2:{p}:erased``
    sorted set: ``tenant user_id user_type`` of the agents and admins who have just left one of its
    sessions, where that has been erased, by when (ms); short-lived
``hadir2:{p}:assigned``
    hash: ``<session>`` that somebody has -> person, at, gone
``hadir2:{p}:hearing``
    hash: when the last sweep was (ms), how many connections were heard since and in the
    interval before, and until when silence proves nothing (ms)
``hadir2:{p}:tenants``
    sorted set of token buckets: posts of a tenant, by when they are full again (ms)

Of a tenant in a partition, while sockets watch all of the tenant's sessions:

``hadir2:{p}:watch:<tenant>``
    hash: ``c <connection_id>`` -> the watcher's home session and person; lineage (as of a session);
    serial (of the feed's last entry), announced (last serial posted to the watchers), first (last
    serial before this life of the feed); while somebody announces: token, until (ms), claimed (last
    serial handed out), recovered_up_to
``hadir2:{p}:feed:<tenant>``
    stream: entry ``<serial>-0`` -> session, version: an event of a session

Of a tenant everywhere:

``hadir2:{bans:<tenant>}:ends``
    sorted set: bans by when each ends (ms): ``user_type/user_id`` from all sessions,
    ``user_type/user_id session_id`` from that session
``hadir2:{bans:<tenant>}:bans``
    hash: the same -> the admin who made the ban (``user_type/user_id``), and the reason

Of the whole deployment:

``hadir2:audit``
    hash: seen (how many evictions of keys have been repaired); while an audit is under way: upto
    (how many there were when it began), partition (the next to look at)

Of a connection:

``hadir2:{p}:tombstone:<connection_id>``
    why it has left (``domain.reasons``); short-lived
``hadir2:{p}:said:<session> <person> <client_id>``
    epoch and version of the message with that client id; short-lived
``hadir2:{p}:watching:<connection_id>``
    set: the sessions that it watches, ``*`` for all; in its home session's partition
``hadir2:of:<connection_id>``
    whose it is (``Identity``), for events whose context does not say; until it leaves

The partition is ``crc32(session) % 256``. 256 is fixed for a deployment's life: with another
number, sessions would be looked for in the wrong partition.
"""

from functools import cache
from zlib import crc32

from hadir.domain.feeds import FeedRef
from hadir.domain.identity import Person, SessionRef

PARTITIONS = 256

PREFIX = "hadir2"
"""The prefix of all keys. Its number grows when the format of their values changes, so that newer
code does not misread what older code wrote: that expires."""

_OF_SESSION = (
    "session",
    "connections",
    "people",
    "events",
    "leaving",
    "pace",
    "behind",
)
_OF_PARTITION = (
    "left",
    "leases",
    "failing",
    "agenda",
    "occupied",
    "whereabouts",
    "hearing",
    "tenants",
)
_OF_FEED = ("watch", "feed")
_STAFF = "staff"
"""After all others, as ``life.lua`` renews the others' expiry in every script."""


def partition_of(ref: SessionRef) -> int:
    """Where a session lives."""
    return crc32(str(ref).encode()) % PARTITIONS


def session_keys(ref: SessionRef) -> list[str]:
    """The first KEYS of every script on a session: its own, its partition's, its tenant's.

    The last two are the list of the sessions that somebody has, which most scripts leave alone, and
    the index of agents and admins.
    """
    return [key.decode() for key in encoded_session_keys(ref)]


def encoded_session_keys(ref: SessionRef) -> list[bytes]:
    """The same in UTF-8, as they are sent."""
    session, tenant = str(ref).encode(), ref.tenant.encode()
    beginnings, of_partition, of_tenant, last = _shared_keys(crc32(session) % PARTITIONS)
    return [
        *[each + session for each in beginnings],
        *of_partition,
        *[each + tenant for each in of_tenant],
        *last,
    ]


@cache
def _shared_keys(partition: int) -> tuple[list[bytes], ...]:
    """What the sessions of a partition share; of their own keys, and a tenant's, how they begin."""
    prefix = _prefix(partition)
    return (
        [f"{prefix}:{kind}:".encode() for kind in _OF_SESSION],
        [f"{prefix}:{kind}".encode() for kind in _OF_PARTITION],
        [f"{prefix}:{kind}:".encode() for kind in _OF_FEED],
        [f"{prefix}:{kind}".encode() for kind in ("assigned", _STAFF)],
    )


def session_key(ref: SessionRef, kind: str) -> str:
    """One of a session's own keys, ``events`` for example."""
    return f"{_prefix(partition_of(ref))}:{kind}:{ref}"


def due_keys(partition: int) -> list[str]:
    """KEYS of ``due.lua`` in one partition: leases, agenda, hearing."""
    prefix = _prefix(partition)
    return [f"{prefix}:leases", f"{prefix}:agenda", f"{prefix}:hearing"]


def lease_keys(partition: int) -> list[str]:
    """Where a partition's leases are, and how often nobody could say of one: leases, failing."""
    prefix = _prefix(partition)
    return [f"{prefix}:leases", f"{prefix}:failing"]


def feed_keys(feed: FeedRef) -> list[str]:
    """KEYS of the scripts on a feed: watch, feed, agenda."""
    prefix = _prefix(feed.partition)
    return [*(f"{prefix}:{kind}:{feed.tenant}" for kind in _OF_FEED), f"{prefix}:agenda"]


def agenda_key(partition: int) -> str:
    """The key of what the sweep has to look at in a partition."""
    return f"{_prefix(partition)}:agenda"


def watching_key(home: SessionRef, connection_id: str) -> str:
    """The key of what a connection watches, beside its home session."""
    return f"{_prefix(partition_of(home))}:watching:{connection_id}"


def hearing_key(partition: int) -> str:
    """The key that says since when, and how well, a partition's clients are heard."""
    return f"{_prefix(partition)}:hearing"


def occupied_key(partition: int) -> str:
    """The key of a partition's index of sessions in which somebody is present."""
    return f"{_prefix(partition)}:occupied"


def whereabouts_key(partition: int) -> str:
    """The key of a partition's index of the people present in its sessions."""
    return f"{_prefix(partition)}:whereabouts"


def staff_key(partition: int) -> str:
    """The key of a partition's index of the agents and admins present in its sessions."""
    return f"{_prefix(partition)}:{_STAFF}"


def left_key(partition: int) -> str:
    """The key of a partition's index of the people who have left its sessions."""
    return f"{_prefix(partition)}:left"


def assigned_key(partition: int) -> str:
    """The key of a partition's list of the sessions that somebody has."""
    return f"{_prefix(partition)}:assigned"


def seen_keys(partition: int) -> list[str]:
    """KEYS of ``seen.lua`` in one partition: whereabouts, left, erased."""
    return [whereabouts_key(partition), left_key(partition), _erased_key(partition)]


def erased_key(ref: SessionRef) -> str:
    """The key of who has just left a partition's sessions, where that has been erased."""
    return _erased_key(partition_of(ref))


def _erased_key(partition: int) -> str:
    return f"{_prefix(partition)}:erased"


def tombstone_key(ref: SessionRef, connection_id: str) -> str:
    """The key of a connection's tombstone, which says that it has left its session."""
    return f"{_prefix(partition_of(ref))}:tombstone:{connection_id}"


def said_key(ref: SessionRef, person: Person, client_id: str) -> str:
    """The key that says that a person has sent a message with that client id."""
    return f"{_prefix(partition_of(ref))}:said:{ref} {person} {client_id}"


def bans_keys(tenant: str) -> list[str]:
    """The keys of a tenant's bans: when each ends, and their records."""
    return [f"{PREFIX}:{{bans:{tenant}}}:{kind}" for kind in ("ends", "bans")]


def identity_key(connection_id: str) -> str:
    """The key of a connection's identity, which has its own slot."""
    return f"{PREFIX}:of:{connection_id}"


def _prefix(partition: int) -> str:
    return f"{PREFIX}:{{{partition}}}"
