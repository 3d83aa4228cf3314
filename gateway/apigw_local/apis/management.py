"""The management API: ``/{stage}/@connections/{id}``, as an unmodified boto3 client uses it.

"Use @connections commands in your backend service" and botocore's model
``apigatewaymanagementapi/2018-11-29``.
"""

from datetime import UTC, datetime
from time import monotonic
from urllib.parse import unquote

from apigw_local.apis.sockets import Socket, Sockets
from apigw_local.apis.throttles import Throttles
from apigw_local.core.ids import is_connection_id
from apigw_local.core.throttle import Bucket
from apigw_local.faults import Faults, strikes
from apigw_local.limits import MESSAGE_BYTES
from apigw_local.log import Log
from apigw_local.server.answers import Signatures, aws_error, gone, message
from apigw_local.server.messages import Request, Response, json_response
from apigw_local.server.stream import BufferFull


class ManagementApi:
    """Posts to, describes and closes sockets."""

    def __init__(
        self,
        stage: str,
        sockets: Sockets,
        throttles: Throttles,
        signatures: Signatures,
        faults: Faults,
        log: Log,
    ) -> None:
        self._stage = stage
        self._sockets = sockets
        self._throttles = throttles
        self._signatures = signatures
        self._faults = faults
        self._log = log
        self._posts: tuple[float, Bucket] | None = None

    def handle(self, request: Request) -> Response | None:
        """Answer one call; None where the path is not of this API."""
        match [unquote(part) for part in request.raw_path.split("/")]:
            case ["", stage, "@connections", connection_id] if stage and connection_id:
                answer = self._answer(request, stage, connection_id)
            case _:
                return None
        if request.method == "POST":
            self._log.totals["posts"] += 1
            self._log.totals["gone"] += answer.status == 410
        self._log.call(request.method, connection_id, answer.status)
        return answer

    def _answer(self, request: Request, stage: str, connection_id: str) -> Response:
        if stage != self._stage:
            return message(403, "Forbidden")
        if refusal := self._signatures.refusal(request):
            return refusal
        if "%" in connection_id:  # encoded twice
            return message(403, "Forbidden")
        if not is_connection_id(connection_id):
            return aws_error(400, "BadRequestException", "Invalid connectionId: " + connection_id)
        if not self._throttles.request("@connections"):
            return _too_many()
        socket = self._sockets.get(connection_id)
        if socket is None:
            return gone()
        match request.method:
            case "POST":
                return self._fault() or _post(socket, request.body)
            case "GET":
                return _describe(socket)
            case "DELETE":
                socket.delete()
                return Response(204)
        return message(403, "Forbidden")

    def _fault(self) -> Response | None:
        """An answer that goes wrong on purpose."""
        faults = self._faults
        rate = faults.posts_per_second
        if rate:
            if self._posts is None or self._posts[0] != rate:
                self._posts = (rate, Bucket(rate, max(1.0, rate), monotonic()))
            if not self._posts[1].take(monotonic()):
                return _too_many()
        if strikes(faults.throttle):
            return _too_many()
        return gone() if strikes(faults.gone) else None


def _post(socket: Socket, body: bytes) -> Response:
    if len(body) > MESSAGE_BYTES:
        return aws_error(413, "PayloadTooLargeException", "Message too long")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return aws_error(400, "BadRequestException", "the message is not UTF-8")
    try:
        socket.send(text)
    except BufferFull:
        return aws_error(429, "LimitExceededException", "the client reads too slowly")
    except ConnectionError:
        return gone()
    return Response()


def _describe(socket: Socket) -> Response:
    connection = socket.connection
    identity = {"sourceIp": connection.source_ip}
    if connection.user_agent is not None:
        identity["userAgent"] = connection.user_agent
    return json_response(
        {
            "connectedAt": _iso(connection.connected_at),
            "identity": identity,
            "lastActiveAt": _iso(connection.last_active_at),
        }
    )


def _too_many() -> Response:
    return aws_error(429, "LimitExceededException", "Too Many Requests")


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
