"""The admin API: what is there now, and faults on demand.

``GET /``, ``GET`` and ``PATCH /faults``, ``GET /sockets``, ``DELETE /sockets[/{id}]`` (cut),
``POST /functions/{name}/kill`` and ``/freeze``. Bodies are JSON. It is for the developer at
this machine: a web page's request is refused.
"""

import json
from collections import Counter

from aiohttp import web
from aiohttp.typedefs import Handler

from apigw_local.apis.sockets import Socket, Sockets
from apigw_local.errors import NoProcesses
from apigw_local.faults import Faults, NoSuchFault
from apigw_local.log import Log
from apigw_local.runtime.invoker import Invoker
from apigw_local.server.answers import message, refusal_of_web_pages


class AdminApi:
    """Describes and disturbs a running gateway.

    Args:
        own_processes: functions run in processes of the gateway's.
    """

    def __init__(
        self,
        functions: Invoker,
        sockets: Sockets,
        faults: Faults,
        log: Log,
        *,
        own_processes: bool,
    ) -> None:
        self._functions = functions
        self._sockets = sockets
        self._faults = faults
        self._log = log
        self._own_processes = own_processes

    def application(self) -> web.Application:
        """Its routes."""
        application = web.Application(middlewares=[_refuse_web_pages])
        application.router.add_routes(
            [
                web.get("/", self._totals),
                web.get("/faults", self._get_faults),
                web.patch("/faults", self._set_faults),
                web.get("/sockets", self._get_sockets),
                web.delete("/sockets", self._cut_all),
                web.delete("/sockets/{id}", self._cut_one),
                web.post("/functions/{name}/kill", self._kill),
                web.post("/functions/{name}/freeze", self._freeze),
            ]
        )
        return application

    async def _totals(self, _: web.Request) -> web.Response:
        totals: Counter[str] = self._log.totals
        return web.json_response({"open": len(self._sockets), **totals})

    async def _get_faults(self, _: web.Request) -> web.Response:
        return web.json_response(self._faults.values())

    async def _set_faults(self, request: web.Request) -> web.Response:
        try:
            values = await _body(request)
            strike = {name for name in ("kill", "freeze") if values.get(name)}
            if strike and not self._own_processes:
                return message(409, f"{' and '.join(strike)}: the functions run elsewhere")
            self._faults.set(values)
        except (NoSuchFault, ValueError) as error:
            return message(400, str(error))
        said = ", ".join(f"{name}={value:g}" for name, value in self._faults.values().items())
        self._log.fault("faults", said)
        return web.json_response(self._faults.values())

    async def _get_sockets(self, _: web.Request) -> web.Response:
        return web.json_response(
            [
                {
                    "connectionId": socket.connection.connection_id,
                    "connectedAt": socket.connection.connected_at,
                    "lastActiveAt": socket.connection.last_active_at,
                    "query": socket.connection.query,
                    "authorizer": socket.connection.authorizer,
                }
                for socket in self._sockets
            ]
        )

    async def _cut_all(self, _: web.Request) -> web.Response:
        return web.json_response({"cut": sum(self._cut(socket) for socket in self._sockets)})

    async def _cut_one(self, request: web.Request) -> web.Response:
        socket = self._sockets.get(request.match_info["id"])
        if socket is None:
            return message(404, "there is no such socket")
        return web.json_response({"cut": self._cut(socket)})

    def _cut(self, socket: Socket) -> int:
        self._log.fault("cut", socket.connection.connection_id)
        socket.cut()
        return 1

    async def _kill(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._functions:
            return message(404, f"there is no function {name}")
        try:
            processes = self._functions.kill(name)
        except NoProcesses as error:
            return message(409, str(error))
        self._log.fault(name, f"{processes} processes killed")
        return web.json_response({"processes": processes})

    async def _freeze(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._functions:
            return message(404, f"there is no function {name}")
        try:
            seconds = _seconds(await _body(request))
            processes = self._functions.freeze(name, seconds)
        except ValueError:
            return message(400, 'the body must be {"seconds": some number over 0}')
        except NoProcesses as error:
            return message(409, str(error))
        self._log.fault(name, f"{processes} processes frozen for {seconds:g} s")
        return web.json_response({"processes": processes})


def _seconds(body: dict[str, object]) -> float:
    seconds = float(str(body.get("seconds", "")))
    if not 0 < seconds < float("inf"):
        raise ValueError(seconds)
    return seconds


async def _body(request: web.Request) -> dict[str, object]:
    """The request's body.

    Raises:
        ValueError: it is not a map in JSON.
    """
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise ValueError("the body must be a map, in JSON") from error
    if not isinstance(body, dict):
        raise ValueError("the body must be a map, in JSON")  # noqa: TRY004 (of bad input, not of a bad call)
    return body


@web.middleware
async def _refuse_web_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    return refusal_of_web_pages(request) or await handler(request)
