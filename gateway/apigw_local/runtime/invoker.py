"""All functions, by name."""

import asyncio
import signal
from collections.abc import Coroutine, Mapping
from typing import Protocol

from apigw_local.core.results import Result
from apigw_local.log import Log
from apigw_local.runtime.invocation import Invocation
from apigw_local.template.model import Function

ASYNC_RETRY_SECONDS = (60.0, 120.0)
"""Pauses before an asynchronous invocation that failed is tried again ("Invoking a Lambda function
asynchronously")."""


class Backend(Protocol):
    """One function, run in one of three ways: as processes, in this process, or elsewhere."""

    async def start(self) -> None:
        """Make ready, so that the first event need not wait for it."""

    async def stop(self) -> None:
        """Leave nothing behind."""

    async def invoke(self, invocation: Invocation) -> Result:
        """Invoke and wait for the answer."""

    def reload(self) -> None:
        """The function's code has changed."""

    def send_signal(self, number: signal.Signals, /) -> int:
        """Send the function's processes a signal; how many there were.

        Raises:
            NoProcesses: it runs in another way.
        """


class Invoker:
    """Invokes functions by logical id or function name."""

    def __init__(
        self, functions: Mapping[str, Function], backends: Mapping[str, Backend], log: Log
    ) -> None:
        self._backends = backends
        self._names = {each.function_name: name for name, each in functions.items()}
        self._names |= {name: name for name in functions}
        self._log = log
        self._frozen: dict[str, asyncio.TimerHandle] = {}
        self._background: set[asyncio.Task[None]] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._names

    async def start(self) -> None:
        """Start each function."""
        await asyncio.gather(*(backend.start() for backend in self._backends.values()))

    async def stop(self) -> None:
        """Stop each function."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*(backend.stop() for backend in self._backends.values()))

    async def invoke(self, name: str, payload: bytes, client_context: str | None = None) -> Result:
        """Invoke and wait for the answer.

        Args:
            client_context: an object in JSON, for the handler's context.
        """
        logical_id = self._names[name]
        invocation = Invocation(payload, client_context=client_context)
        self._log.event(logical_id, invocation.request_id, payload)
        result = await self._backends[logical_id].invoke(invocation)
        self._log.invocation(logical_id, invocation.request_id, payload, result)
        return result

    def invoke_async(self, name: str, payload: bytes, client_context: str | None = None) -> None:
        """Invoke without waiting; failures are tried twice more, as Lambda does."""
        self._spawn(self._with_retries(name, payload, client_context))

    def reload(self, name: str) -> None:
        """The function's code has changed."""
        self._backends[name].reload()

    def kill(self, name: str) -> int:
        """Kill the function's processes; how many there were.

        Raises:
            NoProcesses: it runs in another way.
        """
        return self._backends[self._names[name]].send_signal(signal.SIGKILL)

    def freeze(self, name: str, seconds: float) -> int:
        """Stop the function's processes for a while, and start none; how many there were.

        Raises:
            NoProcesses: it runs in another way.
        """
        logical_id = self._names[name]
        backend = self._backends[logical_id]
        stopped = backend.send_signal(signal.SIGSTOP)
        if logical_id in self._frozen:
            self._frozen[logical_id].cancel()
        loop = asyncio.get_running_loop()
        self._frozen[logical_id] = loop.call_later(seconds, backend.send_signal, signal.SIGCONT)
        return stopped

    async def _with_retries(self, name: str, payload: bytes, client_context: str | None) -> None:
        for pause in (*ASYNC_RETRY_SECONDS, None):
            if not (await self.invoke(name, payload, client_context)).failed:
                return
            if pause is not None:
                await asyncio.sleep(pause)
        self._log.trouble(name, "asynchronous invocation given up after three failures")

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
