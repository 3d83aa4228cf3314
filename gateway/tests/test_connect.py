"""From an upgrade request to an open socket."""

import asyncio
import json
import socket as sockets
import threading
from pathlib import Path

import pytest
from websockets.asyncio.client import connect as join_async
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from apigw_local.apis.sockets import Socket, Sockets
from apigw_local.core.socket import SocketLife
from apigw_local.testing import LocalGateway
from tests.clients import WAIT, ask, closed_with, get, refusal
from tests.conftest import MOCK, Serve, plain_template
from tests.wire import connection


@pytest.mark.parametrize(
    ("how", "status"),
    [
        pytest.param("400", 400, marks=pytest.mark.aws("co-status")),
        pytest.param("302", 302, marks=pytest.mark.aws("co-status")),
        pytest.param("503", 503, marks=pytest.mark.aws("co-status")),
        pytest.param("raise", 502, marks=pytest.mark.aws("co-502")),
        pytest.param("malformed", 502, marks=pytest.mark.aws("co-502")),
        pytest.param("slow", 504, marks=pytest.mark.aws("co-504")),
    ],
)
def test_what_the_function_answers_decides(gateway: LocalGateway, how: str, status: int) -> None:
    answer = refusal(gateway, who="me", connect=how)

    assert answer.status_code == status
    assert b"not delivered" not in answer.body


@pytest.mark.aws("co-502")
@pytest.mark.parametrize(
    "answer",
    [
        {"statusCode": True},
        {"statusCode": 99},
        {"statusCode": 101},
        {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "a, b"}},
        {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "a\r\nX-B: b"}},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "multiValueHeaders": "a"},
    ],
)
def test_an_answer_that_is_none(serve: Serve, answer: dict[str, object]) -> None:
    gateway = serve(f"def handler(event, context): return {answer!r}", {"$connect": {}})

    assert refusal(gateway).status_code == 502


@pytest.mark.aws("co-order")
def test_a_socket_opens_after_authorizer_and_connect(gateway: LocalGateway) -> None:
    with gateway.connect(who="in order") as socket:
        own = ask(socket, "hi")["requestContext"]["connectionId"]

    def is_own(text: str, fields: object) -> bool:
        return own in text or own in json.dumps(fields)

    ended = [r for r in gateway.records if r.kind in ("invocation", "socket")]
    first = [r.source for r in ended if is_own(r.text, dict(r.fields))][:3]
    assert first == ["AuthorizeFunction", "ConnectFunction", "$connect"]


@pytest.mark.aws("co-order")
def test_without_a_connect_route_everybody_is_let_in(serve: Serve) -> None:
    gateway = serve("", {"ping": MOCK})

    with gateway.connect() as socket:
        assert socket.response
        assert socket.response.status_code == 101


@pytest.mark.aws("co-status", "co-protocol")
def test_any_2xx_opens_and_headers_may_have_several_values(serve: Serve) -> None:
    answer = {"statusCode": "204", "multiValueHeaders": {"sec-websocket-protocol": ["x", "chat"]}}
    gateway = serve(f"def handler(event, context): return {answer!r}", {"$connect": {}})

    with gateway.connect(subprotocols=("chat",)) as socket:
        assert socket.subprotocol == "chat"


@pytest.mark.aws("co-slash")
def test_a_slash_at_the_end(gateway: LocalGateway) -> None:
    with connect(f"{gateway.ws}/{gateway.stage}/?who=me") as socket:
        assert ask(socket, "who am I")["requestContext"]["stage"] == gateway.stage
    with pytest.raises(InvalidStatus):
        connect(f"{gateway.ws}/{gateway.stage}//?who=me")


@pytest.mark.aws("co-403")
def test_another_stage_or_path_is_forbidden(gateway: LocalGateway) -> None:
    http = gateway.management.removesuffix("/dev")
    for path in ("/prod", "/", "/dev/more"):
        assert get(f"{http}{path}?who=me") == (403, {"message": "Forbidden"})


@pytest.mark.aws("co-426")
def test_without_an_upgrade(gateway: LocalGateway) -> None:
    assert get(f"{gateway.management}?who=me")[0] == 426


@pytest.mark.aws("co-gone")
def test_a_socket_cannot_be_written_to_before_connect_returned(gateway: LocalGateway) -> None:
    assert refusal(gateway, who="me", connect="post").status_code == 418


@pytest.mark.aws("co-gone")
def test_a_function_invoked_asynchronously_can_write_once_it_is_open(
    gateway: LocalGateway,
) -> None:
    with gateway.connect(who="me", connect="later") as socket:
        assert socket.recv(WAIT) == "later"


@pytest.mark.aws("co-protocol")
def test_the_subprotocol_the_function_chose(gateway: LocalGateway) -> None:
    offered = ("token.x", "chat.v1")
    with gateway.connect(who="me", protocol="chat.v1", subprotocols=offered) as socket:
        assert socket.subprotocol == "chat.v1"
        assert socket.response
        assert "X-Other" not in socket.response.headers


@pytest.mark.aws("co-protocol")
def test_where_it_chooses_none_there_is_none_and_a_warning(gateway: LocalGateway) -> None:
    url = f"{gateway.ws}/dev?who=me"
    with connect(url, subprotocols=[Subprotocol("chat.v1")]) as socket:
        assert socket.subprotocol is None
    gateway.wait_for_line("offered a subprotocol and .connect returned no")


@pytest.mark.aws("co-429")
def test_too_many_connects(serve: Serve) -> None:
    settings = {"RouteSettings": {"$connect": {"ThrottlingRateLimit": 1e-6,
                                               "ThrottlingBurstLimit": 1}}}  # fmt: skip
    gateway = serve("", {"$connect": MOCK}, stage=settings)

    with gateway.connect():
        assert refusal(gateway).status_code == 429


@pytest.mark.aws("co-left")
def test_a_client_that_leaves_during_connect(gateway: LocalGateway) -> None:
    port = int(gateway.ws.rpartition(":")[2])
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    upgrade = f"Upgrade: websocket\r\nConnection: Upgrade\r\n{key}\r\nSec-WebSocket-Version: 13"
    with sockets.create_connection(("127.0.0.1", port)) as client:
        path = "/dev?who=leaver&connect=wait"
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: here\r\n{upgrade}\r\n\r\n".encode())
        gateway.wait_for(lambda r: r.source == "ConnectFunction" and r.text == "waiting")

    def is_leavers(function: str) -> bool:
        return any(
            event["requestContext"]["authorizer"]["principalId"] == "leaver"
            for event in gateway.events(function)
        )

    gateway.wait_for(lambda _: is_leavers("ConnectFunction"))
    gateway.wait_for(lambda _: is_leavers("DisconnectFunction"))


def test_a_socket_that_opens_while_the_gateway_stops_is_closed_and_told_of(
    tmp_path: Path,
) -> None:
    code = """
import time
def handler(event, context):
    if event["requestContext"]["eventType"] == "CONNECT":
        print("connecting", flush=True)
        time.sleep(0.5)
    return {"statusCode": 200}
"""
    (tmp_path / "app.py").write_text(code)
    template = tmp_path / "template.json"
    template.write_text(json.dumps(plain_template({"$connect": {}, "$disconnect": {}}, {})))
    closed: list[tuple[int, str]] = []

    def come(gateway: LocalGateway) -> None:
        with gateway.connect() as socket:
            closed.append(closed_with(socket))

    with LocalGateway(template) as gateway:
        coming = threading.Thread(target=come, args=[gateway])
        coming.start()
        gateway.wait_for_line("connecting")
    coming.join()

    assert closed == [(1000, "Connection Closed Normally")]
    told = [r.fields["event"] for r in gateway.records if r.kind == "invocation"]
    assert [each["requestContext"]["eventType"] for each in told] == ["CONNECT", "DISCONNECT"]


def test_one_that_asks_while_the_gateway_stops_is_stopped_too() -> None:
    """On a connection that was kept; its life then closes it as soon as it is open."""
    stopped = []

    class Noted(Socket):
        def stop(self) -> None:
            stopped.append(self)

    asking = Noted(connection(), SocketLife(1, 1), lambda *_: None, lambda *_: None)
    sockets = Sockets()
    sockets.stop_all()
    sockets.add(asking)
    assert stopped == [asking]


class TestPathForm:
    def test_it_says_the_same_as_the_query_form(self, gateway: LocalGateway) -> None:
        with connect(f"{gateway.ws}/ws/me/lobby%20one?extra=1") as socket:
            own = ask(socket, "hi")["requestContext"]["connectionId"]

        event = gateway.wait_for_event("ConnectFunction", own)
        assert event["queryStringParameters"] == {"who": "me", "room": "lobby one", "extra": "1"}

    def test_the_query_cannot_contradict_the_path(self, gateway: LocalGateway) -> None:
        with connect(f"{gateway.ws}/ws/me/lobby?who=denied&room=other") as socket:
            own = ask(socket, "hi")["requestContext"]["connectionId"]

        event = gateway.wait_for_event("ConnectFunction", own)
        assert event["queryStringParameters"] == {"who": "me", "room": "lobby"}


def test_256_join_at_once(serve: Serve) -> None:
    """With AWS's own timeout of 29 s: this machine may be slow."""
    code = """
import boto3
management = boto3.client("apigatewaymanagementapi")
def handler(event, context):
    own = event["requestContext"]
    if own["eventType"] == "MESSAGE":
        management.post_to_connection(ConnectionId=own["connectionId"], Data=event["body"].encode())
    return {"statusCode": 200}
"""
    gateway = serve(code, {"$connect": {}, "$default": {}}, in_process=False)

    async def join() -> list[str | bytes]:
        async def one(number: int) -> str | bytes:
            url = f"{gateway.ws}/prod"
            async with join_async(url, compression=None, open_timeout=60) as socket:
                await socket.send(f"hi from {number}")
                return await socket.recv()

        return await asyncio.gather(*(one(number) for number in range(256)))

    assert asyncio.run(join()) == [f"hi from {number}" for number in range(256)]
