"""Puts the parts together and listens."""

import asyncio
import contextlib
import errno
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path

from apigw_local.apis.http import HttpApi
from apigw_local.apis.invoke import LambdaApi
from apigw_local.apis.management import ManagementApi
from apigw_local.apis.path_form import PathForm
from apigw_local.apis.ports import admin_port, lambda_port, websocket_port
from apigw_local.apis.sockets import Sockets
from apigw_local.apis.sqs import SqsApi
from apigw_local.apis.throttles import Throttles
from apigw_local.apis.websocket import Lifetimes, WebSocketServer
from apigw_local.errors import CannotRun, NoProcesses, PortTaken
from apigw_local.faults import Faults
from apigw_local.inspector.admin import AdminApi
from apigw_local.limits import DURATION_SECONDS, IDLE_SECONDS
from apigw_local.log import Log
from apigw_local.runtime.environment import signing_secret
from apigw_local.runtime.in_process import InProcess, shared_environment, the_only_one
from apigw_local.runtime.invoker import Backend, Invoker
from apigw_local.runtime.pool import Pool
from apigw_local.runtime.reloading import Watcher
from apigw_local.runtime.remote import Remote
from apigw_local.server.answers import Signatures
from apigw_local.server.http import Handle, HttpServer
from apigw_local.server.listener import Listener, allow_more_files, bind, certificate
from apigw_local.server.ports import free_row, listener_on
from apigw_local.template.model import Application, Function
from apigw_local.triggers.schedule import Scheduler
from apigw_local.triggers.sqs import Poller, Queues

_FINISH_SECONDS = 2.0
_SERVES = {
    "websocket": "WebSocket API, --ws-port",
    "http": "HTTP API, --http-port",
    "lambda": "Lambda's Invoke API and queues, --lambda-port",
    "admin": "admin API, --admin-port",
}
_TRUSTED = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
"""Where boto3, requests and Python's ssl look for the certificates to trust."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve an application.

    Attributes:
        ports: to listen on, 0 for any that is free: of the WebSocket API with the management API,
            the HTTP API, Lambda's Invoke API and the admin API.
        path: form of path to accept beside the stage, for example ``/ws/{room}/{user}``.
        static: folder of files to serve beside the HTTP API.
        most_workers: processes or threads per function.
        in_process: run functions in this process.
        lambda_endpoint: run functions there, for example behind ``sam local start-lambda``.
        debug_port: a debugger may attach to the first function there, to the next one port higher.
        reload: restart functions when their code changes.
        verify_signatures: refuse those that were not made with the functions' secret.
        idle_seconds, duration_seconds: after which a socket is closed.
    """

    host: str = "127.0.0.1"
    ws_port: int = 0
    http_port: int = 0
    lambda_port: int = 0
    admin_port: int = 0
    region: str = "us-east-1"
    path: str | None = None
    static: Path | None = None
    most_workers: int = 8
    in_process: bool = False
    lambda_endpoint: str | None = None
    debug_port: int | None = None
    reload: bool = True
    verify_signatures: bool = False
    idle_seconds: float = IDLE_SECONDS
    duration_seconds: float = DURATION_SECONDS
    faults: Faults = field(default_factory=Faults)


class Gateway:
    """A running application.

    Attributes:
        functions, sockets, faults: for whoever wants to disturb them.
    """

    def __init__(self, application: Application, options: Options, log: Log) -> None:
        """Take the ports; nothing is served yet.

        Raises:
            CannotRun: names the function, or the option, that cannot be had as was asked for.
            NoProcesses: the faults ``kill`` and ``freeze`` would do nothing.
            PortTaken: names the port.
        """
        self._application = application
        self._options = options
        self._log = log
        if options.host not in ("127.0.0.1", "::1", "localhost"):
            log.warning(
                f"who can reach {options.host} can invoke functions, with your credentials, and "
                "use the admin API"
            )
        self._runnable = _runnable(application, options, log)
        self._secret = signing_secret() if options.verify_signatures else None
        self._taken: dict[str, socket.socket] = {}
        self._servers: list[HttpServer] = []
        self._listeners: list[Listener] = []
        self._websockets: WebSocketServer | None = None
        self._shared = contextlib.ExitStack()
        for name, port in self._wanted():
            self._taken[name] = self._take(name, port)
        self._folder = tempfile.TemporaryDirectory(prefix="apigw-local-")
        self._tls, self._trusted = certificate(options.host, Path(self._folder.name))
        self.faults = options.faults
        self.sockets = Sockets()
        self.functions = Invoker(self._runnable, self._backends(), log)
        self._scheduler = Scheduler(
            tuple(each for each in application.schedules if each.function in self._runnable),
            self.functions,
            options.region,
        )
        self._queues = Queues(application.queues, log)
        self._poller = Poller(
            (each for each in application.queue_triggers if each.function in self._runnable),
            self._queues,
            self.functions,
            options.region,
        )
        self._watcher = Watcher(self._runnable, self.functions.reload, log)

    def port(self, name: str) -> int | None:
        """Of ``websocket``, ``http``, ``lambda`` or ``admin``; None where it is not served."""
        taken = self._taken.get(name)
        return int(taken.getsockname()[1]) if taken else None

    def url(self, name: str) -> str:
        """The same as an address, without a path."""
        host = f"[{self._options.host}]" if ":" in self._options.host else self._options.host
        scheme = "ws" if name == "websocket" else "http"
        return f"{scheme}://{host}:{self.port(name)}"

    async def start(self) -> None:
        """Serve, and start the functions."""
        if self._options.in_process:
            shared = shared_environment(self._runnable, self._environment(), self._options.region)
            self._shared.enter_context(the_only_one(shared))
        allow_more_files()
        for name, handle in self._applications().items():
            server = HttpServer(_SERVES[name].partition(",")[0], handle, self._log)
            self._servers.append(server)
            self._listeners.append(Listener(self._taken[name], server, self._tls, self._log))
        await self.functions.start()
        self._scheduler.start()
        self._poller.start()
        if self._options.reload:
            await self._watcher.start()

    async def stop(self) -> None:
        """Close every socket, let ``$disconnect`` be handled, kill every worker."""
        self._scheduler.stop()
        self._poller.stop()
        for listener in self._listeners:
            listener.close()
        if self._websockets:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._websockets.finish(), _FINISH_SECONDS)
        for server in self._servers:
            await server.close(_FINISH_SECONDS)
        await self._watcher.stop()
        await self.functions.stop()
        for taken in self._taken.values():
            taken.close()
        self._shared.close()
        self._folder.cleanup()

    def _wanted(self) -> Iterator[tuple[str, int]]:
        options = self._options
        if self._application.websocket_api:
            yield "websocket", options.ws_port
        if self._application.http_routes or options.static:
            yield "http", options.http_port
        yield "lambda", options.lambda_port
        yield "admin", options.admin_port

    def _take(self, name: str, port: int) -> socket.socket:
        host = self._options.host
        try:
            return bind(host, port)
        except OSError as error:
            for taken in self._taken.values():
                taken.close()
            do = "choose another --host"
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                others = free_row(host, len(_SERVES))
                do = f"choose other ports: --port {others} moves all of them"
            raise _taken(host, port, _SERVES[name], error, do) from error

    def _environment(self) -> dict[str, str]:
        """What every function is given over the template's variables."""
        trusted = dict.fromkeys(_TRUSTED, str(self._trusted))
        environment = {"AWS_ENDPOINT_URL_LAMBDA": self.url("lambda"), **trusted}
        if self._application.queues:
            environment["AWS_ENDPOINT_URL_SQS"] = self.url("lambda")
        if api := self._application.websocket_api:
            url = self.url("websocket").replace("ws", "http", 1)
            environment["AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"] = f"{url}/{api.stage}"
        return environment

    def _backends(self) -> dict[str, Backend]:
        options, log = self._options, self._log
        environment = self._environment()
        made: dict[str, Backend] = {}
        for number, function in enumerate(self._runnable.values()):
            here = _with_local_hosts(function, self._local_hosts())
            if options.lambda_endpoint:
                name = function.name
                made[name] = Remote(
                    name, options.lambda_endpoint, function.timeout, function.memory
                )
            elif options.in_process:
                made[function.name] = InProcess(here, options.region, options.most_workers)
            else:
                port = options.debug_port + number if options.debug_port else None
                if port:
                    _check_free(port, function.name)
                    log.gateway("debug", f"{function.name}: attach a debugger to port {port}")
                workers = options.most_workers
                made[function.name] = Pool(
                    here, environment, options.region, workers, port, options.faults, log
                )
        return made

    def _local_hosts(self) -> dict[str, str]:
        """AWS's names of the template's APIs, and where those are served here."""
        return {
            aws: self.url(kind).partition("://")[2]
            for aws, kind in self._application.hosts.items()
            if kind in self._taken
        }

    def _applications(self) -> dict[str, Handle]:
        """What answers on each port."""
        options, log, api = self._options, self._log, self._application.websocket_api
        signatures = Signatures(self._secret)
        queues = SqsApi(self._queues, signatures) if self._application.queues else None
        admin = AdminApi(
            self.functions, self.sockets, self.faults, log, own_processes=_own_processes(options)
        )
        made = {
            "lambda": lambda_port(LambdaApi(self.functions, signatures), queues, log),
            "admin": admin_port(admin, log),
        }
        if "http" in self._taken:
            routes, static = self._application.http_routes, options.static
            made["http"] = HttpApi(routes, self.functions, static, options.region, log).handle
        if api:
            throttles = Throttles(api.routes)
            self._websockets = WebSocketServer(
                api,
                self.functions,
                self.sockets,
                throttles,
                Lifetimes(options.idle_seconds, options.duration_seconds),
                options.region,
                PathForm(options.path) if options.path else None,
                self.faults,
                log,
            )
            management = ManagementApi(
                api.stage, self.sockets, throttles, signatures, self.faults, log
            )
            made["websocket"] = websocket_port(self._websockets, management)
        return made


def _own_processes(options: Options) -> bool:
    """Whether functions run in processes of the gateway's, which alone can be killed or frozen."""
    return not options.in_process and options.lambda_endpoint is None


def _runnable(application: Application, options: Options, log: Log) -> dict[str, Function]:
    """The functions that can be run in the way that was asked for.

    Raises:
        CannotRun: one that is needed cannot.
        NoProcesses: processes are to be disturbed where there are none.
    """
    if (options.faults.kill or options.faults.freeze) and not _own_processes(options):
        raise NoProcesses(
            "the faults kill and freeze are of functions in processes of their own: do without "
            "these faults, or without --lambda-endpoint and in_process"
        )
    if options.debug_port and not _own_processes(options):
        raise CannotRun(
            "--debug-port is for functions in processes of their own: do without it, or without "
            "--lambda-endpoint and in_process"
        )
    if options.debug_port and find_spec("debugpy") is None:
        raise CannotRun("--debug-port needs debugpy: pip install debugpy")
    if options.lambda_endpoint:
        return dict(application.functions)
    runnable = {}
    for name, function in application.functions.items():
        if function.is_python:
            runnable[name] = function
            continue
        how = "run it with sam local start-lambda, and give --lambda-endpoint http://127.0.0.1:3001"
        said = f"{name} runs on {function.runtime}, and only Python runs here; {how}"
        if name in application.served():
            raise CannotRun(said)
        log.warning(said)
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    others = sorted({each.runtime for each in runnable.values()} - {here})
    if others:
        log.warning(f"functions run on {here} here, in AWS on {', '.join(others)}")
    return runnable


def _check_free(port: int, function: str) -> None:
    """Debugpy will listen there.

    Raises:
        PortTaken: it could not.
    """
    try:
        bind("127.0.0.1", port).close()
    except (OSError, OverflowError) as error:
        whose = f"{function}'s debugger, --debug-port"
        raise _taken("127.0.0.1", port, whose, error, "choose another port") from error


def _taken(host: str, port: int, whose: str, error: Exception, do: str) -> PortTaken:
    why = str(getattr(error, "strerror", None) or error).partition(" (while")[0]
    if getattr(error, "errno", None) == errno.EADDRINUSE:
        owner = listener_on(port)
        why = f"address already in use{f' by {owner}' if owner else ''}"
    return PortTaken(f"cannot listen on {host}:{port} ({whose}): {why}; {do}")


def _with_local_hosts(function: Function, hosts: Mapping[str, str]) -> Function:
    """The function, its variables' URLs leading here."""
    environment = dict(function.environment)
    for aws, local in hosts.items():
        environment = {name: value.replace(aws, local) for name, value in environment.items()}
    return replace(function, environment=environment)
