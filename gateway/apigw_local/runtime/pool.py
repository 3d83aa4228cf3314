"""One function's processes: which takes an invocation, and when another one is started."""

import asyncio
import signal
from collections import deque
from collections.abc import Mapping

from apigw_local.faults import Faults, strikes
from apigw_local.log import Log
from apigw_local.runtime.cores import idle_ticks
from apigw_local.runtime.invocation import Invocation, Result
from apigw_local.runtime.worker import Worker
from apigw_local.template.model import Function

PATIENCE_SECONDS = 0.05
"""How long an invocation waits for a busy worker before another one is started..."""

LONGEST_PATIENCE_SECONDS = 1.0
"""... and where no core has been idle meanwhile: there, starting one slows all the others down."""

_STILL_SECONDS = 2.0
"""How long a process stands still that the fault ``freeze`` strikes."""


class Pool:
    """Workers. The one used last is used first, as Lambda does.

    Args:
        environment: variables over the template's.
        most_workers: further invocations wait for one to be free.
        debug_port: a debugger may attach there; then there is one worker, without a timeout.
    """

    def __init__(
        self,
        function: Function,
        environment: Mapping[str, str],
        region: str,
        most_workers: int,
        debug_port: int | None,
        faults: Faults,
        log: Log,
    ) -> None:
        self._function = function
        self._environment = environment
        self._region = region
        self._most_workers = 1 if debug_port else most_workers
        self._debug_port = debug_port
        self._faults = faults
        self._log = log
        self._workers: set[Worker] = set()
        self._idle: list[Worker] = []
        self._waiting: deque[Invocation] = deque()
        self._starting = 0
        self._stopping = False
        self._frozen = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._idle_before: int | None = None

    async def invoke(self, invocation: Invocation) -> Result:
        """Hand over to a worker, when there is one; its result."""
        if self._idle:
            self._hand(self._idle.pop(), invocation)
        else:
            self._waiting.append(invocation)
            self._start_soon()
        return await invocation.result

    async def start(self) -> None:
        """Start a worker and wait until it has imported its handler, or failed to."""
        worker = self._new_worker()
        await self._launch(worker)
        await worker.initialised.wait()

    async def stop(self) -> None:
        """Kill every worker."""
        self._stopping = True
        await asyncio.gather(*(worker.stop() for worker in set(self._workers)))

    def reload(self) -> None:
        """The code has changed: what runs may end, what is idle goes, and another is started."""
        for worker in self._workers:
            worker.outdated = True
        while self._idle:
            self._idle.pop().kill()
        if len(self._workers) < self._most_workers and not self._frozen:
            self._start()

    def send_signal(self, number: signal.Signals, /) -> int:
        """Send all processes a signal; how many there were."""
        if number == signal.SIGKILL:
            self._idle.clear()  # their end takes a moment to be noticed
        else:
            self._frozen = number == signal.SIGSTOP
        signalled = sum(worker.send_signal(number) for worker in self._workers)
        self._start_soon()
        return signalled

    def ready(self, worker: Worker, *, first: bool) -> None:
        """A worker waits for an invocation."""
        self._starting -= first
        if worker.outdated:
            worker.kill()
        elif self._waiting:
            self._hand(worker, self._waiting.popleft())
        else:
            self._idle.append(worker)
        self._start_soon()

    def ended(self, worker: Worker, error: Result | None) -> None:
        """A worker is gone."""
        self._workers.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        if error is not None and not self._stopping:
            self._starting -= 1
            if not worker.outdated:
                kind, message = error.error()
                self._log.trouble(self._function.name, f"did not start: {kind}: {message}")
                if self._waiting:
                    self._waiting.popleft().finish(error)
        self._start_soon()

    def _hand(self, worker: Worker, invocation: Invocation) -> None:
        name, request_id = self._function.name, invocation.request_id
        doomed = strikes(self._faults.kill)
        if doomed:
            self._log.fault(name, f"{request_id} is killed on purpose")
        if strikes(self._faults.freeze):  # first, or it may have answered by then
            self._log.fault(name, f"{request_id} stands still for {_STILL_SECONDS:g} s on purpose")
            worker.send_signal(signal.SIGSTOP)
            asyncio.get_running_loop().call_later(_STILL_SECONDS, self._go_on, worker)
        worker.invoke(invocation, doomed=doomed)

    def _go_on(self, worker: Worker) -> None:
        if not self._frozen:
            worker.send_signal(signal.SIGCONT)

    def _new_worker(self) -> Worker:
        worker = Worker(self._function, self._region, self, self._log.output, self._debug_port)
        self._workers.add(worker)
        self._starting += 1
        return worker

    async def _launch(self, worker: Worker) -> None:
        await worker.start(self._environment)
        if self._frozen:  # since this one was asked for
            worker.send_signal(signal.SIGSTOP)

    def _start(self) -> None:
        task = asyncio.create_task(self._launch(self._new_worker()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _start_soon(self) -> None:
        """Start another worker if an invocation has waited too long. One at a time.

        Lambda would start one at once; here they would take each other's cores.
        """
        full = self._starting or len(self._workers) >= self._most_workers
        if not self._waiting or full or self._stopping or self._frozen:
            return
        if not self._workers:
            self._start()
        elif self._alarm is None:
            self._idle_before = idle_ticks()
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(PATIENCE_SECONDS, self._look_again)

    def _look_again(self) -> None:
        self._alarm = None
        room = not self._starting and len(self._workers) < self._most_workers
        if self._waiting and room and not self._stopping and not self._frozen:
            waited = asyncio.get_running_loop().time() - self._waiting[0].asked_at
            idle = idle_ticks()
            free = idle is None or idle != self._idle_before
            if waited >= (PATIENCE_SECONDS if free else LONGEST_PATIENCE_SECONDS):
                self._start()
        self._start_soon()
