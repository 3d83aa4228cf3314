"""Lambda's Invoke API; its judge is boto3, unmodified."""

import json
import urllib.error
import urllib.request
from base64 import b64encode
from typing import Any

import pytest
from botocore.exceptions import ClientError

from apigw_local.runtime import invoker
from apigw_local.testing import LocalGateway
from tests.aws import aws
from tests.conftest import Serve
from tests.stand_in import answering


@pytest.fixture(scope="module")
def functions(gateway: LocalGateway) -> Any:
    return aws("lambda", gateway.invoke)


@pytest.mark.parametrize(
    "name", ["EchoFunction", "arn:aws:lambda:eu-west-1:123456789012:function:EchoFunction"]
)
def test_an_answer(functions: Any, name: str) -> None:
    answer = functions.invoke(FunctionName=name, Payload=b'{"invoked": 1}')

    assert (answer["StatusCode"], "FunctionError" in answer) == (200, False)
    assert json.load(answer["Payload"]) == {"invoked": 1, "name": "EchoFunction"}


def test_an_error(functions: Any) -> None:
    answer = functions.invoke(FunctionName="EchoFunction", Payload=b"{}")

    assert answer["FunctionError"] == "Unhandled"
    assert json.load(answer["Payload"])["errorType"] == "KeyError"


def test_a_timeout(functions: Any) -> None:
    payload = json.dumps({"body": "sleep", "requestContext": {"authorizer": {"principalId": "x"},
                                                              "connectionId": "x"}})  # fmt: skip
    answer = functions.invoke(FunctionName="EchoFunction", Payload=payload)

    assert answer["FunctionError"] == "Unhandled"
    assert "timed out after 2.00 seconds" in json.load(answer["Payload"])["errorMessage"]


def test_a_function_that_cannot_be_imported(gateway: LocalGateway, functions: Any) -> None:
    answer = functions.invoke(FunctionName="BrokenFunction", Payload=b"{}")

    assert "cannot be imported" in json.load(answer["Payload"])["errorMessage"]
    gateway.wait_for_line("BrokenFunction did not start: .*cannot be imported")


TELLS_ITS_CONTEXT = """
def handler(event, context):
    given = context.client_context
    return given and {"custom": given.custom, "app": given.client and given.client.app_title}
"""


@pytest.mark.parametrize("in_process", [True, False])
def test_the_callers_context_reaches_the_handler(serve: Serve, *, in_process: bool) -> None:
    gateway = serve(TELLS_ITS_CONTEXT, {"$default": {}}, in_process=in_process)
    client = aws("lambda", gateway.invoke)

    def told(context: object) -> object:
        given = b64encode(json.dumps(context).encode()).decode()
        answer = client.invoke(FunctionName="Function", ClientContext=given)
        return json.load(answer["Payload"])

    assert told({"custom": {"a": "é\n"}}) == {"custom": {"a": "é\n"}, "app": None}
    assert told({"client": {"app_title": "t"}}) == {"custom": None, "app": "t"}
    with pytest.raises(ClientError, match="InvalidRequestContentException"):
        told(["no object"])
    with pytest.raises(ClientError, match="valid Base64-encoded JSON object"):
        client.invoke(FunctionName="Function", ClientContext="{}")
    assert json.load(client.invoke(FunctionName="Function")["Payload"]) is None


def test_the_callers_context_goes_where_functions_run(serve: Serve) -> None:
    with answering(b"null") as there:
        gateway = serve("", {"$default": {}}, in_process=False, lambda_endpoint=there.url)
        client = aws("lambda", gateway.invoke)
        given = b64encode(b'{"custom": {}}').decode()
        client.invoke(FunctionName="Function", ClientContext=given)

    assert there.headers[0]["X-Amz-Client-Context"] == given


def test_a_payload_that_is_not_json(functions: Any) -> None:
    with pytest.raises(functions.exceptions.InvalidRequestContentException):
        functions.invoke(FunctionName="EchoFunction", Payload=b"{")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.com"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "example.com"},
        {"Authorization": ""},
    ],
)
@pytest.mark.parametrize("which", ["lambda", "management", "admin"])
def test_a_web_page_gets_nowhere(
    gateway: LocalGateway, which: str, headers: dict[str, str]
) -> None:
    """Nor does who has not signed, if only in the query."""
    if which == "admin" and "Authorization" in headers:
        return
    url = {
        "lambda": f"{gateway.invoke}/2015-03-31/functions/EchoFunction/invocations",
        "management": f"{gateway.management}/@connections/AAAAAAAAAAACAAA=",
        "admin": f"{gateway.admin}/faults",
    }[which]
    signed = {"Authorization": "AWS4-HMAC-SHA256 x", **headers}
    request = urllib.request.Request(f"{url}?X-Amz-Signature=1", headers=signed)
    request.method = "POST" if which == "lambda" else "GET"

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    refused.value.close()
    assert refused.value.code == 403


def test_no_such_function(functions: Any) -> None:
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.invoke(FunctionName="NoFunction", Payload=b"{}")


def test_asynchronously(gateway: LocalGateway, functions: Any) -> None:
    answer = functions.invoke(
        FunctionName="EchoFunction", InvocationType="Event", Payload=b'{"invoked": "later"}'
    )

    assert answer["StatusCode"] == 202
    gateway.wait_for(lambda record: record.fields.get("event") == {"invoked": "later"})


def test_a_dry_run_invokes_nothing(gateway: LocalGateway, functions: Any) -> None:
    answer = functions.invoke(
        FunctionName="EchoFunction", InvocationType="DryRun", Payload=b'{"invoked": "dry"}'
    )

    assert answer["StatusCode"] == 204
    assert {"invoked": "dry"} not in gateway.events("EchoFunction")


def test_what_fails_asynchronously_is_tried_after_one_minute_and_after_two_more(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert invoker.ASYNC_RETRY_SECONDS == (60.0, 120.0)
    monkeypatch.setattr(invoker, "ASYNC_RETRY_SECONDS", (0.1, 0.4))
    code = "import time\ndef handler(event, context):\n    raise ValueError(time.monotonic())\n"
    gateway = serve(code, {"$default": {}})

    aws("lambda", gateway.invoke).invoke(FunctionName="Function", InvocationType="Event")

    gateway.wait_for_line("asynchronous invocation given up after three failures")
    said = (each.fields.get("errorMessage") for each in gateway.records)
    first, second, third = (float(each) for each in said if each is not None)
    assert second - first >= 0.1
    assert third - second >= 0.4
