"""$default: what a client sends.

A message proves that its socket is open, so it also opens a connection that is only admitted
(**announce** was lost), and admits one that Redis has forgotten. If we die at any point the client
gets no answer, or API Gateway's "Internal server error", and asks again.
"""

import time
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from hadir import bootstrap, log
from hadir.domain.errors import InvalidRequest, MembershipUnavailable
from hadir.domain.identity import Identity
from hadir.membership.membership import Opened, Opening
from hadir.wire.events import SocketEvent, read_socket_event
from hadir.wire.requests import parse_request
from hadir.wire.updates import error, heartbeat_ack, snapshot

membership = bootstrap.membership()
announcer = bootstrap.announcer(membership)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    socket = read_socket_event(event)
    seconds_left = bootstrap.seconds_left(context)
    now = time.time_ns() // 1_000_000
    try:
        who = _identify(socket)
        parse_request(socket.body)
        opened = _open(socket, who)
    except InvalidRequest as refused:
        answer = error(refused.code, str(refused), socket.request_id)
    except MembershipUnavailable:
        log.logger.exception("Redis is unavailable")
        answer = error("unavailable", "try again in a moment", socket.request_id)
    else:
        if opened.outcome in (Opening.JOINED, Opening.ADDED):
            log.connected(who)
        if opened.outcome is Opening.ADDED and opened.session:
            announcer.tell(socket.connection_id, snapshot(opened.session, now), seconds_left)
        log.broadcasts(announcer.announce(opened.batch, seconds_left))
        answer = heartbeat_ack(now)
    announcer.tell(socket.connection_id, answer, seconds_left)
    return {"statusCode": 200}


def _identify(socket: SocketEvent) -> Identity:
    who = socket.identity or membership.identity_of(socket.connection_id)
    if who is None:
        raise InvalidRequest("forbidden", "this socket was never admitted; connect again")
    return who


def _open(socket: SocketEvent, who: Identity) -> Opened:
    opened = membership.open(socket.connection_id, who.session_id)
    if opened.outcome is Opening.UNKNOWN and membership.admit(socket.connection_id, who):
        return membership.open(socket.connection_id, who.session_id)
    return opened
