"""Who is let in to an HTTP API."""

import json
from typing import Any

import pytest

from apigw_local.core.policies import AllowedByHttp, MalformedAnswer, allowed_by_http
from apigw_local.template.intrinsics import api_id
from apigw_local.template.model import HttpAuthorizer
from apigw_local.testing import LocalGateway
from tests.clients import get
from tests.conftest import Serve
from tests.templates import HERE, Load, Refusal, sam, under, warnings_of

CODE = """
import json

def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}

def policy(effect, arn, **more):
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": arn}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": "me", "policyDocument": document, **more}

def authorize(event, context):
    said = {k.lower(): v for k, v in event["headers"].items()}.get("authorization", "")
    arn = event.get("routeArn") or event["methodArn"]
    match said:
        case "nobody":
            raise Exception("Unauthorized")
        case "trouble":
            raise RuntimeError("trouble")
        case "malformed":
            return {"isAuthorized": "true"}
        case "simple" | "no":
            return {"isAuthorized": said == "simple", "context": {"said": said, "deep": {"n": [1]}}}
        case "bare":
            return {"isAuthorized": True}
        case "event":
            return policy("Allow", arn, context=event)
        case "elsewhere":
            return policy("Allow", arn.replace("/GET/", "/POST/"))
        case "one":
            return policy("Allow", arn.rpartition("/")[0] + "/one")
        case _:
            return policy("Allow" if said == "policy" else "Deny", arn, context={"said": said})
"""
SIMPLE = {"AuthorizerPayloadFormatVersion": "2.0", "EnableSimpleResponses": True}
POLICY = {"AuthorizerPayloadFormatVersion": "2.0"}
OLD = {"AuthorizerPayloadFormatVersion": 1.0}
BY_HEADER = {"Identity": {"Headers": ["Authorization"]}}
ROUTES = {
    "/one": {},
    "/two": {},
    "/open": {"Auth": {"Authorizer": "NONE"}},
    "/items/{id}": {},
}


def resources(authorizer: dict[str, Any], **api: Any) -> dict[str, Any]:
    function = {"CodeUri": ".", "Runtime": "python3.13"}
    events = {
        f"Event{number}": {
            "Type": "HttpApi",
            "Properties": {"ApiId": {"Ref": "Http"}, "Path": path, "Method": "GET", **more},
        }
        for number, (path, more) in enumerate(ROUTES.items())
    }
    written = {
        "FunctionArn": {"Fn::GetAtt": ["Guard", "Arn"]},
        "EnableFunctionDefaultPermissions": True,
        **authorizer,
    }
    return {
        "Guard": {
            "Type": "AWS::Serverless::Function",
            "Properties": {**function, "Handler": "app.authorize"},
        },
        "Rest": {
            "Type": "AWS::Serverless::Function",
            "Properties": {**function, "Handler": "app.handler", "Events": events},
        },
        "Http": {
            "Type": "AWS::Serverless::HttpApi",
            "Properties": {
                "StageVariables": {"colour": "blue"},
                "Auth": {"DefaultAuthorizer": "Guarding", "Authorizers": {"Guarding": written}},
                **api,
            },
        },
    }


def start(serve: Serve, *authorizer: dict[str, Any], **api: Any) -> LocalGateway:
    merged = {key: value for each in authorizer for key, value in each.items()}
    return serve(CODE, {"$default": {}}, resources=resources(merged, **api))


def asked(gateway: LocalGateway) -> int:
    return len(gateway.events("Guard"))


REFUSALS = [
    ("nobody", 401, "Unauthorized"),
    ("trouble", 500, "Internal Server Error"),
    ("malformed", 500, "Internal Server Error"),
    ("no", 403, "Forbidden"),
]


@pytest.mark.aws("ht-simple", "ht-context", "ht-refusals", "ht-identity")
def test_simple_responses(serve: Serve) -> None:
    gateway = start(serve, SIMPLE, BY_HEADER)

    status, event = get(f"{gateway.http}/one", Authorization="simple")
    assert status == 200
    context = {"said": "simple", "deep": {"n": [1]}}
    assert event["requestContext"]["authorizer"] == {"lambda": context}
    _, event = get(f"{gateway.http}/one", Authorization="bare")
    assert event["requestContext"]["authorizer"] == {"lambda": None}

    for said, status, message in REFUSALS:
        assert get(f"{gateway.http}/one", Authorization=said) == (status, {"message": message})
    assert asked(gateway) == 6

    assert get(f"{gateway.http}/one") == (401, {"message": "Unauthorized"})
    assert asked(gateway) == 6

    status, event = get(f"{gateway.http}/open")
    assert (status, event["requestContext"].get("authorizer")) == (200, None)
    assert asked(gateway) == 6


@pytest.mark.aws("ht-policy")
def test_policies(serve: Serve) -> None:
    gateway = start(serve, POLICY)

    status, event = get(f"{gateway.http}/one", Authorization="policy")
    assert (status, event["requestContext"]["authorizer"]) == (200, {"lambda": {"said": "policy"}})
    for said in ("denied", "elsewhere"):
        assert get(f"{gateway.http}/one", Authorization=said)[0] == 403
    assert get(f"{gateway.http}/one", Authorization="simple")[0] == 500


@pytest.mark.aws("ht-event-2")
def test_the_event_of_format_2(serve: Serve) -> None:
    gateway = start(
        serve, POLICY, {"Identity": {"Headers": ["Authorization"], "Context": ["path"]}}
    )

    url = f"{gateway.http}/items/7?x=1&x=2"
    _, event = get(url, Authorization="event", Cookie="a=1; b=2")
    given = event["requestContext"].pop("authorizer")["lambda"]
    assert given.pop("type") == "REQUEST"
    api = f"{api_id('Http')}/$default"
    assert given.pop("routeArn") == f"arn:aws:execute-api:us-east-1:123456789012:{api}/GET/items/7"
    assert given.pop("identitySource") == ["event", "/items/7"]
    assert event.pop("isBase64Encoded") is False
    assert given == event
    assert event["stageVariables"] == {"colour": "blue"}
    assert event["cookies"] == ["a=1", "b=2"]
    assert event["requestContext"]["apiId"] == api_id("Http")


@pytest.mark.aws("ht-event-1")
def test_the_event_of_format_1(serve: Serve) -> None:
    sources = {"Headers": ["Authorization"], "StageVariables": ["colour"], "QueryStrings": ["x"]}
    gateway = start(serve, OLD, {"Identity": sources})

    status, event = get(f"{gateway.http}/items/7?x=1&x=2", Authorization="event", **{"X-A": "b"})
    assert status == 200
    given = event["requestContext"]["authorizer"]["lambda"]
    assert (given["version"], given["type"]) == ("1.0", "REQUEST")
    assert given["methodArn"].endswith("/$default/GET/items/7")
    assert given["identitySource"] == given["authorizationToken"] == "event,1,2,blue"
    assert (given["resource"], given["path"]) == ("/items/{id}", "/items/7")
    assert given["queryStringParameters"] == {"x": "2"}
    assert given["pathParameters"] == {"id": "7"}
    assert given["stageVariables"] == {"colour": "blue"}
    assert given["headers"]["Authorization"] == "event"
    assert given["requestContext"]["resourcePath"] == "/items/{id}"


@pytest.mark.aws("ht-cache")
def test_answers_hold_for_the_same_identity(serve: Serve) -> None:
    identity = {"Headers": ["Authorization"], "ReauthorizeEvery": 60}
    gateway = start(serve, POLICY, {"Identity": identity})

    for path, status in (("one", 200), ("one", 200), ("two", 403), ("one", 200)):
        assert get(f"{gateway.http}/{path}", Authorization="one")[0] == status
    assert asked(gateway) == 1  # of the policy, what it says of each route

    for _ in range(2):
        assert get(f"{gateway.http}/one", Authorization="denied")[0] == 403
    assert asked(gateway) == 2

    for _ in range(2):  # what is no answer is not remembered
        assert get(f"{gateway.http}/one", Authorization="malformed")[0] == 500
    assert asked(gateway) == 4


@pytest.mark.aws("ht-cache")
def test_answers_hold_no_longer_than_they_should(serve: Serve) -> None:
    identity = {"Headers": ["Authorization"], "ReauthorizeEvery": 0.001}
    gateway = start(serve, SIMPLE, {"Identity": identity})
    for number in (1, 2):
        assert get(f"{gateway.http}/one", Authorization="simple")[0] == 200
        assert asked(gateway) == number


@pytest.mark.parametrize(
    "answer", [b"", b"[]", b'{"isAuthorized": 1}', b'{"isAuthorized": true, "context": []}']
)
def test_an_answer_that_is_none(answer: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        allowed_by_http(answer, "arn", simple=True)


def test_a_context_of_any_json() -> None:
    answer = json.dumps({"isAuthorized": True, "context": {"a": None, "b": [{}]}}).encode()
    granted = allowed_by_http(answer, "arn", simple=True)
    assert granted == AllowedByHttp({"a": None, "b": [{}]})


class TestTemplates:
    @staticmethod
    def text(auth: str, event: str = "Path: /a, Method: GET", more: str = "") -> str:
        resources = (
            f"Http:\n  Type: AWS::Serverless::HttpApi\n  Properties:\n{under(2, more)}\n"
            f"    Auth:\n{under(3, auth)}\n"
            "Rest:\n  Type: AWS::Serverless::Function\n  Properties:\n"
            "    Runtime: python3.13\n    Handler: a.b\n    CodeUri: src\n    Events:\n"
            "      Get:\n        Type: HttpApi\n        Properties:\n"
            + under(5, "\n".join(f"{each}" for each in ["ApiId: !Ref Http", *event.split(", ")]))
        )
        return sam(resources=resources)

    own = "FunctionArn: !GetAtt Fn.Arn, AuthorizerPayloadFormatVersion: 2.0"
    granted = f"{own}, EnableFunctionDefaultPermissions: true"

    def test_all_of_it(self, loaded: Load) -> None:
        identity = (
            "Identity: {Context: [c], Headers: [h, i], QueryStrings: [q], StageVariables: [s], "
            "ReauthorizeEvery: 30}"
        )
        auth = f"Authorizers: {{A: {{{self.granted}, EnableSimpleResponses: true, {identity}}}}}"
        application = loaded(self.text(auth, "Path: /a, Method: GET, Auth: {Authorizer: A}"))
        (route,) = application.http_routes
        assert route.authorizer == HttpAuthorizer(
            name="A",
            function="Fn",
            identity_sources=(
                "$request.header.h", "$request.header.i", "$request.querystring.q",
                "$stageVariables.s", "$context.c",
            ),
            version="2.0",
            simple=True,
            seconds=30,
        )  # fmt: skip
        assert application.warnings == ()
        assert "Fn" in application.served()

    def test_from_globals_for_the_api_that_nobody_names(self, loaded: Load) -> None:
        auth = f"{{DefaultAuthorizer: A, Authorizers: {{A: {{{self.granted}}}}}}}"
        text = self.text("{}", "Path: /a, Method: GET").replace("ApiId: !Ref Http", "Stage: x")
        text = f"Globals: {{HttpApi: {{Auth: {auth}}}}}\n{text}"
        (route,) = loaded(text).http_routes
        assert route.authorizer is not None
        assert route.api.api_id == api_id("ServerlessHttpApi")

    def test_the_default_is_not_for_options(self, loaded: Load) -> None:
        auth = f"DefaultAuthorizer: A\nAuthorizers: {{A: {{{self.granted}}}}}"
        (route,) = loaded(self.text(auth, "Path: /a, Method: OPTIONS")).http_routes
        assert route.authorizer is None

    @pytest.mark.aws("ht-permission")
    def test_one_that_may_not_be_invoked_in_aws(self, loaded: Load) -> None:
        auth = f"DefaultAuthorizer: A\nAuthorizers:\n  A:  {HERE}\n    {{{self.own}}}"
        text = self.text(auth)
        (said,) = warnings_of(text, loaded(text))
        assert said.startswith("AWS may not invoke the authorizer A, and answers 500")

        granted = text + "\n  P: {Type: AWS::Lambda::Permission}"
        assert loaded(granted).warnings == ()

    @pytest.mark.aws("ht-default")
    def test_one_that_stands_before_preflight_requests(self, loaded: Load) -> None:
        auth = f"DefaultAuthorizer: A  {HERE}\nAuthorizers: {{A: {{{self.granted}}}}}"
        text = self.text(auth, "Stage: x", "CorsConfiguration: true")
        (said,) = warnings_of(text, loaded(text))
        assert said.startswith("the authorizer of $default is asked about preflight requests too")

    @pytest.mark.aws("ht-jwt")
    @pytest.mark.parametrize(
        ("auth", "said"),
        [
            (
                (
                    f"DefaultAuthorizer: A\nAuthorizers:\n  A:  {HERE}\n"
                    "    {JwtConfiguration: {issuer: x, audience: [y]}, IdentitySource: z}"
                ),
                (
                    "the JWT authorizer A is not there locally: requests are let through "
                    "unchecked, and events have no requestContext.authorizer.jwt: a handler that "
                    "reads its claims fails, which is a 500 with a token and without"
                ),
            ),
            (
                f"EnableIamAuthorizer: true\nDefaultAuthorizer: AWS_IAM  {HERE}",
                "AWS_IAM is not there locally: requests are let through unchecked",
            ),
        ],
    )
    def test_kinds_that_are_not_there(self, loaded: Load, auth: str, said: str) -> None:
        text = self.text(auth)
        application = loaded(text)
        assert warnings_of(text, application) == [said]
        assert application.http_routes[0].authorizer is None

    @pytest.mark.parametrize(
        ("auth", "event", "said"),
        [
            (f"DefaultAuthorizer: A  {HERE}", "Path: /a", "the HTTP API has no authorizer A"),
            ("{}", f"Auth: {{Authorizer: A}}  {HERE}", "the HTTP API has no authorizer A"),
            (f"EnableIam: true  {HERE}", "Path: /a", "SAM takes no EnableIam under Auth"),
            ("{}", f"Auth: {{Authorizer: NONE}}  {HERE}", "SAM takes NONE only where there is a"),
            ("{}", f"Auth: {{InvokeRole: NONE}}  {HERE}", "Auth needs an Authorizer, or the API"),
            (
                f"DefaultAuthorizer: A\nAuthorizers: {{A: {{}}}}  {HERE}",
                "Path: /a",
                "the authorizer A has no FunctionArn",
            ),
            (
                f"DefaultAuthorizer: A\nAuthorizers: {{A: {{FunctionArn: !Ref Fn}}}}  {HERE}",
                "Path: /a",
                "A: AuthorizerPayloadFormatVersion must be 1.0 or 2.0",
            ),
            (
                (
                    "DefaultAuthorizer: A\nAuthorizers: {A: {FunctionArn: !Ref Fn, "
                    f"AuthorizerPayloadFormatVersion: 1.0, EnableSimpleResponses: true}}}}  {HERE}"
                ),
                "Path: /a",
                "simple responses need the payload format 2.0",
            ),
            (
                (
                    "DefaultAuthorizer: A\nAuthorizers: {A: {FunctionArn: nothing, "
                    f"AuthorizerPayloadFormatVersion: 2.0}}}}  {HERE}"
                ),
                "Path: /a",
                "nothing is no function of this template",
            ),
            (
                (
                    f"DefaultAuthorizer: A\nAuthorizers: {{A: {{{own}, "
                    f"Identity: {{ReauthorizeEvery: 5}}}}}}  {HERE}"
                ),
                "Path: /a",
                "ReauthorizeEvery needs an identity source to tell by",
            ),
            (
                (
                    f"DefaultAuthorizer: A\nAuthorizers: {{A: {{{own}, "
                    f"Identity: {{Headers: [a], ReauthorizeEvery: 3601}}}}}}  {HERE}"
                ),
                "Path: /a",
                "ReauthorizeEvery must be from 0 to 3600",
            ),
            (
                (
                    f"DefaultAuthorizer: A\nAuthorizers: {{A: {{{own}, Identity: {{Headers: a}}}}}}"
                    f"  {HERE}"
                ),
                "Path: /a",
                "Headers must be a list, found 'a'",
            ),
        ],
    )
    def test_what_makes_no_sense(self, refused: Refusal, auth: str, event: str, said: str) -> None:
        assert refused(self.text(auth, event)).startswith(said)
