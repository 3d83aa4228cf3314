"""The events that functions get, field for field."""

import re
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from websockets.sync.client import connect

from apigw_local.core.events.websocket import Connection, authorizer_event
from apigw_local.testing import LocalGateway
from tests.clients import WAIT, ask
from tests.conftest import TWO_WAY, Serve, answers_on

ID = re.compile(r"[A-Za-z0-9_-]{15}=")
CONTEXT = {
    "routeKey", "authorizer", "eventType", "extendedRequestId", "requestTime", "messageDirection",
    "stage", "connectedAt", "requestTimeEpoch", "identity", "requestId", "domainName",
    "connectionId", "apiId",
}  # fmt: skip
FORWARDED = {"X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"}
QUERY = {"queryStringParameters", "multiValueQueryStringParameters"}
HEADERS = {"headers", "multiValueHeaders"}
ALWAYS = {"stageVariables", "requestContext", "isBase64Encoded"}

Events = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def events(gateway: LocalGateway) -> Events:
    """Of one socket's life: authorizer, connect, message, disconnect."""
    with gateway.connect(who="me", x=["1", "2"], headers={"x-CaSe": "kept"}) as socket:
        message = ask(socket, '{"do": "special"}')
        socket.close(4001, "done")
    own = message["requestContext"]["connectionId"]
    return {
        "authorizer": gateway.wait_for_event("AuthorizeFunction", own),
        "connect": gateway.wait_for_event("ConnectFunction", own),
        "message": message,
        "disconnect": gateway.wait_for_event("DisconnectFunction", own),
    }


@pytest.mark.aws("ev-connect", "ev-hop")
def test_connect(events: Events) -> None:
    event = events["connect"]

    assert set(event) == ALWAYS | HEADERS | QUERY
    assert set(event["requestContext"]) == CONTEXT
    assert event["requestContext"]["eventType"] == "CONNECT"
    assert event["requestContext"]["messageDirection"] == "IN"
    assert event["requestContext"]["stage"] == "dev"
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"
    assert event["requestContext"]["identity"]["userAgent"].startswith("Python/")
    assert event["isBase64Encoded"] is False
    assert event["queryStringParameters"] == {"who": "me", "x": "2"}
    assert event["multiValueQueryStringParameters"] == {"who": ["me"], "x": ["1", "2"]}
    assert event["headers"]["x-CaSe"] == "kept"
    assert event["multiValueHeaders"]["x-CaSe"] == ["kept"]
    assert set(event["headers"]) == FORWARDED | {
        "Host", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "User-Agent", "x-CaSe",
    }  # fmt: skip


@pytest.mark.aws("ev-message")
def test_message(events: Events) -> None:
    event = events["message"]

    assert set(event) == ALWAYS | {"body"}
    assert set(event["requestContext"]) == CONTEXT | {"messageId"}
    assert event["requestContext"]["eventType"] == "MESSAGE"
    assert event["requestContext"]["routeKey"] == "special"
    assert event["body"] == '{"do": "special"}'


@pytest.mark.aws("ev-disconnect")
def test_disconnect(events: Events) -> None:
    event = events["disconnect"]

    assert set(event) == ALWAYS | HEADERS
    host = event["requestContext"]["domainName"]
    assert event["headers"] == {
        "Host": host, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""
    }  # fmt: skip
    assert event["multiValueHeaders"]["Host"] == [host]
    assert set(event["requestContext"]) == CONTEXT | {"disconnectStatusCode", "disconnectReason"}
    assert event["requestContext"]["eventType"] == "DISCONNECT"
    assert event["requestContext"]["disconnectStatusCode"] == 4001
    assert event["requestContext"]["disconnectReason"] == "done"


@pytest.mark.aws("au-event", "ev-hop")
def test_authorizer(events: Events) -> None:
    event = events["authorizer"]

    assert set(event) == {"type", "methodArn", "stageVariables", "requestContext"} | HEADERS | QUERY
    assert event["type"] == "REQUEST"
    api = event["requestContext"]["apiId"]
    arn = f"arn:aws:execute-api:eu-west-1:123456789012:{api}/dev/$connect"
    assert event["methodArn"] == arn
    assert event["headers"]["Upgrade"] == "websocket"
    assert event["headers"]["Connection"] == "Upgrade"
    assert event["headers"]["content-length"] == "0"
    assert event["headers"]["X-Forwarded-Port"] == "443"
    assert event["headers"]["X-Forwarded-Proto"] == "https"
    assert "Sec-WebSocket-Key" in event["headers"]
    assert set(event["requestContext"]) == CONTEXT - {"authorizer"}
    same = {"connectionId", "connectedAt"}
    for key in same:
        assert event["requestContext"][key] == events["connect"]["requestContext"][key]


@pytest.mark.aws("au-event")
def test_the_authorizers_maps_may_be_empty() -> None:
    event = authorizer_event(
        Connection("a", "prod", "example.com", "eu-west-1", "127.0.0.1", headers=(), query="")
    )

    for key in (*QUERY, "stageVariables"):
        assert event[key] == {}


@pytest.mark.aws("au-context", "au-latency")
def test_the_authorizers_context_is_on_all_of_them_as_strings(events: Events) -> None:
    context = {"principalId": "me", "age": "41", "vip": "true"}

    connect = dict(events["connect"]["requestContext"]["authorizer"])
    assert isinstance(connect.pop("integrationLatency"), int)
    assert connect == context
    assert events["message"]["requestContext"]["authorizer"] == context
    assert events["disconnect"]["requestContext"]["authorizer"] == context


@pytest.mark.aws("ev-variables")
def test_stage_variables(events: Events) -> None:
    for event in events.values():
        assert event["stageVariables"] == {"colour": "blue"}


@pytest.mark.aws("ev-ids", "ev-request-id", "ev-time")
def test_ids_and_times(gateway: LocalGateway, events: Events) -> None:
    contexts = [event["requestContext"] for event in events.values()]

    message = events["message"]["requestContext"]
    assert ID.fullmatch(message["messageId"])
    assert message["messageId"] not in (message["connectionId"], message["requestId"])
    for context in contexts:
        assert ID.fullmatch(context["connectionId"])
        assert ID.fullmatch(context["requestId"])
        assert urlsafe_b64decode(context["connectionId"])[8] == 2
        assert urlsafe_b64decode(context["requestId"])[8] == 5
        assert context["requestId"] == context["extendedRequestId"]
        assert context["connectedAt"] == contexts[0]["connectedAt"]
        assert isinstance(context["requestTimeEpoch"], int)
        clock = r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000"
        assert re.fullmatch(clock, context["requestTime"])
    assert len({context["requestId"] for context in contexts}) == len(contexts)
    of_lambda = {record.fields.get("requestId") for record in gateway.records}
    assert not of_lambda & {context["requestId"] for context in contexts}


@pytest.mark.aws("ev-domain")
def test_the_domain_name_and_stage_make_a_url_for_the_management_api(
    gateway: LocalGateway,
) -> None:
    with gateway.connect(who="me") as socket:
        socket.send("to myself")
        assert socket.recv(WAIT) == f"https://{gateway.ws.removeprefix('ws://')}/dev"


POSTS_ITS_EVENT = """
import json
def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}
"""
ROUTES = {"$connect": {}, "$disconnect": {}, "$default": TWO_WAY}


@pytest.mark.aws("ev-absent")
def test_what_does_not_apply_is_absent(serve: Serve) -> None:
    gateway = serve(POSTS_ITS_EVENT, ROUTES, resources=answers_on(2))
    with connect(f"{gateway.ws}/prod", user_agent_header=None) as socket:
        message = ask(socket, "x")
    gateway.wait_for_line(r"\$disconnect")
    connecting, _, disconnect = gateway.events("Function")

    bare = CONTEXT - {"authorizer"}
    assert set(connecting) == HEADERS | {"requestContext", "isBase64Encoded"}
    assert set(connecting["requestContext"]) == bare
    assert connecting["requestContext"]["identity"] == {"sourceIp": "127.0.0.1"}
    assert set(message) == {"requestContext", "isBase64Encoded", "body"}
    assert set(message["requestContext"]) == bare | {"messageId"}
    assert set(disconnect) == HEADERS | {"requestContext", "isBase64Encoded"}
    assert set(disconnect["requestContext"]) == bare | {"disconnectStatusCode", "disconnectReason"}


@pytest.mark.aws("ev-api-key")
def test_an_api_key_is_named(serve: Serve) -> None:
    key = {"Type": "AWS::ApiGateway::ApiKey", "Properties": {"Value": "secret"}}
    gateway = serve(
        POSTS_ITS_EVENT,
        {**ROUTES, "$connect": {"ApiKeyRequired": True}},
        resources={**answers_on(2), "Key": key},
    )

    with gateway.connect(headers={"x-api-key": "secret"}) as socket:
        ask(socket, "x")

    identity = gateway.events("Function")[0]["requestContext"]["identity"]
    assert (identity["apiKey"], identity["apiKeyId"]) == ("secret", "Key")
