"""The poster against a real HTTP server that answers as it is told."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import pytest
from awscrt.auth import AwsCredentialsProvider
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto import mock_aws
from moto.server import ThreadedMotoServer

from hadir.connections.poster import Poster
from hadir.connections.sockets import Sockets
from hadir.domain.delivery import Delivery, Outcome
from tests.aws import aws

HANG = -1
CUT = 0


@dataclass
class ManagementApi:
    """Answers each socket's posts with its script of statuses, then 200."""

    endpoint: str = ""
    scripts: dict[str, list[int]] = field(default_factory=dict)
    requests: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def bodies(self, connection_id: str) -> list[bytes]:
        return [body for to, body, _ in self.requests if to == connection_id]


@pytest.fixture
def api() -> Iterator[ManagementApi]:
    api = ManagementApi()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            connection_id = unquote(self.path.rpartition("/")[2])
            headers = {name.lower(): value for name, value in self.headers.items()}
            api.requests.append((connection_id, body, {**headers, ":path": self.path}))
            script = api.scripts.get(connection_id)
            status = script.pop(0) if script else 200
            if status == HANG:
                api.released.wait(10)
            elif status == CUT:
                self.close_connection = True
            else:
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    api.endpoint = f"http://127.0.0.1:{server.server_port}/live"
    yield api
    api.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def poster(api: ManagementApi) -> Poster:
    return new_poster(api.endpoint)


def new_poster(endpoint: str) -> Poster:
    credentials = AwsCredentialsProvider.new_static("AKIDEXAMPLE", "secret", "a token")
    return Poster(endpoint, "eu-west-1", credentials)


class TestPosting:
    def test_each_socket_gets_its_frames_in_order(self, api: ManagementApi, poster: Poster) -> None:
        mail = {f"c{n}-_=": [f"{n}/{k}".encode() for k in range(5)] for n in range(100)}

        deliveries = poster.post(mail, 5)

        assert set(deliveries.values()) == {Delivery(Outcome.DELIVERED, 5, 200)}
        received = defaultdict(list)
        for to, body, _ in api.requests:
            received[to].append(body)
        assert received == mail

    def test_no_mail_no_request(self, api: ManagementApi, poster: Poster) -> None:
        assert poster.post({}, 5) == {}
        assert api.requests == []

    def test_a_socket_that_is_gone_is_not_tried_again(
        self, api: ManagementApi, poster: Poster
    ) -> None:
        api.scripts = {"c1": [200, 410]}

        deliveries = poster.post({"c1": [b"1", b"2", b"3"], "c2": [b"1"]}, 5)

        assert deliveries["c1"] == Delivery(Outcome.GONE, 1, 410)
        assert deliveries["c2"] == Delivery(Outcome.DELIVERED, 1, 200)
        assert api.bodies("c1") == [b"1", b"2"]

    @pytest.mark.parametrize("trouble", [429, 500, 503, CUT])
    def test_passing_trouble_is_waited_out_and_order_is_kept(
        self, api: ManagementApi, poster: Poster, trouble: int
    ) -> None:
        api.scripts = {"c1": [trouble, trouble, 200, trouble]}

        deliveries = poster.post({"c1": [b"1", b"2"]}, 5)

        assert deliveries["c1"] == Delivery(Outcome.DELIVERED, 2, 200, retries=3)
        assert api.bodies("c1") == [b"1", b"1", b"1", b"2", b"2"]

    @pytest.mark.parametrize("status", [400, 403, 413])
    def test_a_refusal_is_final(self, api: ManagementApi, poster: Poster, status: int) -> None:
        api.scripts = {"c1": [status]}

        assert poster.post({"c1": [b"1"]}, 5) == {"c1": Delivery(Outcome.FAILED, 0, status)}
        assert len(api.requests) == 1

    def test_one_slow_socket_does_not_hold_up_the_others_and_is_cut_off(
        self, api: ManagementApi, poster: Poster
    ) -> None:
        api.scripts = {"slow": [HANG]}

        deliveries = poster.post({"slow": [b"1", b"2"], **{f"c{n}": [b"1"] for n in range(99)}}, 1)

        assert deliveries.pop("slow") == Delivery(Outcome.FAILED, 0, 0)
        assert set(deliveries.values()) == {Delivery(Outcome.DELIVERED, 1, 200)}
        assert poster.post({"c1": [b"again"]}, 5)["c1"].outcome is Outcome.DELIVERED

    def test_trouble_that_stays_ends_with_the_time_given(
        self, api: ManagementApi, poster: Poster
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
        self, api: ManagementApi, poster: Poster
    ) -> None:
        api.scripts = {"c1": [200, CUT]}
        poster.post({"c1": [b"1"]}, 5)

        assert poster.post({"c1": [b"2"]}, 5)["c1"].outcome is Outcome.DELIVERED


class TestSignature:
    def test_it_is_the_one_botocore_makes(self, api: ManagementApi, poster: Poster) -> None:
        poster.post({"ejHAm_tb4qkCHlw=": [b'{"type":"x"}']}, 5)

        ((_, body, sent),) = api.requests
        assert sent[":path"] == "/live/@connections/ejHAm_tb4qkCHlw%3D"
        assert sent["x-amz-security-token"] == "a token"
        assert sent["authorization"] == botocore_signature(api.endpoint, body, sent)


def botocore_signature(endpoint: str, body: bytes, sent: dict[str, str]) -> str:
    url = urlsplit(endpoint)
    request = AWSRequest("POST", f"{url.scheme}://{url.netloc}{sent[':path']}", data=body)
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
            assert poster.post({"c1": [b"hello"]}, 5) == {"c1": Delivery(Outcome.DELIVERED, 1, 200)}
        finally:
            server.stop()

    @mock_aws
    def test_a_socket_moto_knows_is_open(self) -> None:
        assert Sockets(
            aws("apigatewaymanagementapi", "https://x.execute-api.eu-west-1.amazonaws.com")
        ).is_open("c1")


class TestSockets:
    def test_a_socket_is_asked_for_until_it_is_open(self, stub: "GetConnection") -> None:
        stub.statuses += [410, 410, 200]

        assert Sockets(aws("apigatewaymanagementapi", stub.endpoint)).wait_until_open("c1", 5)
        assert stub.statuses == []

    def test_waiting_ends(self, stub: "GetConnection") -> None:
        stub.statuses += [410] * 1000

        assert not Sockets(aws("apigatewaymanagementapi", stub.endpoint)).wait_until_open("c1", 0.1)
        assert stub.statuses  # it gave up; it was not told

    def test_any_other_answer_is_an_error(self, stub: "GetConnection") -> None:
        stub.statuses += [403]

        with pytest.raises(Exception, match="403"):
            Sockets(aws("apigatewaymanagementapi", stub.endpoint)).is_open("c1")


@dataclass
class GetConnection:
    endpoint: str
    statuses: list[int]


@pytest.fixture(name="stub")
def _stub() -> Iterator[GetConnection]:
    statuses: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(statuses.pop(0))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    yield GetConnection(f"http://127.0.0.1:{server.server_port}/live", statuses)
    server.shutdown()
    thread.join()
    server.server_close()


def test_timestamps_are_now(api: ManagementApi, poster: Poster) -> None:
    poster.post({"c1": [b"1"]}, 5)

    ((_, _, sent),) = api.requests
    made = datetime.strptime(sent["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - made).total_seconds()) < 300
