"""Finds people and occupied sessions of a tenant in the partitions' indexes.

The partitions are not read at the same moment. So a listing may name a session that has just become
empty, or miss one that somebody has just joined.
"""

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

from hadir.domain.errors import InvalidIdentity
from hadir.domain.grant import Grant
from hadir.domain.identity import Person, SessionRef, UserType, check_id
from hadir.domain.patterns import MANY
from hadir.membership.healing import ask_all
from hadir.membership.keys import PARTITIONS, left_key, occupied_key, whereabouts_key
from hadir.membership.scripts import AnyRedis

_AFTER, _AT = ".-"

_FEW_PARTITIONS = 16
"""Partitions that a listing begins with; it goes on with more and more until the page is full."""

_RETENTION_MS = 86_400_000
"""How long it is known that somebody was somewhere, as in ``outbox.lua``."""

_AT_ONCE = 10_000
"""Entries of an index that one command goes through, so that Redis stays free for others."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a listing: the listing continues after that session of that partition.

    Attributes:
        is_listed: False if the listing continues with that session itself, should it exist.
    """

    partition: int = 0
    session_id: str = ""
    is_listed: bool = True

    def __str__(self) -> str:
        return f"{self.partition}{_AFTER if self.is_listed else _AT}{self.session_id}"

    @classmethod
    def read(cls, text: str) -> Self:
        """The place that was written as ``text``; the beginning if that is empty.

        Raises:
            InvalidIdentity: ``text`` is not a place.
        """
        if not text:
            return cls()
        match = re.fullmatch(f"([0-9]{{1,3}})([{_AFTER}{_AT}])(.*)", text, re.ASCII | re.DOTALL)
        if not match or int(match[1]) >= PARTITIONS:
            raise InvalidIdentity("cursor must be one that was given out")
        session_id = match[3] and check_id("cursor", match[3])
        return cls(int(match[1]), session_id, match[2] == _AFTER)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a listing.

    Attributes:
        following: where the listing continues; None at its end.
    """

    sessions: tuple[SessionRef, ...]
    following: Place | None


@dataclass(frozen=True, slots=True)
class Sighting:
    """Somebody was in a session.

    Attributes:
        until: when they left it, in milliseconds since the Unix epoch.
    """

    person: Person
    session: SessionRef
    until: int


class Directory:
    """Finds sessions and people.

    Args:
        clock: milliseconds since the Unix epoch; None for this machine's clock.

    Raises:
        MembershipUnavailable: from every method, when Redis does not answer.
    """

    def __init__(self, redis: AnyRedis, clock: Callable[[], int] | None = None) -> None:
        self._redis = redis
        self._clock = clock or (lambda: time.time_ns() // 10**6)

    def sessions(self, grant: Grant, most: int, place: Place) -> Page:
        """Sessions open to ``grant`` in which somebody is present.

        A page has at most ``most`` sessions. Even before the end of the listing, it may have fewer,
        or none.
        """
        found: list[tuple[int, SessionRef]] = []
        first, width, is_whole = place.partition, _FEW_PARTITIONS, True
        while first < PARTITIONS and is_whole:
            some = range(first, min(first + width, PARTITIONS))
            listed, is_whole = self._listed(grant.tenant, some, most - len(found), place)
            found += listed
            first, width = some.stop, 2 * width
        following = None if is_whole or not found else _after(*found[-1], grant)
        return Page(tuple(ref for _, ref in found if grant.covers(ref.session_id)), following)

    def _listed(
        self, tenant: str, partitions: range, most: int, place: Place
    ) -> tuple[list[tuple[int, SessionRef]], bool]:
        """Sessions in some partitions, from ``place`` on, and whether those are all."""
        end = f"({tenant}!"  # what follows the blank in ASCII
        starts = dict.fromkeys(partitions, f"({tenant} ")
        if place.partition in partitions:
            first = "(" if place.is_listed else "["
            starts[place.partition] = f"{first}{tenant} {place.session_id}"
        counts = self._ask(
            ("ZLEXCOUNT", occupied_key(partition), start, end)
            for partition, start in starts.items()
        )
        wanted: dict[int, int] = {}
        for partition, count in zip(starts, counts, strict=True):
            if left := min(count, most - sum(wanted.values())):
                wanted[partition] = left
        names = self._ask(
            ("ZRANGEBYLEX", occupied_key(partition), starts[partition], end, "LIMIT", 0, count)
            for partition, count in wanted.items()
        )
        found = [
            (partition, SessionRef.read(name))
            for partition, each in zip(wanted, names, strict=True)
            for name in each
        ]
        return found, sum(counts) <= len(found)

    def sessions_of(
        self, tenant: str, user_id: str, user_type: UserType | None = None
    ) -> tuple[SessionRef, ...]:
        """The sessions of a tenant in which a person with that id is present, sorted.

        Args:
            user_type: None for everybody with that id.
        """
        prefix = f"{tenant} {user_id}" + (f" {user_type}" if user_type else "")
        answers = self._ask(
            ("ZRANGEBYLEX", whereabouts_key(partition), f"[{prefix} ", f"({prefix}!")
            for partition in range(PARTITIONS)
        )
        names = (name for names in answers for name in names)
        return tuple(sorted({SessionRef(tenant, name.rpartition(" ")[2]) for name in names}))

    def sightings(
        self, tenant: str, user_id: str, user_type: UserType | None = None
    ) -> tuple[Sighting, ...]:
        """The sessions that a person with that id has left in the last 24 h, the latest first.

        It goes through everybody who has left, as the indexes of them are sorted by time; sessions
        that they are back in are not among these.

        Args:
            user_type: None for everybody with that id.
        """
        name = f"{tenant} {user_id}" + (f" {user_type}" if user_type else "")
        pattern = re.sub(r"([*?\[\]\\])", r"\\\1", name) + " *"
        earliest = self._clock() - _RETENTION_MS
        found: dict[str, float] = {}
        cursors = dict.fromkeys(range(PARTITIONS), 0)
        while cursors:
            answers = self._ask(
                ("ZSCAN", left_key(partition), cursor, "MATCH", pattern, "COUNT", _AT_ONCE)
                for partition, cursor in cursors.items()
            )
            following = zip(cursors, (cursor for cursor, _ in answers), strict=True)
            cursors = {partition: cursor for partition, cursor in following if cursor}
            found.update(each for _, some in answers for each in some if each[1] >= earliest)
        latest = sorted(found, key=lambda each: (-found[each], each))
        return tuple(
            Sighting(person, SessionRef(tenant, session_id), int(found[each]))
            for each in latest
            for _, _, kind, session_id in [each.split(" ")]
            if (person := Person.read(f"{kind}/{user_id}"))
        )

    def totals(self) -> tuple[int, int]:
        """How many people are present, and in how many sessions, over all tenants.

        A person in two sessions counts twice.
        """
        people = self._ask(("ZCARD", whereabouts_key(partition)) for partition in range(PARTITIONS))
        sessions = self._ask(("ZCARD", occupied_key(partition)) for partition in range(PARTITIONS))
        return sum(people), sum(sessions)

    def _ask(self, commands: Iterable[tuple[str | int, ...]]) -> list[Any]:
        return ask_all(self._redis, commands, "read")


def _after(partition: int, ref: SessionRef, grant: Grant) -> Place | None:
    """Where a listing continues, without naming a session that is not open to ``grant``."""
    if grant.covers(ref.session_id):
        return Place(partition, ref.session_id)
    # The next session that the grant covers cannot come before the next id or prefix it names.
    named = (each.removesuffix(MANY) for each in grant.sessions)
    following = min((each for each in named if each > ref.session_id), default=None)
    if following is not None:
        return Place(partition, following, is_listed=False)
    return Place(partition + 1) if partition + 1 < PARTITIONS else None
