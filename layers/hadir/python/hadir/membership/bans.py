"""Who is kept out of a tenant's sessions; ``Membership.admit`` asks when somebody comes."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from hadir.domain.bans import Ban, Banned
from hadir.domain.errors import InvalidIdentity
from hadir.domain.identity import Person, check_id, check_user_type
from hadir.membership.keys import bans_keys
from hadir.membership.scripts import AnyRedis, Scripts


@dataclass(frozen=True, slots=True)
class BansPlace:
    """Where a listing of bans stands: it goes on after that one.

    Attributes:
        until: when that one ends, milliseconds since the Unix epoch.
    """

    until: int
    who: Banned

    def __str__(self) -> str:
        return f"{self.until}.{self.who}"

    @classmethod
    def read(cls, text: str) -> Self:
        """The place that was written as ``text``.

        Raises:
            InvalidIdentity: it was not written by us.
        """
        pattern = r"([0-9]{1,16})\.([a-z]+)/([^ ]+)(?: ([^ ]+))?"
        match = re.fullmatch(pattern, text, re.ASCII | re.DOTALL)
        if not match:
            raise InvalidIdentity("cursor must be one that was given out")
        person = Person(check_user_type(match[2]), check_id("cursor", match[3]))
        return cls(int(match[1]), Banned(person, match[4] and check_id("cursor", match[4])))


@dataclass(frozen=True, slots=True)
class BansPage:
    """A part of a tenant's bans, those that are over first first.

    Attributes:
        following: where it goes on; None at its end.
    """

    bans: tuple[Ban, ...]
    following: BansPlace | None


class Bans:
    """The bans of all tenants.

    Every method is one round trip, atomic, and may be repeated.

    Args:
        clock: as of ``Membership``.

    Raises:
        MembershipUnavailable: from every method, when Redis does not answer.
    """

    def __init__(self, redis: AnyRedis, *, clock: Callable[[], int] | None = None) -> None:
        self._scripts = Scripts(redis)
        self._clock = clock

    def ban(self, tenant: str, ban: Ban) -> None:
        """Keep somebody out, whatever was said of them before."""
        record = f"{ban.by} {ban.reason}"
        self._scripts.run("ban", bans_keys(tenant), self._now(), str(ban.who), ban.until, record)

    def lift(self, tenant: str, who: Banned) -> bool:
        """Let somebody in again; whether they were kept out."""
        return bool(self._scripts.run("lift", bans_keys(tenant), self._now(), str(who)))

    def listed(self, tenant: str, most: int, place: BansPlace | None = None) -> BansPage:
        """Who is kept out of a tenant's sessions, from ``place`` on."""
        after = (place.until, str(place.who)) if place else ("", "")
        reply = self._scripts.run("bans", bans_keys(tenant), self._now(), *after, most)
        rows = zip(reply[::3], reply[1::3], reply[2::3], strict=True)
        bans = [_read(name, until, record) for name, until, record in rows]
        page, more = bans[:most], bans[most:]
        following = BansPlace(page[-1].until, page[-1].who) if more else None
        return BansPage(tuple(page), following)

    def _now(self) -> int | str:
        return self._clock() if self._clock else ""


def _read(name: str, until: str, record: str) -> Ban:
    by, _, reason = record.partition(" ")
    return Ban(Banned.read(name), int(until), Person.read(by), reason)
