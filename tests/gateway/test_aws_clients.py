"""boto3, unmodified, against the management API and Lambda's Invoke API."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from apigw_local.testing import LocalGateway
from tests.aws import aws

Action = Callable[[ClientConnection, str], Awaitable[Any]]


@pytest.fixture
def management(gateway: LocalGateway) -> Any:
    return aws("apigatewaymanagementapi", gateway.management)


@pytest.fixture
def functions(gateway: LocalGateway) -> Any:
    return aws("lambda", gateway.invoke)


def with_socket(gateway: LocalGateway, action: Action) -> Any:
    async def run() -> Any:
        async with connect(f"{gateway.ws}/dev?who=me", compression=None) as socket:
            await socket.send("who am I")
            event = json.loads(await socket.recv())
            return await action(socket, event["requestContext"]["connectionId"])

    return asyncio.run(run())


def status(error: pytest.ExceptionInfo[ClientError]) -> int:
    return int(error.value.response["ResponseMetadata"]["HTTPStatusCode"])


class TestManagementApi:
    def test_post(self, gateway: LocalGateway, management: Any) -> None:
        async def post(socket: ClientConnection, connection_id: str) -> str | bytes:
            await asyncio.to_thread(
                management.post_to_connection, ConnectionId=connection_id, Data="héllo".encode()
            )
            return await socket.recv()

        assert with_socket(gateway, post) == "héllo"

    def test_a_message_of_128_kb_is_the_longest(
        self, gateway: LocalGateway, management: Any
    ) -> None:
        async def post(socket: ClientConnection, connection_id: str) -> str | bytes:
            send = management.post_to_connection
            await asyncio.to_thread(send, ConnectionId=connection_id, Data=b"x" * 131_072)
            with pytest.raises(management.exceptions.PayloadTooLargeException):
                await asyncio.to_thread(send, ConnectionId=connection_id, Data=b"x" * 131_073)
            return await socket.recv()

        assert with_socket(gateway, post) == "x" * 131_072

    def test_get(self, gateway: LocalGateway, management: Any) -> None:
        async def get(_: ClientConnection, connection_id: str) -> Any:
            return await asyncio.to_thread(management.get_connection, ConnectionId=connection_id)

        answer = with_socket(gateway, get)
        assert answer["Identity"]["SourceIp"] == "127.0.0.1"
        assert answer["Identity"]["UserAgent"].startswith("Python/")
        assert answer["ConnectedAt"] <= answer["LastActiveAt"]

    def test_delete_closes_with_1000_and_fires_disconnect(
        self, gateway: LocalGateway, management: Any
    ) -> None:
        async def delete(socket: ClientConnection, connection_id: str) -> tuple[Any, str]:
            await asyncio.to_thread(management.delete_connection, ConnectionId=connection_id)
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
            return closed.value.rcvd, connection_id

        received, connection_id = with_socket(gateway, delete)
        assert (received.code, received.reason) == (1000, "Connection Closed Normally")
        line = gateway.wait_for_line(f" disconnected .*{connection_id}")
        context = json.loads(line.partition(" disconnected ")[2])["requestContext"]
        assert context["disconnectStatusCode"] == 1000
        assert context["disconnectReason"] == "Connection Closed Normally"

    def test_a_closed_socket_is_gone(self, gateway: LocalGateway, management: Any) -> None:
        async def name(_: ClientConnection, connection_id: str) -> str:
            return connection_id

        connection_id = with_socket(gateway, name)
        gateway.wait_for_line(f" disconnected .*{connection_id}")
        for call in (management.get_connection, management.delete_connection):
            with pytest.raises(management.exceptions.GoneException):
                call(ConnectionId=connection_id)
        with pytest.raises(management.exceptions.GoneException):
            management.post_to_connection(ConnectionId=connection_id, Data=b"x")

    def test_an_id_that_never_was_is_gone_and_one_that_cannot_be_is_refused(
        self, management: Any
    ) -> None:
        with pytest.raises(management.exceptions.GoneException):
            management.get_connection(ConnectionId="AAAAAAAAAAACAAA=")
        with pytest.raises(ClientError, match="BadRequestException") as refused:
            management.get_connection(ConnectionId="no-such-form")
        assert status(refused) == 400

    def test_unsigned_or_at_another_stage_it_is_forbidden(self, gateway: LocalGateway) -> None:
        root = f"{gateway.ws.replace('ws', 'http')}"
        unsigned = aws("apigatewaymanagementapi", f"{root}/dev", signature_version=UNSIGNED)
        with pytest.raises(ClientError, match="MissingAuthenticationTokenException") as refused:
            unsigned.get_connection(ConnectionId="AAAAAAAAAAACAAA=")
        assert status(refused) == 403
        with pytest.raises(ClientError) as refused:
            aws("apigatewaymanagementapi", f"{root}/prod").get_connection(ConnectionId="x")
        assert status(refused) == 403


class TestLambdaApi:
    @pytest.mark.parametrize(
        "name", ["EchoFunction", "arn:aws:lambda:eu-west-1:123456789012:function:EchoFunction"]
    )
    def test_an_answer(self, functions: Any, name: str) -> None:
        answer = functions.invoke(FunctionName=name, Payload=b'{"invoked": 1}')

        assert (answer["StatusCode"], "FunctionError" in answer) == (200, False)
        assert json.load(answer["Payload"]) == {"invoked": 1, "name": "EchoFunction"}

    def test_an_error(self, functions: Any) -> None:
        answer = functions.invoke(FunctionName="EchoFunction", Payload=b"{}")

        assert answer["FunctionError"] == "Unhandled"
        assert json.load(answer["Payload"])["errorType"] == "KeyError"

    def test_a_timeout(self, functions: Any) -> None:
        payload = json.dumps({"body": "sleep", "requestContext": {"connectionId": "x"}})
        answer = functions.invoke(FunctionName="EchoFunction", Payload=payload)

        assert answer["FunctionError"] == "Unhandled"
        assert "timed out after 2.00 seconds" in json.load(answer["Payload"])["errorMessage"]

    def test_a_function_that_cannot_be_imported(
        self, gateway: LocalGateway, functions: Any
    ) -> None:
        answer = functions.invoke(FunctionName="BrokenFunction", Payload=b"{}")

        assert "cannot be imported" in json.load(answer["Payload"])["errorMessage"]
        gateway.wait_for_line("BrokenFunction .*did not start: .*cannot be imported")

    def test_no_such_function(self, functions: Any) -> None:
        with pytest.raises(functions.exceptions.ResourceNotFoundException):
            functions.invoke(FunctionName="NoFunction", Payload=b"{}")

    def test_asynchronously(self, functions: Any) -> None:
        answer = functions.invoke(
            FunctionName="EchoFunction", InvocationType="Event", Payload=b'{"invoked": 1}'
        )
        assert answer["StatusCode"] == 202
