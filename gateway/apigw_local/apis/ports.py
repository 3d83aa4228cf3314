"""What is served on one port: which API takes which request."""

from apigw_local.apis.invoke import LambdaApi
from apigw_local.apis.management import ManagementApi
from apigw_local.apis.sqs import SqsApi
from apigw_local.apis.websocket import WebSocketServer
from apigw_local.inspector.admin import AdminApi
from apigw_local.log import Log
from apigw_local.server.answers import message
from apigw_local.server.http import Exchange, Handle
from apigw_local.server.messages import Request, Response

_SHOWN_CHARACTERS = 200


def websocket_port(sockets: WebSocketServer, management: ManagementApi) -> Handle:
    """The management API, and upgrade requests."""

    async def handle(exchange: Exchange) -> Response | None:
        return management.handle(exchange.request) or await sockets.handle(exchange)

    return handle


def lambda_port(invoke: LambdaApi, queues: SqsApi | None, log: Log) -> Handle:
    """Lambda's Invoke API, and SQS where the template has queues."""

    async def handle(exchange: Exchange) -> Response:
        answer = await invoke.handle(exchange.request)
        if answer is None and queues:
            answer = await queues.handle(exchange.request)
        return _noted(exchange.request, answer or message(404, "Not Found"), log)

    return handle


def admin_port(admin: AdminApi, log: Log) -> Handle:
    """The admin API."""

    async def handle(exchange: Exchange) -> Response:
        return _noted(exchange.request, admin.handle(exchange.request), log)

    return handle


def _noted(request: Request, answer: Response, log: Log) -> Response:
    """An answer, of which the log tells where it is a refusal."""
    if answer.status >= 400:
        said = answer.body.decode(errors="replace")[:_SHOWN_CHARACTERS]
        log.trouble("refused", f"{answer.status}: {request.method} {request.raw_path!r}: {said}")
    return answer
