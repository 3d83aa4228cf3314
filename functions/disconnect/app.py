"""$disconnect: takes a closed socket out of its session and tells those who remain.

Removes first, then announces: the status that is posted is from after the removal. If we die before
``leave``, the socket's lease runs out and the sweep finds it gone. If we die after, the event is
pending, and the next claimant or the sweep announces it.

What the socket watched is ended last; if that fails, or we die first, the sweep does it.

With a grace, the person leaves only when it is over. A queue then invokes **end_grace** with our
delayed message; if the queue does not take that, or we die first, the sweep ends the grace.
"""

import time
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from hadir import bootstrap, log, report
from hadir.domain.errors import MembershipUnavailable, NotQueued
from hadir.membership.outcomes import Leaving
from hadir.wire.events import read_departure, read_socket_event
from hadir.wire.sessions import write_session

_GRACE_RUNS = (Leaving.LEFT, Leaving.UNKNOWN)
"""After these a grace may run. It began earlier if a post had already found the socket gone."""

membership = bootstrap.membership()
announcer = bootstrap.announcer(membership)
grace_queue = bootstrap.grace_queue()
grace_seconds = bootstrap.grace_seconds()


@report.published
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    socket = read_socket_event(event)
    who = socket.identity or membership.identities.of(socket.connection_id)
    if who is None:
        log.logger.warning("Nobody's socket closed", connection_id=socket.connection_id)
        return {"statusCode": 200}
    log.disconnecting(who)
    left = membership.leave(socket.connection_id, who.session, read_departure(event))
    grace_ends = time.monotonic() + grace_seconds
    log.removed(who, left.remaining)
    report.broadcasts(announcer.announce(left.batch, bootstrap.deadline(context)))
    if left.watched:
        try:
            membership.watching.end(socket.connection_id, who.session)
        except MembershipUnavailable:
            log.logger.exception("What it watched has not been ended; the sweep does it")
    if grace_queue and left.outcome in _GRACE_RUNS:
        try:
            grace_queue.send(write_session(who.session), max(grace_ends - time.monotonic(), 0))
        except NotQueued:
            log.logger.exception("The queue has not taken a grace; the sweep will end it")
    log.disconnected(who)
    return {"statusCode": 200}
