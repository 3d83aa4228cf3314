"""A route's integration: its function, invoked as a Lambda proxy or through mapping templates."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from apigw_local.core.documents import parsed, written
from apigw_local.core.mapping import rendered
from apigw_local.core.routing import select_route
from apigw_local.log import Log
from apigw_local.runtime.invoker import Invoker
from apigw_local.template.model import Mapped, Route

_SHOWN_CHARACTERS = 200


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

    def __init__(self, functions: Invoker, log: Log) -> None:
        self._functions = functions
        self._log = log

    async def invoke(self, route: Route, event: dict[str, Any]) -> Answer | Trouble:
        """Invoke; a function whose integration times out runs on.

        A function that runs out of its own time has failed, as one that raises.
        """
        if route.unserved:
            self._log.trouble(route.key, "what is behind this route does not run here")
            return Trouble.FAILED
        if route.function is None:
            return Answer(route.mock.status, rendered(route.mock.body, event))
        payload = _mapped(route.mapped, event) if route.mapped else written(event)
        if route.mapped and route.mapped.asynchronous:
            self._functions.invoke_async(route.function, payload.encode())
            return Answer(200)
        invocation = self._functions.invoke(route.function, payload.encode())
        try:
            result = await asyncio.wait_for(asyncio.shield(invocation), route.timeout)
        except TimeoutError:
            return Trouble.TIMED_OUT
        if result.failed:
            return Trouble.FAILED
        if route.mapped:
            said = result.payload.decode(errors="replace")
            response = route.mapped.response
            body = said if response is None else rendered(response, {**event, "body": said})
            return Answer(200, body)
        answer = _answer(result.payload)
        if answer is None:
            said = result.payload.decode(errors="replace")[:_SHOWN_CHARACTERS]
            wanted = 'wanted {"statusCode": 200, …}'
            self._log.trouble(route.function, f"malformed answer: {wanted}, got {said}")
        elif answer.status >= (500 if route.key == "$connect" else 400):
            # Nobody else is told: where there is no answer to the client, the status is dropped.
            self._log.error_answer(route.function, answer.status, answer.body)
        return answer or Trouble.FAILED


def _mapped(mapped: Mapped, event: Mapping[str, Any]) -> str:
    """What the function is given; without a template that is chosen, the message itself."""
    chosen = select_route(mapped.selection.replace("\\$", "$"), event.get("body", ""))
    template = mapped.requests.get(chosen, mapped.requests.get("$default"))
    if template is None and len(mapped.requests) == 1:
        template = next(iter(mapped.requests.values()))
    return str(event.get("body", "")) if template is None else rendered(template, event)


def _answer(payload: bytes) -> Answer | None:
    try:
        answer = parsed(payload)
    except ValueError:  # which a runtime does not prevent
        return None
    status = status_of(answer)
    if status is None:
        return None
    headers, multiple = answer.get("headers") or {}, answer.get("multiValueHeaders") or {}
    if not isinstance(headers, dict) or not isinstance(multiple, dict):
        return None
    last = {
        name: values[-1] for name, values in multiple.items() if isinstance(values, list) and values
    }
    body = answer.get("body")
    body = body if isinstance(body, str) else "" if body is None else written(body)
    if not _is_encodable(body):
        return None
    both = {name.lower(): str(value) for name, value in (last | headers).items() if value}
    return Answer(status, body, both)


def _is_encodable(text: str) -> bool:
    """JSON may have halves of characters, which no frame can."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def status_of(answer: Any) -> int | None:
    """A proxy integration's ``statusCode``, a number or its digits; None where it has none."""
    status = answer.get("statusCode") if isinstance(answer, dict) else None
    if isinstance(status, str) and status.isdecimal() and len(status) == 3:
        status = int(status)
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        return None
    return status
