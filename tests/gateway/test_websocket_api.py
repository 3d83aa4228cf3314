"""The WebSocket API as clients and functions see it; clients are the ``websockets`` package's."""

import asyncio
import json
import re
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from apigw_local.testing import LocalGateway


@asynccontextmanager
async def client(gateway: LocalGateway, query: str = "who=me") -> AsyncIterator[ClientConnection]:
    async with connect(f"{gateway.ws}/dev?{query}", compression=None) as socket:
        yield socket


async def ask(socket: ClientConnection, text: str) -> dict[str, Any]:
    await socket.send(text)
    answer: dict[str, Any] = json.loads(await socket.recv())
    return answer


def refusal(gateway: LocalGateway, query: str) -> int:
    async def attempt() -> int:
        with pytest.raises(InvalidStatus) as refused:
            async with client(gateway, query):
                pass
        return refused.value.response.status_code

    return asyncio.run(attempt())


class TestRefusing:
    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ("", 401),  # no identity source
            ("who=", 401),
            ("who=nobody", 401),
            ("who=denied", 403),
            ("who=trouble", 500),
            ("who=malformed", 500),
            ("who=me&connect=400", 400),
            ("who=me&connect=503", 503),
            ("who=me&connect=raise", 502),
            ("who=me&connect=malformed", 502),
            ("who=me&connect=slow", 504),
        ],
    )
    def test_the_upgrade_gets_an_http_status(
        self, gateway: LocalGateway, query: str, status: int
    ) -> None:
        assert refusal(gateway, query) == status

    def test_another_stage_is_forbidden(self, gateway: LocalGateway) -> None:
        assert http_status(f"{gateway.ws.replace('ws', 'http')}/prod") == 403

    def test_without_an_upgrade(self, gateway: LocalGateway) -> None:
        assert http_status(f"{gateway.ws.replace('ws', 'http')}/dev?who=me") == 426


def http_status(url: str) -> int:
    with pytest.raises(urllib.error.HTTPError) as answered:
        urllib.request.urlopen(url)
    answered.value.close()
    return answered.value.code


class TestConnecting:
    def test_a_socket_cannot_be_written_to_before_connect_returned(
        self, gateway: LocalGateway
    ) -> None:
        assert refusal(gateway, "who=me&connect=post") == 418

    async def _later(self, gateway: LocalGateway) -> str | bytes:
        async with client(gateway, "who=me&connect=later") as socket:
            return await socket.recv()

    def test_a_function_invoked_asynchronously_can_write_once_it_is_open(
        self, gateway: LocalGateway
    ) -> None:
        assert asyncio.run(self._later(gateway)) == "later"

    def test_the_subprotocol_the_function_chose(self, gateway: LocalGateway) -> None:
        async def chosen() -> str | None:
            url = f"{gateway.ws}/dev?who=me&protocol=chat.v1"
            offered = [Subprotocol("token.x"), Subprotocol("chat.v1")]
            async with connect(url, subprotocols=offered) as socket:
                assert socket.response is not None
                assert "X-Other" not in socket.response.headers
                return socket.subprotocol

        assert asyncio.run(chosen()) == "chat.v1"

    def test_the_path_form_says_the_same_as_the_query_form(self, gateway: LocalGateway) -> None:
        async def connected() -> None:
            async with connect(f"{gateway.ws}/ws/me/lobby%20one?extra=1") as socket:
                await ask(socket, "hi")

        asyncio.run(connected())
        line = gateway.wait_for_line('"room": "lobby one"')
        event = json.loads(line.partition(" connected ")[2])
        assert event["queryStringParameters"] == {"who": "me", "room": "lobby one", "extra": "1"}

    def test_the_query_cannot_contradict_the_path(self, gateway: LocalGateway) -> None:
        async def connected() -> None:
            url = f"{gateway.ws}/ws/me/contradicted?who=denied&room=other"
            async with connect(url) as socket:
                await ask(socket, "hi")

        asyncio.run(connected())
        line = gateway.wait_for_line('"room": "contradicted"')
        event = json.loads(line.partition(" connected ")[2])
        assert event["queryStringParameters"] == {"who": "me", "room": "contradicted"}

    def test_32_join_at_once(self, gateway: LocalGateway) -> None:
        async def join() -> set[str]:
            async def one(number: int) -> str:
                async with client(gateway, f"who=w{number}") as socket:
                    event = await ask(socket, "hi")
                    return str(event["requestContext"]["authorizer"]["principalId"])

            return set(await asyncio.gather(*(one(number) for number in range(32))))

        assert asyncio.run(join()) == {f"w{number}" for number in range(32)}


ID = re.compile(r"[A-Za-z0-9_-]{15}=")
CONTEXT = {
    "routeKey", "authorizer", "eventType", "extendedRequestId", "requestTime", "messageDirection",
    "stage", "connectedAt", "requestTimeEpoch", "identity", "requestId", "domainName",
    "connectionId", "apiId",
}  # fmt: skip


class TestEvents:
    def test_field_for_field(self, gateway: LocalGateway) -> None:
        async def life() -> dict[str, Any]:
            async with client(gateway, "who=fields&x=1&x=2") as socket:
                message = await ask(socket, '{"do": "special"}')
                await socket.close(4001, "done")
                return message

        message = asyncio.run(life())
        connection_id = message["requestContext"]["connectionId"]
        connect_line = gateway.wait_for_line(f" connected .*{connection_id}")
        connected = json.loads(connect_line.partition(" connected ")[2])
        line = gateway.wait_for_line(f" disconnected .*{connection_id}")
        disconnected = json.loads(line.partition(" disconnected ")[2])
        authorizer = json.loads(connected["requestContext"]["authorizer"]["given"])

        assert set(authorizer) == {
            "type", "methodArn", "headers", "multiValueHeaders", "queryStringParameters",
            "multiValueQueryStringParameters", "stageVariables", "requestContext",
        }  # fmt: skip
        assert authorizer["type"] == "REQUEST"
        assert authorizer["methodArn"].startswith("arn:aws:execute-api:eu-west-1:123456789012:")
        assert authorizer["methodArn"].endswith("/dev/$connect")
        assert authorizer["headers"]["Upgrade"] == "websocket"
        assert set(authorizer["requestContext"]) == CONTEXT - {"authorizer"}

        assert set(connected) == {
            "headers", "multiValueHeaders", "queryStringParameters",
            "multiValueQueryStringParameters", "stageVariables", "requestContext",
            "isBase64Encoded",
        }  # fmt: skip
        assert set(connected["requestContext"]) == CONTEXT
        assert connected["queryStringParameters"] == {"who": "fields", "x": "2"}
        assert connected["multiValueQueryStringParameters"] == {"who": ["fields"], "x": ["1", "2"]}
        assert connected["stageVariables"] == {"colour": "blue"}
        assert "Sec-WebSocket-Key" in connected["headers"]
        assert not {"Upgrade", "Connection"} & set(connected["headers"])
        assert connected["requestContext"]["eventType"] == "CONNECT"
        assert connected["isBase64Encoded"] is False
        context = connected["requestContext"]["authorizer"]
        assert isinstance(context.pop("integrationLatency"), int)
        assert (context["age"], context["vip"]) == ("41", "true")

        assert set(message) == {"stageVariables", "requestContext", "body", "isBase64Encoded"}
        assert set(message["requestContext"]) == CONTEXT | {"messageId"}
        assert message["requestContext"]["eventType"] == "MESSAGE"
        assert message["requestContext"]["routeKey"] == "special"
        assert message["requestContext"]["authorizer"] == context
        assert message["body"] == '{"do": "special"}'

        assert set(disconnected) == {
            "headers", "multiValueHeaders", "stageVariables", "requestContext", "isBase64Encoded",
        }  # fmt: skip
        assert set(disconnected["headers"]) == {
            "Host", "x-api-key", "X-Forwarded-For", "x-restapi"
        }  # fmt: skip
        closing = disconnected["requestContext"]
        assert set(closing) == CONTEXT | {"disconnectStatusCode", "disconnectReason"}
        assert (closing["disconnectStatusCode"], closing["disconnectReason"]) == (4001, "done")
        assert closing["authorizer"] == context

        contexts = [event["requestContext"] for event in (connected, message, disconnected)]
        for one in contexts:
            assert ID.fullmatch(one["requestId"])
            assert one["requestId"] == one["extendedRequestId"]
            assert one["connectionId"] == connection_id
            assert one["connectedAt"] == contexts[0]["connectedAt"]
            assert re.fullmatch(
                r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", one["requestTime"]
            )
        assert ID.fullmatch(connection_id)
        assert len({one["requestId"] for one in contexts}) == 3

    @pytest.mark.parametrize(
        ("how", "code", "reason"),
        [
            ("plain", 1000, ""),
            ("cut", 1006, "Connection Closed Abnormally"),
            ("empty", 1005, "Client-side close frame status not set"),
        ],
    )
    def test_how_a_socket_closed(
        self, gateway: LocalGateway, how: str, code: int, reason: str
    ) -> None:
        async def leave() -> None:
            async with client(gateway, f"who={how}") as socket:
                if how == "plain":
                    await socket.close()
                elif how == "cut":
                    socket.transport.abort()
                else:
                    socket.transport.write(bytes([0x88, 0x80, 0, 0, 0, 0]))  # close, no status
                    await socket.wait_closed()

        asyncio.run(leave())
        line = gateway.wait_for_line(f' disconnected .*"principalId": "{how}"')
        context = json.loads(line.partition(" disconnected ")[2])["requestContext"]
        assert (context["disconnectStatusCode"], context["disconnectReason"]) == (code, reason)


class TestMessages:
    def test_the_route_key_of_all_else_is_default(self, gateway: LocalGateway) -> None:
        async def keys() -> list[str]:
            texts = [
                "hello",
                "[]",
                "[" * 20_000,
                '{"do": "nothing"}',
                '{"do": "$connect"}',
                '{"do": 1}',
            ]
            async with client(gateway) as socket:
                events = [await ask(socket, text) for text in texts]
                return [event["requestContext"]["routeKey"] for event in events]

        assert asyncio.run(keys()) == ["$default"] * 6

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("raise", "Internal server error"),
            ("malformed", "Internal server error"),
            ("die", "Internal server error"),
            ("sleep", "Endpoint request timed out"),
        ],
    )
    def test_a_failure_is_told_in_api_gateways_words_and_the_socket_lives_on(
        self, gateway: LocalGateway, text: str, complaint: str
    ) -> None:
        async def provoke() -> tuple[str, dict[str, Any]]:
            async with client(gateway) as socket:
                await socket.send(text)
                return str(await socket.recv()), await ask(socket, "still there?")

        frame, event = asyncio.run(provoke())
        connection_id = event["requestContext"]["connectionId"]
        start = f'{{"message": "{complaint}", "connectionId":"{connection_id}", "requestId":"'
        assert frame.startswith(start)
        assert ID.fullmatch(json.loads(frame)["requestId"])

    def test_messages_of_one_socket_run_side_by_side(
        self, gateway: LocalGateway, tmp_path: Path
    ) -> None:
        async def meet() -> set[str | bytes]:
            async with client(gateway) as socket:
                for who in ("first", "second"):
                    message = {"do": "meet", "who": who, "place": str(tmp_path / "place")}
                    await socket.send(json.dumps(message))
                return {await socket.recv(), await socket.recv()}

        assert asyncio.run(meet()) == {"first", "second"}

    @pytest.mark.parametrize(("frame", "code"), [(b"binary", 1003), ("x" * (32 * 1024 + 1), 1009)])
    def test_what_is_not_taken_closes_the_socket(
        self, gateway: LocalGateway, frame: str | bytes, code: int
    ) -> None:
        async def send() -> ConnectionClosed:
            async with client(gateway) as socket:
                await socket.send(frame)
                with pytest.raises(ConnectionClosed) as closed:
                    await socket.recv()
                return closed.value

        closed = asyncio.run(send())
        assert closed.rcvd is not None
        assert closed.rcvd.code == code

    def test_a_frame_of_32_kb_is_the_longest(self, gateway: LocalGateway) -> None:
        async def send() -> dict[str, Any]:
            async with client(gateway) as socket:
                return await ask(socket, "x" * 32 * 1024)

        assert len(asyncio.run(send())["body"]) == 32 * 1024

    def test_the_environment_is_the_templates(self, gateway: LocalGateway) -> None:
        async def read() -> dict[str, Any]:
            async with client(gateway) as socket:
                return await ask(socket, "environment")

        assert asyncio.run(read())["greeting"] == "salam from eu-west-1"
