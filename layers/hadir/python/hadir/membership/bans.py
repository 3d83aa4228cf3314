"""Bans from a tenant's sessions; ``Membership.admit`` checks them when somebody connects."""

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
    """A place in a listing of bans: the listing continues after this ban.

    Attributes:
        until: when the ban ends, milliseconds since the Unix epoch.
        who: whom it keeps out, and of where.
    """

    until: int
    who: Banned

    def __str__(self) -> str:
        return f"{self.until}.{self.who}"

    @classmethod
    def read(cls, text: str) -> Self:
        """The place that was written as ``text``.

        Raises:
            InvalidIdentity: ``text`` is not a place.
        """
        pattern = r"([0-9]{1,16})\.([a-z]+)/([^ ]+)(?: ([^ ]+))?"
        match = re.fullmatch(pattern, text, re.ASCII | re.DOTALL)
        if not match:
            raise InvalidIdentity("cursor must be one that was given out")
        person = Person(check_user_type(match[2]), check_id("cursor", match[3]))
        return cls(int(match[1]), Banned(person, match[4] and check_id("cursor", match[4])))


@dataclass(frozen=True, slots=True)
class BansPage:
    """A page of a tenant's bans, sorted by when they end.

    Attributes:
        following: where the listing continues; None at its end.
    """

    bans: tuple[Ban, ...]
    following: BansPlace | None


class Bans:
    """The bans of all tenants.

    Every method is one round trip, atomic, and may be repeated; ``listed`` makes more where a newer
    version of the code, since rolled back, has written a whole page that cannot be read.

    Args:
        clock: as for ``Membership``.

    Raises:
        MembershipUnavailable: from every method, when Redis does not answer.
    """

    def __init__(self, redis: AnyRedis, *, clock: Callable[[], int] | None = None) -> None:
        self._scripts = Scripts(redis)
        self._clock = clock

    def ban(self, tenant: str, ban: Ban) -> None:
        """Ban somebody; this replaces an earlier ban from the same place."""
        record = f"{ban.by} {ban.reason}"
        self._scripts.run("ban", bans_keys(tenant), self._now(), str(ban.who), ban.until, record)

    def lift(self, tenant: str, who: Banned) -> bool:
        """Lift a ban; return whether there was one."""
        return bool(self._scripts.run("lift", bans_keys(tenant), self._now(), str(who)))

    def listed(self, tenant: str, most: int, place: BansPlace | None = None) -> BansPage:
        """A tenant's bans after ``place``, at most ``most`` of them.

        Bans of people whose type is not known are left out.
        """
        after = (place.until, str(place.who)) if place else ("", "")
        while True:
            reply = self._scripts.run("bans", bans_keys(tenant), self._now(), *after, most)
            rows = list(zip(reply[::3], reply[1::3], reply[2::3], strict=True))
            bans = [ban for row in rows[:most] if (ban := _read(*row))]
            if len(rows) <= most:
                return BansPage(tuple(bans), None)
            if bans:
                return BansPage(tuple(bans), BansPlace(bans[-1].until, bans[-1].who))
            name, until, _ = rows[most - 1]
            after = (until, name)

    def _now(self) -> int | str:
        return self._clock() if self._clock else ""


def _read(name: str, until: str, record: str) -> Ban | None:
    by, _, reason = record.partition(" ")
    who = Banned.read(name)
    return Ban(who, int(until), Person.read(by), reason) if who else None
