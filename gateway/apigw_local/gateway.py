"""Puts the parts together and listens."""

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from apigw_local.errors import PortTaken
from apigw_local.log import Log
from apigw_local.runtime.functions import Functions
from apigw_local.runtime.scheduler import Scheduler
from apigw_local.server.http_api import HttpApi
from apigw_local.server.lambda_api import LambdaApi
from apigw_local.server.management import ManagementApi
from apigw_local.server.sockets import Sockets
from apigw_local.server.websocket import PathForm, WebSocketServer
from apigw_local.template import Application

_FINISH_SECONDS = 2.0
_MOST_BODY_BYTES = 10 * 1024 * 1024
"""An HTTP API's payload quota ("Quotas for configuring and running an HTTP API")."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where to listen; all on one host."""

    host: str
    websocket: int
    http: int
    lambda_: int


class Gateway:
    """A running application: WebSocket API, management API, HTTP API and Lambda's Invoke API.

    Args:
        path: form of path to accept beside the stage, for example ``/ws/{room}/{user}``.
        static: folder of files to serve beside the HTTP API.
        most_workers: processes per function.
        lose_disconnect: share of ``$disconnect`` events that are never delivered, 0 to 1: AWS
            delivers them on a best-effort basis.
    """

    def __init__(
        self,
        application: Application,
        ports: Ports,
        *,
        region: str,
        path: str | None,
        static: Path | None,
        most_workers: int,
        lose_disconnect: float,
        log: Log,
    ) -> None:
        self._ports = ports
        self._log = log
        self._runners: list[web.AppRunner] = []
        self._sockets = Sockets()
        environment = {"AWS_ENDPOINT_URL_LAMBDA": f"http://{ports.host}:{ports.lambda_}"}
        self._apps: list[tuple[str, int, web.Application]] = []
        self._websockets: WebSocketServer | None = None
        api = application.websocket_api
        if api:
            environment["AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"] = (
                f"http://{ports.host}:{ports.websocket}/{api.stage}"
            )
        self._functions = Functions(application.functions, environment, region, most_workers, log)
        self._scheduler = Scheduler(application.schedules, self._functions, region)
        if api:
            form = PathForm(path) if path else None
            server = WebSocketServer(
                api, self._functions, self._sockets, region, form, lose_disconnect, log
            )
            self._websockets = server
            management = ManagementApi(api.stage, self._sockets)
            websocket = _application()
            websocket.router.add_route(
                "*", "/{stage}/@connections/{connection_id}", management.handle
            )
            websocket.router.add_get("/{path:.*}", server.handle)
            self._apps.append(("WebSocket API", ports.websocket, websocket))
        if application.http_routes or static:
            http = _application()
            handler = HttpApi(application.http_routes, self._functions, static).handle
            http.router.add_route("*", "/{path:.*}", handler)
            self._apps.append(("HTTP API", ports.http, http))
        invoke = _application()
        handler = LambdaApi(self._functions).handle
        invoke.router.add_post("/2015-03-31/functions/{name}/invocations", handler)
        self._apps.append(("Lambda API", ports.lambda_, invoke))

    async def start(self) -> None:
        """Listen, and start a worker of each function.

        Raises:
            PortTaken: names the port.
        """
        for name, port, app in self._apps:
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=_FINISH_SECONDS)
            self._runners.append(runner)
            await runner.setup()
            try:
                await web.TCPSite(runner, self._ports.host, port).start()
            except OSError as error:
                raise PortTaken(
                    f"cannot listen on {self._ports.host}:{port} for the {name} "
                    f"({error.strerror}); stop what is there or choose another port (--help)"
                ) from error
        await self._functions.start()
        self._scheduler.start()

    async def stop(self) -> None:
        """Close every socket, let ``$disconnect`` be handled, kill every worker."""
        self._scheduler.stop()
        self._sockets.close_all()
        if self._websockets:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._websockets.finish(), _FINISH_SECONDS)
        for runner in self._runners:
            await runner.cleanup()
        await self._functions.stop()


def _application() -> web.Application:
    return web.Application(client_max_size=_MOST_BODY_BYTES)
