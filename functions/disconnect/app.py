"""$disconnect: takes a closed socket out of its session and tells those who remain.

First out, then tell: the status that goes out is from after the removal. If we die before
``leave``, the socket's lease runs out and the sweep finds it gone. If we die after, the event is
pending, and the next claimant or the sweep announces it.

With a grace, the person is not gone before it is over; we wait for that, and the sweep does if we
die.
"""

import time
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from hadir import bootstrap, log, metrics, report
from hadir.membership.membership import Leaving
from hadir.wire.events import read_departure, read_socket_event

membership = bootstrap.membership()
announcer = bootstrap.announcer(membership)
grace_seconds = bootstrap.grace_seconds()


@metrics.published
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    socket = read_socket_event(event)
    who = socket.identity or membership.identity_of(socket.connection_id)
    if who is None:
        log.logger.warning("Nobody's socket closed", connection_id=socket.connection_id)
        return {"statusCode": 200}
    log.disconnecting(who)
    left = membership.leave(socket.connection_id, who.session, read_departure(event))
    log.removed(who, left.remaining)
    seconds_left = bootstrap.seconds_left(context)
    report.broadcasts(announcer.announce(left.batch, seconds_left))
    if grace_seconds and left.outcome is Leaving.LEFT:
        time.sleep(grace_seconds)
        report.broadcasts(announcer.announce(membership.claim(who.session), seconds_left))
    log.disconnected(who)
    return {"statusCode": 200}
