"""Whether an agent or admin of a tenant would answer, from the partitions' indexes of staff.

The partitions are not read at the same moment. So who goes from one session to another meanwhile
may be missed; where they have just left says that they were there.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from hadir.domain.availability import EXPECTED_BACK_MS, Agents, Attendance, agents, may_answer
from hadir.domain.errors import MembershipUnavailable
from hadir.domain.identity import Person, SessionRef
from hadir.membership.healing import ask_all
from hadir.membership.keys import PARTITIONS, left_key, session_key, staff_key
from hadir.membership.scripts import AnyRedis, Scripts

_FEW_PARTITIONS = 16
"""Partitions that are looked at first; then twice as many, until somebody is live."""

MOST_PLACES = 5_000
"""Places (somebody in a session) that are looked at for one answer, so that Redis stays free for
others. Each partition has its share, so if there are more, some of each are looked at."""

_MOST_GONE = 100
"""Of those who left a partition's sessions last, of whatever tenant, how many are looked at."""

_KEPT_SECONDS = 5.0
_MOST_TENANTS = 1_000


class Availability:
    """Says whether agents and admins would answer.

    Args:
        lease_seconds: how long a client that was heard counts as there.
        clock: milliseconds since the Unix epoch; None for this machine's clock.
    """

    def __init__(
        self, redis: AnyRedis, lease_seconds: float, clock: Callable[[], int] | None = None
    ) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._lease_ms = int(lease_seconds * 1000)
        self._clock = clock or (lambda: time.time_ns() // 10**6)

    def of(self, tenant: str) -> Agents:
        """The word for a tenant, as Redis knows it at the moment.

        It takes two round trips to each node for every window of partitions, and stops with the
        window in which somebody is live; if nobody would answer, two more for those who have just
        left.

        Raises:
            MembershipUnavailable: Redis does not answer.
        """
        found: list[Attendance] = []
        first, width, left = 0, _FEW_PARTITIONS, MOST_PLACES
        while first < PARTITIONS:
            some = range(first, min(first + width, PARTITIONS))
            places = self._listed(tenant, some, max(left // len(some), 1))
            found += self._attendances(places)
            if any(each.is_live(self._lease_ms) for each in found):
                return Agents.LIVE
            first, width = some.stop, 2 * width
            left -= sum(map(len, places.values()))
        word = agents(found, (), self._lease_ms)
        if word is Agents.REACHABLE:
            return word
        return agents(found, self._gone(tenant), self._lease_ms)

    def _listed(
        self, tenant: str, partitions: range, most: int
    ) -> dict[int, list[tuple[SessionRef, Person]]]:
        """Whom some partitions' indexes of staff name, and where; at most ``most`` of each."""
        end = f"({tenant}!"  # what follows the blank in ASCII
        answers = ask_all(
            self._redis,
            (
                ("ZRANGEBYLEX", staff_key(each), f"({tenant} ", end, "LIMIT", 0, most)
                for each in partitions
            ),
            "read",
        )
        return {
            partition: [place for name in names if (place := _place(name))]
            for partition, names in zip(partitions, answers, strict=True)
            if names
        }

    def _attendances(
        self, places: dict[int, list[tuple[SessionRef, Person]]]
    ) -> Iterable[Attendance]:
        replies = self._run(
            "staff",
            [
                (
                    [
                        session_key(ref, kind)
                        for ref, _ in some
                        for kind in ("people", "connections")
                    ],
                    [str(person) for _, person in some],
                )
                for some in places.values()
            ],
        )
        ghosts: dict[int, list[tuple[SessionRef, Person]]] = {}
        for (partition, some), reply in zip(places.items(), replies, strict=True):
            for place, each in zip(some, reply, strict=True):
                if each and may_answer(place[1]):
                    is_away, silent_ms = each
                    silence = silent_ms if silent_ms >= 0 else None
                    yield Attendance(place[1], bool(is_away), silence)
                elif not each:
                    ghosts.setdefault(partition, []).append(place)
        self._forget(ghosts)

    def _forget(self, ghosts: dict[int, list[tuple[SessionRef, Person]]]) -> None:
        """Remove from the indexes who is not there: older code knows no index of staff.

        What cannot be removed is come across again.
        """
        with suppress(MembershipUnavailable):
            self._scripts.run_all(
                "ghosts",
                [
                    (
                        [staff_key(partition), *(session_key(ref, "people") for ref, _ in some)],
                        [word for place in some for word in (_entry(*place), str(place[1]))],
                    )
                    for partition, some in ghosts.items()
                ],
            )

    def _gone(self, tenant: str) -> set[Person]:
        """Who has just left a session and may be back in a moment."""
        earliest = self._clock() - EXPECTED_BACK_MS
        answers = ask_all(
            self._redis,
            (
                ("ZREVRANGEBYSCORE", left_key(each), "+inf", earliest, "LIMIT", 0, _MOST_GONE)
                for each in range(PARTITIONS)
            ),
            "read",
        )
        staff = [
            (partition, name, person)
            for partition, names in enumerate(answers)
            for name in names
            if name.startswith(f"{tenant} ") and (person := _departed(name))
        ]
        scores = ask_all(
            self._redis,
            (("ZSCORE", left_key(partition), name) for partition, name, _ in staff),
            "read",
        )
        # With half a millisecond they are not expected back (people.lua); None: they are back.
        return {
            person
            for (_, _, person), score in zip(staff, scores, strict=True)
            if score is None or score % 1 == 0
        }

    def _run(
        self, script: str, calls: Sequence[tuple[Sequence[str], Sequence[str | int]]]
    ) -> list[Any]:
        now = self._clock()
        replies = self._scripts.run_all(script, [(keys, (now, *args)) for keys, args in calls])
        for reply in replies:
            if isinstance(reply, Exception):
                raise MembershipUnavailable(f"Redis could not run {script}: {reply}") from reply
        return replies


class RecentAvailability:
    """The same, kept for some seconds for each of the tenants that were asked for last.

    Anybody may ask, so most questions must not reach Redis, and none may fill the memory.

    Args:
        clock: seconds, by any clock that goes forward.
    """

    def __init__(
        self, availability: Availability, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._availability = availability
        self._clock = clock
        self._kept: dict[str, tuple[float, Agents]] = {}

    def of(self, tenant: str) -> Agents:
        """The word for a tenant, at most 5 s old.

        Raises:
            MembershipUnavailable: Redis does not answer; nothing is kept of that.
        """
        now = self._clock()
        kept = self._kept.get(tenant)
        if kept and now - kept[0] < _KEPT_SECONDS:
            return kept[1]
        word = self._availability.of(tenant)
        self._kept.pop(tenant, None)
        self._kept[tenant] = now, word
        if len(self._kept) > _MOST_TENANTS:
            del self._kept[next(iter(self._kept))]
        return word


def _entry(ref: SessionRef, person: Person) -> str:
    """Somebody's entry in the index of staff, as in ``people.lua``."""
    return f"{ref.tenant} {person.user_type} {person.user_id} {ref.session_id}"


def _departed(name: str) -> Person | None:
    """Of an entry of somebody who left; None if they never answered."""
    _, user_id, user_type, _ = name.split(" ")
    person = Person.read(f"{user_type}/{user_id}")
    return person if person and may_answer(person) else None


def _place(name: str) -> tuple[SessionRef, Person] | None:
    """None if newer code, since rolled back, has written of a type that is not known."""
    tenant, user_type, user_id, session_id = name.split(" ")
    person = Person.read(f"{user_type}/{user_id}")
    return (SessionRef(tenant, session_id), person) if person else None
