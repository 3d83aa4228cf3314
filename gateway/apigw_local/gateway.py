"""Puts the parts together and listens."""

import asyncio
import contextlib
import errno
import socket
import tempfile
from collections.abc import Iterator
from functools import partial
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
from apigw_local.inspector.admin import AdminApi
from apigw_local.log import Log
from apigw_local.options import Options
from apigw_local.runtime.aws_calls import about_call
from apigw_local.runtime.backends import backends, check, unavailable
from apigw_local.runtime.environment import credentials, signing_secret
from apigw_local.runtime.guest import Host
from apigw_local.runtime.in_process import shared_environment, the_only_one
from apigw_local.runtime.invoker import Backend, Invoker
from apigw_local.runtime.packages import cache_folder, provide
from apigw_local.runtime.python.network import lead_hosts
from apigw_local.runtime.reloading import Watcher
from apigw_local.server.answers import Signatures
from apigw_local.server.http import Handle, HttpServer
from apigw_local.server.listener import Listener, allow_more_files, bind, certificate
from apigw_local.server.ports import free_row, taken
from apigw_local.template.model import Application
from apigw_local.triggers.schedule import Scheduler
from apigw_local.triggers.sqs import Poller, Queues

_FINISH_SECONDS = 2.0
_SERVES = {
    "websocket": "WebSocket API, --ws-port",
    "http": "HTTP API, --http-port",
    "lambda": "Lambda's Invoke API and queues, --lambda-port",
    "admin": "admin API, --admin-port",
}
_TRUSTED = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
"""Where boto3, requests, Python's ssl and Node look for the certificates to trust."""
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
"""To listen on, and one of them to connect to."""


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
        for said in application.incomplete.values():
            log.warning(said)
        check(options, application.functions.values())
        self._unavailable = unavailable(application, options, log)
        self._runnable = {
            name: each
            for name, each in application.functions.items()
            if name not in self._unavailable
        }
        self._secret = signing_secret() if options.verify_signatures else None
        self._taken: dict[str, socket.socket] = {}
        self._servers: list[HttpServer] = []
        self._listeners: list[Listener] = []
        self._websockets: WebSocketServer | None = None
        self._shared = contextlib.ExitStack()
        for name, port in self._wanted():
            self._taken[name] = self._take(name, port)
        self._folder = tempfile.TemporaryDirectory(prefix="apigw-local-")
        self._tls, self._trusted = certificate(
            (options.host, *self._led_hosts(), *_any_apis()), Path(self._folder.name)
        )
        self.faults = options.faults
        self.sockets = Sockets()
        self.functions = Invoker(application.functions, self._backends(), log)
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
        socket = self._taken.get(name)
        return int(socket.getsockname()[1]) if socket else None

    def url(self, name: str) -> str:
        """The same as an address, without a path."""
        host = f"[{self._options.host}]" if ":" in self._options.host else self._options.host
        scheme = "ws" if name == "websocket" else "http"
        return f"{scheme}://{host}:{self.port(name)}"

    async def start(self) -> None:
        """Serve, and start the functions."""
        if self._options.in_process:
            here = {name: each for name, each in self._runnable.items() if each.is_python}
            shared = shared_environment(here, self._environment(), self._options.region)
            self._shared.enter_context(the_only_one(shared))
            host = self._host()
            lead = partial(lead_hosts, host.hosts, offline=host.offline, api=host.api)
            self._shared.callback(lead(say=self._say_call))
        if not self._options.lambda_endpoint:
            await provide(self._runnable.values(), self._log)
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
        for each in self._taken.values():
            each.close()
        self._shared.close()
        self._folder.cleanup()
        self._application.scratch.cleanup()

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
            for each in self._taken.values():
                each.close()
            do = "choose another --host"
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                others = free_row(host, len(_SERVES))
                do = f"choose other ports: --port {others} moves all of them"
            raise taken(host, port, _SERVES[name], error, do) from error

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

    def _say_call(self, line: str) -> None:
        if said := about_call("a function, or a test", line, offline=self._host().offline):
            self._log.warning(said)

    def _host(self) -> Host:
        options = self._options
        offline = bool(credentials()) if options.offline is None else options.offline
        port = self.port("websocket") or self.port("http")
        api = (self._address(), port) if port else None
        environment, hosts = self._environment(), self._led_hosts()
        return Host(options.region, environment, hosts, offline, api, cache_folder())

    def _backends(self) -> dict[str, Backend]:
        hosts = self._local_hosts()
        return backends(
            self._application, self._options, self._unavailable, self._host(), hosts, self._log
        )

    def _local_hosts(self) -> dict[str, str]:
        """AWS's names of the template's APIs, and where those are served here."""
        return {
            aws: self.url(kind).partition("://")[2]
            for aws, kind in self._application.hosts.items()
            if kind in self._taken
        }

    def _led_hosts(self) -> dict[str, tuple[str, int]]:
        """AWS's names of all that is served here, each with address and port."""
        hosts = {
            **self._application.hosts,
            f"lambda.{self._options.region}.amazonaws.com": "lambda",
        }
        ports = {name: self.port(kind) for name, kind in hosts.items()}
        return {name: (self._address(), port) for name, port in ports.items() if port is not None}

    def _address(self) -> str:
        """To connect to."""
        return _EVERY_ADDRESS.get(self._options.host, self._options.host)

    def _applications(self) -> dict[str, Handle]:
        """What answers on each port."""
        options, log, api = self._options, self._log, self._application.websocket_api
        signatures = Signatures(self._secret)
        queues = SqsApi(self._queues, signatures) if self._application.queues else None
        admin = AdminApi(
            self.functions, self.sockets, self.faults, log, own_processes=options.own_processes
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


def _any_apis() -> list[str]:
    """Names of APIs in any region, for a certificate."""
    import botocore.session  # noqa: PLC0415 (takes a while, which --help need not)

    regions = botocore.session.get_session().get_available_regions("apigatewayv2")
    return [f"*.execute-api.{region}.amazonaws.com" for region in regions]
