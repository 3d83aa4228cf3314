"""What the log says of answers that nobody sees: errors that functions answer, refused posts."""

import http.client
import io
import re

import pytest
from botocore.exceptions import ClientError

from apigw_local.log import Log
from apigw_local.testing import LocalGateway
from tests.aws import aws
from tests.clients import get, refusal
from tests.conftest import Serve

NOBODY = "AAAAAAAAAAACAAA="
LONG = "no such table: " + "x" * 300
FAILING = f"def handler(event, context): return {{'statusCode': 500, 'body': {LONG!r}}}"


def test_a_message_that_is_answered_an_error(serve: Serve) -> None:
    gateway = serve(FAILING, {"$default": {}})
    with gateway.connect() as socket:
        socket.send("hello")
        said = gateway.wait_for(lambda record: "answered 500" in record.text)

    assert said.source == "Function"
    assert said.text == f"answered 500: {LONG[:200]}"
    assert said.fields == {"status": 500, "body": LONG[:200]}
    assert said.text in gateway.output
    totals = get(f"{gateway.admin}/")[1]
    assert (totals["errors"], totals["invocations"], "failed" in totals) == (1, 1, False)


@pytest.mark.parametrize(
    ("route", "status", "said"),
    [
        ("$connect", 403, False),
        ("$connect", 500, True),
        ("$default", 400, True),
        ("$default", 200, False),
        ("$disconnect", 404, True),
    ],
)
def test_which_are_errors(serve: Serve, route: str, status: int, said: bool) -> None:
    """That ``$connect`` refuses is its purpose, and has a line already."""
    code = f"def handler(event, context): return {{'statusCode': {status}}}"
    gateway = serve(code, {"$default": {"Integration": {"IntegrationType": "MOCK"}}, route: {}})
    if route == "$connect":
        refusal(gateway)
    else:
        with gateway.connect() as socket:
            socket.send("hello")
    gateway.wait_for_line(rf"^{re.escape(route)} ")
    assert any("answered" in record.text for record in gateway.records) is said


def test_the_totals_tell_of_them_where_there_are_some() -> None:
    output = io.StringIO()
    log = Log(output)
    log.total()
    log.error_answer("Fn", 500, "no")
    log.total()
    none, some = (line for line in output.getvalue().splitlines() if " total " in line)
    assert "0 invocations (0 failed) in " in none
    assert "0 invocations (0 failed, 1 answered an error) in " in some


def test_posts_that_are_refused(serve: Serve) -> None:
    gateway = serve("", {"$default": {"Integration": {"IntegrationType": "MOCK"}}})
    client = aws("apigatewaymanagementapi", gateway.management)
    elsewhere = aws("apigatewaymanagementapi", f"{gateway.management}x")
    with gateway.connect():
        own = gateway.wait_for(lambda r: r.kind == "socket").fields["connectionId"]
        client.post_to_connection(ConnectionId=own, Data=b"hello")
        gateway.faults.throttle = 1
        with pytest.raises(ClientError):
            client.post_to_connection(ConnectionId=own, Data=b"hello")
        gateway.faults.throttle = 0
        for to, connection_id, data in (
            (client, own, b"x" * 131_073),
            (client, NOBODY, b"hello"),
            (elsewhere, NOBODY, b"hello"),
        ):
            with pytest.raises(ClientError):
                to.post_to_connection(ConnectionId=connection_id, Data=data)

    lines = [line for line in gateway.output.splitlines() if "@connections POST" in line]
    said = [(own in line, line.rpartition(" ")[2]) for line in lines]
    # boto3 tries again what was too much.
    assert set(said) == {(True, "429"), (True, "413"), (False, "410"), (False, "403")}
    assert said[-3:] == [(True, "413"), (False, "410"), (False, "403")]


def test_a_line_for_each_request_to_an_http_api(gateway: LocalGateway) -> None:
    connection = http.client.HTTPConnection(gateway.http.removeprefix("http://"), timeout=15)
    for path in ("/items/1?a=b", "/", f"/items/{'x' * 101}"):
        connection.request("GET", path)
        connection.getresponse().read()
    connection.close()

    gateway.wait_for_line(r"^GET /items/1 201 RestFunction \d+ ms$")
    gateway.wait_for_line(r"^GET / 404 no route \d+ ms$")
    gateway.wait_for_line(rf"^GET /items/{'x' * 93}… 201 RestFunction \d+ ms$")
    record = gateway.wait_for(lambda record: record.kind == "request")
    assert {"method", "path", "status", "function", "milliseconds"} == set(record.fields)
