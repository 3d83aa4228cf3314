"""The ids of an invocation and of the socket it is about, for log lines and metrics."""

from collections.abc import Mapping
from typing import Any

_OF_CONTEXT = {"requestId": "gateway_request_id", "connectionId": "connection_id"}
"""The ids in an event's ``requestContext``; clients choose neither."""


def invocation_ids(event: Any, context: Any) -> dict[str, str]:
    """The ids that every log line of an invocation carries, as far as the invocation has them.

    ``request_id`` is Lambda's, ``gateway_request_id`` API Gateway's, ``connection_id`` the
    socket's. **announce**, which **connect** invokes, has the last two from the ``$connect``.
    """
    request_context = event.get("requestContext") if isinstance(event, Mapping) else None
    found = request_context if isinstance(request_context, Mapping) else {}
    ids = {"request_id": getattr(context, "aws_request_id", None)}
    ids |= {ours: found.get(theirs) for theirs, ours in _OF_CONTEXT.items()}
    return {name: each for name, each in ids.items() if isinstance(each, str)}
