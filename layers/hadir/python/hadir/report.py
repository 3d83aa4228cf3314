"""Reports what has happened, in the log and in the metrics."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hadir import log, metrics

if TYPE_CHECKING:
    from hadir.announcer import Broadcast


def published(handler: log.Handler) -> log.Handler:
    """A handler that names itself in its log lines, and writes its metrics when it ends."""
    return log.identified(metrics.published(handler))


def broadcasts(made: "Sequence[Broadcast]") -> None:
    """Events were posted."""
    log.broadcasts(made)
    metrics.broadcasts(made)
