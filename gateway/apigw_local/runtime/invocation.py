"""One invocation of a function, and how it ended."""

import asyncio
import json
import uuid
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Result:
    """What a function answered.

    Attributes:
        payload: JSON; where ``failed``, ``{"errorType", "errorMessage", …}``.
        failed: the function raised, was killed, or ran out of time.
        timed_out: it ran out of time.
    """

    payload: bytes
    failed: bool = False
    timed_out: bool = False

    @classmethod
    def failure(cls, error_type: str, message: str, *, timed_out: bool = False) -> "Result":
        """A failure the runtime itself did not live to report."""
        body = json.dumps({"errorType": error_type, "errorMessage": message})
        return cls(body.encode(), failed=True, timed_out=timed_out)

    def error(self) -> tuple[str, str]:
        """The error's type and message, of a failed invocation."""
        body = json.loads(self.payload)
        return str(body.get("errorType", "")), str(body.get("errorMessage", ""))


@dataclass(slots=True)
class Invocation:
    """A payload on its way through a worker.

    Attributes:
        asked_at: by the event loop's clock, seconds.
    """

    payload: bytes
    asked_at: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    result: "asyncio.Future[Result]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def finish(self, result: Result) -> None:
        """Set the result, unless there is one: a worker may die after it has answered."""
        if not self.result.done():
            self.result.set_result(result)
