"""Reports what has happened, in the log and in the metrics."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hadir import log, metrics

if TYPE_CHECKING:
    from hadir.announcer import Broadcast


def published(handler: log.Handler) -> log.Handler:
    """A handler that names itself in its log lines, and writes its metrics when it ends."""
    return log.identified(metrics.published(handler))


def trouble(which: str) -> None:
    """A client did not get what it asked for (``conversation.Trouble``)."""
    if which == "unavailable":
        log.logger.exception("Redis is unavailable")
    else:
        metrics.trouble(which)


def broadcasts(made: "Sequence[Broadcast]") -> None:
    """Events were posted."""
    log.broadcasts(made)
    metrics.broadcasts(made)
