"""The poster against a real HTTP server that answers as it is told."""

import asyncio
import socket
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.server import ThreadedMotoServer

from hadir.connections.poster import Poster
from hadir.domain.delivery import Delivery, Outcome
from tests.scripted_http import CUT, HANG, ScriptedHttp
from tests.unit.conftest import management_api


def new_poster(endpoint: str) -> Poster:
    return Poster(management_api(endpoint))


class TestPosting:
    def test_each_socket_gets_its_frames_in_order(self, api: ScriptedHttp, poster: Poster) -> None:
        mail = {f"c{n}-_=": [f"{n}/{k}".encode() for k in range(5)] for n in range(100)}

        deliveries = poster.post(mail, 5)

        assert set(deliveries.values()) == {Delivery(Outcome.DELIVERED, 5, 200)}
        received = defaultdict(list)
        for request in api.requests:
            received[request.about].append(request.body)
        assert received == mail

    def test_no_mail_no_request(self, api: ScriptedHttp, poster: Poster) -> None:
        assert poster.post({}, 5) == {}
        assert api.requests == []

    def test_a_socket_that_is_gone_is_not_tried_again(
        self, api: ScriptedHttp, poster: Poster
    ) -> None:
        api.scripts = {"c1": [200, 410]}

        deliveries = poster.post({"c1": [b"1", b"2", b"3"], "c2": [b"1"]}, 5)

        assert deliveries["c1"] == Delivery(Outcome.GONE, 1, 410)
        assert deliveries["c2"] == Delivery(Outcome.DELIVERED, 1, 200)
        assert api.bodies("c1") == [b"1", b"2"]

    @pytest.mark.parametrize("trouble", [429, 500, 503, CUT])
    def test_passing_trouble_is_waited_out_and_order_is_kept(
        self, api: ScriptedHttp, poster: Poster, trouble: int
    ) -> None:
        api.scripts = {"c1": [trouble, trouble, 200, trouble]}

        deliveries = poster.post({"c1": [b"1", b"2"]}, 5)

        assert deliveries["c1"] == Delivery(Outcome.DELIVERED, 2, 200, retries=3)
        assert api.bodies("c1") == [b"1", b"1", b"1", b"2", b"2"]

    @pytest.mark.parametrize("status", [400, 403, 413])
    def test_a_refusal_is_final(self, api: ScriptedHttp, poster: Poster, status: int) -> None:
        api.scripts = {"c1": [status]}

        assert poster.post({"c1": [b"1"]}, 5) == {"c1": Delivery(Outcome.FAILED, 0, status)}
        assert len(api.requests) == 1

    def test_one_slow_socket_does_not_hold_up_the_others_and_is_cut_off(
        self, api: ScriptedHttp, poster: Poster
    ) -> None:
        api.scripts = {"slow": [HANG]}

        deliveries = poster.post({"slow": [b"1", b"2"], **{f"c{n}": [b"1"] for n in range(99)}}, 1)

        assert deliveries.pop("slow") == Delivery(Outcome.FAILED, 0, 0)
        assert set(deliveries.values()) == {Delivery(Outcome.DELIVERED, 1, 200)}
        assert poster.post({"c1": [b"again"]}, 5)["c1"].outcome is Outcome.DELIVERED

    def test_what_hangs_is_cut_off_when_the_time_is_over(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            new_poster(f"http://127.0.0.1:{silent.getsockname()[1]}").post({"c1": [b"1"]}, 0.5)

            silent.settimeout(10)
            connection, _ = silent.accept()
            with connection:
                connection.settimeout(10)
                while connection.recv(4096):
                    pass  # until it is closed at the other end

    def test_trouble_that_stays_ends_with_the_time_given(
        self, api: ScriptedHttp, poster: Poster
    ) -> None:
        api.scripts = {"c1": [429] * 1000}

        delivery = poster.post({"c1": [b"1"]}, 0.5)["c1"]

        assert 2 <= len(api.requests) < 100
        assert (delivery.outcome, delivery.status) == (Outcome.FAILED, 429)
        assert delivery.retries >= len(api.requests) - 1

    def test_nobody_listens(self) -> None:
        poster = new_poster("http://127.0.0.1:1/live")

        delivery = poster.post({"c1": [b"1"]}, 0.5)["c1"]

        assert (delivery.outcome, delivery.status) == (Outcome.FAILED, 0)

    def test_connections_that_died_while_frozen_are_replaced(
        self, api: ScriptedHttp, poster: Poster
    ) -> None:
        api.scripts = {"c1": [200, CUT]}
        poster.post({"c1": [b"1"]}, 5)

        assert poster.post({"c1": [b"2"]}, 5)["c1"].outcome is Outcome.DELIVERED


class TestTurns:
    """Many frames for many sockets, and a management API too slow for all of them."""

    def test_no_socket_is_two_frames_ahead_of_another(self) -> None:
        mail = {f"c{n}": [f"{n}/{k}".encode() for k in range(5)] for n in range(100)}
        with answering_slowly(250) as (endpoint, accepted):
            deliveries = new_poster(endpoint).post(mail, 1)

        counts = [accepted[to] for to in mail]
        assert max(counts) - min(counts) <= 1
        assert all(made.outcome is Outcome.FAILED for made in deliveries.values())

    def test_a_socket_whose_turn_never_came_was_not_attempted(self) -> None:
        with answering_slowly(0) as (endpoint, _):
            deliveries = new_poster(endpoint).post({f"c{n}": [b"1"] for n in range(100)}, 0.5)

        attempted = Counter(made.attempted for made in deliveries.values())
        assert attempted[True] <= 32
        assert attempted[False] >= 68

    def test_a_refused_socket_was_attempted(self, api: ScriptedHttp, poster: Poster) -> None:
        api.scripts = {"c1": [403]}

        assert poster.post({"c1": [b"1"]}, 5)["c1"].attempted


@contextmanager
def answering_slowly(most: int) -> Iterator[tuple[str, Counter[str]]]:
    """Answers one request after the other, as they came, and none after so many."""
    accepted: Counter[str] = Counter()
    asked: asyncio.Queue[tuple[str, asyncio.Transport]] = asyncio.Queue()
    transports: list[asyncio.Transport] = []
    ready: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Task[None]]] = Future()

    class Reading(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            transports.append(transport)
            self.transport = transport
            self.read = b""

        def data_received(self, data: bytes) -> None:
            self.read += data
            head, _, body = self.read.partition(b"\r\n\r\n")
            if body:  # all of them are a few bytes, which come at once
                self.read = b""
                asked.put_nowait((head.split()[1].decode().rpartition("/")[2], self.transport))

    async def answer() -> None:
        for _ in range(most):
            to, transport = await asked.get()
            await asyncio.sleep(0.001)
            accepted[to] += 1
            transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        await asyncio.Event().wait()

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Reading, "127.0.0.1", 0)
        answering = asyncio.create_task(answer())
        port = server.sockets[0].getsockname()[1]
        ready.set_result((port, asyncio.get_running_loop(), answering))
        with suppress(asyncio.CancelledError):
            await answering
        server.close()
        for transport in transports:
            transport.abort()
        await asyncio.sleep(0)  # in which they are closed

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    port, loop, answering = ready.result()
    try:
        yield f"http://127.0.0.1:{port}/live", accepted
    finally:
        loop.call_soon_threadsafe(answering.cancel)
        thread.join()


class TestSignature:
    def test_it_is_the_one_botocore_makes(self, api: ScriptedHttp, poster: Poster) -> None:
        poster.post({"ejHAm_tb4qkCHlw=": [b'{"type":"x"}']}, 5)

        ((_, path, body, sent),) = api.requests
        assert path == "/live/@connections/ejHAm_tb4qkCHlw%3D"
        assert sent["x-amz-security-token"] == "a token"
        assert sent["authorization"] == botocore_signature(api.endpoint, path, body, sent)


def botocore_signature(endpoint: str, path: str, body: bytes, sent: dict[str, str]) -> str:
    url = urlsplit(endpoint)
    request = AWSRequest("POST", f"{url.scheme}://{url.netloc}{path}", data=body)
    signed = sent["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    for name in signed:
        request.headers[name] = sent[name]
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", "secret", "a token"), "execute-api", "eu-west-1")
    request.context["timestamp"] = sent["x-amz-date"]
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    before, _, _ = sent["authorization"].partition("Signature=")
    return f"{before}Signature={signature}"


class TestMoto:
    """Moto stands in for AWS: it knows the service's model, but has no sockets."""

    def test_moto_takes_our_posts(self) -> None:
        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        try:
            host, port = server.get_host_and_port()
            poster = new_poster(f"http://{host}:{port}")
            made = poster.post({"c1": [b"hello"]}, 5)["c1"]  # its first answer may take long
            assert (made.outcome, made.posted, made.status) == (Outcome.DELIVERED, 1, 200)
        finally:
            server.stop()


def test_timestamps_are_now(api: ScriptedHttp, poster: Poster) -> None:
    poster.post({"c1": [b"1"]}, 5)

    (request,) = api.requests
    made = datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - made).total_seconds()) < 300
