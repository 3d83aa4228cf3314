"""One process that runs a function.

It is served the Lambda Runtime API ("Using the Lambda runtime API for custom runtimes") on a port
of its own, so that which process asks needs no telling.
"""

import asyncio
import contextlib
import ctypes
import errno
import io
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from enum import Enum, auto
from pathlib import Path

from apigw_local.core.events.websocket import ACCOUNT
from apigw_local.core.results import Report, Result
from apigw_local.faults import some_moment
from apigw_local.runtime.guest import Host, command, variables
from apigw_local.runtime.invocation import Invocation
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

INIT_SECONDS = 10.0
"""How long importing the handler may take ("Lambda execution environment lifecycle")."""


class State(Enum):
    """Of a worker; each follows from the one before, ``BUSY`` and ``IDLE`` in turn."""

    NEW = auto()
    STARTING = auto()
    """The process is started, and imports its handler."""
    IDLE = auto()
    """It waits for an invocation."""
    BUSY = auto()
    ENDED = auto()
    """The process is gone, or never came to be."""


_AFTER = {
    State.NEW: {State.STARTING},
    State.STARTING: {State.IDLE, State.ENDED},
    State.IDLE: {State.BUSY, State.ENDED},
    State.BUSY: {State.IDLE, State.ENDED},
    State.ENDED: set(),
}


class Worker:
    """A process, its Runtime API and the invocation it is busy with.

    Args:
        debug_port: a debugger may attach there, and nothing times out.
        init_seconds: how long importing the handler may take.
        ready: called whenever it waits for an invocation.
        ended: called once, when it is gone, whatever went wrong; with an error if it has never
            waited for one.
        output: called with each line that it prints.

    Attributes:
        initialised: set once the handler's module has been imported, or could not be.
        gone: set once nothing is left of it.
    """

    def __init__(
        self,
        function: Function,
        debug_port: int | None,
        init_seconds: float,
        *,
        ready: Callable[[], None],
        ended: Callable[[Result | None], None],
        output: Callable[[str], None],
    ) -> None:
        self._function = function
        self._debug_port = debug_port
        self._init_seconds = init_seconds
        self._ready = ready
        self._ended = ended
        self._output = output
        self._state = State.NEW
        self._began_at = 0.0
        self._init_milliseconds: float | None = None
        self._waiting: RuntimeConnection | None = None
        self._current: Invocation | None = None
        self._doomed = False
        self._timer: asyncio.TimerHandle | None = None
        self._error: Result | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._life: asyncio.Task[None] | None = None
        self._killed = False
        self.initialised = asyncio.Event()
        self.gone = asyncio.Event()

    async def start(self, host: Host) -> None:
        """Start the process. Whatever fails meanwhile is reported, and leaves nothing behind."""
        self._enter(State.STARTING)
        self._began_at = asyncio.get_running_loop().time()
        async with AsyncExitStack() as undo:
            try:
                process, output = await self._start(host, undo)
            except Exception as error:  # noqa: BLE001 (whatever it is, others go on)
                self._error = Result.failure("Runtime.ExitError", _said(error))
            else:
                self._process = process
                self._life = asyncio.create_task(self._live(process, output, undo.pop_all()))
                if self._killed:
                    self.kill()
                return
        self._end(None)

    async def _start(
        self, host: Host, undo: AsyncExitStack
    ) -> tuple[asyncio.subprocess.Process, io.FileIO]:
        loop = asyncio.get_running_loop()
        # Not asyncio's own, which has no socket, and says nothing, where none can be opened.
        listening = undo.enter_context(socket.create_server(("127.0.0.1", 0)))
        api = f"127.0.0.1:{listening.getsockname()[1]}"
        server = await loop.create_server(lambda: RuntimeConnection(self._answer), sock=listening)
        undo.callback(server.close)
        # Not asyncio's own pipe: with that, a process lives until its children have closed it too.
        read_end, write_end = os.pipe()
        output = undo.enter_context(os.fdopen(read_end, "rb", buffering=0))
        with os.fdopen(write_end, "wb", buffering=0) as printed, contextlib.ExitStack() as theirs:
            lifeline = None
            if _prctl is None:
                lifeline, ours = os.pipe()
                theirs.callback(os.close, lifeline)
                undo.callback(os.close, ours)
            process = await asyncio.create_subprocess_exec(
                *command(self._function, self._debug_port),
                cwd=self._function.code,
                env=variables(self._function, host, api, lifeline),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=printed,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_gateway if _prctl else None,
                pass_fds=() if lifeline is None else (lifeline,),
            )
        return process, output

    def invoke(self, invocation: Invocation, region: str, *, doomed: bool) -> None:
        """Hand an idle worker an invocation.

        Args:
            doomed: kill the process before its answer counts.
        """
        assert self._waiting is not None
        self._current = invocation
        self._enter(State.BUSY)
        self._doomed = doomed
        if doomed:
            moment = some_moment(_DOOMED_SECONDS)
            asyncio.get_running_loop().call_later(moment, self.kill)
        invocation.began_at = asyncio.get_running_loop().time()
        deadline = time.time_ns() // 1_000_000 + int(self._function.timeout * 1000)
        arn = f"arn:aws:lambda:{region}:{ACCOUNT}:function:{self._function.function_name}"
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline),
            "Lambda-Runtime-Invoked-Function-Arn": arn,
        }
        if invocation.client_context:
            headers["Lambda-Runtime-Client-Context"] = invocation.client_context
        self._waiting.answer(200, invocation.payload, headers)
        self._waiting = None

    def kill(self) -> None:
        """Kill the process; one that is being started, as soon as it is there."""
        self._killed = True
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

    def _enter(self, state: State) -> None:
        """Change the state; each has its own time limit, or none."""
        assert state in _AFTER[self._state], f"{self._state} -> {state}"
        self._state = state
        if self._timer:
            self._timer.cancel()
            self._timer = None
        limits = {
            State.STARTING: (self._init_seconds, self._init_timed_out),
            State.BUSY: (self._function.timeout, self._time_out),
        }
        if state in limits and self._debug_port is None:
            self._timer = asyncio.get_running_loop().call_later(*limits[state])

    def _init_timed_out(self) -> None:
        message = f"Init phase timed out after {self._init_seconds:.2f} seconds"
        self._error = Result.failure("Sandbox.Timedout", message)
        self.kill()

    def _time_out(self) -> None:
        assert self._current is not None
        message = f"Task timed out after {self._function.timeout:.2f} seconds"
        text = f"RequestId: {self._current.request_id} Error: {message}"
        report = self._report(self._current)
        self._current.finish(Result.failure("Sandbox.Timedout", text, report=report))
        self.kill()

    def _report(self, invocation: Invocation, kilobytes: int | None = None) -> Report:
        duration = (asyncio.get_running_loop().time() - invocation.began_at) * 1000
        init, self._init_milliseconds = self._init_milliseconds, None
        if kilobytes is None and self._process:
            kilobytes = _most_memory(self._process.pid)
        used = None if kilobytes is None else round(kilobytes / 1024)
        return Report(duration, init, self._function.memory, used)

    async def _live(
        self, process: asyncio.subprocess.Process, output: io.FileIO, undo: AsyncExitStack
    ) -> None:
        code = None
        try:
            code = await self._watch(process, output, undo)
        finally:
            await undo.aclose()
            self._end(code)

    async def _watch(
        self, process: asyncio.subprocess.Process, output: io.FileIO, undo: AsyncExitStack
    ) -> int:
        lines = asyncio.StreamReader(limit=_LINE_BYTES)
        pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(lines), output
        )
        undo.callback(pipe.close)
        printing = asyncio.create_task(self._print(lines))
        code = await process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # children it may have left
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(printing, _LAST_WORDS_SECONDS)
        return code

    def _end(self, code: int | None) -> None:
        """Nothing is left.

        Args:
            code: the process's exit status, or less than 0 a signal's; None where it never was.
        """
        initialised = self._state is not State.STARTING
        self._enter(State.ENDED)
        died = Result.failure("Runtime.ExitError", f"Error: {_how(code)}")
        if self._current:
            request_id = self._current.request_id
            text = f"RequestId: {request_id} Error: {_how(code)}"
            self._current.finish(Result.failure("Runtime.ExitError", text))
        self._ended(None if initialised else self._error or died)
        self.initialised.set()
        self.gone.set()

    async def _print(self, lines: asyncio.StreamReader) -> None:
        while line := await _read_line(lines):
            if text := line.decode(errors="replace").rstrip():
                self._output(text)

    def _answer(
        self, connection: RuntimeConnection, method: str, path: str, body: bytes, used: int | None
    ) -> None:
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
            self._current.finish(Result(body, report=self._report(self._current, used)))
        elif self._current and path == f"/invocation/{self._current.request_id}/error":
            report = self._report(self._current, used)
            self._current.finish(Result(body, failed=True, report=report))
        else:
            connection.answer(404, b"{}")
            return
        connection.answer(202, b'{"status": "OK"}')

    def _wait_on(self, connection: RuntimeConnection) -> None:
        """The process wants an invocation."""
        if self._state is State.STARTING:
            seconds = asyncio.get_running_loop().time() - self._began_at
            self._init_milliseconds = seconds * 1000
        self._enter(State.IDLE)
        self.initialised.set()
        self._current = None
        self._waiting = connection
        self._ready()


def _die_with_gateway() -> None:
    """Be killed when the thread of the gateway's event loop ends, however it does (Linux)."""
    assert _prctl is not None
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _said(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return f"{error.strerror}: raise the limit (ulimit -n), or close some"
    return str(error) or repr(error)


def _how(code: int | None) -> str:
    """How a process ended, in the words of Lambda's runtime interface emulator."""
    if not code:
        return "Runtime exited without providing a reason"
    if code > 0:
        return f"Runtime exited with error: exit status {code}"
    return f"Runtime exited with error: signal: {(signal.strsignal(-code) or '').lower()}"


def _most_memory(pid: int) -> int | None:
    """The most a process has had in memory, in kilobytes; None where there is no /proc."""
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return None
    kilobytes = _PEAK.search(status)
    return int(kilobytes[1]) if kilobytes else None


async def _read_line(stream: asyncio.StreamReader) -> bytes:
    """A line, or of one that is too long its end; empty at the end of all."""
    try:
        return await stream.readline()
    except ValueError:
        return await stream.read(_LINE_BYTES)
