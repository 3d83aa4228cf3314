"""Sizes and rates."""

import pytest

from apigw_local.apis import throttles
from apigw_local.core.throttle import Bucket
from apigw_local.limits import ACCOUNT_BURST, ACCOUNT_RATE, CONNECTIONS_RATE
from apigw_local.testing import LocalGateway
from tests.aws import aws
from tests.clients import ask, closed_with, get, read
from tests.conftest import MOCK, Serve

FRAME = 32 * 1024


@pytest.mark.aws("qu-frame")
def test_a_frame_of_32_kb_is_the_longest(gateway: LocalGateway) -> None:
    with gateway.connect(who="me") as socket:
        assert len(ask(socket, "x" * FRAME)["body"]) == FRAME
        socket.send("x" * (FRAME + 1))
        assert closed_with(socket)[0] == 1009


@pytest.mark.aws("qu-message")
def test_a_message_of_128_kb_is_the_longest(gateway: LocalGateway) -> None:
    with gateway.connect(who="length") as socket:
        socket.send(["x" * FRAME] * 4)
        assert read(socket) == {"length": 4 * FRAME}
        socket.send([*["x" * FRAME] * 4, "x"])
        assert closed_with(socket)[0] == 1009


@pytest.mark.aws("qu-binary")
def test_a_binary_frame_is_not_taken(gateway: LocalGateway) -> None:
    with gateway.connect(who="me") as socket:
        socket.send(b"binary")
        assert closed_with(socket)[0] == 1003


@pytest.mark.aws("qu-url")
def test_a_url_may_be_long_but_not_too_long(gateway: LocalGateway) -> None:
    def status(length: int) -> int:
        start = f"{gateway.management}?who="
        path = start.removeprefix(gateway.ws.replace("ws", "http", 1))
        return get(start + "x" * (length - len(path)))[0]

    assert status(4096) == 426  # taken, and then found to be no upgrade
    assert status(4097) == 414
    assert status(100_000) == 414


@pytest.mark.aws("qu-account", "qu-route")
def test_a_bucket_takes_a_burst_and_then_a_rate() -> None:
    bucket = Bucket(rate=8, burst=3, now=100.0)

    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(100.125) for _ in range(2)] == [True, False]
    assert [bucket.take(200.0) for _ in range(4)] == [True, True, True, False]


@pytest.mark.aws("qu-account")
def test_the_accounts_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (CONNECTIONS_RATE, ACCOUNT_RATE, ACCOUNT_BURST) == (500, 10_000, 5_000)
    monkeypatch.setattr(throttles, "monotonic", lambda: 1.0)

    limits = throttles.Throttles({})
    assert [limits.connection() for _ in range(501)] == [True] * 500 + [False]
    assert [limits.request("x") for _ in range(4_501)].count(True) == 4_499


@pytest.mark.aws("qu-account", "mg-429")
def test_calls_of_the_management_api_count(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttles, "ACCOUNT_RATE", 1e-6)
    monkeypatch.setattr(throttles, "ACCOUNT_BURST", 2)
    gateway = serve("", {"$default": MOCK})
    client = aws("apigatewaymanagementapi", gateway.management)

    with gateway.connect():
        own = gateway.wait_for(lambda r: r.kind == "socket").fields["connectionId"]
        client.get_connection(ConnectionId=own)
        with pytest.raises(client.exceptions.LimitExceededException):
            client.get_connection(ConnectionId=own)
