"""Functions in this very process, for tests: a breakpoint, a patch or a mock reaches them.

They share the interpreter, so what is global is shared: variables of the environment, the current
folder, and memory between what would be separate processes in Lambda. Nothing can be killed at its
timeout; the answer is that it timed out, and the thread runs on.
"""

import asyncio
import json
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from awslambdaric.lambda_context import Client, ClientContext, make_obj_from_dict
from awslambdaric.lambda_runtime_marshaller import to_json

from apigw_local.core.events.websocket import ACCOUNT
from apigw_local.core.results import Report, Result
from apigw_local.errors import CannotRun, NoProcesses
from apigw_local.runtime.environment import import_folders, of_function
from apigw_local.runtime.invocation import Invocation
from apigw_local.runtime.modules import Modules
from apigw_local.template.model import Function

_PRIVATE = ("_HANDLER", "AWS_LAMBDA_FUNCTION_", "AWS_LAMBDA_LOG_", "LAMBDA_TASK_ROOT", "TZ")


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
    client_context: ClientContext | None = None

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the timeout."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


class InProcess:
    """One function, imported here; invocations run side by side in threads."""

    def __init__(self, function: Function, region: str, most_threads: int) -> None:
        self._function = function
        self._region = region
        self._room = asyncio.Semaphore(most_threads)
        self._modules = Modules([function.code, *import_folders(function)])
        self._loading = threading.Lock()
        self._handler: Callable[[Any, Any], Any] | None = None

    async def start(self) -> None:
        """The handler is imported by the first invocation, as a cold start would."""

    async def stop(self) -> None:
        """Leave no modules behind."""
        self._modules.forget()

    async def invoke(self, invocation: Invocation) -> Result:
        """Invoke in a thread."""
        loop = asyncio.get_running_loop()

        def run() -> None:
            result = self._run(invocation)
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(invocation.finish, result)

        async with self._room:
            # Not a pool's: those are waited for when the interpreter ends, and this may never.
            threading.Thread(target=run, name=self._function.name, daemon=True).start()
            finished = asyncio.shield(invocation.result)
            try:
                return await asyncio.wait_for(finished, self._function.timeout)
            except TimeoutError:
                pass
        text = f"Task timed out after {self._function.timeout:.2f} seconds"
        return Result.failure("Sandbox.Timedout", text)

    def reload(self) -> None:
        """The next invocation imports the handler anew."""
        with self._loading:
            self._modules.forget()
            self._handler = None

    def send_signal(self, _: signal.Signals, /) -> int:
        """There are no processes."""
        name = self._function.name
        raise NoProcesses(f"{name} runs in the test's own process; do without in_process")

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
                client_context=_client_context(invocation),
            )
            answer = to_json(handler(json.loads(invocation.payload), context))
        except SystemExit:
            said = "Error: Runtime exited without providing a reason"
            return Result.failure("Runtime.ExitError", said, report=self._report(began))
        except BaseException as error:  # noqa: BLE001 (whatever a handler raises is its answer)
            trace = traceback.format_tb(error.__traceback__)
            body = {"errorMessage": str(error), "errorType": type(error).__name__}
            payload = json.dumps({**body, "stackTrace": trace}).encode()
            return Result(payload, failed=True, report=self._report(began))
        # JSON may have halves of characters: then the answer is malformed.
        return Result(answer.encode(errors="surrogatepass"), report=self._report(imported))

    def _report(self, began: float) -> Report:
        return Report((time.monotonic() - began) * 1000, None, self._function.memory, None)

    def _load(self) -> Callable[[Any, Any], Any]:
        with self._loading:
            if self._handler is None:
                environment = of_function(self._function, {}, self._region)
                own = {name: environment[name] for name in environment if _is_private(name)}
                module, _, name = self._function.handler.rpartition(".")
                with variables(own):
                    self._handler = getattr(self._modules.load(module.replace("/", ".")), name)
            return self._handler


def _client_context(invocation: Invocation) -> ClientContext | None:
    if invocation.client_context is None:
        return None
    given = json.loads(invocation.client_context)
    made: ClientContext = make_obj_from_dict(ClientContext, given)
    made.client = make_obj_from_dict(Client, given.get("client"))
    return made


_only_one = threading.Lock()


@contextmanager
def the_only_one(shared: Mapping[str, str]) -> Iterator[None]:
    """Set the functions' variables: a process has one set, so one gateway's.

    Raises:
        CannotRun: another gateway's are set.
    """
    if not _only_one.acquire(blocking=False):
        raise CannotRun(
            "another gateway runs its functions in this process, and the variables by which they "
            "find it can be set once only: stop it first, or do without in_process"
        )
    try:
        with variables(shared):
            yield
    finally:
        _only_one.release()


@contextmanager
def variables(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables of this process; in the end, those that still have our value are as before."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if os.environ.get(name) != values[name]:
                continue
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _is_private(name: str) -> bool:
    return name.startswith(_PRIVATE)


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
            if _is_private(name):
                continue
            if shared.setdefault(name, value) != value:
                raise CannotRun(
                    f"{name} is not the same for all functions ({shared[name]!r} and {value!r} for "
                    f"{function.name}): in one process there can be only one"
                )
    return shared
