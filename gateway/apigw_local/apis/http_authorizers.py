"""Asks the Lambda authorizers of HTTP APIs."""

import asyncio
import json
import time
from typing import Any

from apigw_local.apis.admission import Refused
from apigw_local.core.events.http import HttpRequest, authorizer_event, identity_of
from apigw_local.core.policies import AllowedByHttp, MalformedAnswer, allowed_by_http
from apigw_local.limits import HTTP_INTEGRATION_SECONDS
from apigw_local.log import Log
from apigw_local.runtime.invoker import Invoker
from apigw_local.template.model import HttpAuthorizer

_FAILED = "Internal Server Error"

_Key = tuple[str, str, tuple[str, ...]]


class HttpAuthorizers:
    """Decides on requests, and remembers what authorizers have answered for as long as they say.

    What is remembered is the answer, not what came of it: a policy may allow one route and deny
    another ("Caching authorizer responses").
    """

    def __init__(self, functions: Invoker, log: Log) -> None:
        self._functions = functions
        self._log = log
        self._answers: dict[_Key, tuple[float, bytes]] = {}

    async def context(self, authorizer: HttpAuthorizer, request: HttpRequest) -> dict[str, Any]:
        """``requestContext.authorizer`` of a request that is allowed.

        Raises:
            Refused: with the status the client gets.
        """
        identity = identity_of(request, authorizer.identity_sources)
        if identity is None:
            raise Refused(401, "Unauthorized")
        key = (request.api_id, authorizer.name, tuple(identity))
        remembered = self._remembered(key)
        payload = remembered or await self._ask(authorizer, request, identity)
        granted = self._read(authorizer, request, payload)
        if authorizer.seconds and remembered is None:
            self._answers[key] = (time.monotonic() + authorizer.seconds, payload)
        if granted is None:
            raise Refused(403, "Forbidden")
        return {"lambda": granted.context}

    def _remembered(self, key: _Key) -> bytes | None:
        now = time.monotonic()
        self._answers = {each: known for each, known in self._answers.items() if known[0] > now}
        known = self._answers.get(key)
        return known[1] if known else None

    async def _ask(
        self, authorizer: HttpAuthorizer, request: HttpRequest, identity: list[str]
    ) -> bytes:
        event = json.dumps(authorizer_event(request, identity, authorizer.version)).encode()
        asked = self._functions.invoke(authorizer.function, event)
        try:
            result = await asyncio.wait_for(asyncio.shield(asked), HTTP_INTEGRATION_SECONDS)
        except TimeoutError:
            raise Refused(500, _FAILED) from None
        if not result.failed:
            return result.payload
        if result.error()[1] == "Unauthorized":
            raise Refused(401, "Unauthorized")
        raise Refused(500, _FAILED)

    def _read(
        self, authorizer: HttpAuthorizer, request: HttpRequest, payload: bytes
    ) -> AllowedByHttp | None:
        try:
            return allowed_by_http(payload, request.arn, simple=authorizer.simple)
        except MalformedAnswer as malformed:
            self._log.trouble(authorizer.function, f"malformed authorizer answer: {malformed}")
            raise Refused(500, _FAILED) from malformed
