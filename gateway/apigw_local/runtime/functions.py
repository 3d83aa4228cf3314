"""All functions: which worker takes an invocation, and when another one is started."""

import asyncio
from collections import deque
from collections.abc import Mapping

from apigw_local.log import Log
from apigw_local.runtime.invocation import Invocation, Result
from apigw_local.runtime.worker import Worker
from apigw_local.template import Function

ASYNC_RETRY_SECONDS = (60.0, 120.0)
"""Pauses before an asynchronous invocation that failed is tried again ("Invoking a Lambda function
asynchronously")."""

PATIENCE_SECONDS = 0.05
"""How long an invocation waits for a busy worker before another one is started."""


class Functions:
    """Invokes functions by name.

    Args:
        environment: variables over the template's, for all functions.
        most_workers: processes per function; further invocations wait for one to be free.
    """

    def __init__(
        self,
        functions: Mapping[str, Function],
        environment: Mapping[str, str],
        region: str,
        most_workers: int,
        log: Log,
    ) -> None:
        self._pools = {
            name: _Pool(function, environment, region, most_workers, log)
            for name, function in functions.items()
        }
        self._log = log
        self._background: set[asyncio.Task[None]] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._pools

    async def start(self) -> None:
        """Start one worker of each function, so that the first event need not wait for it."""
        workers = await asyncio.gather(*(pool.start_worker() for pool in self._pools.values()))
        await asyncio.gather(*(worker.initialised.wait() for worker in workers))

    async def stop(self) -> None:
        """Kill every worker."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*(pool.stop() for pool in self._pools.values()))

    async def invoke(self, name: str, payload: bytes) -> Result:
        """Invoke and wait for the answer."""
        result = await self._pools[name].invoke(payload)
        if result.failed:
            kind, message = result.error()
            self._log.trouble(name, f"{kind}: {message}")
        return result

    def invoke_async(self, name: str, payload: bytes) -> None:
        """Invoke without waiting; failures are tried twice more, as Lambda does."""
        task = asyncio.create_task(self._with_retries(name, payload))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _with_retries(self, name: str, payload: bytes) -> None:
        for pause in (*ASYNC_RETRY_SECONDS, None):
            if not (await self.invoke(name, payload)).failed:
                return
            if pause is not None:
                await asyncio.sleep(pause)
        self._log.trouble(name, "asynchronous invocation given up after three failures")


class _Pool:
    """One function's workers. The one used last is used first, as Lambda does."""

    def __init__(
        self,
        function: Function,
        environment: Mapping[str, str],
        region: str,
        most_workers: int,
        log: Log,
    ) -> None:
        self._function = function
        self._environment = environment
        self._region = region
        self._most_workers = most_workers
        self._log = log
        self._workers: set[Worker] = set()
        self._idle: list[Worker] = []
        self._waiting: deque[Invocation] = deque()
        self._starting = 0
        self._stopping = False
        self._starter: asyncio.Task[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None

    async def invoke(self, payload: bytes) -> Result:
        invocation = Invocation(payload)
        if self._idle:
            self._idle.pop().invoke(invocation)
        else:
            self._waiting.append(invocation)
            self._start_soon()
        return await invocation.result

    async def start_worker(self) -> Worker:
        """Start a process; it takes invocations once it has imported its handler."""
        worker = self._new_worker()
        await worker.start(self._environment)
        return worker

    def _new_worker(self) -> Worker:
        worker = Worker(self._function, self._region, self, self._log.output)
        self._workers.add(worker)
        self._starting += 1
        return worker

    async def stop(self) -> None:
        self._stopping = True
        await asyncio.gather(*(worker.stop() for worker in set(self._workers)))

    def ready(self, worker: Worker, *, first: bool) -> None:
        self._starting -= first
        if self._waiting:
            worker.invoke(self._waiting.popleft())
        else:
            self._idle.append(worker)
        self._start_soon()

    def ended(self, worker: Worker, error: Result | None) -> None:
        self._workers.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        if error is not None and not self._stopping:
            kind, message = error.error()
            self._log.trouble(self._function.name, f"did not start: {kind}: {message}")
            self._starting -= 1
            if self._waiting:
                self._waiting.popleft().finish(error)
        self._start_soon()

    def _start_soon(self) -> None:
        """Start another worker if an invocation has waited too long. One at a time.

        Lambda would start one at once; here they would take each other's cores.
        """
        full = self._starting or len(self._workers) >= self._most_workers
        if not self._waiting or full or self._stopping:
            return
        loop = asyncio.get_running_loop()
        waited = loop.time() - self._waiting[0].asked_at
        if not self._workers or waited >= PATIENCE_SECONDS:
            self._starter = asyncio.create_task(self._new_worker().start(self._environment))
        elif self._alarm is None:
            self._alarm = loop.call_later(PATIENCE_SECONDS - waited, self._look_again)

    def _look_again(self) -> None:
        self._alarm = None
        self._start_soon()
