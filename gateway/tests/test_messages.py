"""Routes, their answers, and the frames API Gateway sends of itself."""

import json
import re
import threading
import time
from pathlib import Path

import pytest

from apigw_local.core.routing import select_route
from apigw_local.testing import LocalGateway
from tests.clients import WAIT, ask, id_of, read
from tests.conftest import MOCK, TWO_WAY, Serve, answers_on

FRAME = re.compile(
    r'\{"message": "(?P<said>[A-Za-z ]+)", "connectionId":"(?P<own>[\w-]{15}=)", '
    r'"requestId":"[\w-]{15}="\}'
)


@pytest.mark.aws("ms-select")
@pytest.mark.parametrize(
    ("expression", "body", "key"),
    [
        ("$request.body.action", '{"action": "say"}', "say"),
        ("$request.body.action", '{"action": "Say"}', "Say"),
        ("$request.body.a.b", '{"a": {"b": "deep"}}', "deep"),
        ("$request.body.a.b", '{"a": "flat"}', ""),
        ("${request.body.a}/${request.body.b}", '{"a": "x", "b": "y"}', "x/y"),
        ("${request.body.a}/${request.body.b}", '{"a": "x"}', "x/"),
        ("constant", "anything", "constant"),
        ("$request.body.n", '{"n": 1}', "1"),
        ("$request.body.n", '{"n": true}', "true"),
        ("$request.body.n", "not JSON", ""),
    ],
)
def test_route_selection(expression: str, body: str, key: str) -> None:
    assert select_route(expression, body) == key


@pytest.mark.aws("ms-select")
def test_keys_are_compared_exactly(serve: Serve) -> None:
    code = "def handler(e, c): return {'statusCode': 200, 'body': e['requestContext']['routeKey']}"
    routes = dict.fromkeys(("a/b", "A/b", "$default"), TWO_WAY)
    gateway = serve(
        code,
        routes,
        resources=answers_on(0, 1, 2),
        api={"RouteSelectionExpression": "${request.body.x}/${request.body.y}"},
    )

    with gateway.connect() as socket:
        for first, key in (("a", "a/b"), ("A", "A/b"), ("aa", "$default")):
            socket.send(json.dumps({"x": first, "y": "b"}))
            assert socket.recv(WAIT) == key


@pytest.mark.aws("ms-default")
@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "",
        "[]",
        "[" * 20_000,
        '{"do": "nothing"}',
        '{"do": "$connect"}',
        '{"do": "$disconnect"}',
        '{"do": 1}',
        '{"do": "Special"}',
    ],
)
def test_all_else_goes_to_default(gateway: LocalGateway, text: str) -> None:
    with gateway.connect(who="me") as socket:
        event = ask(socket, text)
    assert event["requestContext"]["routeKey"] == "$default"
    assert event["requestContext"]["eventType"] == "MESSAGE"


@pytest.mark.aws("ms-forbidden", "ms-frame")
def test_without_a_default_it_is_forbidden(serve: Serve) -> None:
    code = "def handler(event, context): return {'statusCode': 200, 'body': 'still here'}"
    gateway = serve(code, {"known": TWO_WAY}, resources=answers_on(0))

    with gateway.connect() as socket:
        socket.send('{"action": "unknown"}')
        frame = FRAME.fullmatch(str(socket.recv(WAIT)))
        assert frame
        assert frame["said"] == "Forbidden"
        socket.send('{"action": "known"}')
        assert socket.recv(WAIT) == "still here"


@pytest.mark.aws("ms-one-way")
def test_one_way(gateway: LocalGateway) -> None:
    with gateway.connect(who="me") as socket:
        socket.send("first")
        socket.send("second")
        assert {read(socket)["body"], read(socket)["body"]} == {"first", "second"}


@pytest.mark.aws("ms-two-way")
def test_two_way(serve: Serve) -> None:
    code = "def handler(event, context): return {'statusCode': 500, 'body': event['body']}"
    gateway = serve(code, {"$default": TWO_WAY}, resources=answers_on(0))

    with gateway.connect() as socket:
        socket.send("back")
        assert socket.recv(WAIT) == "back"


@pytest.mark.aws("ms-two-way-long")
def test_a_two_way_answer_of_128_kb_is_the_longest(serve: Serve) -> None:
    code = (
        "def handler(event, context):\n"
        "    return {'statusCode': 200, 'body': 'é' * int(event['body'])}"
    )
    gateway = serve(code, {"$default": TWO_WAY}, resources=answers_on(0))

    with gateway.connect() as socket:
        socket.send("65536")
        assert socket.recv(WAIT) == "é" * 65_536
        socket.send("65537")
        assert json.loads(socket.recv(WAIT))["message"] == "Internal server error"
    gateway.wait_for_line("^Function an answer of over 131072 bytes is not sent")


@pytest.mark.aws("ms-two-way")
def test_two_way_takes_both_halves(serve: Serve) -> None:
    code = "def handler(event, context): return {'statusCode': 200, 'body': event['body']}"
    gateway = serve(
        code, {"$default": TWO_WAY, "half": {}, "both": TWO_WAY}, resources=answers_on(1, 2)
    )

    with gateway.connect() as socket:
        for text in ("nothing", '{"action": "half"}', '{"action": "both"}'):
            socket.send(text)
        assert socket.recv(WAIT) == '{"action": "both"}'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("raise", "Internal server error", marks=pytest.mark.aws("ms-error")),
        pytest.param("malformed", "Internal server error", marks=pytest.mark.aws("ms-error")),
        pytest.param("die", "Internal server error", marks=pytest.mark.aws("ms-error")),
        pytest.param("sleep", "Endpoint request timed out", marks=pytest.mark.aws("ms-timeout")),
    ],
)
@pytest.mark.aws("ms-frame")
def test_a_failure_is_told_in_api_gateways_words_and_the_socket_lives_on(
    gateway: LocalGateway, text: str, said: str
) -> None:
    with gateway.connect(who="me") as socket:
        own = id_of(socket)
        socket.send(text)
        frame = FRAME.fullmatch(str(socket.recv(WAIT)))
        assert frame
        assert (frame["said"], frame["own"]) == (said, own)
        # A busy machine may take longer to start another process than the integration waits.
        deadline = time.monotonic() + WAIT
        while "requestContext" not in ask(socket, "who am I"):
            assert time.monotonic() < deadline


@pytest.mark.aws("ms-error")
@pytest.mark.parametrize(
    "answer",
    [
        "None",
        "'text'",
        "{'statusCode': 200, 'headers': 'x'}",
        "{'statusCode': 200, 'multiValueHeaders': 'x'}",
        "{'statusCode': 200, 'body': chr(0xD800)}",
    ],
)
def test_an_answer_that_is_none(serve: Serve, answer: str) -> None:
    code = f"def handler(event, context): return {answer}"
    gateway = serve(code, {"$default": TWO_WAY}, resources=answers_on(0))

    with gateway.connect() as socket:
        socket.send("x")
        assert json.loads(socket.recv(WAIT))["message"] == "Internal server error"
    gateway.wait_for_line("^Function malformed answer: wanted ")
    gateway.wait_for_line(r"^\$default .* answered Internal server error")


@pytest.mark.aws("ms-timeout")
def test_a_function_runs_on_after_its_integration_timed_out(serve: Serve) -> None:
    code = "import time\ndef handler(event, context):\n    time.sleep(0.5)\n    print('done')"
    timeout = {"Integration": {"TimeoutInMillis": 50}}
    gateway = serve(code, {"$default": timeout})

    with gateway.connect() as socket:
        socket.send("x")
        assert json.loads(socket.recv(WAIT))["message"] == "Endpoint request timed out"
        assert not [r for r in gateway.records if r.kind == "invocation"]
        gateway.wait_for_event("Function")


@pytest.mark.aws("ms-throttled", "qu-route")
def test_too_many_messages(serve: Serve) -> None:
    settings = {
        "DefaultRouteSettings": {"ThrottlingRateLimit": 1e-6, "ThrottlingBurstLimit": 2},
        "RouteSettings": {"free": {"ThrottlingRateLimit": 1000, "ThrottlingBurstLimit": 1000}},
    }
    code = "def handler(event, context): return {'statusCode': 200, 'body': event['body']}"
    gateway = serve(
        code, {"$default": TWO_WAY, "free": TWO_WAY}, resources=answers_on(0, 1), stage=settings
    )

    with gateway.connect() as socket:
        for text in ("one", "two", "three"):
            socket.send(text)
        read_ = {str(socket.recv(WAIT)) for _ in range(3)}
        assert {"one", "two"} < read_
        frame = FRAME.fullmatch((read_ - {"one", "two"}).pop())
        assert frame
        assert frame["said"] == "Too Many Requests"
        for _ in range(10):
            socket.send('{"action": "free"}')
            assert socket.recv(WAIT) == '{"action": "free"}'


@pytest.mark.aws("ms-parallel")
def test_messages_of_one_socket_run_side_by_side(gateway: LocalGateway, tmp_path: Path) -> None:
    with gateway.connect(who="me") as socket:
        for who in ("first", "second"):
            message = {"do": "meet", "who": who, "place": str(tmp_path / "place")}
            socket.send(json.dumps(message))
        assert {socket.recv(WAIT), socket.recv(WAIT)} == {"first", "second"}


@pytest.mark.aws("ms-mock")
def test_a_mock_takes_a_message_without_a_function(serve: Serve) -> None:
    code = "def handler(event, context): return {'statusCode': 200, 'body': 'answered'}"
    gateway = serve(code, {"ping": MOCK, "$default": TWO_WAY}, resources=answers_on(1))

    with gateway.connect() as socket:
        socket.send('{"action": "ping"}')
        socket.send("hello")
        assert socket.recv(WAIT) == "answered"
    assert [event["body"] for event in gateway.events("Function")] == ["hello"]
    gateway.wait_for_line("^ping .* 18 characters")


@pytest.mark.aws("ms-ping")
def test_a_ping_is_answered(gateway: LocalGateway) -> None:
    with gateway.connect(who="me") as socket:
        pong: threading.Event = socket.ping(b"are you there")
        assert pong.wait(WAIT)


def test_the_environment_is_the_templates(gateway: LocalGateway) -> None:
    with gateway.connect(who="me") as socket:
        assert ask(socket, "environment") == {"greeting": "salam from eu-west-1"}
