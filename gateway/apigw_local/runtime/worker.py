"""One process that runs a function, under AWS's runtime interface client.

The process is served the Lambda Runtime API ("Using the Lambda runtime API for custom runtimes") on
a port of its own, so that which process asks needs no telling.
"""

import asyncio
import contextlib
import ctypes
import io
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from apigw_local.core.events.websocket import ACCOUNT
from apigw_local.faults import some_moment
from apigw_local.runtime.environment import import_folders, inherited, of_function
from apigw_local.runtime.invocation import Invocation, Report, Result
from apigw_local.runtime.runtime_api import RuntimeConnection
from apigw_local.template.model import Function

_VERSION = "/2018-06-01/runtime"
_LINE_BYTES = 1024 * 1024
_LAST_WORDS_SECONDS = 0.2
"""How long the output of a process that has ended is read, where a child of its holds it open."""

_PR_SET_PDEATHSIG = 1  # prctl(2)
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
"""Looked up here: between fork and exec little may be done."""

_PEAK = re.compile(rb"VmHWM:\s*(\d+) kB")
_DOOMED_SECONDS = 0.2
"""How long a process may work that is to be killed meanwhile."""

_INIT_SECONDS = 10.0
"""How long importing the handler may take ("Lambda execution environment lifecycle")."""


class Owner(Protocol):
    """Who the worker reports to."""

    def ready(self, worker: "Worker", *, first: bool) -> None:
        """The worker waits for an invocation; ``first`` once, after its init phase."""

    def ended(self, worker: "Worker", error: Result | None) -> None:
        """The process is gone; ``error`` if it never got as far as its first invocation."""


class Worker:
    """A process, its Runtime API and the invocation it is busy with.

    Args:
        debug_port: debugpy listens there, and nothing times out.

    Attributes:
        initialised: set once the handler's module has been imported, or could not be.
        outdated: its code has changed since it was started.
    """

    def __init__(
        self,
        function: Function,
        region: str,
        owner: Owner,
        output: Callable[[str, str], None],
        debug_port: int | None,
    ) -> None:
        self._function = function
        self._region = region
        self._owner = owner
        self._output = output
        self._debug_port = debug_port
        self.outdated = False
        self._began_at = 0.0
        self._init_milliseconds: float | None = None
        self._waiting: RuntimeConnection | None = None
        self._current: Invocation | None = None
        self._doomed = False
        self._timer: asyncio.TimerHandle | None = None
        self.initialised = asyncio.Event()
        self._error: Result | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._server: asyncio.Server | None = None
        self._life: asyncio.Task[None] | None = None

    async def start(self, environment: Mapping[str, str]) -> None:
        """Start the process; it tells its owner when it is ready."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: RuntimeConnection(self._answer), "127.0.0.1", 0
        )
        port = self._server.sockets[0].getsockname()[1]
        self._began_at = loop.time()
        # Not asyncio's own pipe: with that, a process lives until its children have closed it too.
        read_end, write_end = os.pipe()
        output = os.fdopen(read_end, "rb", buffering=0)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(),
                cwd=self._function.code,
                env=self._environment(environment, port),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_gateway if _prctl else None,
            )
        except OSError as error:
            output.close()
            self._server.close()
            self._owner.ended(self, Result.failure("Runtime.ExitError", str(error)))
            self.initialised.set()
            return
        finally:
            os.close(write_end)
        self._life = asyncio.create_task(self._live(self._process, output))
        self._set_timer(_INIT_SECONDS, self._init_timed_out)

    def invoke(self, invocation: Invocation, *, doomed: bool) -> None:
        """Hand an idle worker an invocation.

        Args:
            doomed: kill the process before its answer counts.
        """
        assert self._waiting is not None
        self._current = invocation
        self._doomed = doomed
        if doomed:
            moment = some_moment(_DOOMED_SECONDS)
            asyncio.get_running_loop().call_later(moment, self.kill)
        invocation.began_at = asyncio.get_running_loop().time()
        self._set_timer(self._function.timeout, self._time_out)
        deadline = time.time_ns() // 1_000_000 + int(self._function.timeout * 1000)
        arn = f"arn:aws:lambda:{self._region}:{ACCOUNT}:function:{self._function.function_name}"
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline),
            "Lambda-Runtime-Invoked-Function-Arn": arn,
        }
        if invocation.client_context:
            headers["Lambda-Runtime-Client-Context"] = invocation.client_context
        self._waiting.answer(200, invocation.payload, headers)
        self._waiting = None

    async def stop(self) -> None:
        """Kill the process and wait until it is gone."""
        self.kill()
        if self._life:
            await self._life

    def kill(self) -> None:
        """Kill the process."""
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: signal.Signals) -> bool:
        """Send the process a signal; whether it was there."""
        if self._process is None or self._process.returncode is not None:
            return False
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:  # it has just ended
            return False
        return True

    def _command(self) -> list[str]:
        python = [sys.executable]
        if self._debug_port:
            python += ["-Xfrozen_modules=off", "-m", "debugpy", "--listen", str(self._debug_port)]
        return [*python, "-m", "awslambdaric", self._function.handler]

    def _set_timer(self, seconds: float, late: Callable[[], None]) -> None:
        if self._debug_port is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, late)

    def _init_timed_out(self) -> None:
        message = f"Init phase timed out after {_INIT_SECONDS:.2f} seconds"
        self._error = Result.failure("Sandbox.Timedout", message)
        self.kill()

    def _time_out(self) -> None:
        assert self._current is not None
        message = f"Task timed out after {self._function.timeout:.2f} seconds"
        text = f"RequestId: {self._current.request_id} Error: {message}"
        report = self._report(self._current)
        self._current.finish(Result.failure("Sandbox.Timedout", text, report=report))
        self.kill()

    def _report(self, invocation: Invocation) -> Report:
        duration = (asyncio.get_running_loop().time() - invocation.began_at) * 1000
        init, self._init_milliseconds = self._init_milliseconds, None
        pid = self._process.pid if self._process else 0
        return Report(duration, init, self._function.memory, _most_memory(pid))

    async def _live(self, process: asyncio.subprocess.Process, output: io.FileIO) -> None:
        assert self._server is not None
        lines = asyncio.StreamReader(limit=_LINE_BYTES)
        pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(lines), output
        )
        printing = asyncio.create_task(self._print(lines))
        code = await process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # children it may have left
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(printing, _LAST_WORDS_SECONDS)
        pipe.close()
        if self._timer:
            self._timer.cancel()
        how = f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        died = Result.failure("Runtime.ExitError", f"Error: Runtime exited with error: {how}")
        if self._current:
            self._current.finish(died)
        self._server.close()
        self._owner.ended(self, None if self.initialised.is_set() else self._error or died)
        self.initialised.set()

    async def _print(self, lines: asyncio.StreamReader) -> None:
        while line := await _read_line(lines):
            if text := line.decode(errors="replace").rstrip():
                self._output(self._function.name, text)

    def _answer(self, connection: RuntimeConnection, method: str, path: str, body: bytes) -> None:
        path = path.removeprefix(_VERSION)
        if method == "GET" and path == "/invocation/next" and self._waiting is None:
            self._wait_on(connection)
            return
        if path == "/init/error":
            self._error = Result(body, failed=True)
        elif self._doomed:
            self.kill()
            return
        elif self._current and path == f"/invocation/{self._current.request_id}/response":
            self._current.finish(Result(body, report=self._report(self._current)))
        elif self._current and path == f"/invocation/{self._current.request_id}/error":
            report = self._report(self._current)
            self._current.finish(Result(body, failed=True, report=report))
        else:
            connection.answer(404, b"{}")
            return
        connection.answer(202, b'{"status": "OK"}')

    def _wait_on(self, connection: RuntimeConnection) -> None:
        """The process wants an invocation."""
        first = not self.initialised.is_set()
        self.initialised.set()
        if self._timer:
            self._timer.cancel()
        if first:
            self._init_milliseconds = (asyncio.get_running_loop().time() - self._began_at) * 1000
        self._current = None
        self._waiting = connection
        self._owner.ready(self, first=first)

    def _environment(self, given: Mapping[str, str], port: int) -> dict[str, str]:
        folders = map(str, import_folders(self._function))
        return {
            **inherited(),
            **of_function(self._function, given, self._region),
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
            "PYTHONPATH": os.pathsep.join(folders),
            "PYTHONUNBUFFERED": "1",
            # Bytecode is told from newer code by whole seconds: a second save would not be seen.
            "PYTHONDONTWRITEBYTECODE": "1",
        }


def _die_with_gateway() -> None:
    """Be killed when the thread of the gateway's event loop ends, however it does (Linux)."""
    assert _prctl is not None
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _most_memory(pid: int) -> int | None:
    """The most a process has had in memory, in MB; None where there is no /proc."""
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return None
    kilobytes = _PEAK.search(status)
    return round(int(kilobytes[1]) / 1024) if kilobytes else None


async def _read_line(stream: asyncio.StreamReader) -> bytes:
    """A line, or of one that is too long its end; empty at the end of all."""
    try:
        return await stream.readline()
    except ValueError:
        return await stream.read(_LINE_BYTES)
