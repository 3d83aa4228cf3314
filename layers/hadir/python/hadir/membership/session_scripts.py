"""Runs scripts on sessions, with the keys and arguments that all of them take."""

import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from hadir.domain.errors import MembershipUnavailable
from hadir.domain.feeds import FeedRef
from hadir.domain.identity import SessionRef
from hadir.domain.limits import Limits
from hadir.membership.healing import ask_each
from hadir.membership.keys import (
    encoded_session_keys,
    feed_keys,
    identity_key,
    partition_of,
    session_key,
)
from hadir.membership.scripts import AnyRedis, Scripts

TOMBSTONE_MS = 300_000
"""How long a connection that left cannot be admitted again: longer than any handler runs, so that
no ``$connect`` or message still under way brings it back."""

CLOSED_TOMBSTONE_MS = 7200_000
"""The same for a socket that we close ourselves: as long as any socket may live, as the close may
fail ("Amazon API Gateway quotas", WebSocket connection duration)."""


class SessionScripts:
    """The scripts on one Redis, with the lease, grace, limits and clock that they use.

    Attributes:
        lease_ms: how long a connection counts as open without being heard.
        now: returns milliseconds since the Unix epoch, or '' to use Redis's own clock.
    """

    def __init__(
        self,
        redis: AnyRedis,
        lease_seconds: float,
        grace_seconds: float,
        limits: Limits,
        clock: Callable[[], int] | None,
    ) -> None:
        self.lease_ms = int(lease_seconds * 1000)
        grace_ms = int(grace_seconds * 1000)
        self._scripts = Scripts(redis, _constants(self.lease_ms, grace_ms, limits))
        self.now: Callable[[], int | str] = clock or (lambda: "")

    def run(self, name: str, ref: SessionRef, *args: str | int, keys: Sequence[str] = ()) -> Any:
        """Run a script on a session; ``keys`` and ``args`` come after the common ones.

        Raises:
            MembershipUnavailable: as ``Scripts.run``.
        """
        all_keys, all_args = self._call(ref, args, keys)
        return self._scripts.run(name, all_keys, *all_args)

    def run_in_each(
        self, name: str, calls: Iterable[tuple[SessionRef, Sequence[str | int], Sequence[str]]]
    ) -> list[Any]:
        """Run a script on many sessions, each with its args and keys, like ``Scripts.run_all``."""
        return self._scripts.run_all(name, [self._call(*each) for each in calls])

    def _call(
        self, ref: SessionRef, args: Sequence[str | int], keys: Sequence[str]
    ) -> tuple[list[str | bytes], list[str | int]]:
        common = (self.now(), _new_epoch(), str(ref))
        return [*encoded_session_keys(ref), *keys], [*common, *args]

    def run_all(
        self, name: str, calls: Iterable[tuple[Sequence[str], Sequence[str | int]]]
    ) -> list[Any]:
        """Run a script in many partitions, like ``Scripts.run_all``."""
        now = self.now()
        return self._scripts.run_all(name, ((keys, (now, *args)) for keys, args in calls))

    def run_everywhere(
        self, name: str, keys_of: Callable[[int], list[str]], *args: str | int
    ) -> list[tuple[int, Any]]:
        """Run a script in each partition, like ``Scripts.run_everywhere``."""
        return self._scripts.run_everywhere(name, keys_of, self.now(), *args)

    def views(self, refs: Sequence[SessionRef]) -> list[Any]:
        """What ``view.lua`` replies for many sessions, in one round trip to each node.

        Raises:
            MembershipUnavailable: one of them could not be read.
        """
        groups: dict[int, list[int]] = {}
        for place, ref in enumerate(refs):
            groups.setdefault(partition_of(ref), []).append(place)
        calls: list[tuple[list[str], tuple[()]]] = []
        for places in groups.values():
            kinds = ((refs[place], kind) for place in places for kind in ("session", "people"))
            calls.append(([session_key(ref, kind) for ref, kind in kinds], ()))
        found: list[Any] = [None] * len(refs)
        for places, reply in zip(
            groups.values(), self._scripts.run_all("views", calls), strict=True
        ):
            if isinstance(reply, Exception):
                raise MembershipUnavailable(f"Redis could not run views: {reply}") from reply
            for place, view in zip(places, reply, strict=True):
                found[place] = view
        return found

    def run_on_feed(self, name: str, feed: FeedRef, *args: str | int) -> Any:
        """Run a script on a feed; ``args`` come after the common ones.

        Raises:
            MembershipUnavailable: as ``Scripts.run``.
        """
        return self._scripts.run(name, feed_keys(feed), self.now(), feed.tenant, *args)

    def run_on_feeds(
        self, name: str, calls: Iterable[tuple[FeedRef, Sequence[str | int]]]
    ) -> list[Any]:
        """Run a script on many feeds, each with its args, like ``Scripts.run_all``."""
        now = self.now()
        return self._scripts.run_all(
            name, ((feed_keys(feed), (now, feed.tenant, *args)) for feed, args in calls)
        )


def _constants(lease_ms: int, grace_ms: int, limits: Limits) -> dict[str, float]:
    """What the scripts know of a deployment. A rate is how many in a second, a burst at once.

    ``LEASE`` and ``GRACE`` are how long they last, in milliseconds. ``MESSAGES_…`` are messages of
    a connection; ``PERSONS_…`` those of a person, and their joins; ``POSTS_…`` posts of a person,
    ``TENANT_…`` of a tenant; ``STATES_…`` changes of a person's state. A person may have
    ``MOST_SOCKETS`` open in a session, in which ``MOST_PEOPLE`` may be present.
    """
    return {
        "LEASE": lease_ms,
        "GRACE": grace_ms,
        "MESSAGES_RATE": limits.messages_per_second,
        "MESSAGES_BURST": limits.burst,
        "PERSONS_RATE": 2 * limits.messages_per_second,
        "PERSONS_BURST": 2 * limits.burst,
        "POSTS_RATE": limits.posts_per_second,
        "POSTS_BURST": limits.posts_burst,
        "TENANT_RATE": limits.tenant_posts_per_second,
        "TENANT_BURST": limits.tenant_posts_burst,
        "STATES_RATE": limits.states_per_second,
        "STATES_BURST": limits.states_burst,
        "MOST_SOCKETS": limits.connections_per_user,
        "MOST_PEOPLE": limits.people_per_session,
    }


def new_token() -> str:
    """A token by which an announcer recognizes its own lease."""
    return secrets.token_hex(8)


def _new_epoch() -> str:
    """A name that sorts after earlier ones, so that clients can tell which epoch is newer."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(4)}"


def forget(redis: AnyRedis, connection_ids: Iterable[str]) -> None:
    """Delete the identities of connections that have left."""
    with suppress(MembershipUnavailable):  # they expire by themselves
        ask_each(redis, (("DEL", identity_key(each)) for each in connection_ids), "asked")
