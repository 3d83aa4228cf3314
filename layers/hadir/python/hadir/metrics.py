"""Metrics for CloudWatch, one line of JSON per invocation ("Embedded metric format").

``docs/operate.md`` has the table: name, unit, meaning, alarm.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from threading import Lock
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from hadir.domain.session import AssignmentEvent, MessageEvent
from hadir.wire.invocations import invocation_ids

if TYPE_CHECKING:
    from hadir.announcer import Broadcast
    from hadir.attendance import Attended
    from hadir.errands import Swept
    from hadir.membership.server import Memory

_metrics = Metrics(namespace="Hadir")
_adding = Lock()
"""Powertools' metrics are not safe for threads, and the sweep announces in many."""

_TROUBLES = {
    "limited": "MessagesLimited",
    "flooding": "SocketsFlooding",
    "not_recovered": "RecoveriesFailed",
}

_KINDS: dict[type, str] = {MessageEvent: "Messages", AssignmentEvent: "Assignments"}

Handler = Callable[[dict[str, Any], Any], Any]


def published(handler: Handler) -> Handler:
    """A handler whose metrics are written when it ends, even by an error, with its ids."""

    @wraps(handler)
    def measured(event: dict[str, Any], context: Any) -> Any:
        try:
            return handler(event, context)
        finally:
            if _metrics.metric_set:
                for name, value in invocation_ids(event, context).items():
                    _metrics.add_metadata(name, value)
                _metrics.flush_metrics()

    return measured


def broadcasts(made: "Iterable[Broadcast]") -> None:
    """Events were posted; may be called from many threads."""
    with _adding:
        for each in made:
            if each.told:
                _count(_KINDS.get(type(each.event), "PresenceEvents"), 1)
                _metrics.add_metric("AnnounceLatency", MetricUnit.Milliseconds, each.latency_ms)
            _count("Posts", each.received)
            _count("PostsGone", len(each.gone))
            _count("PostsFailed", each.targets - each.received - len(each.gone))
            _count("PostRetries", each.retries)
            _count("PeopleUntold", each.untold)
            for owed_ms in each.owed_ms:
                _metrics.add_metric("StatusOwed", MetricUnit.Milliseconds, owed_ms)


def refused() -> None:
    """Somebody was not let in: by the authorizer, or by a limit."""
    _count("ConnectionsRefused", 1)


def trouble(which: str) -> None:
    """A client did not get what it asked for (``conversation.Trouble``)."""
    _count(_TROUBLES[which], 1)


def swept(found: "Swept") -> None:
    """A sweep has ended."""
    _metrics.add_metric("Sweeps", MetricUnit.Count, 1)
    _metrics.add_metric("OldestPending", MetricUnit.Milliseconds, found.overdue_ms)
    _metrics.add_metric("OldestLease", MetricUnit.Milliseconds, found.oldest_lease_ms)
    ghosts = found["gone"] + found["silent"]
    _metrics.add_metric("GhostsFound", MetricUnit.Count, ghosts)
    _metrics.add_metric("SilencesSpared", MetricUnit.Count, found["spared"])
    _metrics.add_metric("SweepFailures", MetricUnit.Count, found["failed"])
    _metrics.add_metric("SweepUnfinished", MetricUnit.Count, found["unfinished"])


def attended(found: "Attended") -> None:
    """It was looked after the sessions that somebody has."""
    if found.sessions:
        _metrics.add_metric("SessionsUnattended", MetricUnit.Count, found.unattended)


def present(people: int, sessions: int) -> None:
    """How many people are present.

    Args:
        people: over all sessions; a person in two sessions counts twice.
        sessions: how many have somebody in them.
    """
    _metrics.add_metric("PeoplePresent", MetricUnit.Count, people)
    _metrics.add_metric("SessionsOccupied", MetricUnit.Count, sessions)


def redis_memory(memory: "Memory") -> None:
    """How full Redis is, and whether it may evict keys; as far as either is known."""
    if memory.used is not None:
        _metrics.add_metric("RedisMemoryUsed", MetricUnit.Percent, round(100 * memory.used, 2))
    if memory.evicts is not None:
        _metrics.add_metric("RedisEvicts", MetricUnit.Count, int(memory.evicts))


def redis_latency(seconds: float) -> None:
    """How long a script took, including the round trip to Redis."""
    _metrics.add_metric("RedisLatency", MetricUnit.Milliseconds, round(1000 * seconds, 2))


def canary(join_ms: int | None, leave_ms: int | None, *, failed: bool) -> None:
    """A run of the canary has ended.

    Args:
        join_ms: until others were told of its join; None if they were not seen to be.
        leave_ms: likewise of its leave.
    """
    _metrics.add_metric("CanaryFailures", MetricUnit.Count, int(failed))
    if join_ms is not None:
        _metrics.add_metric("CanaryJoinMs", MetricUnit.Milliseconds, join_ms)
    if leave_ms is not None:
        _metrics.add_metric("CanaryLeaveMs", MetricUnit.Milliseconds, leave_ms)


def _count(name: str, number: int) -> None:
    if number > 0:
        _metrics.add_metric(name, MetricUnit.Count, number)
