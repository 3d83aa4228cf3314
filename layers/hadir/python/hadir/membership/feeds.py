"""The feeds: the events of a tenant's sessions, for the sockets that watch all of them."""

from collections.abc import Iterable, Mapping, Sequence

from hadir.domain.errors import MembershipUnavailable
from hadir.domain.feeds import FeedBatch, FeedRef, Missed, Pointer
from hadir.domain.identity import Identity, SessionRef
from hadir.domain.session import Event, Session
from hadir.membership.keys import PARTITIONS
from hadir.membership.outcomes import Watch
from hadir.membership.replies import read_events, read_feed_batch, read_pointers, read_session
from hadir.membership.session_scripts import SessionScripts, new_token

_MOST_MISSED = 200
"""Entries of one feed that are told again."""

MOST_WATCHERS = 200
"""Sockets that watch the same: each costs a post an event."""


class Feeds:
    """The feeds of all tenants, one in each partition.

    Every method is one round trip to each node, and may be repeated, come late or in another order.
    A caller that dies after a method has returned a batch loses nothing: the announcing lease
    expires (10 s), and the next claimant gets the same entries.

    Raises:
        MembershipUnavailable: from every method, when Redis does not answer.
    """

    def __init__(self, scripts: SessionScripts) -> None:
        self._scripts = scripts

    def watch(
        self, connection_id: str, who: Identity, known: Mapping[int, int] | None = None
    ) -> tuple[Watch, dict[int, tuple[int, int]], tuple[Missed, ...]]:
        """Watch all sessions of the watcher's tenant, or say that one still does.

        Args:
            who: the watcher, in its home session.
            known: by partition, the serial up to which the watcher knows everything. Then it
                watches these partitions, and what it has missed there is returned; None for all.

        Returns:
            Whether it watches; by partition, where its feed is (what is not pending any more, or
            will not be in a moment) and its last serial; what the watcher has missed. Partitions on
            nodes that do not answer are left out.

        Raises:
            MembershipUnavailable: no partition answered.
        """
        whose = f"{who.session.session_id} {who.person}"
        places = range(PARTITIONS) if known is None else known
        feeds = [FeedRef(who.tenant, partition) for partition in places]
        known = known or {}
        replies = self._scripts.run_on_feeds(
            "watch",
            (
                (
                    feed,
                    (
                        *(connection_id, whose, known.get(feed.partition, "")),
                        *(_MOST_MISSED, MOST_WATCHERS),
                    ),
                )
                for feed in feeds
            ),
        )
        if all(isinstance(reply, Exception) for reply in replies):
            raise MembershipUnavailable(f"Redis could not run watch: {replies[0]}")
        found: dict[int, tuple[int, int]] = {}
        missed: list[Missed] = []
        for feed, reply in zip(feeds, replies, strict=True):
            if isinstance(reply, Exception):
                continue
            if reply == "crowded":
                return Watch.CROWDED, {}, ()
            place, serial, entries = reply
            found[feed.partition] = int(place), int(serial)
            if feed.partition in known:
                pointers = None if entries is None else read_pointers(entries)
                before = known[feed.partition]
                missed.append(Missed(feed, before, int(serial), pointers))
        return Watch.WATCHING, found, tuple(missed)

    def unwatch(self, connection_id: str, tenant: str) -> None:
        """Watch all sessions no more.

        Raises:
            MembershipUnavailable: that could not be noted in every partition.
        """
        replies = self._scripts.run_on_feeds(
            "unwatch",
            ((FeedRef(tenant, each), (connection_id,)) for each in range(PARTITIONS)),
        )
        for reply in replies:
            if isinstance(reply, Exception):
                raise MembershipUnavailable(f"Redis could not run unwatch: {reply}") from reply

    def claim(self, feed: FeedRef) -> FeedBatch | None:
        """Become the feed's announcer if there is something to announce and nobody else is."""
        token = new_token()
        (claimed,) = self._scripts.run_on_feed("claim_feed", feed, token)
        return read_feed_batch(feed, token, claimed)

    def settle(self, batch: FeedBatch, *, gone: Sequence[str] = (), more: bool) -> FeedBatch | None:
        """Note that ``batch`` was posted to everyone who watches.

        Args:
            gone: connections that no longer exist; they watch no more.
            more: False if the caller has no time left for entries that came meanwhile.

        Returns:
            The next batch; None if there is none, or the lease is somebody else's.
        """
        (claimed,) = self._scripts.run_on_feed(
            "settle_feed", batch.ref, batch.token, batch.announced, "1" if more else "0", *gone
        )
        return read_feed_batch(batch.ref, batch.token, claimed)

    def read(
        self, tenant: str, pointers: Iterable[Pointer]
    ) -> dict[str, tuple[Session, tuple[Event, ...]]]:
        """The events that ``pointers`` point to, with their sessions as they are now, by their ids.

        Events that are no longer kept are left out. If Redis refuses one session, it raises.
        """
        versions: dict[str, list[int]] = {}
        for pointer in pointers:
            told = versions.setdefault(pointer.session_id, [])
            if pointer.version:
                told.append(pointer.version)
        refs = [SessionRef(tenant, each) for each in versions]
        replies = self._scripts.run_in_each(
            "fed",
            (
                (ref, (min(told, default=1), max(told, default=0)), ())
                for ref, told in zip(refs, versions.values(), strict=True)
            ),
        )
        found = {}
        for ref, reply in zip(refs, replies, strict=True):
            if isinstance(reply, Exception):
                raise MembershipUnavailable(f"Redis could not run fed: {reply}") from reply
            entries, view = reply
            session = read_session(ref, view)
            found[ref.session_id] = session, tuple(read_events(entries, session.epoch))
        return found
