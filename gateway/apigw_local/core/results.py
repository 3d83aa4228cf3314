"""How an invocation of a function ended."""

import json
import math
from dataclasses import dataclass
from typing import Any

from apigw_local.core.documents import parsed


@dataclass(frozen=True, slots=True)
class Report:
    """What Lambda reports of an invocation.

    Attributes:
        duration: milliseconds; where the function runs elsewhere, as seen from here.
        init: milliseconds that the init phase took, on a worker's first invocation.
        memory: the function's, in MB.
        used: the most its process has had in memory, in MB; None where the system does not say.
    """

    duration: float
    init: float | None
    memory: int
    used: int | None

    def line(self, request_id: str) -> str:
        """Lambda's REPORT line ("Lambda log formats"): the init phase is billed too."""
        used = [] if self.used is None else [f"Max Memory Used: {self.used} MB"]
        init = [] if self.init is None else [f"Init Duration: {self.init:.2f} ms"]
        parts = (
            f"REPORT RequestId: {request_id}",
            f"Duration: {self.duration:.2f} ms",
            f"Billed Duration: {self.billed} ms",
            f"Memory Size: {self.memory} MB",
            *used,
            *init,
        )
        return "  ".join(parts)

    @property
    def billed(self) -> int:
        """Whole milliseconds."""
        return math.ceil(self.duration + (self.init or 0))

    def fields(self) -> dict[str, Any]:
        """For a log in JSON, under the names of Lambda's own JSON logs."""
        return {
            "durationMs": round(self.duration, 3),
            "billedDurationMs": self.billed,
            "memorySizeMB": self.memory,
            **({} if self.used is None else {"maxMemoryUsedMB": self.used}),
            **({} if self.init is None else {"initDurationMs": round(self.init, 3)}),
        }


@dataclass(frozen=True, slots=True)
class Result:
    """What a function answered.

    Attributes:
        payload: JSON; where ``failed``, ``{"errorType", "errorMessage", …}``.
        failed: the function raised, was killed, or ran out of time.
        report: None where the function never ran.
    """

    payload: bytes
    failed: bool = False
    report: Report | None = None

    @classmethod
    def failure(cls, kind: str, message: str, *, report: Report | None = None) -> "Result":
        """A failure the runtime itself did not live to report."""
        body = json.dumps({"errorType": kind, "errorMessage": message})
        return cls(body.encode(), failed=True, report=report)

    def error(self) -> tuple[str, str]:
        """The error's type and message, of a failed invocation."""
        try:
            body = parsed(self.payload)
        except ValueError:  # not of a runtime's own making
            body = None
        if not isinstance(body, dict):
            return "", self.payload.decode(errors="replace")
        return str(body.get("errorType", "")), str(body.get("errorMessage", ""))
