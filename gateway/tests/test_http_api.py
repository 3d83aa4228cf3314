"""The HTTP API and static files."""

import json
import urllib.error
import urllib.request
from http.client import HTTPResponse
from typing import Any

import pytest

from apigw_local.testing import LocalGateway
from tests.conftest import Serve

REST: dict[str, Any] = {
    "Type": "AWS::Serverless::Function",
    "Properties": {
        "CodeUri": ".",
        "Handler": "app.handler",
        "Runtime": "python3.13",
        "Events": {
            "All": {"Type": "HttpApi"},
            "Item": {"Type": "HttpApi", "Properties": {"Method": "GET", "Path": "/item"}},
        },
    },
}


def get(url: str, **headers: str) -> HTTPResponse:
    answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers))
    assert isinstance(answer, HTTPResponse)
    return answer


def test_the_event_is_of_payload_format_2(gateway: LocalGateway) -> None:
    with get(f"{gateway.http}/items/a%20b?x=1&x=2", Cookie="c=1; d=2") as answer:
        event = json.load(answer)

    assert answer.status == 201
    assert answer.headers["X-Seen"] == "yes"
    assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert event["version"] == "2.0"
    assert event["routeKey"] == "GET /items/{id}"
    assert event["pathParameters"] == {"id": "a b"}
    assert event["queryStringParameters"] == {"x": "1,2"}
    assert event["cookies"] == ["c=1", "d=2"]
    assert event["requestContext"]["http"]["method"] == "GET"
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"


def test_an_integration_that_takes_too_long(serve: Serve) -> None:
    """ "Quotas for configuring and running an HTTP API"; the function runs on."""
    event = {"Type": "HttpApi", "Properties": {"Path": "/", "TimeoutInMillis": 100}}
    slow = {**REST, "Properties": {**REST["Properties"], "Events": {"Slow": event}}}
    code = "import threading\ndef handler(e, c):\n    threading.Event().wait(60)"
    gateway = serve(code, {}, resources={"Rest": slow})

    with pytest.raises(urllib.error.HTTPError) as refused:
        get(f"{gateway.http}/")

    with refused.value as answer:
        assert (answer.status, json.load(answer)) == (503, {"message": "Service Unavailable"})


def test_at_a_stage_of_its_own_paths_begin_with_its_name(serve: Serve) -> None:
    events = {
        "Item": {"Type": "HttpApi", "Properties": {"Path": "/items/{id}", "ApiId": {"Ref": "Web"}}},
        "Rest": {"Type": "HttpApi", "Properties": {"ApiId": {"Ref": "Web"}}},
    }
    rest = {**REST, "Properties": {**REST["Properties"], "Events": events}}
    web = {"Type": "AWS::Serverless::HttpApi", "Properties": {"StageName": "prod"}}
    code = "def handler(event, context):\n    return event"
    gateway = serve(code, {}, resources={"Rest": rest, "Web": web})

    with get(f"{gateway.http}/prod/items/1") as answer:
        event = json.load(answer)
    assert (event["rawPath"], event["requestContext"]["stage"]) == ("/prod/items/1", "prod")
    assert (event["routeKey"], event["pathParameters"]) == ("ANY /items/{id}", {"id": "1"})
    for path in ("/prod", "/prod/", "/prod/other"):
        with get(f"{gateway.http}{path}") as answer:
            assert json.load(answer)["routeKey"] == "$default"
    for path in ("/", "/items/1", "/production"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(f"{gateway.http}{path}")
        refused.value.close()
        assert refused.value.code == 404


def test_the_query_is_as_it_was_sent(gateway: LocalGateway) -> None:
    query = "a=%2541&b=c+d&e=%26&f=g%20h"
    with get(f"{gateway.http}/items/1?{query}") as answer:
        event = json.load(answer)

    assert event["rawQueryString"] == query
    parameters = {"a": "%41", "b": "c d", "e": "&", "f": "g h"}
    assert event["queryStringParameters"] == parameters


def test_a_variable_that_is_no_name_of_pythons(serve: Serve) -> None:
    event = {"Type": "HttpApi", "Properties": {"Path": "/{item-id}/{1}/{1}", "Method": "GET"}}
    rest = {**REST, "Properties": {**REST["Properties"], "Events": {"E": event}}}
    code = "def handler(event, context): return event['pathParameters']"
    gateway = serve(code, {"$default": {}}, resources={"Rest": rest})

    with get(f"{gateway.http}/a/b/c") as answer:
        assert json.load(answer) == {"item-id": "a", "1": "c"}


def test_the_most_specific_route_wins(gateway: LocalGateway) -> None:
    with get(f"{gateway.http}/items/1/more") as answer:
        assert json.load(answer)["routeKey"] == "ANY /{proxy+}"


def test_the_default_route_takes_what_is_left(serve: Serve) -> None:
    code = "def handler(event, context): return event['routeKey']"
    gateway = serve(code, {"$default": {}}, resources={"Rest": REST})

    for path, key in (("/", "$default"), ("/a/b", "$default"), ("/item", "GET /item")):
        with get(f"{gateway.http}{path}") as answer:
            assert answer.read().decode() == key


def test_without_a_status_code_all_is_the_body(gateway: LocalGateway) -> None:
    with get(f"{gateway.http}/plain") as answer:
        assert (answer.status, json.load(answer)) == (200, {"no": "statusCode"})


@pytest.mark.parametrize(
    "answer",
    [
        {"statusCode": 1000},
        {"statusCode": "many"},
        {"statusCode": True},
        {"statusCode": 200, "headers": ["X-A"]},
        {"statusCode": 200, "headers": {"X-A": "a\nX-B: b"}},
        {"statusCode": 200, "cookies": "a=1\r\nX-B: b"},
        {"statusCode": 200, "body": "!", "isBase64Encoded": True},
    ],
)
def test_an_answer_that_is_none(serve: Serve, answer: dict[str, object]) -> None:
    code = f"def handler(event, context): return {answer!r}"
    gateway = serve(code, {"$default": {}}, resources={"Rest": REST})

    with pytest.raises(urllib.error.HTTPError) as failed:
        get(f"{gateway.http}/")
    with failed.value as error:
        assert (error.code, json.load(error)) == (500, {"message": "Internal Server Error"})


def test_files_are_served_beside_it_and_nothing_outside(gateway: LocalGateway) -> None:
    with pytest.raises(urllib.error.HTTPError) as missing:
        get(f"{gateway.http}/")  # the greedy route has no empty match, and there is no index.html
    missing.value.close()
    assert missing.value.code == 404
