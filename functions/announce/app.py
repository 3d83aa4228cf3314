"""Makes a user present once their socket is open, and tells everyone in the session.

**connect** invokes this function asynchronously with the ``$connect`` event. If it dies, Lambda
retries the invocation; failing that, the client's first message or the sweep opens the connection.
An event that was recorded but not announced stays pending.
"""

import time
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from hadir import bootstrap, log, report
from hadir.wire.events import read_socket_event
from hadir.wire.updates import snapshot

_OPENING_SECONDS = 5.0
_SNAPSHOT_SECONDS = 2.0
"""Kept short, because we may hold the session's announcing lease meanwhile (``announcer.py``)."""

membership = bootstrap.membership()
announcer = bootstrap.announcer(membership)
doorman = bootstrap.doorman(membership, announcer)
sockets = bootstrap.sockets()


@report.published
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    socket = read_socket_event(event)
    who = socket.identity
    if who is None:
        raise ValueError("announce takes the $connect event, with the authorizer's context")
    if not sockets.wait_until_open(socket.connection_id, _OPENING_SECONDS):
        log.logger.info("The socket never opened", connection_id=socket.connection_id)
        return
    opened = membership.open(socket.connection_id, who.session, name=who.name, avatar=who.avatar)
    deadline = bootstrap.deadline(context)
    if not opened.outcome.has_left:
        log.connected(who)
    if opened.session:
        shown = announcer.shown_to(who.person).session(opened.session)
        frame = snapshot(shown, time.time_ns() // 1_000_000)
        announcer.tell(socket.connection_id, [frame], deadline.within(_SNAPSHOT_SECONDS))
    report.broadcasts(announcer.announce(opened.batch, deadline))
    if opened.outcome.has_left:
        doorman.close(socket.connection_id, opened.left_for, deadline)
    else:
        put_out = doorman.put_out_if_banned(who.session, who.person, deadline)
        report.broadcasts(put_out.broadcasts)
