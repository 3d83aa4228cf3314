"""What has happened, for those who read the log and for those who watch the figures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hadir import log, metrics

if TYPE_CHECKING:
    from hadir.announcer import Broadcast


def published(handler: log.Handler) -> log.Handler:
    """A handler whose lines say what they are of, and whose figures are written when it ends."""
    return log.identified(metrics.published(handler))


def broadcasts(made: "Sequence[Broadcast]") -> None:
    """Events were posted."""
    log.broadcasts(made)
    metrics.broadcasts(made)
