"""The management API; its judge is boto3, unmodified."""

import http.client
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError
from websockets.sync.client import connect

from apigw_local.errors import CannotRun
from apigw_local.testing import LocalGateway
from tests.aws import aws
from tests.clients import WAIT, id_of
from tests.conftest import ECHO_APP, Serve

NOBODY = "AAAAAAAAAAACAAA="


@pytest.fixture(scope="module")
def management(gateway: LocalGateway) -> Any:
    return aws("apigatewaymanagementapi", gateway.management)


def status(error: pytest.ExceptionInfo[ClientError]) -> int:
    return int(error.value.response["ResponseMetadata"]["HTTPStatusCode"])


@pytest.mark.aws("mg-post")
def test_post(gateway: LocalGateway, management: Any) -> None:
    with gateway.connect(who="me") as socket:
        answer = management.post_to_connection(ConnectionId=id_of(socket), Data="héllo".encode())
        assert socket.recv(WAIT) == "héllo"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.aws("mg-413", "mg-post")
def test_a_message_of_128_kb_is_the_longest(gateway: LocalGateway, management: Any) -> None:
    with gateway.connect(who="me") as socket:
        own = id_of(socket)
        management.post_to_connection(ConnectionId=own, Data=b"x" * 131_072)
        with pytest.raises(management.exceptions.PayloadTooLargeException) as refused:
            management.post_to_connection(ConnectionId=own, Data=b"x" * 131_073)
        assert status(refused) == 413
        assert socket.recv(WAIT) == "x" * 131_072


@pytest.mark.aws("mg-get")
def test_get(gateway: LocalGateway, management: Any) -> None:
    with gateway.connect(who="me") as socket:
        own = id_of(socket)
        before = management.get_connection(ConnectionId=own)
        id_of(socket)
        after = management.get_connection(ConnectionId=own)

    assert before["Identity"]["SourceIp"] == "127.0.0.1"
    assert before["Identity"]["UserAgent"].startswith("Python/")
    assert before["ConnectedAt"] == after["ConnectedAt"] <= before["LastActiveAt"]
    assert before["LastActiveAt"] < after["LastActiveAt"]


@pytest.mark.aws("mg-410")
def test_a_closed_socket_is_gone(gateway: LocalGateway, management: Any) -> None:
    with gateway.connect(who="me") as socket:
        own = id_of(socket)
    gateway.wait_for_event("DisconnectFunction", own)

    for call in (management.get_connection, management.delete_connection):
        with pytest.raises(management.exceptions.GoneException):
            call(ConnectionId=own)
    with pytest.raises(management.exceptions.GoneException) as gone:
        management.post_to_connection(ConnectionId=own, Data=b"x")
    assert status(gone) == 410


@pytest.mark.aws("mg-400", "mg-410")
def test_an_id_that_never_was_is_gone_and_one_that_cannot_be_is_refused(management: Any) -> None:
    with pytest.raises(management.exceptions.GoneException):
        management.get_connection(ConnectionId=NOBODY)
    with pytest.raises(ClientError, match="BadRequestException") as refused:
        management.get_connection(ConnectionId="no-such-form")
    assert status(refused) == 400


@pytest.mark.aws("mg-403")
def test_unsigned_or_at_another_stage_it_is_forbidden(gateway: LocalGateway) -> None:
    unsigned = aws("apigatewaymanagementapi", gateway.management, signature_version=UNSIGNED)
    with pytest.raises(ClientError, match="MissingAuthenticationTokenException") as refused:
        unsigned.get_connection(ConnectionId=NOBODY)
    assert status(refused) == 403
    other = aws("apigatewaymanagementapi", gateway.management.replace("/dev", "/prod"))
    with pytest.raises(ClientError) as refused:
        other.get_connection(ConnectionId=NOBODY)
    assert status(refused) == 403


def raw(gateway: LocalGateway, path: str, method: str = "GET") -> int:
    """Ask for a path as it stands: clients like to encode."""
    connection = http.client.HTTPConnection(gateway.ws.removeprefix("ws://"))
    connection.request(method, path, headers={"Authorization": "AWS4-HMAC-SHA256 …".encode()})
    answer = connection.getresponse().status
    connection.close()
    return answer


@pytest.mark.aws("mg-path", "mg-403")
def test_paths(gateway: LocalGateway) -> None:
    with gateway.connect(who="me") as socket:
        own = id_of(socket)
        assert raw(gateway, f"/dev/@connections/{own}") == 200
        assert raw(gateway, f"/dev/%40connections/{own}") == 200
        assert raw(gateway, f"/dev/@connections/{quote(own)}") == 200
        assert raw(gateway, f"/dev/@connections/{quote(quote(own))}") == 403
        for path in (f"/@connections/{own}", "/dev/@connections/", "/@connections/"):
            assert raw(gateway, path, "POST") == 403


@pytest.mark.aws("mg-429")
def test_a_client_that_does_not_read(gateway: LocalGateway, management: Any) -> None:
    with connect(f"{gateway.ws}/dev?who=me", max_queue=1, ping_interval=None) as socket:
        own = id_of(socket)

        def fill() -> None:
            for _ in range(200):
                management.post_to_connection(ConnectionId=own, Data=b"x" * 131_072)

        with pytest.raises(management.exceptions.LimitExceededException) as refused:
            fill()
        assert status(refused) == 429
        while True:  # once it reads again, it can be written to again
            socket.recv(WAIT)
            try:
                management.post_to_connection(ConnectionId=own, Data=b"again")
                break
            except management.exceptions.LimitExceededException:
                time.sleep(0.001)
        while socket.recv(WAIT) != "again":
            pass


@pytest.mark.aws("mg-utf8")
def test_bytes_that_are_no_text(gateway: LocalGateway, management: Any) -> None:
    with gateway.connect(who="me") as socket:
        with pytest.raises(ClientError, match="BadRequestException") as refused:
            management.post_to_connection(ConnectionId=id_of(socket), Data=b"\xff")
        assert status(refused) == 400


class TestSignatures:
    @pytest.fixture
    def strict(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalGateway]:
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
        template = ECHO_APP / "template.yaml"
        with LocalGateway(template, in_process=True, verify_signatures=True) as gateway:
            yield gateway

    @pytest.mark.aws("mg-signature")
    @pytest.mark.parametrize("service", ["apigatewaymanagementapi", "lambda"])
    def test_of_our_secret_and_of_another(self, strict: LocalGateway, service: str) -> None:
        endpoint = strict.invoke if service == "lambda" else strict.management

        def call(secret: str, name: str) -> None:
            client = aws(service, endpoint, secret=secret)
            if service == "lambda":
                client.invoke(FunctionName=name, InvocationType="DryRun", Payload=b'{"a": 1}')
            else:
                client.post_to_connection(ConnectionId=NOBODY, Data=name.encode())

        with pytest.raises(ClientError, match="InvalidSignatureException") as refused:
            call("another", "EchoFunction")
        assert status(refused) == 403
        if service == "lambda":
            call("local", "EchoFunction")
        else:
            with pytest.raises(ClientError, match="GoneException"):
                call("local", "any")

    @pytest.mark.parametrize("where", ["nowhere", "environment", "file"])
    def test_functions_sign_with_it(
        self, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
    ) -> None:
        credentials = tmp_path / "credentials"
        credentials.write_text("[default]\naws_access_key_id = a\naws_secret_access_key = b\n")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name, raising=False)
            if where == "environment":
                monkeypatch.setenv(name, "of the shell")
        if where == "file":
            monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
        code = """
import boto3
def handler(event, context):
    own = event["requestContext"]
    client = boto3.client("apigatewaymanagementapi")
    client.post_to_connection(ConnectionId=own["connectionId"], Data=b"signed")
    return {"statusCode": 200}
"""
        gateway = serve(code, {"$default": {}}, verify_signatures=True, in_process=False)
        with gateway.connect() as socket:
            socket.send("x")
            assert socket.recv(WAIT) == "signed"

    @pytest.mark.parametrize(
        ("config", "kind"),
        [("role_arn = r\nsource_profile = p", "credentials of the kind assume-role"),
         ("", "no credentials")],
    )  # fmt: skip
    def test_a_secret_that_is_not_known_beforehand(
        self,
        serve: Serve,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        config: str,
        kind: str,
    ) -> None:
        keys = "aws_access_key_id = a\naws_secret_access_key = b\n"
        (tmp_path / "config").write_text(f"[profile mine]\n{config}\n[profile p]\n{keys}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        monkeypatch.setenv("AWS_PROFILE", "mine")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

        with pytest.raises(CannotRun, match=f"--verify-signatures: there are {kind} here"):
            serve("", {"$default": {}}, verify_signatures=True)
