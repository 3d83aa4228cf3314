"""Which functions can be run, and each by what: processes, this process, or elsewhere."""

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.util import find_spec

from apigw_local.core.results import Result
from apigw_local.errors import CannotRun, NoProcesses
from apigw_local.log import Log
from apigw_local.options import Options
from apigw_local.runtime.guest import Host
from apigw_local.runtime.in_process import InProcess
from apigw_local.runtime.invocation import Invocation
from apigw_local.runtime.invoker import Backend
from apigw_local.runtime.pool import Pool
from apigw_local.runtime.remote import Remote
from apigw_local.server.ports import check_free
from apigw_local.template.model import Application, Function

_ELSEWHERE = (
    "run sam build and sam local start-lambda, and give --lambda-endpoint http://127.0.0.1:3001"
)


class Unavailable:
    """A function that cannot be run here: whoever invokes it is told why, in the log."""

    def __init__(self, why: str) -> None:
        self._why = why

    async def start(self) -> None:
        """Nothing is started."""

    async def stop(self) -> None:
        """Nothing is there."""

    async def invoke(self, _: Invocation) -> Result:
        """Fail."""
        return Result.failure("Gateway.CannotRun", self._why)

    def reload(self) -> None:
        """Another code makes no difference."""

    def send_signal(self, _: signal.Signals, /) -> int:
        """There are no processes."""
        raise NoProcesses(self._why)


def check(options: Options, functions: Iterable[Function]) -> None:
    """What was asked for must be possible.

    Raises:
        CannotRun: a debugger where there are no processes, or where none is installed.
        NoProcesses: processes are to be disturbed where there are none.
    """
    if (options.faults.kill or options.faults.freeze) and not options.own_processes:
        raise NoProcesses(
            "the faults kill and freeze are of functions in processes of their own: do without "
            "these faults, or without --lambda-endpoint and in_process"
        )
    if options.debug_port and not options.own_processes:
        raise CannotRun(
            "--debug-port is for functions in processes of their own: do without it, or without "
            "--lambda-endpoint and in_process"
        )
    is_python = any(each.is_python for each in functions)
    if options.debug_port and is_python and find_spec("debugpy") is None:
        raise CannotRun("--debug-port needs debugpy: pip install debugpy")


def unavailable(application: Application, options: Options, log: Log) -> dict[str, str]:
    """Why functions cannot be run, by logical id; said, as far as something invokes them.

    Raises:
        CannotRun: none can be that something invokes.
    """
    if options.lambda_endpoint:
        return {}
    functions = application.functions
    node = _node_version() if any(each.is_node for each in functions.values()) else None
    found = {name: _why_not(each, node) for name, each in functions.items()}
    reasons = {name: why for name, why in found.items() if why is not None}
    served = application.served() & functions.keys()
    if served and served <= reasons.keys():
        raise CannotRun(reasons[min(served)])
    for name in sorted(served & reasons.keys()):
        log.warning(reasons[name])
    _compare_versions([functions[name] for name in served - reasons.keys()], node, log)
    return reasons


def _why_not(function: Function, node: str | None) -> str | None:
    if function.is_python or (function.is_node and node):
        return None
    said = f"{function.name} runs on {function.runtime}"
    if function.is_node:
        return f"{said}, and there is no node on the PATH: install Node.js"
    return f"{said}, and only Python and Node run here; {_ELSEWHERE}"


def _node_version() -> str | None:
    """Of the Node on the PATH, such as ``20``; None where there is none."""
    node = shutil.which("node")
    if node is None:
        return None
    try:
        said = subprocess.run([node, "--version"], capture_output=True, check=True).stdout  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.match(rb"v(\d+)", said)
    return found[1].decode() if found else None


def _compare_versions(functions: Iterable[Function], node: str | None, log: Log) -> None:
    here = {f"python{sys.version_info.major}.{sys.version_info.minor}", f"nodejs{node}.x"}
    for kind in ("python", "nodejs"):
        theirs = {each.runtime for each in functions if each.runtime.startswith(kind)}
        if others := sorted(theirs - here):
            ours = next(each for each in here if each.startswith(kind)).removesuffix(".x")
            log.warning(f"functions run on {ours} here, in AWS on {', '.join(others)}")


def backends(
    application: Application,
    options: Options,
    reasons: Mapping[str, str],
    host: Host,
    local_hosts: Mapping[str, str],
    log: Log,
) -> dict[str, Backend]:
    """By what each function is run.

    Args:
        reasons: why some cannot be, see ``unavailable``.
        local_hosts: AWS's names of the template's APIs, and where those are served here.

    Raises:
        PortTaken: a debugger could not listen.
    """
    made: dict[str, Backend] = {}
    for number, function in enumerate(application.functions.values()):
        name = function.name
        here = _with_local_hosts(function, local_hosts)
        if options.lambda_endpoint:
            made[name] = Remote(name, options.lambda_endpoint, function.timeout, function.memory)
        elif name in reasons:
            made[name] = Unavailable(reasons[name])
        elif options.in_process and function.is_python:
            made[name] = InProcess(here, options.region, options.most_workers)
        else:
            port = options.debug_port + number if options.debug_port else None
            if port:
                check_free("127.0.0.1", port, f"{name}'s debugger, --debug-port")
                log.gateway("debug", f"{name}: attach a debugger to port {port}")
            made[name] = Pool(here, host, options.most_workers, port, options.faults, log)
    return made


def _with_local_hosts(function: Function, hosts: Mapping[str, str]) -> Function:
    """The function, its variables' URLs leading here."""
    environment = dict(function.environment)
    for aws, local in hosts.items():
        environment = {name: value.replace(aws, local) for name, value in environment.items()}
    return replace(function, environment=environment)
