"""Cross-origin requests to an HTTP API."""

import urllib.error
import urllib.request
from typing import Any

import pytest

from apigw_local.core.cors import Cors
from apigw_local.testing import LocalGateway
from tests.conftest import Serve
from tests.templates import HERE, Load, Refusal, sam, under, warnings_of

CODE = """
def handler(event, context):
    headers = {"Access-Control-Allow-Origin": "of the function", "X-Other": "kept"}
    return {"statusCode": 200, "headers": headers}

def authorize(event, context):
    return {"isAuthorized": True}
"""
ORIGIN = "https://example.com"
ALLOW = "Access-Control-Allow-Origin"
ALL = {
    "AllowOrigins": [ORIGIN, "http://*"],
    "AllowMethods": ["GET", "PUT"],
    "AllowHeaders": ["Authorization", "X-A"],
    "ExposeHeaders": ["X-Other"],
    "MaxAge": 600,
    "AllowCredentials": True,
}


def start(serve: Serve, cors: Any, path: str = "/a", *, guarded: bool = False) -> LocalGateway:
    function = {"CodeUri": ".", "Runtime": "python3.13"}
    event = {"ApiId": {"Ref": "Http"}, "Path": path, "Method": "ANY"}
    guard = {
        "FunctionArn": {"Fn::GetAtt": ["Guard", "Arn"]},
        "AuthorizerPayloadFormatVersion": "2.0",
        "EnableSimpleResponses": True,
        "Identity": {"Headers": ["Authorization"]},
    }
    auth = {"Auth": {"DefaultAuthorizer": "A", "Authorizers": {"A": guard}}} if guarded else {}
    resources = {
        "Http": {
            "Type": "AWS::Serverless::HttpApi",
            "Properties": {**({} if cors is None else {"CorsConfiguration": cors}), **auth},
        },
        "Guard": {
            "Type": "AWS::Serverless::Function",
            "Properties": {**function, "Handler": "app.authorize"},
        },
        "Rest": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                **function,
                "Handler": "app.handler",
                "Events": {"E": {"Type": "HttpApi", "Properties": event}},
            },
        },
    }
    return serve(CODE, {"$default": {}}, resources=resources)


def ask(
    gateway: LocalGateway, method: str, path: str = "/a", **headers: str
) -> tuple[int, dict[str, str]]:
    """Status and CORS headers, without what they have in common."""
    request = urllib.request.Request(f"{gateway.http}{path}", method=method)
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        answer = urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        answer = error  # an answer as well
    with answer:
        found = {k.lower(): v for k, v in answer.headers.items()}
    prefix = "access-control-"
    said = {k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix)}
    return answer.status, said


def preflight(gateway: LocalGateway, path: str = "/a", **headers: str) -> Any:
    asked = {"Origin": ORIGIN, "Access_Control_Request_Method": "PUT", **headers}
    return ask(gateway, "OPTIONS", path, **asked)


@pytest.mark.aws("ht-preflight", "ht-cors")
def test_a_preflight_request_and_the_one_after_it(serve: Serve) -> None:
    gateway = start(serve, ALL, guarded=True)

    shared = {
        "allow-origin": ORIGIN,
        "allow-credentials": "true",
        "expose-headers": "X-Other",
    }
    told = {"allow-methods": "GET,PUT", "allow-headers": "Authorization,X-A", "max-age": "600"}
    for path in ("/a", "/nowhere"):
        assert preflight(gateway, path) == (204, {**shared, **told})
    assert gateway.events("Rest") == gateway.events("Guard") == []

    assert ask(gateway, "PUT", Origin=ORIGIN, Authorization="x") == (200, shared)
    assert ask(gateway, "PUT", Origin=ORIGIN) == (401, shared)
    assert ask(gateway, "PUT", Authorization="x") == (200, {})


@pytest.mark.aws("ht-cors")
@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        (["*"], "null", "*"),
        ([ORIGIN, "https://b"], "https://b", "https://b"),
        ([ORIGIN], "https://b", None),
        ([ORIGIN], f"{ORIGIN}:8443", None),
        (["http://*"], "http://a:1", "http://a:1"),
        (["http://*"], ORIGIN, None),
    ],
)
def test_origins(serve: Serve, origins: list[str], origin: str, allowed: str | None) -> None:
    gateway = start(serve, {"AllowOrigins": origins})
    expected = {} if allowed is None else {"allow-origin": allowed}
    assert preflight(gateway, Origin=origin) == (204, expected)
    assert ask(gateway, "GET", Origin=origin) == (200, expected)


@pytest.mark.aws("ht-cors")
def test_without_a_configuration_it_is_the_function_s(serve: Serve) -> None:
    gateway = start(serve, None)
    of_function = {"allow-origin": "of the function"}
    assert preflight(gateway) == ask(gateway, "GET", Origin=ORIGIN) == (200, of_function)


@pytest.mark.aws("ht-preflight")
def test_options_that_is_no_preflight_is_the_function_s(serve: Serve) -> None:
    gateway = start(serve, True)
    assert ask(gateway, "OPTIONS", Origin=ORIGIN) == (200, {"allow-origin": "*"})
    assert len(gateway.events("Rest")) == 1


@pytest.mark.aws("ht-default")
def test_the_authorizer_of_default_stands_before_preflight_requests(serve: Serve) -> None:
    gateway = start(serve, True, "$default", guarded=True)
    assert preflight(gateway) == (401, {"allow-origin": "*"})
    assert preflight(gateway, Authorization="x") == (204, {"allow-origin": "*"})
    assert gateway.events("Rest") == []


class TestTemplates:
    @staticmethod
    def text(cors: str) -> str:
        resources = (
            f"Http:\n  Type: AWS::Serverless::HttpApi\n  Properties:\n{under(2, cors)}\n"
            "Rest: {Type: AWS::Serverless::Function, Properties: {Runtime: python3.13, "
            "Handler: a.b, CodeUri: src, Events: {Get: {Type: HttpApi, Properties: "
            "{ApiId: !Ref Http}}}}}"
        )
        sections = """
            Parameters:
              Origins: {Type: CommaDelimitedList, Default: "https://a, https://b"}
              Text: {Type: String, Default: "https://a,https://b"}
              One: {Type: String, Default: "https://a"}
              Wanted: {Type: String, Default: "no"}
            Conditions: {IsWanted: !Equals [!Ref Wanted, "yes"]}
            """
        return sam(resources=resources, sections=sections)

    @pytest.mark.parametrize(
        ("cors", "made"),
        [
            ("true", Cors(("*",))),
            ("false", None),
            ("!If [IsWanted, true, !Ref AWS::NoValue]", None),
            ("{AllowOrigins: !Ref Origins}", Cors(("https://a", "https://b"))),
            ("{AllowOrigins: !Split [',', !Ref Text]}", Cors(("https://a", "https://b"))),
            ("{AllowOrigins: [!Ref One, !Sub '${One}.b']}", Cors(("https://a", "https://a.b"))),
            ("{AllowOrigins: [!If [IsWanted, x, !Ref AWS::NoValue], y]}", Cors(("y",))),
            ("!If [IsWanted, true, {AllowMethods: [GET]}]", Cors(methods=("GET",))),
            ("{MaxAge: 0, AllowOrigins: []}", Cors(max_age=0)),
        ],
    )
    def test_configurations(self, loaded: Load, cors: str, made: Cors | None) -> None:
        application = loaded(self.text(f"CorsConfiguration: {cors}"))
        assert application.http_routes[0].api.cors == made
        assert application.warnings == ()

    @pytest.mark.parametrize("cors", [ORIGIN, "!Ref One", "!Ref Origins"])
    def test_an_origin_alone_is_what_sam_documents_and_does_not_take(
        self, loaded: Load, cors: str
    ) -> None:
        text = self.text(f"CorsConfiguration: {cors}  {HERE}")
        application = loaded(text)
        assert application.http_routes[0].api.cors
        (said,) = warnings_of(text, application)
        assert said == "SAM's translator takes a map as CorsConfiguration, or true"

    @pytest.mark.parametrize(
        ("cors", "said"),
        [
            ("{AllowOrigin: [a]}", "SAM takes no AllowOrigin under CorsConfiguration"),
            ("{AllowOrigins: a}", "AllowOrigins must be a list, found 'a'"),
            ("{MaxAge: long}", "MaxAge must be a number"),
            ("{AllowOrigins: ['*'], AllowCredentials: true}", "AllowCredentials needs AllowOrig"),
            ("{AllowCredentials: true}", "AllowCredentials needs AllowOrigins other than *"),
            ("5", "CorsConfiguration must be a map or true, found 5"),
        ],
    )
    def test_what_makes_no_sense(self, refused: Refusal, cors: str, said: str) -> None:
        assert refused(self.text(f"CorsConfiguration: {cors}  {HERE}")).startswith(said)
