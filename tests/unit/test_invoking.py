"""Functions are invoked through boto3, which is pointed at a server that answers as it is told."""

import pytest

from gateway.tests.aws import aws
from hadir.connections.invoking import Functions
from hadir.domain.errors import FunctionsUnavailable
from tests.scripted_http import CUT, Answer, ScriptedHttp

PATH = "/2015-03-31/functions/a-function/invocations"


@pytest.fixture
def functions(api: ScriptedHttp) -> Functions:
    return Functions(aws("lambda", api.url))


def test_later(api: ScriptedHttp, functions: Functions) -> None:
    api.usual = 202

    functions.invoke_later("a-function", b'{"a": "\xc3\xa9"}')

    (request,) = api.requests
    assert (request.method, request.path, request.body) == ("POST", PATH, b'{"a": "\xc3\xa9"}')
    assert request.headers["x-amz-invocation-type"] == "Event"


def test_the_http_connection_is_kept(api: ScriptedHttp, functions: Functions) -> None:
    api.usual = 202
    for _ in range(10):
        functions.invoke_later("a-function", b"{}")

    assert api.connections == 1


def test_waiting(api: ScriptedHttp, functions: Functions) -> None:
    api.usual = Answer(200, b'{"found": 1}')

    assert functions.invoke_and_wait("a-function", b"{}") == b'{"found": 1}'
    (request,) = api.requests
    assert request.headers["x-amz-invocation-type"] == "RequestResponse"


def test_a_function_that_fails(api: ScriptedHttp, functions: Functions) -> None:
    body = b'{"errorMessage": "no", "errorType": "ValueError"}'
    api.usual = Answer(200, body, {"X-Amz-Function-Error": "Unhandled"})

    with pytest.raises(FunctionsUnavailable, match="a-function failed: Unhandled"):
        functions.invoke_and_wait("a-function", b"{}")


@pytest.mark.parametrize("status", [403, 404, 429, 500, CUT])
def test_one_that_cannot_be_invoked(api: ScriptedHttp, functions: Functions, status: int) -> None:
    api.usual = status

    with pytest.raises(FunctionsUnavailable, match="a-function could not be invoked"):
        functions.invoke_later("a-function", b"{}")
    with pytest.raises(FunctionsUnavailable, match="a-function could not be invoked"):
        functions.invoke_and_wait("a-function", b"{}")


def test_an_answer_that_breaks_off(api: ScriptedHttp, functions: Functions) -> None:
    api.usual = Answer(200, b"{", {"Content-Length": "10", "Connection": "close"})

    with pytest.raises(FunctionsUnavailable):
        functions.invoke_and_wait("a-function", b"{}")


def test_nobody_listens() -> None:
    nobody = Functions(aws("lambda", "http://127.0.0.1:1"))

    with pytest.raises(FunctionsUnavailable):
        nobody.invoke_later("a-function", b"{}")
