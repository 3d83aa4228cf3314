"""One function's processes: drives the machine that decides which takes an invocation."""

import asyncio
import re
import signal
from collections.abc import Iterable

from apigw_local.core.results import Result
from apigw_local.faults import Faults, strikes
from apigw_local.log import Log
from apigw_local.runtime.aws_calls import about_call
from apigw_local.runtime.cores import idle_ticks
from apigw_local.runtime.guest import Host
from apigw_local.runtime.invocation import Invocation
from apigw_local.runtime.pool_machine import (
    Effect,
    Fail,
    Hand,
    Kill,
    LookLater,
    PoolMachine,
    Start,
)
from apigw_local.runtime.worker import INIT_SECONDS, Worker
from apigw_local.template.model import Function

PATIENCE_SECONDS = 0.05
"""How long an invocation waits for a busy process before another one is started..."""

LONGEST_PATIENCE_SECONDS = 1.0
"""... and where no core has been idle meanwhile: there, starting one slows all the others down."""

_OF_NO_USE = "LAMBDA_WARNING: Unhandled exception."
"""``awslambdaric`` says before each error of an init phase that an update may be its cause."""

_STILL_SECONDS = 2.0
"""How long a process stands still that the fault ``freeze`` strikes."""


class Pool:
    """The processes of one function.

    Args:
        most_workers: further invocations wait for one to be free.
        debug_port: a debugger may attach there; then there is one process, without a timeout.
    """

    def __init__(
        self,
        function: Function,
        host: Host,
        most_workers: int,
        debug_port: int | None,
        faults: Faults,
        log: Log,
    ) -> None:
        self._function = function
        self._host = host
        self._debug_port = debug_port
        self._faults = faults
        self._log = log
        self._machine: PoolMachine[Invocation] = PoolMachine(1 if debug_port else most_workers)
        self._workers: dict[int, Worker] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle_before: int | None = None
        self._init_seconds = INIT_SECONDS
        self._start_error: Result | None = None
        self._called: set[str] = set()

    async def invoke(self, invocation: Invocation) -> Result:
        """Hand over to a process, when there is one; its result."""
        self._do(self._machine.asked(invocation))
        return await invocation.result

    async def start(self) -> None:
        """Start a process and wait until it has imported its handler, or failed to."""
        effects = self._machine.start()
        self._do(effects)
        started = [self._workers[each.worker] for each in effects if isinstance(each, Start)]
        await asyncio.gather(*(worker.initialised.wait() for worker in started))

    async def stop(self) -> None:
        """Kill every process."""
        workers = list(self._workers.values())
        self._do(self._machine.stop())
        await asyncio.gather(*self._tasks, *(worker.gone.wait() for worker in workers))

    def reload(self) -> None:
        """The code has changed."""
        self._do(self._machine.changed())

    def send_signal(self, number: signal.Signals, /) -> int:
        """Send all processes a signal; how many there were."""
        signalled = sum(worker.send_signal(number) for worker in self._workers.values())
        if number == signal.SIGKILL:
            self._do(self._machine.killed())
        elif number == signal.SIGSTOP:
            self._machine.froze()
        else:
            self._do(self._machine.thawed())
        return signalled

    def _do(self, effects: Iterable[Effect[Invocation]]) -> None:
        for effect in effects:
            match effect:
                case Start(number):
                    self._start(number)
                case Hand(number, invocation):
                    self._hand(self._workers[number], invocation)
                case Kill(number):
                    self._workers[number].kill()
                case Fail(invocation):
                    assert self._start_error is not None
                    invocation.finish(self._start_error)
                case LookLater():
                    self._idle_before = idle_ticks()
                    asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._look)

    def _start(self, number: int) -> None:
        worker = Worker(
            self._function,
            self._debug_port,
            self._init_seconds,
            ready=lambda: self._do(self._machine.ready(number)),
            ended=lambda error: self._ended(number, error),
            output=self._output,
        )
        self._workers[number] = worker
        task = asyncio.create_task(self._launch(worker))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _launch(self, worker: Worker) -> None:
        await worker.start(self._host)
        if self._machine.frozen:  # since this one was asked for
            worker.send_signal(signal.SIGSTOP)

    def _ended(self, number: int, error: Result | None) -> None:
        del self._workers[number]
        if error is not None and self._machine.matters(number):
            self._start_error = error
            kind, message = error.error()
            said = f"did not start: {kind}: {message}{_advice(self._function, kind, message)}"
            self._log.trouble(self._function.name, said)
            if kind == "Sandbox.Timedout":
                # The init phase is then part of the next invocation, and has that long
                # ("Lambda execution environment lifecycle").
                self._init_seconds = max(INIT_SECONDS, self._function.timeout)
        self._do(self._machine.ended(number, failed=error is not None))

    def _hand(self, worker: Worker, invocation: Invocation) -> None:
        name, request_id = self._function.name, invocation.request_id
        doomed = strikes(self._faults.kill)
        if doomed:
            self._log.fault(name, f"{request_id} is killed on purpose")
        if strikes(self._faults.freeze):  # first, or it may have answered by then
            self._log.fault(name, f"{request_id} stands still for {_STILL_SECONDS:g} s on purpose")
            worker.send_signal(signal.SIGSTOP)
            asyncio.get_running_loop().call_later(_STILL_SECONDS, self._go_on, worker)
        worker.invoke(invocation, self._host.region, doomed=doomed)

    def _go_on(self, worker: Worker) -> None:
        if not self._machine.frozen:
            worker.send_signal(signal.SIGCONT)

    def _look(self) -> None:
        first = self._machine.waiting
        enough = False
        if first:
            waited = asyncio.get_running_loop().time() - first.asked_at
            idle = idle_ticks()
            free = idle is None or idle != self._idle_before
            enough = waited >= (PATIENCE_SECONDS if free else LONGEST_PATIENCE_SECONDS)
        self._do(self._machine.looked(enough=enough))

    def _output(self, line: str) -> None:
        said = about_call(self._function.name, line, offline=self._host.offline)
        if said is None:
            if _OF_NO_USE not in line:
                self._log.output(self._function.name, line)
        elif line not in self._called:
            self._called.add(line)
            self._log.warning(said)


def _advice(function: Function, kind: str, message: str) -> str:
    """What to do about a package that is not there; Node's own client says so itself."""
    missing = re.search(r"No module named '([\w.]+)'", message)
    if not function.is_python or kind != "Runtime.ImportModuleError" or not missing:
        return ""
    return ". Install it beside apigw-local (pip install …), or run sam build"
