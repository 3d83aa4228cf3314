"""One process that runs a function, under AWS's runtime interface client.

The process is served the Lambda Runtime API ("Using the Lambda runtime API for custom runtimes") on
a port of its own, so that which process asks needs no telling.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from aiohttp import web

from apigw_local.core.events import ACCOUNT
from apigw_local.runtime.invocation import Invocation, Result
from apigw_local.template import Function

_VERSION = "/2018-06-01/runtime"
_LINE_BYTES = 1024 * 1024
_INIT_SECONDS = 10.0
"""How long importing the handler may take ("Lambda execution environment lifecycle")."""

_OWN = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "SSL_CERT_FILE")


class Owner(Protocol):
    """Who the worker reports to."""

    def ready(self, worker: "Worker", *, first: bool) -> None:
        """The worker waits for an invocation; ``first`` once, after its init phase."""

    def ended(self, worker: "Worker", error: Result | None) -> None:
        """The process is gone; ``error`` if it never got as far as its first invocation."""


class Worker:
    """A process, its Runtime API and the invocation it is busy with.

    Attributes:
        initialised: set once the handler's module has been imported, or could not be.
    """

    def __init__(
        self, function: Function, region: str, owner: Owner, output: Callable[[str, str], None]
    ) -> None:
        self._function = function
        self._region = region
        self._owner = owner
        self._output = output
        self._next: asyncio.Future[Invocation] | None = None
        self._current: Invocation | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.initialised = asyncio.Event()
        self._error: Result | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._server: asyncio.Server | None = None
        self._life: asyncio.Task[None] | None = None

    async def start(self, environment: Mapping[str, str]) -> None:
        """Start the process; it tells its owner when it is ready."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(web.Server(self._answer), "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "awslambdaric", self._function.handler),
            cwd=self._function.code,
            env=self._environment(environment, port),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=_LINE_BYTES,
            start_new_session=True,
        )
        self._life = asyncio.create_task(self._live(self._process))
        self._timer = loop.call_later(_INIT_SECONDS, self._init_timed_out)

    def invoke(self, invocation: Invocation) -> None:
        """Hand an idle worker an invocation."""
        assert self._next is not None
        self._current = invocation
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._function.timeout, self._time_out, invocation)
        self._next.set_result(invocation)
        self._next = None

    async def stop(self) -> None:
        """Kill the process and wait until it is gone."""
        self._kill()
        if self._life:
            await self._life

    def _init_timed_out(self) -> None:
        message = f"Init phase timed out after {_INIT_SECONDS:.2f} seconds"
        self._error = Result.failure("Sandbox.Timedout", message, timed_out=True)
        self._kill()

    def _time_out(self, invocation: Invocation) -> None:
        message = f"Task timed out after {self._function.timeout:.2f} seconds"
        text = f"RequestId: {invocation.request_id} Error: {message}"
        self._output(self._function.name, f"{invocation.request_id} {message}")
        invocation.finish(Result.failure("Sandbox.Timedout", text, timed_out=True))
        self._kill()

    def _kill(self) -> None:
        if self._process and self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    async def _live(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        assert self._server is not None
        while line := await _read_line(process.stdout):
            if text := line.decode(errors="replace").strip():
                self._output(self._function.name, text)
        code = await process.wait()
        if self._timer:
            self._timer.cancel()
        how = f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        died = Result.failure("Runtime.ExitError", f"Error: Runtime exited with error: {how}")
        if self._current:
            self._current.finish(died)
        if self._next:
            self._next.cancel()
        self._server.close()
        self._owner.ended(self, None if self.initialised.is_set() else self._error or died)
        self.initialised.set()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path.removeprefix(_VERSION)
        if request.method == "GET" and path == "/invocation/next":
            return await self._hand_out()
        if request.method != "POST":
            return web.Response(status=404)
        body = await request.read()
        if path == "/init/error":
            self._error = Result(body, failed=True)
        elif self._current and path == f"/invocation/{self._current.request_id}/response":
            self._current.finish(Result(body))
        elif self._current and path == f"/invocation/{self._current.request_id}/error":
            self._current.finish(Result(body, failed=True))
        else:
            return web.Response(status=404)
        return web.json_response({"status": "OK"}, status=202)

    async def _hand_out(self) -> web.Response:
        first = not self.initialised.is_set()
        self.initialised.set()
        if self._timer:
            self._timer.cancel()
        self._current = None
        waiting = asyncio.get_running_loop().create_future()
        self._next = waiting
        self._owner.ready(self, first=first)
        invocation = await waiting
        deadline = time.time_ns() // 1_000_000 + int(self._function.timeout * 1000)
        arn = f"arn:aws:lambda:{self._region}:{ACCOUNT}:function:{self._function.name}"
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline),
            "Lambda-Runtime-Invoked-Function-Arn": arn,
        }
        return web.Response(
            body=invocation.payload, headers=headers, content_type="application/json"
        )

    def _environment(self, given: Mapping[str, str], port: int) -> dict[str, str]:
        """What Lambda sets ("Using Lambda environment variables"), the template's, and ``given``.

        Of our own environment only what a process needs to run, and AWS's variables, so that a
        function reaches other services as the developer's shell would.
        """
        function = self._function
        own = {name: os.environ[name] for name in _OWN if name in os.environ}
        aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        layers = [str(layer / "python") for layer in reversed(function.layers)]
        return {
            **own,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            **aws,
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "local",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "LAMBDA_TASK_ROOT": str(function.code),
            "TZ": ":UTC",
            **function.environment,
            **given,
            "_HANDLER": function.handler,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
            "PYTHONPATH": os.pathsep.join(layers),
            "PYTHONUNBUFFERED": "1",
        }


async def _read_line(stream: asyncio.StreamReader) -> bytes:
    """A line, or as much of it as fits; empty at the end."""
    try:
        return await stream.readline()
    except ValueError:
        return await stream.read(_LINE_BYTES)
