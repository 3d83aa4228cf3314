"""Functions behind an Invoke API that is not ours."""

import asyncio
import json
import re

import pytest

from apigw_local.core.results import Result
from apigw_local.runtime.invocation import Invocation
from apigw_local.runtime.remote import Remote
from tests.conftest import TWO_WAY, Serve, answers_on
from tests.functions import ask, function
from tests.running_gateway import free_ports
from tests.stand_in import answering


def test_functions_of_any_runtime(serve: Serve) -> None:
    with answering(b'{"statusCode": 200, "body": "from there"}') as there:
        gateway = serve(
            "",
            {"$default": TWO_WAY},
            resources={"Function": function(Runtime="nodejs22.x"), **answers_on(0)},
            in_process=False,
            lambda_endpoint=there.url,
        )
        assert ask(gateway) == "from there"

    report = next(r for r in gateway.records if r.kind == "invocation")
    assert re.match(r"REPORT RequestId: [0-9a-f-]{36}  Duration: [\d.]+ ms  ", report.text)
    assert report.fields["durationMs"] > 0
    path, event = there.asked[0]
    assert path == "/2015-03-31/functions/Function/invocations"
    assert event == gateway.events("Function")[0]


def test_nobody_there(serve: Serve) -> None:
    endpoint = f"http://127.0.0.1:{free_ports(1)[0]}"
    gateway = serve("", {"$default": {}}, in_process=False, lambda_endpoint=endpoint)

    assert json.loads(ask(gateway))["message"] == "Internal server error"
    gateway.wait_for_line(f"^Function Gateway.EndpointError: {endpoint}.* refused|Connect")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"statusCode": 200}', None),
        (b"null", None),
        (b'{"errorMessage": "no", "errorType": "KeyError", "stackTrace": []}', "KeyError"),
        (b"Task timed out after 3.00 seconds", "Sandbox.Timedout"),
        (b'"Task timed out after 3.00 seconds"', "Sandbox.Timedout"),
        (b"", "Sandbox.Timedout"),
        (b"<html>", "Gateway.EndpointError"),
    ],
)
def test_what_sam_local_answers(body: bytes, error: str | None) -> None:
    with answering(body) as there:
        result = asyncio.run(invoke(there.url))

    assert (result.error()[0] if result.failed else None) == error


def test_an_endpoint_that_refuses() -> None:
    with answering(b"who are you", status=403) as there:
        result = asyncio.run(invoke(there.url))

    assert result.error()[1].endswith("/invocations: 403 who are you")


async def invoke(endpoint: str) -> Result:
    remote = Remote("Function", endpoint, timeout=3, memory=128)
    await remote.start()
    try:
        return await remote.invoke(Invocation(b"{}"))
    finally:
        await remote.stop()
