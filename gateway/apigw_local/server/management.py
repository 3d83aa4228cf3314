"""The management API: ``/{stage}/@connections/{id}``, as an unmodified boto3 client uses it.

"Use @connections commands in your backend service" and botocore's model
``apigatewaymanagementapi/2018-11-29``.
"""

from datetime import UTC, datetime

from aiohttp import web

from apigw_local.core.close import DELETED
from apigw_local.core.ids import is_connection_id
from apigw_local.limits import MESSAGE_BYTES
from apigw_local.server.answers import aws_error, message, unsigned
from apigw_local.server.sockets import BufferFull, Socket, Sockets


class ManagementApi:
    """Posts to, describes and closes sockets. Signatures are demanded, not verified."""

    def __init__(self, stage: str, sockets: Sockets) -> None:
        self._stage = stage
        self._sockets = sockets

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one call."""
        if request.match_info["stage"] != self._stage:
            return message(403, "Forbidden")
        if refusal := unsigned(request):
            return refusal
        connection_id = request.match_info["connection_id"]
        if not is_connection_id(connection_id):
            return aws_error(400, "BadRequestException", "Invalid connectionId: " + connection_id)
        socket = self._sockets.get(connection_id)
        if socket is None:
            return web.Response(status=410, headers={"x-amzn-ErrorType": "GoneException"})
        if request.method == "POST":
            return await self._post(socket, request)
        if request.method == "GET":
            return self._get(socket)
        socket.close_soon(DELETED)
        self._sockets.remove(socket)
        return web.Response(status=204)

    async def _post(self, socket: Socket, request: web.Request) -> web.Response:
        body = await request.read()
        if len(body) > MESSAGE_BYTES:
            return aws_error(413, "PayloadTooLargeException", "Message too long")
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return aws_error(400, "BadRequestException", "the message is not UTF-8")
        try:
            await socket.send(text)
        except BufferFull:
            return aws_error(429, "LimitExceededException", "the client reads too slowly")
        except ConnectionError:
            return web.Response(status=410, headers={"x-amzn-ErrorType": "GoneException"})
        return web.Response()

    def _get(self, socket: Socket) -> web.Response:
        connection = socket.connection
        identity = {"sourceIp": connection.source_ip}
        if connection.user_agent is not None:
            identity["userAgent"] = connection.user_agent
        return web.json_response(
            {
                "connectedAt": _iso(connection.connected_at),
                "identity": identity,
                "lastActiveAt": _iso(connection.last_active_at),
            }
        )


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
