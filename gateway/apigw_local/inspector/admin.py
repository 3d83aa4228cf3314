"""The admin API: what is there now, and faults on demand.

``GET /``, ``GET`` and ``PATCH /faults``, ``GET /sockets``, ``DELETE /sockets[/{id}]`` (cut),
``POST /functions/{name}/kill`` and ``/freeze``. Bodies are JSON. It is for the developer at
this machine: a web page's request is refused.
"""

import json
from collections import Counter
from urllib.parse import unquote

from apigw_local.apis.sockets import Socket, Sockets
from apigw_local.errors import NoProcesses
from apigw_local.faults import Faults, NoSuchFault
from apigw_local.log import Log
from apigw_local.runtime.invoker import Invoker
from apigw_local.server.answers import message, refusal_of_web_pages
from apigw_local.server.messages import Request, Response, json_response


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

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        if refusal := refusal_of_web_pages(request):
            return refusal
        match request.method, [unquote(part) for part in request.raw_path.split("/")[1:]]:
            case "GET", [""]:
                return self._totals()
            case "GET", ["faults"]:
                return json_response(self._faults.values())
            case "PATCH", ["faults"]:
                return self._set_faults(request.body)
            case "GET", ["sockets"]:
                return self._get_sockets()
            case "DELETE", ["sockets"]:
                return json_response({"cut": sum(self._cut(socket) for socket in self._sockets)})
            case "DELETE", ["sockets", connection_id]:
                return self._cut_one(connection_id)
            case "POST", ["functions", name, "kill" | "freeze" as what]:
                if name not in self._functions:
                    return message(404, f"there is no function {name}")
                return self._kill(name) if what == "kill" else self._freeze(name, request.body)
        return message(404, "Not Found")

    def _totals(self) -> Response:
        totals: Counter[str] = self._log.totals
        return json_response({"open": len(self._sockets), **totals})

    def _set_faults(self, body: bytes) -> Response:
        try:
            values = _read(body)
            strike = {name for name in ("kill", "freeze") if values.get(name)}
            if strike and not self._own_processes:
                return message(409, f"{' and '.join(strike)}: the functions run elsewhere")
            self._faults.set(values)
        except (NoSuchFault, ValueError) as error:
            return message(400, str(error))
        said = ", ".join(f"{name}={value:g}" for name, value in self._faults.values().items())
        self._log.fault("faults", said)
        return json_response(self._faults.values())

    def _get_sockets(self) -> Response:
        return json_response(
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

    def _cut_one(self, connection_id: str) -> Response:
        socket = self._sockets.get(connection_id)
        if socket is None:
            return message(404, "there is no such socket")
        return json_response({"cut": self._cut(socket)})

    def _cut(self, socket: Socket) -> int:
        self._log.fault("cut", socket.connection.connection_id)
        socket.cut()
        return 1

    def _kill(self, name: str) -> Response:
        try:
            processes = self._functions.kill(name)
        except NoProcesses as error:
            return message(409, str(error))
        self._log.fault(name, f"{processes} processes killed")
        return json_response({"processes": processes})

    def _freeze(self, name: str, body: bytes) -> Response:
        try:
            seconds = _seconds(_read(body))
            processes = self._functions.freeze(name, seconds)
        except ValueError:
            return message(400, 'the body must be {"seconds": some number over 0}')
        except NoProcesses as error:
            return message(409, str(error))
        self._log.fault(name, f"{processes} processes frozen for {seconds:g} s")
        return json_response({"processes": processes})


def _seconds(body: dict[str, object]) -> float:
    seconds = float(str(body.get("seconds", "")))
    if not 0 < seconds < float("inf"):
        raise ValueError(seconds)
    return seconds


def _read(raw: bytes) -> dict[str, object]:
    """A request's body.

    Raises:
        ValueError: it is not a map in JSON.
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ValueError("the body must be a map, in JSON") from error
    if not isinstance(body, dict):
        raise ValueError("the body must be a map, in JSON")  # noqa: TRY004 (of bad input, not of a bad call)
    return body
