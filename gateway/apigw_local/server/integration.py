"""A route's integration: its function, invoked as a Lambda proxy."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from apigw_local.runtime.functions import Functions
from apigw_local.template.model import Route


class Trouble(Enum):
    """Why there is no answer, in the words of API Gateway's error frames."""

    FAILED = "Internal server error"
    TIMED_OUT = "Endpoint request timed out"


@dataclass(frozen=True, slots=True)
class Answer:
    """A proxy integration's answer; header names in lower case."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Integrations:
    """Invokes the functions behind routes."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    async def invoke(self, route: Route, event: dict[str, Any]) -> Answer | Trouble:
        """Invoke; a function whose integration times out runs on."""
        if route.function is None:
            return Answer(200)
        invocation = self._functions.invoke(route.function, json.dumps(event).encode())
        try:
            result = await asyncio.wait_for(asyncio.shield(invocation), route.timeout)
        except TimeoutError:
            return Trouble.TIMED_OUT
        if result.timed_out:
            return Trouble.TIMED_OUT
        return Trouble.FAILED if result.failed else _answer(result.payload)


def _answer(payload: bytes) -> Answer | Trouble:
    answer = json.loads(payload)
    status = answer.get("statusCode") if isinstance(answer, dict) else None
    if isinstance(status, str) and status.isdecimal():
        status = int(status)
    if not isinstance(status, int):
        return Trouble.FAILED
    headers = {
        **{name: values[-1] for name, values in (answer.get("multiValueHeaders") or {}).items()},
        **(answer.get("headers") or {}),
    }
    body = answer.get("body")
    return Answer(
        status=status,
        body=body if isinstance(body, str) else "" if body is None else json.dumps(body),
        headers={name.lower(): str(value) for name, value in headers.items()},
    )
