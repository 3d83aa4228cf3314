"""$disconnect: takes a closed socket out of its session and tells those who remain.

First out, then tell: the status that goes out is from after the removal. If we die before
``leave``, the socket stays until somebody posts to it and is told it is gone. If we die after, the
event is pending and the next claimant announces it.
"""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from hadir import bootstrap, log
from hadir.wire.events import read_socket_event

membership = bootstrap.membership()
announcer = bootstrap.announcer(membership)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    socket = read_socket_event(event)
    who = socket.identity or membership.identity_of(socket.connection_id)
    if who is None:
        log.logger.warning("Nobody's socket closed", connection_id=socket.connection_id)
        return {"statusCode": 200}
    log.disconnecting(who)
    left = membership.leave(socket.connection_id, who.session_id)
    log.removed(who, left.remaining)
    log.broadcasts(announcer.announce(left.batch, bootstrap.seconds_left(context)))
    log.disconnected(who)
    return {"statusCode": 200}
