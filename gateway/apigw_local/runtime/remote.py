"""Functions that run elsewhere, behind an Invoke API such as ``sam local start-lambda``."""

import json
import re
import signal
import time
from base64 import b64encode
from dataclasses import replace

import aiohttp

from apigw_local.errors import NoProcesses
from apigw_local.runtime.invocation import CLIENT_CONTEXT, Invocation, Report, Result

_ENDPOINT = "Gateway.EndpointError"
_TIMED_OUT = re.compile(rb"Task timed out after [\d.]+ seconds")


class Remote:
    """One function behind an Invoke API.

    Args:
        endpoint: for example ``http://127.0.0.1:3001``.
        timeout: seconds, the function's own; the request is given a little more.
        memory: the function's, in MB.
    """

    def __init__(self, name: str, endpoint: str, timeout: float, memory: int) -> None:
        self._name = name
        self._memory = memory
        self._url = f"{endpoint}/2015-03-31/functions/{name}/invocations"
        self._timeout = aiohttp.ClientTimeout(total=timeout + 30)
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Nothing is started here."""
        self._session = aiohttp.ClientSession(timeout=self._timeout)

    async def stop(self) -> None:
        """Close our connections."""
        if self._session:
            await self._session.close()

    async def invoke(self, invocation: Invocation) -> Result:
        """Invoke; an endpoint that cannot be reached is a failed invocation."""
        assert self._session is not None
        headers = {}
        if invocation.client_context:
            headers[CLIENT_CONTEXT] = b64encode(invocation.client_context.encode()).decode()
        began = time.monotonic()
        try:
            async with self._session.post(
                self._url, data=invocation.payload, headers=headers
            ) as answer:
                body = await answer.read()
                failed = "X-Amz-Function-Error" in answer.headers
        except (aiohttp.ClientError, TimeoutError) as error:
            return Result.failure(_ENDPOINT, f"{self._url}: {error!r}")
        if answer.status >= 300:
            said = body.decode(errors="replace")
            return Result.failure(_ENDPOINT, f"{self._url}: {answer.status} {said}")
        report = Report((time.monotonic() - began) * 1000, None, self._memory, None)
        return replace(_result(body, failed=failed), report=report)

    def reload(self) -> None:
        """Not ours to do: ``start-lambda`` mounts the code anew for each container."""

    def send_signal(self, _: signal.Signals, /) -> int:
        """There are no processes of ours."""
        raise NoProcesses(f"{self._name} runs elsewhere; do without --lambda-endpoint")


def _result(body: bytes, *, failed: bool) -> Result:
    """Of an answer; ``sam local`` reports errors and timeouts in the body alone."""
    if _TIMED_OUT.fullmatch(body.strip().strip(b'"')) or not body:
        said = body.decode(errors="replace") or "the function ended without an answer"
        return Result.failure("Sandbox.Timedout", said)
    try:
        answer = json.loads(body)
    except ValueError:
        return Result.failure(_ENDPOINT, body.decode(errors="replace"))
    reported = isinstance(answer, dict) and {"errorMessage", "errorType"} <= answer.keys()
    return Result(body, failed=failed or reported)
