"""One invocation of a function."""

import asyncio
import uuid
from dataclasses import dataclass, field

from apigw_local.core.results import Result

CLIENT_CONTEXT = "X-Amz-Client-Context"
"""The header that an invocation's context comes in, an object in JSON in Base64 ("Invoke", AWS
Lambda API)."""


@dataclass(slots=True)
class Invocation:
    """A payload on its way through a worker.

    Attributes:
        asked_at: by the event loop's clock, seconds.
        began_at: likewise, when a worker took it.
        client_context: an object in JSON that the caller gave besides; None if there is none.
    """

    payload: bytes
    asked_at: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    began_at: float = 0.0
    client_context: str | None = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    result: "asyncio.Future[Result]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def finish(self, result: Result) -> None:
        """Set the result, unless there is one: a worker may die after it has answered."""
        if not self.result.done():
            self.result.set_result(result)
