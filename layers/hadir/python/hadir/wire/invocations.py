"""What an invocation and the socket it is about are called, for log lines and figures."""

from collections.abc import Mapping
from typing import Any

_OF_CONTEXT = {"requestId": "gateway_request_id", "connectionId": "connection_id"}
"""Of an event's ``requestContext``; clients choose neither."""


def invocation_ids(event: Any, context: Any) -> dict[str, str]:
    """The ids that every line of an invocation carries, as far as there are such.

    ``request_id`` is Lambda's, ``gateway_request_id`` API Gateway's, ``connection_id`` the
    socket's. **announce**, which **connect** invokes, has the latter two of the ``$connect``.
    """
    request_context = event.get("requestContext") if isinstance(event, Mapping) else None
    found = request_context if isinstance(request_context, Mapping) else {}
    ids = {"request_id": getattr(context, "aws_request_id", None)}
    ids |= {ours: found.get(theirs) for theirs, ours in _OF_CONTEXT.items()}
    return {name: each for name, each in ids.items() if isinstance(each, str)}
