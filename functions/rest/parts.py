"""What the routes share: the adapters, made once, in Lambda's init phase or on first use."""

from functools import cache
from typing import TYPE_CHECKING

from hadir import bootstrap

if TYPE_CHECKING:
    from hadir.announcer import Announcer
    from hadir.doorman import Doorman

membership = bootstrap.membership()
directory = bootstrap.directory()
bans = bootstrap.bans()


@cache
def announcer() -> "Announcer":
    """Posts to sockets, which most requests do not ask for."""
    return bootstrap.announcer(membership)


@cache
def doorman() -> "Doorman":
    """Puts people out, likewise."""
    return bootstrap.doorman(membership, announcer())
