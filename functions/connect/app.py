"""$connect: lets a socket into its session.

Nobody is told yet: the socket opens only after this has returned, so **announce** is invoked to
wait for that. If we die before ``admit``, the client's connect fails and it tries again. If the
invocation is lost, the client's first message or the sweep opens the connection instead.
"""

import json
from typing import Any

from hadir import bootstrap, metrics, report
from hadir.access.gate import SUBPROTOCOL, offers_subprotocol
from hadir.domain.errors import FunctionsUnavailable, MembershipUnavailable
from hadir.log import logger
from hadir.membership.outcomes import Admission
from hadir.wire.events import read_socket_event

membership = bootstrap.membership()
functions = bootstrap.functions()
announce_function = bootstrap.announce_function()

_LIMITS = {
    Admission.CROWDED: "the user has too many connections in the session",
    Admission.FULL: "the session has too many people",
    Admission.HASTY: "the user comes and goes too fast",
}


@report.published
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    socket = read_socket_event(event)
    if socket.identity is None:
        logger.error("$connect came without the authorizer's context; is it on the route?")
        return {"statusCode": 500}
    try:
        admitted = membership.admit(socket.connection_id, socket.identity)
    except MembershipUnavailable:
        logger.exception("Connection refused: Redis is unavailable")
        return {"statusCode": 503}
    if admitted is Admission.BANNED:
        logger.warning("Connection refused: the user is banned")
        metrics.refused()
        return {"statusCode": 403}
    if admitted in _LIMITS:
        logger.warning("Connection refused: %s", _LIMITS[admitted])
        metrics.refused()
        return {"statusCode": 429}
    if admitted.is_in:
        # Only the context: the token in the query string or the headers must go no further.
        payload = json.dumps({"requestContext": event["requestContext"]})
        try:
            functions.invoke_later(announce_function, payload.encode())
        except FunctionsUnavailable:
            logger.exception("announce could not be invoked; the sweep will open the connection")
    if offers_subprotocol(event.get("headers") or {}):
        return {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": SUBPROTOCOL}}
    return {"statusCode": 200}
