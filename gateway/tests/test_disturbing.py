"""Faults on demand, and the admin API that sets them."""

import json
import os
import random
import time
import urllib.error
import urllib.request
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from apigw_local.apis import websocket
from apigw_local.errors import NoProcesses
from apigw_local.faults import Faults, NoSuchFault, some_moment, strikes
from apigw_local.runtime import pool, worker
from apigw_local.testing import LocalGateway
from tests.aws import aws
from tests.clients import WAIT, closed_with
from tests.conftest import TWO_WAY, Serve, answers_on

CODE = """
import json, os
def handler(event, context):
    return {"statusCode": 200, "body": json.dumps([os.getpid(), event["requestContext"]])}
"""
ROUTES = {"$default": TWO_WAY, "$disconnect": {}}


@pytest.fixture
def gateway(serve: Serve) -> LocalGateway:
    return serve(CODE, ROUTES, resources=answers_on(0), in_process=False)


def call(
    gateway: LocalGateway, method: str, path: str, body: object = None, **headers: str
) -> tuple[int, Any]:
    """The admin API's answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{gateway.admin}{path}", data, headers, method=method)
    try:
        answer = urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        answer = error  # an answer as well
    with answer:
        return answer.status, json.load(answer)


def ask(socket: Any) -> tuple[int, str]:
    """Process id of the function, connection id of the socket."""
    socket.send("x")
    process, context = json.loads(socket.recv(WAIT))
    return process, context["connectionId"]


def test_what_is_there(gateway: LocalGateway) -> None:
    with gateway.connect(room="r") as socket:
        _, own = ask(socket)
        status, totals = call(gateway, "GET", "/")
        (listed,) = call(gateway, "GET", "/sockets")[1]

    assert status == 200
    assert {name: totals[name] for name in ("open", "sockets", "messages")} == {
        "open": 1, "sockets": 1, "messages": 1
    }  # fmt: skip
    assert (listed["connectionId"], listed["query"]) == (own, "room=r")
    assert listed["connectedAt"] <= listed["lastActiveAt"]


def test_disconnect_is_lost(gateway: LocalGateway) -> None:
    assert call(gateway, "PATCH", "/faults", {"lose-disconnect": 1})[0] == 200

    with gateway.connect():
        pass

    gateway.wait_for_line(r"^\$disconnect .* lost on purpose")
    assert gateway.events("Function") == []


def test_disconnect_comes_late(gateway: LocalGateway) -> None:
    call(gateway, "PATCH", "/faults", {"delay_disconnect": 0.5})

    with gateway.connect() as socket:
        ask(socket)
        before = time.time()

    record = gateway.wait_for(lambda r: r.kind == "socket" and r.source == "$disconnect")
    assert record.at - before >= 0.5


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [("gone", "GoneException", 410), ("throttle", "LimitExceededException", 429)],
)
def test_posts_fail(gateway: LocalGateway, fault: str, code: str, status: int) -> None:
    client = aws("apigatewaymanagementapi", gateway.management)
    with gateway.connect() as socket:
        _, own = ask(socket)
        call(gateway, "PATCH", "/faults", {fault: 1})
        with pytest.raises(ClientError, match=code) as failed:
            client.post_to_connection(ConnectionId=own, Data=b"x")
        assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
        call(gateway, "PATCH", "/faults", {fault: 0})
        client.post_to_connection(ConnectionId=own, Data=b"it is over")
        assert socket.recv(WAIT) == "it is over"


def test_posts_beyond_a_rate_are_refused(gateway: LocalGateway) -> None:
    client = aws("apigatewaymanagementapi", gateway.management)
    call(gateway, "PATCH", "/faults", {"posts_per_second": 0.001})
    with gateway.connect() as socket:
        _, own = ask(socket)
        client.post_to_connection(ConnectionId=own, Data=b"x")
        with pytest.raises(client.exceptions.LimitExceededException):
            client.post_to_connection(ConnectionId=own, Data=b"x")


def test_sockets_are_cut(gateway: LocalGateway) -> None:
    with gateway.connect() as one, gateway.connect() as other:
        _, own = ask(one)
        _, others = ask(other)
        assert call(gateway, "DELETE", f"/sockets/{own}") == (200, {"cut": 1})
        with pytest.raises(AssertionError, match="no close frame"):
            closed_with(one)
        ask(other)
        assert call(gateway, "DELETE", "/sockets") == (200, {"cut": 1})
        with pytest.raises(AssertionError, match="no close frame"):
            closed_with(other)

    for connection_id in (own, others):
        gateway.wait_for_line(rf"^\$disconnect {connection_id} 1006")


def test_a_function_is_killed(gateway: LocalGateway) -> None:
    with gateway.connect() as socket:
        before = psutil.Process(ask(socket)[0])
        assert call(gateway, "POST", "/functions/Function/kill") == (200, {"processes": 1})
        before.wait(WAIT)
        after, _ = ask(socket)
    assert after != before.pid


def test_a_function_is_frozen(gateway: LocalGateway) -> None:
    with gateway.connect() as socket:
        process, _ = ask(socket)
        answer = call(gateway, "POST", "/functions/Function/freeze", {"seconds": 2})
        assert answer == (200, {"processes": 1})
        while psutil.Process(process).status() != psutil.STATUS_STOPPED:
            pass  # a signal takes a moment
        assert ask(socket)[0] == process  # which shows that it runs again


def test_a_frozen_function_gets_no_new_process(serve: Serve) -> None:
    properties = {"CodeUri": ".", "Handler": "app.handler", "Runtime": "python3.13", "Timeout": 1}
    resources = {
        "Function": {"Type": "AWS::Serverless::Function", "Properties": properties},
        **answers_on(0),
    }
    code = """
import threading
def handler(event, context):
    if event["body"] == "work":
        print("working", flush=True)
        threading.Event().wait()
    return {"statusCode": 200, "body": "done"}
"""
    gateway = serve(code, ROUTES, resources=resources, in_process=False)

    with gateway.connect() as socket:
        socket.send("work")
        gateway.wait_for_line("working")
        gateway.freeze("Function", 3600)
        socket.send("waits, and goes on waiting when the process has timed out")
        assert json.loads(socket.recv(WAIT))["message"] == "Internal server error"
        gateway.wait_for_line("Task timed out after 1.00 seconds")
        with pytest.raises(TimeoutError):
            socket.recv(0.2)
        gateway.freeze("Function", 0.001)
        assert socket.recv(WAIT) == "done"


def test_sockets_are_cut_at_random(gateway: LocalGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "_CUT_SECONDS", 0)
    call(gateway, "PATCH", "/faults", {"cut": 1})

    with gateway.connect() as socket, pytest.raises(AssertionError, match="no close frame"):
        closed_with(socket)

    gateway.wait_for_line(r"^cut .* cut on purpose")
    gateway.wait_for_line(r"^\$disconnect .* 1006")


@pytest.mark.parametrize("moment", ["at work", "at its answer"])
def test_invocations_are_killed(serve: Serve, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    monkeypatch.setattr(worker, "_DOOMED_SECONDS", 0 if moment == "at work" else 3600)
    wait = "import threading; threading.Event().wait()" if moment == "at work" else "pass"
    code = f"def handler(event, context):\n    {wait}\n    return {{'statusCode': 200}}"
    gateway = serve(code, ROUTES, in_process=False, faults=Faults(kill=1))
    with gateway.connect() as socket:
        for _ in range(2):
            socket.send("x")
            assert json.loads(socket.recv(WAIT))["message"] == "Internal server error"

    gateway.wait_for_line("^Function .* is killed on purpose")
    gateway.wait_for_line("^Function Runtime.ExitError: .* signal: killed")


def test_invocations_stand_still(gateway: LocalGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_STILL_SECONDS", 3600)
    call(gateway, "PATCH", "/faults", {"freeze": 1})
    with gateway.connect() as socket:
        socket.send("x")
        gateway.wait_for_line("^Function .* stands still for 3600 s on purpose")
        assert json.loads(socket.recv(WAIT))["message"] == "Internal server error"
        gateway.wait_for_line("Task timed out after 3.00 seconds")

        monkeypatch.setattr(pool, "_STILL_SECONDS", 0.05)
        ask(socket)


def test_what_has_no_processes_says_so(serve: Serve) -> None:
    gateway = serve(CODE, ROUTES)
    with pytest.raises(NoProcesses, match="Function runs in the test's own process"):
        gateway.kill("Function")
    with pytest.raises(NoProcesses, match="Function runs in the test's own process"):
        gateway.freeze("Function", 1)
    for path, body in (("kill", None), ("freeze", {"seconds": 1})):
        status, answer = call(gateway, "POST", f"/functions/Function/{path}", body)
        assert (status, answer["message"][:13]) == (409, "Function runs")
    assert call(gateway, "PATCH", "/faults", {"kill": 0.5})[0] == 409
    assert gateway.faults == Faults()


def test_what_runs_elsewhere_cannot_be_killed(serve: Serve) -> None:
    there = {"in_process": False, "lambda_endpoint": "http://127.0.0.1:1"}
    gateway = serve(CODE, ROUTES, **there)
    status, answer = call(gateway, "POST", "/functions/Function/kill")
    assert (status, answer["message"][:22]) == (409, "Function runs elsewher")
    with pytest.raises(NoProcesses, match="do without these faults, or without --lambda-endpoint"):
        serve(CODE, ROUTES, faults=Faults(freeze=0.1), **there)


def test_from_a_test_without_the_admin_api(gateway: LocalGateway) -> None:
    with gateway.connect() as socket:
        process, own = ask(socket)
        gateway.freeze("Function", 0.1)
        gateway.kill("Function")
        assert ask(socket)[0] not in (process, os.getpid())
        gateway.cut_sockets()
        gateway.wait_for_line(rf"^\$disconnect {own} 1006")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("PATCH", "/faults", {"gone": 2}, 400, "gone must be from 0 to 1, not 2"),
        ("PATCH", "/faults", {"gone": "x"}, 400, "gone must be a number, not 'x'"),
        ("PATCH", "/faults", {"gone": True}, 400, "gone must be a number, not True"),
        ("PATCH", "/faults", {"fog": 1}, 400, "there is no fault fog, but lose_disconnect, "),
        ("PATCH", "/faults", [], 400, "the body must be a map"),
        ("DELETE", "/sockets/x", None, 404, "there is no such socket"),
        ("POST", "/functions/Nobody/kill", {}, 404, "there is no function Nobody"),
        ("POST", "/functions/Function/freeze", {"seconds": -1}, 400, 'the body must be {"seconds"'),
        ("POST", "/functions/Function/freeze", {}, 400, 'the body must be {"seconds"'),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    gateway: LocalGateway, method: str, path: str, body: object, status: int, said: str
) -> None:
    answer = call(gateway, method, path, body)

    assert answer[0] == status
    assert answer[1]["message"].startswith(said)
    assert call(gateway, "GET", "/faults")[1] == Faults().values()


def test_a_web_page_may_not_disturb(gateway: LocalGateway) -> None:
    for header in ({"Origin": "https://example.com"}, {"Sec-Fetch-Site": "cross-site"}):
        assert call(gateway, "DELETE", "/sockets", **header)[0] == 403


def test_chance_is_the_gateways_own() -> None:
    """Tests run beside it, and hypothesis demands that nobody draws while it does."""
    before = random.getstate()

    strikes(0.5)
    some_moment(1)

    assert random.getstate() == before


def test_all_of_it_is_set_or_nothing() -> None:
    faults = Faults()

    with pytest.raises(NoSuchFault):
        faults.set({"gone": 0.5, "fog": 1})

    assert faults == Faults()
