"""Functions that run elsewhere, behind an Invoke API such as ``sam local start-lambda``."""

import asyncio
import http.client
import json
import re
import signal
import threading
import time
import urllib.error
import urllib.request
from base64 import b64encode
from contextlib import suppress
from dataclasses import replace

from apigw_local.core.results import Report, Result
from apigw_local.errors import NoProcesses
from apigw_local.runtime.invocation import CLIENT_CONTEXT, Invocation

_ENDPOINT = "Gateway.EndpointError"
_TIMED_OUT = re.compile(rb"Task timed out after [\d.]+ seconds")

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""What is asked is on this machine, or near."""


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
        self._timeout = timeout + 30

    async def start(self) -> None:
        """Nothing is started here."""

    async def stop(self) -> None:
        """Nothing is there; requests under way end with the process."""

    async def invoke(self, invocation: Invocation) -> Result:
        """Invoke; an endpoint that cannot be reached is a failed invocation."""
        loop = asyncio.get_running_loop()

        def run() -> None:
            result = self._asked(invocation)
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(invocation.finish, result)

        # Not a pool's: those are waited for when the interpreter ends.
        threading.Thread(target=run, name=self._name, daemon=True).start()
        return await invocation.result

    def _asked(self, invocation: Invocation) -> Result:
        """In a thread of its own."""
        headers = {"Content-Type": "application/json"}
        if invocation.client_context:
            headers[CLIENT_CONTEXT] = b64encode(invocation.client_context.encode()).decode()
        request = urllib.request.Request(self._url, invocation.payload, headers)  # noqa: S310
        began = time.monotonic()
        try:
            with _opener.open(request, timeout=self._timeout) as answer:
                body = answer.read()
                failed = "X-Amz-Function-Error" in answer.headers
        except urllib.error.HTTPError as error:
            with error:
                said = error.read().decode(errors="replace")
            return Result.failure(_ENDPOINT, f"{self._url}: {error.code} {said}")
        except (OSError, http.client.HTTPException) as error:
            said = f"{self._url}: {error}; is what should run functions there running?"
            return Result.failure(_ENDPOINT, said)
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
