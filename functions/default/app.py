"""$default: handles clients' messages.

A message proves that its socket is open. So it also renews the connection's lease, opens a
connection that is only admitted because **announce** was lost, and admits one that Redis has lost.
If the connection has left, its socket is closed, so that the client reconnects. If we die at any
point, the client gets no answer, or API Gateway's "Internal server error", and retries.

When hardly any client is being heard, the sweep invokes this function with ``PROBE``, to test
whether it works.
"""

import time
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from hadir import bootstrap, log, report
from hadir.conversation import Conversation
from hadir.domain.errors import InvalidRequest, MembershipUnavailable
from hadir.domain.identity import Identity
from hadir.watchers import Watchers
from hadir.wire.events import PROBE, SocketEvent, read_socket_event

membership = bootstrap.membership()
announcer = bootstrap.announcer(membership)
doorman = bootstrap.doorman(membership, announcer)
watchers = Watchers(membership, announcer)
conversation = Conversation(
    membership, announcer, doorman, bootstrap.read_token, report.trouble, watchers
)


@report.published
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    if event == PROBE:
        membership.leases.prove_hearing()
        return {"statusCode": 200}
    socket = read_socket_event(event)
    deadline = bootstrap.deadline(context)
    try:
        who = _identify(socket)
        now = time.time_ns() // 1_000_000
        report.broadcasts(conversation.answer(socket, who, now, deadline))
    except InvalidRequest as refused:
        conversation.refuse(socket, refused, deadline)
    except MembershipUnavailable:
        log.logger.exception("Redis is unavailable")
        refusal = InvalidRequest("unavailable", "try again in a moment")
        conversation.refuse(socket, refusal, deadline)
    return {"statusCode": 200}


def _identify(socket: SocketEvent) -> Identity:
    who = socket.identity or membership.identities.of(socket.connection_id)
    if who is None:
        raise InvalidRequest("forbidden", "this socket was never admitted; connect again")
    return who
