"""How sockets end, and what `$disconnect` is told of it."""

import asyncio
import socket as sockets
import struct
import time
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from apigw_local.testing import LocalGateway
from tests.aws import aws
from tests.clients import WAIT, closed_with, id_of, upgraded
from tests.conftest import MOCK, Serve

NOTHING = "def handler(event, context): pass"


def told(gateway: LocalGateway, connection_id: str) -> tuple[int, str]:
    """Code and reason in the `$disconnect` event."""
    context = gateway.wait_for_event("DisconnectFunction", connection_id)["requestContext"]
    return context["disconnectStatusCode"], context["disconnectReason"]


def close_without_a_code(socket: ClientConnection) -> None:
    socket.socket.sendall(bytes([0x88, 0x80, 0, 0, 0, 0]))


def end(socket: ClientConnection) -> None:
    """A FIN, and no close frame: a process that has been killed."""
    socket.socket.shutdown(sockets.SHUT_WR)


@pytest.mark.parametrize(
    ("leave", "code", "reason"),
    [
        pytest.param(
            close_without_a_code,
            1005,
            "Client-side close frame status not set",
            marks=pytest.mark.aws("di-none"),
        ),
        pytest.param(lambda s: s.close(1001), 1001, "", marks=pytest.mark.aws("di-code")),
        pytest.param(lambda s: s.close(4001, "bye"), 4001, "bye", marks=pytest.mark.aws("di-code")),
        pytest.param(
            end, 1006, "Connection Closed Abnormally", marks=pytest.mark.aws("di-cut")
        ),
        pytest.param(
            lambda s: s.send(b"binary"), 1003, "", marks=pytest.mark.aws("di-rejected")
        ),
        pytest.param(
            lambda s: s.send("x" * 32_769), 1009, "", marks=pytest.mark.aws("di-rejected")
        ),
    ],
)  # fmt: skip
def test_how_the_client_left(gateway: LocalGateway, leave: Any, code: int, reason: str) -> None:
    with gateway.connect(who="me") as socket:
        own = id_of(socket)
        leave(socket)
        assert told(gateway, own) == (code, reason)


@pytest.mark.aws("di-cut")
def test_a_connection_that_was_reset(gateway: LocalGateway) -> None:
    with upgraded(gateway, "who=me") as socket:
        own = gateway.events("ConnectFunction")[-1]["requestContext"]["connectionId"]
        socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
    assert told(gateway, own) == (1006, "Connection Closed Abnormally")


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (bytes([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8]), bytes([0x88, 2, 0x03, 0xE8])),
        (bytes([0x88, 0x80, 0, 0, 0, 0]), bytes([0x88, 0])),
        (bytes([0x82, 0x80, 0, 0, 0, 0]), bytes([0x88, 2, 0x03, 0xEB])),
        (bytes([0x81, 0x81, 0, 0, 0, 0, 0xFF]), bytes([0x88, 2, 0x03, 0xEF])),
    ],
)
def test_a_close_frame_comes_before_the_end(serve: Serve, sent: bytes, answered: bytes) -> None:
    """RFC 6455, 5.5.1: whoever gets one, or fails the connection, sends one."""
    gateway = serve(NOTHING, {"$default": MOCK})

    with upgraded(gateway) as socket:
        socket.sendall(sent)
        received = b""
        while part := socket.recv(100):
            received += part

    assert received.startswith(answered)
    assert received.count(b"\x88") == 1


@pytest.mark.aws("di-delete", "mg-delete")
def test_deleted(gateway: LocalGateway) -> None:
    with gateway.connect(who="me") as socket:
        own = id_of(socket)
        client = aws("apigatewaymanagementapi", gateway.management)
        answer = client.delete_connection(ConnectionId=own)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
        assert closed_with(socket) == (1000, "Connection Closed Normally")
    assert told(gateway, own) == (1000, "Connection Closed Normally")


@pytest.mark.aws("mg-delete")
def test_whom_delete_has_put_out_is_gone_before_it_has_answered(serve: Serve) -> None:
    gateway = serve(NOTHING, {"$default": MOCK})
    management = aws("apigatewaymanagementapi", gateway.management)

    with upgraded(gateway):
        own = gateway.wait_for(lambda r: r.kind == "socket").fields["connectionId"]
        management.delete_connection(ConnectionId=own)
        with pytest.raises(management.exceptions.GoneException):
            management.get_connection(ConnectionId=own)


def test_one_that_pings_and_does_not_read_is_cut(serve: Serve) -> None:
    gateway = serve(NOTHING, {"$default": MOCK})
    ping = bytes([0x89, 0x80 | 125, 0, 0, 0, 0]) + b"x" * 125
    sent = 0

    with upgraded(gateway) as socket, suppress(ConnectionError):
        while sent < 64 * 2**20:  # far more than all buffers on the way hold
            socket.sendall(ping * 1000)
            sent += len(ping) * 1000

    assert sent < 64 * 2**20
    gateway.wait_for_line(r"^\$disconnect .* 1006 ")


@pytest.mark.aws("di-idle", "ms-ping")
def test_idle(serve: Serve) -> None:
    gateway = serve(NOTHING, {"$disconnect": {}, "$default": MOCK}, idle_seconds=0.5)

    with gateway.connect() as socket:
        socket.send("a message counts")
        with suppress(ConnectionClosed):
            while True:
                socket.ping()  # that does not
                time.sleep(0.05)
        assert closed_with(socket) == (1001, "Going away")
    gateway.wait_for_line(r"^\$disconnect .* 1001 Going away")


@pytest.mark.aws("di-idle")
@pytest.mark.parametrize("direction", ["in", "out"])
def test_messages_of_either_direction_keep_it_open(serve: Serve, direction: str) -> None:
    gateway = serve(NOTHING, {"$default": MOCK}, idle_seconds=1.5)
    management = aws("apigatewaymanagementapi", gateway.management)

    with gateway.connect() as socket:
        gateway.wait_for_line(r"^\$connect")
        own = next(r.fields["connectionId"] for r in gateway.records if r.kind == "socket")
        for _ in range(5):
            time.sleep(0.4)
            if direction == "in":
                socket.send("here")
            else:
                management.post_to_connection(ConnectionId=own, Data=b"there")
                assert socket.recv(WAIT) == "there"
        assert closed_with(socket) == (1001, "Going away")


@pytest.mark.aws("di-duration")
def test_two_hours_old(serve: Serve) -> None:
    gateway = serve(NOTHING, {"$disconnect": {}, "$default": MOCK}, duration_seconds=0.5)

    with gateway.connect() as socket:
        assert closed_with(socket) == (1001, "Going away")
    gateway.wait_for_line(r"^\$disconnect .* 1001 Going away")


@pytest.mark.aws("di-ignored")
def test_a_failure_is_not_tried_again(serve: Serve) -> None:
    gateway = serve("def handler(event, context): raise RuntimeError", {"$disconnect": {}})
    assert gateway._loop
    before = len(asyncio.all_tasks(gateway._loop))

    with gateway.connect():
        pass
    gateway.wait_for_line(r"^Function RuntimeError")

    deadline = time.monotonic() + WAIT
    while len(asyncio.all_tasks(gateway._loop)) > before:  # who would try again is one more
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert len(gateway.events("Function")) == 1


@pytest.mark.aws("di-best")
def test_it_may_be_lost(serve: Serve) -> None:
    gateway = serve(NOTHING, {"$disconnect": {}, "$default": MOCK})
    gateway.faults.lose_disconnect = 1

    with gateway.connect():
        pass

    gateway.wait_for_line(r"^\$disconnect .* lost on purpose")
    assert gateway.events("Function") == []
