"""The adapters that routes share, made once, in Lambda's init phase or on first use."""

from functools import cache
from typing import TYPE_CHECKING

from hadir import bootstrap

if TYPE_CHECKING:
    from hadir.announcer import Announcer
    from hadir.doorman import Doorman

membership = bootstrap.membership()
directory = bootstrap.directory()
customers_see = bootstrap.customers_see()
bans = bootstrap.bans()
availability = bootstrap.availability()
sockets = bootstrap.sockets  # made on first use, because few requests ask for any


@cache
def announcer() -> "Announcer":
    """Made on first use, because most requests post nothing."""
    return bootstrap.announcer(membership)


@cache
def doorman() -> "Doorman":
    """Made on first use, because few requests kick anybody."""
    return bootstrap.doorman(membership, announcer())
