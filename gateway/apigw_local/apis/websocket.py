"""The WebSocket API: from the upgrade request to ``$disconnect``."""

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from http import HTTPStatus

from apigw_local.apis.admission import Admission, Refused
from apigw_local.apis.path_form import PathForm
from apigw_local.apis.sockets import Socket, Sockets
from apigw_local.apis.throttles import Throttles
from apigw_local.core.close_codes import Close
from apigw_local.core.events.websocket import Connection, disconnect_event, message_event
from apigw_local.core.ids import new_request_id
from apigw_local.core.routing import select_route
from apigw_local.core.socket import SocketLife, State
from apigw_local.faults import Faults, some_moment, strikes
from apigw_local.integrations.lambda_proxy import Integrations, Trouble
from apigw_local.limits import MESSAGE_BYTES, URL_BYTES
from apigw_local.log import Log
from apigw_local.runtime.invoker import Invoker
from apigw_local.server.answers import message
from apigw_local.server.http import Exchange
from apigw_local.server.messages import Request, Response
from apigw_local.server.stream import BufferFull, handshake
from apigw_local.template.model import WebSocketApi

_CUT_SECONDS = 60.0
"""How old a socket is at most when the fault ``cut`` strikes it."""

_INTERNAL = {"$connect", "$disconnect", "$default"}


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """When a socket is closed, in seconds: without messages, and at the latest."""

    idle: float
    duration: float


class WebSocketServer:
    """Serves one WebSocket API."""

    def __init__(
        self,
        api: WebSocketApi,
        functions: Invoker,
        sockets: Sockets,
        throttles: Throttles,
        lifetimes: Lifetimes,
        region: str,
        path_form: PathForm | None,
        faults: Faults,
        log: Log,
    ) -> None:
        self._api = api
        self._admission = Admission(api, functions, throttles, log)
        self._integrations = Integrations(functions, log)
        self._sockets = sockets
        self._throttles = throttles
        self._lifetimes = lifetimes
        self._region = region
        self._path_form = path_form
        self._faults = faults
        self._log = log
        self._tasks: set[asyncio.Task[None]] = set()

    async def handle(self, exchange: Exchange) -> Response | None:
        """Answer an upgrade request; None where there is a socket from then on."""
        request = exchange.request
        query = self._query(request)
        if query is None or request.method != "GET":
            self._log.trouble("refused", f"403: {request.method} {request.path!r} is not served")
            return message(403, "Forbidden")
        if len(request.target) > URL_BYTES:
            self._log.trouble("refused", f"414: the URL is over {URL_BYTES} characters")
            return message(414, "Request-URI Too Long")
        response = handshake(request)
        if response.status != HTTPStatus.SWITCHING_PROTOCOLS:
            self._log.trouble("refused", f"{response.status}: no upgrade to a WebSocket")
            return response
        connection = Connection(
            api_id=self._api.api_id,
            stage=self._api.stage,
            domain=request.host,
            region=self._region,
            source_ip=request.remote,
            headers=request.headers,
            query=query,
            stage_variables=self._api.stage_variables,
        )
        life = SocketLife(self._lifetimes.idle, self._lifetimes.duration)
        socket = Socket(connection, life, self._received, self._ended)
        self._sockets.add(socket)
        started = time.monotonic()
        admitted = False
        try:
            protocol = await self._admission.admit(connection)
            admitted = True
        except Refused as refused:
            self._log.totals["refused"] += 1
            self._tell(connection, "$connect", started, f"refused with {refused.status}: {refused}")
            return message(refused.status, str(refused))
        finally:
            if not admitted:
                socket.refuse()
                self._sockets.remove(socket)
        if protocol:
            response.headers.append(("Sec-WebSocket-Protocol", protocol))
        socket.accept(exchange, response)
        if socket.state is not State.GONE:
            self._log.totals["sockets"] += 1
            self._tell(connection, "$connect", started, "open")
            if strikes(self._faults.cut):
                moment = some_moment(_CUT_SECONDS)
                asyncio.get_running_loop().call_later(moment, self._cut, socket)
        return None

    async def finish(self) -> None:
        """Close every socket; wait until all events under way have been handled."""
        self._sockets.stop_all()
        while self._sockets.pending or self._tasks:
            await asyncio.sleep(0.01)

    def _query(self, request: Request) -> str | None:
        # wscat in "Connect to a WebSocket API" has the slash.
        if request.path in (f"/{self._api.stage}", f"/{self._api.stage}/"):
            return request.query
        if self._path_form:
            return self._path_form.query(request.path, request.query)
        return None

    def _received(self, socket: Socket, text: str) -> None:
        self._spawn(self._dispatch(socket, text))

    def _ended(self, socket: Socket, close: Close) -> None:
        self._sockets.remove(socket)
        self._spawn(self._disconnect(socket.connection, close))

    async def _dispatch(self, socket: Socket, text: str) -> None:
        """Route one message. Messages of one socket run side by side, as in AWS."""
        started = time.monotonic()
        self._log.totals["messages"] += 1
        key = select_route(self._api.selection_expression, text)
        known = key in self._api.routes and key not in _INTERNAL
        route = self._api.routes.get(key if known else "$default")
        how = f"{len(text)} characters"
        trouble = None
        if route is None:
            trouble = "Forbidden"
            how += f", no route {key!r} and no $default"
        elif not self._throttles.request(route.key):
            trouble = "Too Many Requests"
        else:
            event = message_event(socket.connection, route.key, text)
            answer = await self._integrations.invoke(route, event)
            if isinstance(answer, Trouble):
                trouble = answer.value
            elif route.two_way and len(answer.body.encode()) > MESSAGE_BYTES:
                said = f"an answer of over {MESSAGE_BYTES} bytes is not sent"
                self._log.trouble(route.function or route.key, said)
                trouble = Trouble.FAILED.value
            elif route.two_way and answer.body:
                self._send(socket, answer.body)
        if trouble:
            self._complain(socket, trouble)
            how += f", answered {trouble}"
        self._tell(socket.connection, route.key if route else "message", started, how)

    def _complain(self, socket: Socket, text: str) -> None:
        """API Gateway's own error frame, spaced as captured."""
        self._send(
            socket,
            f'{{"message": "{text}", "connectionId":"{socket.connection.connection_id}", '
            f'"requestId":"{new_request_id()}"}}',
        )

    def _send(self, socket: Socket, text: str) -> None:
        # Where the client has gone, $disconnect is on its way; where it reads too slowly, so be it.
        with contextlib.suppress(ConnectionError, BufferFull):
            socket.send(text)

    async def _disconnect(self, connection: Connection, close: Close) -> None:
        how = f"{close.code} {close.reason}".strip()
        if strikes(self._faults.lose_disconnect):
            self._log.fault("$disconnect", f"{connection.connection_id} {how} lost on purpose")
            return
        await asyncio.sleep(self._faults.delay_disconnect)
        started = time.monotonic()
        if route := self._api.routes.get("$disconnect"):
            await self._integrations.invoke(route, disconnect_event(connection, close))
        self._tell(connection, "$disconnect", started, how)

    def _cut(self, socket: Socket) -> None:
        own = socket.connection.connection_id
        if self._sockets.get(own):
            self._log.fault("cut", f"{own} cut on purpose")
            socket.cut()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._log.trouble("gateway", f"a fault of its own: {error!r}")

    def _tell(self, connection: Connection, route: str, started: float, how: str) -> None:
        self._log.socket(route, connection.connection_id, how, time.monotonic() - started)
