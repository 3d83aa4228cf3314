"""Functions in this very process, for tests: a breakpoint, a patch or a mock reaches them.

They share the interpreter, so what is global is shared: variables of the environment, the current
folder, and memory between what would be separate processes in Lambda. Their own modules are not:
each function has its own ``app``, whatever else is called so. Nothing can be killed at its timeout;
the answer is that it timed out, and the thread runs on.
"""

import asyncio
import importlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from apigw_local.core.events import ACCOUNT
from apigw_local.errors import CannotRun
from apigw_local.runtime.environment import of_function
from apigw_local.runtime.invocation import Invocation, Report, Result
from apigw_local.template.model import Function

_PRIVATE = ("_HANDLER", "AWS_LAMBDA_FUNCTION_", "AWS_LAMBDA_LOG_", "LAMBDA_TASK_ROOT", "TZ")
_importing = threading.Lock()


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler is given besides its event ("Using the Lambda context object")."""

    aws_request_id: str
    function_name: str
    invoked_function_arn: str
    memory_limit_in_mb: str
    log_group_name: str
    deadline: float
    function_version: str = "$LATEST"
    log_stream_name: str = "local"
    identity: None = None
    client_context: None = None

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the timeout."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


class InProcess:
    """One function, imported here; invocations run side by side in threads."""

    def __init__(self, function: Function, region: str, most_threads: int) -> None:
        self._function = function
        self._region = region
        self._threads = ThreadPoolExecutor(most_threads, function.name)
        self._handler: Callable[[Any, Any], Any] | None = None

    async def start(self) -> None:
        """The handler is imported by the first invocation, as a cold start would."""

    async def stop(self) -> None:
        """Take no more invocations."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def invoke(self, invocation: Invocation) -> Result:
        """Invoke in a thread."""
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._threads, self._run, invocation)
        try:
            return await asyncio.wait_for(asyncio.shield(running), self._function.timeout)
        except TimeoutError:
            text = f"Task timed out after {self._function.timeout:.2f} seconds"
            return Result.failure("Sandbox.Timedout", text, timed_out=True)

    def reload(self) -> None:
        """The next invocation imports the handler anew."""
        self._handler = None

    def send_signal(self, _: signal.Signals, /) -> int:
        """There are no processes."""
        return 0

    def _run(self, invocation: Invocation) -> Result:
        function = self._function
        began = time.monotonic()
        try:
            handler = self._load()
            imported = time.monotonic()
            context = Context(
                aws_request_id=invocation.request_id,
                function_name=function.function_name,
                invoked_function_arn=f"arn:aws:lambda:{self._region}:{ACCOUNT}:function:"
                f"{function.function_name}",
                memory_limit_in_mb=str(function.memory),
                log_group_name=f"/aws/lambda/{function.function_name}",
                deadline=imported + function.timeout,
            )
            answer = json.dumps(handler(json.loads(invocation.payload), context))
        except SystemExit:
            said = "Error: Runtime exited without providing a reason"
            return Result.failure("Runtime.ExitError", said, report=self._report(began))
        except Exception as error:  # noqa: BLE001 (whatever a handler raises is its answer)
            trace = traceback.format_tb(error.__traceback__)
            body = {"errorMessage": str(error), "errorType": type(error).__name__}
            payload = json.dumps({**body, "stackTrace": trace}).encode()
            return Result(payload, failed=True, report=self._report(began))
        return Result(answer.encode(), report=self._report(imported))

    def _report(self, began: float) -> Report:
        return Report((time.monotonic() - began) * 1000, None, self._function.memory, None)

    def _load(self) -> Callable[[Any, Any], Any]:
        with _importing:
            if self._handler is None:
                self._handler = _import(self._function, of_function(self._function, {}, "local"))
            return self._handler


def shared_environment(
    functions: Mapping[str, Function], given: Mapping[str, str], region: str
) -> dict[str, str]:
    """The variables of all functions together.

    Raises:
        CannotRun: two functions want one variable to be different.
    """
    shared: dict[str, str] = {}
    for function in functions.values():
        for name, value in of_function(function, given, region).items():
            if name.startswith(_PRIVATE):
                continue
            if shared.setdefault(name, value) != value:
                raise CannotRun(
                    f"{name} is not the same for all functions ({shared[name]!r} and {value!r} for "
                    f"{function.name}): in one process there can be only one"
                )
    return shared


def _import(function: Function, environment: Mapping[str, str]) -> Callable[[Any, Any], Any]:
    """Import a handler, and then hide its modules from the next function's imports."""
    folders = [str(function.code), *(str(layer / "python") for layer in reversed(function.layers))]
    private = {name: environment[name] for name in environment if name.startswith(_PRIVATE)}
    before = dict(os.environ)
    writes_nothing, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    os.environ.update(private)
    sys.path[:0] = folders
    importlib.invalidate_caches()
    module_name, _, name = function.handler.rpartition(".")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
        handler: Callable[[Any, Any], Any] = getattr(module, name)
        return handler
    finally:
        sys.dont_write_bytecode = writes_nothing
        del sys.path[: len(folders)]
        for each in private:
            if each in before:
                os.environ[each] = before[each]
            else:
                del os.environ[each]
        for each, loaded in list(sys.modules.items()):
            if _belongs(loaded, function.code):
                del sys.modules[each]


def _belongs(module: ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and Path(file).resolve().is_relative_to(folder.resolve())
