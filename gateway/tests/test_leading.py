"""Nothing leaves the machine by mistake: AWS's host names of the template's APIs lead here."""

import os
import re
import socket
from pathlib import Path

import pytest

from apigw_local.runtime.aws_calls import about_call
from apigw_local.runtime.python.network import Offline, lead_hosts
from tests.clients import WAIT
from tests.conftest import TWO_WAY, Serve, answers_on
from tests.functions import ask

POST = """
import os
import boto3

def handler(event, context):
    there = event["requestContext"]
    host = f"{there['apiId']}.execute-api.{os.environ['AWS_REGION']}.amazonaws.com"
    client = boto3.client(
        "apigatewaymanagementapi", endpoint_url=f"https://{host}/{there['stage']}"
    )
    client.post_to_connection(ConnectionId=there["connectionId"], Data=b"posted")
    return {"statusCode": 200, "body": "sent"}
"""

INVOKE = """
import json
import os
import boto3

del os.environ["AWS_ENDPOINT_URL_LAMBDA"]

def handler(event, context):
    if "requestContext" not in event:
        return event["to"]
    name = context.function_name
    answer = boto3.client("lambda").invoke(FunctionName=name, Payload=json.dumps({"to": "me"}))
    return {"statusCode": 200, "body": json.load(answer["Payload"])}
"""

CALL = """
import boto3

def handler(event, context):
    try:
        boto3.client("dynamodb", region_name="us-nowhere-1").list_tables()
    except Exception as error:
        return {"statusCode": 200, "body": repr(error)}
"""


@pytest.mark.parametrize("in_process", [False, True], ids=["processes", "in process"])
def test_a_post_to_the_apis_own_host_name_comes_here(serve: Serve, in_process: bool) -> None:
    routes = {"$default": TWO_WAY}
    gateway = serve(POST, routes, resources=answers_on(0), in_process=in_process)
    with gateway.connect() as client:
        client.send("x")
        assert [client.recv(WAIT), client.recv(WAIT)] == ["posted", "sent"]


def test_so_does_one_to_an_api_that_is_in_the_code_where_there_are_no_credentials(
    serve: Serve,
) -> None:
    code = POST.replace("f\"{there['apiId']}.execute-api", 'f"a1b2c3d4e5.execute-api').replace(
        "{os.environ['AWS_REGION']}", "ap-southeast-3"
    )
    gateway = serve(
        code, {"$default": TWO_WAY}, resources=answers_on(0), in_process=False, offline=True
    )
    with gateway.connect() as client:
        client.send("x")
        assert [client.recv(WAIT), client.recv(WAIT)] == ["posted", "sent"]
    gateway.wait_for_line(
        "Function calls a1b2c3d4e5.execute-api.ap-southeast-3.amazonaws.com, which is not of this "
        "template: taken for its API"
    )


def test_so_does_an_invocation_without_the_endpoints_variable(serve: Serve) -> None:
    gateway = serve(INVOKE, {"$default": TWO_WAY}, resources=answers_on(0), in_process=False)

    assert ask(gateway) == "me"


@pytest.mark.parametrize("in_process", [False, True], ids=["processes", "in process"])
def test_other_services_of_aws_are_refused_offline_and_at_once(
    serve: Serve, in_process: bool
) -> None:
    gateway = serve(
        CALL, {"$default": TWO_WAY}, resources=answers_on(0), in_process=in_process, offline=True
    )

    assert "dynamodb.us-nowhere-1.amazonaws.com is not called: --offline" in ask(gateway)
    said = gateway.wait_for_line("calls dynamodb.us-nowhere-1.amazonaws.com: refused")
    assert "set AWS_ENDPOINT_URL_DYNAMODB" in said
    ask(gateway)
    assert gateway.output.count("calls dynamodb") == 1


def test_an_endpoint_that_was_given_is_called(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1")
    gateway = serve(
        CALL, {"$default": TWO_WAY}, resources=answers_on(0), in_process=False, offline=True,
    )  # fmt: skip

    assert "EndpointConnectionError" in ask(gateway)
    assert "Function calls" not in gateway.output


@pytest.mark.parametrize("key", ["own", None], ids=["credentials", "none"])
def test_offline_is_the_default_without_credentials(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str | None
) -> None:
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    if key:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    gateway = serve(CALL, {"$default": TWO_WAY}, resources=answers_on(0), in_process=False)

    answer = ask(gateway)
    if key:
        assert "--offline" not in answer
        gateway.wait_for_line("Function calls dynamodb.us-nowhere-1.amazonaws.com, in AWS itself")
    else:
        assert "--offline" in answer


@pytest.mark.parametrize(
    ("host", "refused"),
    [
        ("dynamodb.us-east-1.amazonaws.com", True),
        ("bucket.s3.amazonaws.com", True),
        ("S3.AMAZONAWS.COM", True),
        ("s3.amazonaws.com.", True),
        ("sqs.cn-north-1.amazonaws.com.cn", True),
        ("lambda.us-east-1.api.aws", True),
        ("abc.lambda-url.us-east-1.on.aws", True),
        ("amazonaws.com.example.invalid", False),
        ("notamazonaws.com.invalid", False),
        ("localhost", False),
    ],
)
def test_names_of_aws(host: str, refused: bool, capfd: pytest.CaptureFixture[str]) -> None:
    def is_refused() -> bool:
        try:
            socket.getaddrinfo(host, 443)
        except Offline:
            return True
        except OSError:
            pass
        return False

    end = lead_hosts({}, offline=True)
    try:
        assert is_refused() == refused
    finally:
        end()
    assert (host.lower().removesuffix(".") in capfd.readouterr().err) == refused


@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_a_socket_that_resolves_a_name_itself_is_refused_too(method: str) -> None:
    end = lead_hosts({}, offline=True)
    try:
        with socket.socket() as client, pytest.raises(Offline):
            getattr(client, method)(("s3.amazonaws.com", 443))
    finally:
        end()


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("dynamodb.us-east-1.amazonaws.com", "AWS_ENDPOINT_URL_DYNAMODB"),
        ("bucket.s3.eu-west-1.amazonaws.com", "AWS_ENDPOINT_URL_S3"),
        ("sts.amazonaws.com", "AWS_ENDPOINT_URL_STS"),
        ("cognito-idp.ap-southeast-3.amazonaws.com", "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER"),
        ("sqs.cn-north-1.amazonaws.com.cn", "AWS_ENDPOINT_URL_SQS"),
        ("abc.appsync-api.us-east-1.amazonaws.com", None),
        ("abc.lambda-url.us-east-1.on.aws", None),
    ],
)
def test_the_variable_that_leads_a_service_elsewhere(name: str, variable: str | None) -> None:
    said = about_call("F", f"apigw-local: aws {name}", offline=True)
    assert said is not None
    assert re.findall(r"AWS_ENDPOINT_URL_\w+", said) == ([variable] if variable else [])


def test_a_name_leads_to_another_port_until_it_is_ended() -> None:
    before = socket.getaddrinfo
    end = lead_hosts(
        {"chat.execute-api.eu-west-1.amazonaws.com": ("127.0.0.1", 8081)}, offline=True
    )
    found = socket.getaddrinfo(b"Chat.execute-api.eu-west-1.amazonaws.com", 443)
    end()

    assert {address for *_, address in found} == {("127.0.0.1", 8081)}
    assert socket.getaddrinfo is before
