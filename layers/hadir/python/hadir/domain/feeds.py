"""What is told to sockets that watch a tenant's sessions without being present in them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeedRef:
    """Identifies a feed: the events of one tenant's sessions in one partition.

    Attributes:
        partition: 0 to 255 (``membership.keys``).
    """

    tenant: str
    partition: int


@dataclass(frozen=True, slots=True)
class Pointer:
    """An entry of a feed: the event of a session.

    Attributes:
        serial: its place in the feed; within a life of the feed without gaps. A later life begins
            with a higher one.
        version: the event's; 0 if there is none, but the session has begun a new epoch.
    """

    serial: int
    session_id: str
    version: int


@dataclass(frozen=True, slots=True)
class FeedBatch:
    """What the holder of a feed's announcing lease has to post.

    Attributes:
        token: proves to ``settle`` that the lease is still this holder's.
        before: the serial up to which everything was announced before.
        pointers: the pending entries, in order; at least one.
        watchers: ids of the connections that watch.
        recovered_up_to: entries up to this serial were once handed to a holder that died; 0 if
            there are none.
    """

    ref: FeedRef
    token: str
    before: int
    pointers: tuple[Pointer, ...]
    watchers: tuple[str, ...]
    recovered_up_to: int

    @property
    def announced(self) -> int:
        """The serial up to which everything has been announced once this batch is."""
        return self.pointers[-1].serial


@dataclass(frozen=True, slots=True)
class Missed:
    """What a watcher has missed of one feed.

    Attributes:
        before: the serial that it knew.
        serial: the feed's last one now.
        pointers: the entries between, in order; None if they are not all kept.
    """

    ref: FeedRef
    before: int
    serial: int
    pointers: tuple[Pointer, ...] | None
