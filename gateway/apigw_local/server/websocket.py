"""The WebSocket API: from the upgrade request to ``$disconnect``."""

import asyncio
import contextlib
import json
import random
import re
import time
from typing import Any
from urllib.parse import parse_qsl, urlencode

from aiohttp import WebSocketError, WSMsgType, hdrs, web

from apigw_local.core.authorizer import MalformedAnswer, allowed_context, missing_identity
from apigw_local.core.close import ABNORMAL, BINARY, Close, by_client
from apigw_local.core.events import (
    Connection,
    authorizer_event,
    connect_event,
    disconnect_event,
    message_event,
)
from apigw_local.core.ids import new_request_id
from apigw_local.core.routing import select_route
from apigw_local.limits import FRAME_BYTES
from apigw_local.log import Log
from apigw_local.runtime.functions import Functions
from apigw_local.runtime.invocation import Result
from apigw_local.server.answers import message
from apigw_local.server.sockets import BufferFull, Socket, Sockets
from apigw_local.template import Authorizer, Route, WebSocketApi

_INTERNAL = {"$connect", "$disconnect", "$default"}


class Refused(Exception):
    """The upgrade is answered with an HTTP error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class PathForm:
    """Accepts ``/ws/{a}/{b}`` for ``/{stage}?a=…&b=…``, for clients that were written so.

    API Gateway's WebSocket URLs have no path beyond the stage; in AWS a CloudFront function does
    this.
    """

    def __init__(self, pattern: str) -> None:
        parts = re.split(r"\{(\w+)\}", pattern)
        self._pattern = re.compile(
            "".join(
                f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part)
                for index, part in enumerate(parts)
            )
        )

    def query(self, path: str, query: str) -> str | None:
        """The query string that says the same; None if the path is not of this form."""
        found = self._pattern.fullmatch(path)
        if found is None:
            return None
        named = found.groupdict()
        rest = parse_qsl(query, keep_blank_values=True)
        return urlencode([*named.items(), *((k, v) for k, v in rest if k not in named)])


class WebSocketServer:
    """Serves one WebSocket API."""

    def __init__(
        self,
        api: WebSocketApi,
        functions: Functions,
        sockets: Sockets,
        region: str,
        path_form: PathForm | None,
        lose_disconnect: float,
        log: Log,
    ) -> None:
        self._api = api
        self._functions = functions
        self._sockets = sockets
        self._region = region
        self._path_form = path_form
        self._lose_disconnect = lose_disconnect
        self._log = log
        self._tasks: set[asyncio.Task[None]] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer an upgrade request, and live with the socket until it closes."""
        query = self._query(request)
        if query is None:
            self._log.trouble("refused", f"403: no stage and no path form is {request.path!r}")
            return message(403, "Forbidden")
        if request.headers.get(hdrs.UPGRADE, "").lower() != "websocket":
            return message(426, "Upgrade Required")
        if not web.WebSocketResponse().can_prepare(request):
            return message(400, "Bad Request")
        connection = Connection(
            api_id=self._api.api_id,
            stage=self._api.stage,
            domain=request.host,
            region=self._region,
            source_ip=request.remote or "127.0.0.1",
            headers=tuple(request.headers.items()),
            query=query,
            stage_variables=self._api.stage_variables,
        )
        started = time.monotonic()
        try:
            protocol = await self._admit(connection)
        except Refused as refused:
            self._tell(connection, "$connect", started, f"refused with {refused.status}: {refused}")
            return message(refused.status, str(refused))
        stream = web.WebSocketResponse(
            # aiohttp refuses what reaches the limit; API Gateway what exceeds it.
            protocols=(protocol,) if protocol else (),
            max_msg_size=FRAME_BYTES + 1,
            compress=False,
        )
        transport = request.transport
        if transport is None or transport.is_closing():
            self._spawn(self._disconnect(connection, ABNORMAL))
            return message(400, "the client has gone")
        await stream.prepare(request)
        socket = Socket(connection, stream, transport)
        self._sockets.add(socket)
        self._tell(connection, "$connect", started, "open")
        try:
            close = await self._receive(socket, stream)
        finally:
            self._sockets.remove(socket)
        self._spawn(self._disconnect(connection, close))
        return stream

    async def finish(self) -> None:
        """Wait until every socket is closed and every event under way has been handled."""
        while self._sockets or self._tasks:
            await asyncio.sleep(0.01)

    def _query(self, request: web.Request) -> str | None:
        if request.path == f"/{self._api.stage}":
            return request.query_string
        if self._path_form:
            return self._path_form.query(request.path, request.query_string)
        return None

    async def _admit(self, connection: Connection) -> str | None:
        """Authorizer and ``$connect``; the subprotocol that the function chose."""
        latency = None
        if self._api.authorizer:
            started = time.monotonic()
            await self._authorize(self._api.authorizer, connection)
            latency = int((time.monotonic() - started) * 1000)
        route = self._api.routes.get("$connect")
        if route is None:
            return None
        result = await self._invoke(route, connect_event(connection, latency))
        if result is None or result.timed_out:
            raise Refused(504, "Endpoint request timed out")
        answer = None if result.failed else _answer(result)
        if answer is None:
            raise Refused(502, "Internal server error")
        if not 200 <= answer["statusCode"] < 300:
            raise Refused(answer["statusCode"], "refused by $connect")
        headers = answer.get("headers") or {}
        chosen = {name.lower(): value for name, value in headers.items()}
        return chosen.get("sec-websocket-protocol")

    async def _authorize(self, authorizer: Authorizer, connection: Connection) -> None:
        query = dict(parse_qsl(connection.query))
        if missing_identity(list(authorizer.identity_sources), connection, query):
            raise Refused(401, "Unauthorized")
        event = json.dumps(authorizer_event(connection)).encode()
        result = await self._functions.invoke(authorizer.function, event)
        if result.failed:
            if result.error()[1] == "Unauthorized":
                raise Refused(401, "Unauthorized")
            raise Refused(500, "Internal server error")
        try:
            context = allowed_context(json.loads(result.payload), connection.method_arn)
        except MalformedAnswer as malformed:
            self._log.trouble(authorizer.function, f"malformed authorizer answer: {malformed}")
            raise Refused(500, "Internal server error") from malformed
        if context is None:
            raise Refused(403, "Forbidden")
        connection.authorizer = context

    async def _receive(self, socket: Socket, stream: web.WebSocketResponse) -> Close:
        """Dispatch what the client sends; how the socket closed."""
        close = None
        while close is None:
            frame = await stream.receive()
            if frame.type is WSMsgType.TEXT:
                socket.touch()
                self._spawn(self._dispatch(socket, frame.data))
            elif frame.type is WSMsgType.BINARY:
                socket.close_soon(BINARY)
            elif frame.type is WSMsgType.CLOSE:
                close = by_client(frame.data, frame.extra)
            elif frame.type is WSMsgType.ERROR and isinstance(frame.data, WebSocketError):
                close = Close(frame.data.code, "")
            else:
                close = ABNORMAL
        return socket.closed_by_us or close

    async def _dispatch(self, socket: Socket, text: str) -> None:
        """Route one message. Messages of one socket run side by side, as in AWS."""
        started = time.monotonic()
        key = select_route(self._api.selection_expression, text)
        known = key in self._api.routes and key not in _INTERNAL
        route = self._api.routes.get(key if known else "$default")
        if route is None:
            await self._complain(socket, "Forbidden")
            return
        result = await self._invoke(route, message_event(socket.connection, route.key, text))
        self._tell(socket.connection, route.key, started, f"{len(text)} characters")
        if result is None or result.timed_out:
            await self._complain(socket, "Endpoint request timed out")
        elif result.failed or _answer(result) is None:
            await self._complain(socket, "Internal server error")

    async def _complain(self, socket: Socket, text: str) -> None:
        """API Gateway's own error frame, spaced as captured."""
        frame = (
            f'{{"message": "{text}", "connectionId":"{socket.connection.connection_id}", '
            f'"requestId":"{new_request_id()}"}}'
        )
        # Where the client has gone, $disconnect is on its way; where it reads too slowly, so be it.
        with contextlib.suppress(ConnectionError, BufferFull):
            await socket.send(frame)

    async def _disconnect(self, connection: Connection, close: Close) -> None:
        started = time.monotonic()
        if random.random() < self._lose_disconnect:  # noqa: S311 (a fault, not a secret)
            self._tell(connection, "$disconnect", started, f"{close.code} lost on purpose")
            return
        if route := self._api.routes.get("$disconnect"):
            await self._invoke(route, disconnect_event(connection, close))
        self._tell(connection, "$disconnect", started, f"{close.code} {close.reason}".strip())

    async def _invoke(self, route: Route, event: dict[str, Any]) -> Result | None:
        """Invoke a route's function; None when the integration timed out (it runs on)."""
        invocation = self._functions.invoke(route.function, json.dumps(event).encode())
        try:
            return await asyncio.wait_for(asyncio.shield(invocation), route.timeout)
        except TimeoutError:
            return None

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tell(self, connection: Connection, what: str, started: float, how: str) -> None:
        milliseconds = (time.monotonic() - started) * 1000
        self._log.event(what, f"{connection.connection_id} {how} ({milliseconds:.0f} ms)")


def _answer(result: Result) -> dict[str, Any] | None:
    """A proxy integration's answer; None if it is malformed."""
    answer = json.loads(result.payload)
    if isinstance(answer, dict) and isinstance(answer.get("statusCode"), int):
        return answer
    return None
