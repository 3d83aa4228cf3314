"""What functions of HTTP APIs are given, and what is made of what they answer."""

import http.client
import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

import pytest

from apigw_local.core.paths import precedence
from apigw_local.testing import LocalGateway
from tests.conftest import Serve
from tests.templates import HERE, Load, sam, warnings_of

REST: dict[str, Any] = {"CodeUri": ".", "Handler": "app.handler", "Runtime": "python3.13"}
EVENT = "import json\ndef handler(e, c): return {'statusCode': 200, 'body': json.dumps(e)}"


def served(serve: Serve, code: str, *keys: str) -> LocalGateway:
    """A function behind routes such as ``GET /items/{id}``; ``$default`` without any."""
    events: dict[str, Any] = {"Default": {"Type": "HttpApi"}}
    for number, key in enumerate(keys):
        method, path = key.split(" ")
        events[f"E{number}"] = {"Type": "HttpApi", "Properties": {"Method": method, "Path": path}}
    rest = {"Type": "AWS::Serverless::Function", "Properties": {**REST, "Events": events}}
    return serve(code, {"$default": {}}, resources={"Rest": rest})


def ask(
    gateway: LocalGateway,
    path: str = "/",
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[http.client.HTTPResponse, bytes]:
    """An answer and its body; nothing is sent that is not given, but ``Host``."""
    connection = http.client.HTTPConnection(gateway.http.removeprefix("http://"), timeout=30)
    connection.putrequest(method, path, skip_accept_encoding=True)
    given = {} if body is None else {"Content-Length": str(len(body))}
    for name, value in {**given, **(headers or {})}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    read = answer.read()
    connection.close()
    return answer, read


def event_of(gateway: LocalGateway, *arguments: Any, **more: Any) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(ask(gateway, *arguments, **more)[1])
    return event


class TestEvents:
    @pytest.fixture
    def gateway(self, serve: Serve) -> LocalGateway:
        return served(serve, EVENT, "GET /pets/{name}")

    @pytest.mark.aws("ht-base64")
    @pytest.mark.parametrize(
        ("kind", "base64"),
        [
            ("text/plain", False),
            ("text/css; charset=utf-8", False),
            ("TEXT/HTML", False),
            ("application/json", False),
            ("application/json;charset=utf-8", False),
            ("application/xml", False),
            ("application/javascript", False),
            ("application/vnd.api+json", True),
            ("application/x-www-form-urlencoded", True),
            ("multipart/form-data; boundary=x", True),
            ("application/octet-stream", True),
            ("image/svg+xml", True),
            ("text", True),
            (None, True),
        ],
    )
    def test_bodies_in_base64(self, gateway: LocalGateway, kind: str | None, base64: bool) -> None:
        headers = {"Content-Type": kind} if kind else {}
        event = event_of(gateway, method="POST", body="é=1".encode(), headers=headers)

        assert event["isBase64Encoded"] is base64
        body = b64decode(event["body"]).decode() if base64 else event["body"]
        assert body == "é=1"

    @pytest.mark.aws("ht-not-utf8")
    def test_a_text_that_is_none(self, gateway: LocalGateway) -> None:
        kind = {"Content-Type": "text/plain"}
        event = event_of(gateway, method="POST", body=b"\xff", headers=kind)
        assert (event["isBase64Encoded"], b64decode(event["body"])) == (True, b"\xff")

    @pytest.mark.aws("ht-base64")
    def test_without_a_body(self, gateway: LocalGateway) -> None:
        event = event_of(gateway)
        assert (event["isBase64Encoded"], "body" in event) == (False, False)

    @pytest.mark.aws("ht-encoded")
    @pytest.mark.parametrize("coding", ["gzip", "br", "unheard-of"])
    def test_bodies_are_not_decoded(self, gateway: LocalGateway, coding: str) -> None:
        headers = {"Content-Encoding": coding, "Content-Type": "application/json"}
        event = event_of(gateway, method="POST", body=b"\x1f\x8bbroken", headers=headers)
        assert b64decode(event["body"]) == b"\x1f\x8bbroken"

    @pytest.mark.aws("ht-forwarded")
    def test_headers_that_are_added(self, gateway: LocalGateway) -> None:
        headers = event_of(gateway)["headers"]
        assert headers.pop("x-amzn-trace-id").startswith("Root=1-")
        assert headers.pop("host") == gateway.http.removeprefix("http://")
        assert headers == {
            "content-length": "0",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        }

    @pytest.mark.aws("ht-forwarded")
    def test_headers_that_were_there(self, gateway: LocalGateway) -> None:
        trace = "Root=1-67891233-abcdef012345678912345678;Sampled=1"
        sent = {
            "X-Forwarded-For": "203.0.113.7",
            "X-Forwarded-Proto": "gopher",
            "X-Amzn-Trace-Id": trace,
        }
        headers = event_of(gateway, headers=sent)["headers"]
        assert headers["x-forwarded-for"] == "203.0.113.7, 127.0.0.1"
        assert headers["x-forwarded-proto"] == "https"
        assert headers["x-amzn-trace-id"] == trace

    @pytest.mark.aws("ht-cut")
    def test_a_question_mark_in_the_path(self, gateway: LocalGateway) -> None:
        event = event_of(gateway, "/pets/q%3Fx?a=1")
        assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/pets/q"
        assert (event["pathParameters"], event["rawQueryString"]) == ({"name": "q"}, "a=1")

    @pytest.mark.aws("ht-request-id")
    def test_the_requests_id(self, gateway: LocalGateway) -> None:
        answer, body = ask(gateway)
        assert answer.headers["Apigw-Requestid"] == json.loads(body)["requestContext"]["requestId"]
        assert answer.headers["Server"] is None


class TestAnswers:
    def answered(self, serve: Serve, answer: str) -> tuple[http.client.HTTPResponse, bytes]:
        gateway = served(serve, f"def handler(event, context): return {answer}")
        return ask(gateway)

    @pytest.mark.aws("ht-whole")
    @pytest.mark.parametrize(
        ("answer", "body"),
        [
            ('"Hello"', "Hello"),
            ('"f\\u00fcr \\"dich\\""', 'für "dich"'),
            ('""', ""),
            ("[1, 'a']", '[1, "a"]'),
            ("{'a': None}", '{"a": null}'),
            ("True", "true"),
            ("None", "null"),
        ],
    )
    def test_without_a_status_code(self, serve: Serve, answer: str, body: str) -> None:
        got, read = self.answered(serve, answer)
        assert (got.status, read.decode()) == (200, body)
        assert got.headers["Content-Type"] == "application/json"

    @pytest.mark.aws("ht-type")
    def test_without_a_content_type(self, serve: Serve) -> None:
        got, read = self.answered(serve, "{'statusCode': 200, 'body': '<h1>hi</h1>'}")
        assert read == b"<h1>hi</h1>"
        assert got.headers.get_all("Content-Type") == ["text/plain; charset=utf-8"]

    @pytest.mark.aws("ht-type")
    def test_with_one(self, serve: Serve) -> None:
        headers = "{'content-TYPE': 'text/html'}"
        got, _ = self.answered(serve, f"{{'statusCode': 200, 'headers': {headers}}}")
        assert got.headers.get_all("Content-Type") == ["text/html"]

    @pytest.mark.aws("ht-null", "ht-header-values")
    @pytest.mark.parametrize(
        ("value", "sent"),
        [
            ("None", None),
            ("['a=1', None, 'b=2']", ["a=1", "b=2"]),
            ("[]", None),
            ("True", ["true"]),
            ("1.5", ["1.5"]),
            ("{'a': None}", ['{"a": null}']),
            ("'für'", ["für"]),
        ],
    )
    def test_values_of_headers(self, serve: Serve, value: str, sent: list[str] | None) -> None:
        got, _ = self.answered(serve, f"{{'statusCode': 200, 'headers': {{'X-A': {value}}}}}")
        found = got.headers.get_all("X-A")
        assert (found and [each.encode("latin-1").decode() for each in found]) == sent

    @pytest.mark.aws("ht-malformed", "ht-request-id")
    @pytest.mark.parametrize(
        "answer",
        [
            "{'statusCode': None}",
            "{'statusCode': 200.5}",
            "{'statusCode': 200, 'headers': 'X-A'}",
            "{'statusCode': 200, 'headers': {'X A': 'b'}}",
            "{'statusCode': 200, 'cookies': {'a': 1}}",
            "{'statusCode': 200, 'body': '!', 'isBase64Encoded': True}",
        ],
    )
    def test_what_cannot_be(self, serve: Serve, answer: str) -> None:
        got, read = self.answered(serve, answer)
        assert (got.status, read) == (500, b'{"message":"Internal Server Error"}')
        assert got.headers["Apigw-Requestid"]

    @pytest.mark.aws("ht-request-id")
    def test_errors(self, gateway: LocalGateway) -> None:
        got, read = ask(gateway, "/")
        assert (got.status, read) == (404, b'{"message":"Not Found"}')
        assert got.headers["Apigw-Requestid"]
        assert got.headers["Server"] is None

    def test_an_error_that_it_answers_is_logged(self, serve: Serve) -> None:
        body = "table is gone " + "x" * 300
        gateway = served(
            serve, f"def handler(e, c): return {{'statusCode': 503, 'body': {body!r}}}"
        )
        assert ask(gateway, "/a%20b%0A")[0].status == 503
        gateway.wait_for_line(rf"answered 503: {body[:200]}$")
        gateway.wait_for_line(r"^GET /a b� 503 Rest \d+ ms$")


class TestPrecedence:
    @pytest.mark.aws("ht-precedence")
    @pytest.mark.parametrize("backwards", [False, True])
    def test_the_guides_example(self, serve: Serve, backwards: bool) -> None:
        """ "Routing API requests" has these five, the fifth being ``$default``."""
        keys = ["GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}"]
        gateway = served(serve, EVENT, *(reversed(keys) if backwards else keys))

        for method, path, key in (
            ("GET", "/pets/dog/1", "GET /pets/dog/1"),
            ("GET", "/pets/dog/2", "GET /pets/dog/{id}"),
            ("GET", "/pets/cat/1", "GET /pets/{proxy+}"),
            ("POST", "/test/5", "ANY /{proxy+}"),
            ("GET", "/", "$default"),
        ):
            assert event_of(gateway, path, method)["routeKey"] == key

    @pytest.mark.aws("ht-precedence")
    def test_a_method_before_any(self, serve: Serve) -> None:
        gateway = served(serve, EVENT, "ANY /foo", "GET /foo")
        assert event_of(gateway, "/foo")["routeKey"] == "GET /foo"
        assert event_of(gateway, "/foo", "POST")["routeKey"] == "ANY /foo"

    @pytest.mark.aws("ht-precedence", "ht-literal")
    def test_the_order_of_all(self) -> None:
        """Each comes before all that follow; fewer variables are not more specific."""
        ordered = [
            "GET /a/b/c",
            "ANY /a/b/c",
            "GET /a/b/{c}",
            "GET /a/{b}/c",
            "GET /a/{b}/{c}",
            "GET /{a}/b/c",
            "GET /a/b/{rest+}",
            "GET /a/{b}/{rest+}",
            "GET /a/{rest+}",
            "ANY /a/{rest+}",
            "GET /{a}/b/{rest+}",
            "GET /{rest+}",
            "ANY $default",
        ]
        keys = [each.split(" ") for each in ordered]
        backwards = keys[::-1]
        assert sorted(backwards, key=lambda key: precedence(*key)) == keys


@pytest.mark.aws("ht-hosts")
@pytest.mark.parametrize(
    ("first", "second", "here"),
    [
        ("Path: /a, Method: GET", "Path: /a, Method: GET", True),
        ("Path: '/a/{x}', Method: GET", "Path: '/a/{y}', Method: ANY", True),
        ("Path: '/{x+}'", "Path: '/{y+}'", True),
        ("Path: /a, Method: GET", "Path: /a, Method: POST", False),
        ("Path: '/a/{x}'", "Path: '/a/{x+}'", False),
    ],
)
def test_two_apis_with_the_same_route(loaded: Load, first: str, second: str, here: bool) -> None:
    text = sam(
        resources=f"""
        One: {{Type: 'AWS::Serverless::HttpApi'}}
        Two: {{Type: 'AWS::Serverless::HttpApi'}}
        Three: {{Type: 'AWS::Serverless::HttpApi', Properties: {{StageName: live}}}}
        Under:
          Type: AWS::Serverless::Function
          Properties:
            Runtime: python3.13
            Handler: app.handler
            CodeUri: src
            Events:
              A: {{Type: HttpApi, Properties: {{ApiId: !Ref One, {first}}}}}
              B: {{Type: HttpApi, Properties: {{ApiId: !Ref Two, {second}}}}}  {HERE}
              C: {{Type: HttpApi, Properties: {{ApiId: !Ref Three, {second}}}}}
              D: {{Type: HttpApi, Properties: {{ApiId: !Ref Three, {second}, Method: ANY}}}}
        """
    )
    application = loaded(text)
    said = warnings_of(text, application)
    assert len(said) == len(application.warnings) == here
    assert all("is a route of another HTTP API too" in each for each in said)


@pytest.mark.aws("ht-hosts")
def test_one_of_sams_and_one_of_cloudformations(loaded: Load) -> None:
    uri = "!Sub 'arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Fn.Arn}/x'"
    text = sam(
        resources=f"""
        Under:
          Type: AWS::Serverless::Function
          Properties:
            Runtime: python3.13
            Handler: app.handler
            CodeUri: src
            Events: {{A: {{Type: HttpApi, Properties: {{Path: /a, Method: GET}}}}}}
        Plain:
          Type: AWS::ApiGatewayV2::Api
          Properties: {{ProtocolType: HTTP}}
        ToFn:
          Type: AWS::ApiGatewayV2::Integration
          Properties: {{ApiId: !Ref Plain, IntegrationType: AWS_PROXY, IntegrationUri: {uri}}}
        Route:
          Type: AWS::ApiGatewayV2::Route
          Properties:
            ApiId: !Ref Plain
            RouteKey: GET /a  {HERE}
            Target: !Join [/, [integrations, !Ref ToFn]]
        """
    )
    said = warnings_of(text, loaded(text))
    assert any("is a route of another HTTP API too" in each for each in said)
