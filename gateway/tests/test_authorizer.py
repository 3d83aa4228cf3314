"""Who is let in."""

import json
from typing import Any

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from websockets.sync.client import connect

from apigw_local.core.policies import MalformedAnswer, allowed
from apigw_local.testing import LocalGateway
from tests.clients import ask, refusal
from tests.conftest import Serve

ARN = "arn:aws:execute-api:eu-west-1:123456789012:abcdef1234/dev/$connect"


def policy(*statements: object, **more: object) -> bytes:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return json.dumps({"principalId": "me", "policyDocument": document, **more}).encode()


def statement(effect: object = "Allow", action: object = "execute-api:Invoke") -> dict[str, object]:
    return {"Effect": effect, "Action": action, "Resource": "*"}


@pytest.mark.aws("au-deny")
@pytest.mark.parametrize(
    ("statements", "granted"),
    [
        ([statement()], True),
        ([statement(action=["s3:GetObject", "EXECUTE-API:*"])], True),
        ([statement(action="s3:*")], False),
        ([statement("Deny")], False),
        ([statement(), statement("Deny")], False),
        ([], False),
    ],
)
def test_what_a_policy_grants(statements: list[object], granted: bool) -> None:
    assert (allowed(policy(*statements), ARN) is not None) is granted


NOT_HERE = {"Effect": "Deny", "Action": "*", "NotResource": ARN}
BUT_INVOKE = {"Effect": "Deny", "NotAction": "execute-api:ManageConnections", "Resource": "*"}


@pytest.mark.aws("au-not")
@pytest.mark.parametrize(
    ("denies", "granted"),
    [
        (NOT_HERE, True),
        ({**NOT_HERE, "NotResource": [f"{ARN}/x", "*/other"]}, False),
        (BUT_INVOKE, False),
        ({**BUT_INVOKE, "NotAction": ["s3:*", "Execute-API:Invoke"]}, True),
    ],
)
def test_a_denial_of_all_but_some(denies: object, granted: bool) -> None:
    assert (allowed(policy(statement(), denies), ARN) is not None) is granted


@pytest.mark.parametrize("wrong", ["Action", "Resource", "both"])
def test_a_statement_has_an_action_and_a_resource_or_what_they_are_not(wrong: str) -> None:
    denies = {**statement("Deny"), "NotAction": "s3:*"}
    if wrong != "both":
        denies = statement("Deny")
        del denies[wrong]

    with pytest.raises(MalformedAnswer, match="a Statement must have either "):
        allowed(policy(statement(), denies), ARN)


@pytest.mark.aws("au-condition")
def test_a_condition_lets_nobody_in_that_it_might_keep_out(serve: Serve) -> None:
    condition = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    answer = json.loads(policy({**statement(), "Condition": condition}))
    gateway = serve(f"def handler(event, context): return {answer}", WITH_AUTHORIZER,
                    resources=AUTHORIZER, stage={"StageVariables": {"colour": "blue"}})  # fmt: skip

    assert refusal(gateway, headers={"x-token": "t"}, room="r").status_code == 500
    gateway.wait_for_line("^Function malformed authorizer answer: a Statement has a Condition")


@pytest.mark.aws("au-500")
@pytest.mark.parametrize(
    "answer",
    [
        b"not JSON",
        b"null",
        policy("x"),
        policy(None),
        policy(statement([])),
        policy(statement(), context=[]),
        policy(statement(), context={"a": None}),
        policy(statement(), principalId=1),
    ],
)
def test_an_answer_that_is_none(answer: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        allowed(answer, ARN)


ADMITS = "def handler(event, context): return {'statusCode': 200}"


@pytest.mark.parametrize(
    ("who", "status"),
    [
        pytest.param("nobody", 401, marks=pytest.mark.aws("au-401")),
        pytest.param("denied", 403, marks=pytest.mark.aws("au-deny")),
        pytest.param("elsewhere", 403, marks=pytest.mark.aws("au-deny")),
        pytest.param("rest-style", 403, marks=pytest.mark.aws("au-resource")),
        pytest.param("trouble", 500, marks=pytest.mark.aws("au-500")),
        pytest.param("malformed", 500, marks=pytest.mark.aws("au-500")),
        pytest.param("nested", 500, marks=pytest.mark.aws("au-500")),
        pytest.param("big", 500, marks=pytest.mark.aws("au-size")),
    ],
)
def test_it_refuses(gateway: LocalGateway, who: str, status: int) -> None:
    connected = len(gateway.events("ConnectFunction"))

    assert refusal(gateway, who=who).status_code == status
    assert len(gateway.events("ConnectFunction")) == connected


@pytest.mark.aws("au-resource")
def test_the_whole_stage_includes_connect(gateway: LocalGateway) -> None:
    with gateway.connect(who="whole-stage") as socket:
        assert ask(socket, "hi")["requestContext"]["authorizer"]["principalId"] == "whole-stage"


@pytest.mark.aws("au-missing")
@pytest.mark.parametrize("query", [{}, {"who": ""}, {"Who": "me"}])
def test_without_its_identity_source_it_is_not_asked(
    gateway: LocalGateway, query: dict[str, str]
) -> None:
    asked = len(gateway.events("AuthorizeFunction"))

    assert refusal(gateway, **query).status_code == 401
    assert len(gateway.events("AuthorizeFunction")) == asked


@pytest.mark.aws("au-once")
def test_it_is_asked_at_each_connect_and_never_again(gateway: LocalGateway) -> None:
    def asked() -> int:
        events = gateway.events("AuthorizeFunction")
        return sum(each["queryStringParameters"]["who"] == "the same" for each in events)

    for number in (1, 2):
        with gateway.connect(who="the same") as socket:
            ask(socket, "hi")
            ask(socket, "hi again")
            assert asked() == number


AUTHORIZER = {
    "Authorizer": {
        "Type": "AWS::ApiGatewayV2::Authorizer",
        "Properties": {
            "ApiId": {"Ref": "Api"},
            "AuthorizerType": "REQUEST",
            "AuthorizerUri": {
                "Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
                "${Function.Arn}/invocations"
            },
            "IdentitySource": [
                "route.request.header.X-Token",
                "route.request.querystring.room",
                "stageVariables.colour",
                "context.identity.sourceIp",
            ],
        },
    }
}
WITH_AUTHORIZER: dict[str, Any] = {
    "$connect": {"AuthorizationType": "CUSTOM", "AuthorizerId": {"Ref": "Authorizer"}},
    "$default": {},
}
AUTHORIZES = """
def handler(event, context):
    if "methodArn" not in event:
        return {"statusCode": 200}
    allow = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": event["methodArn"]}
    return {
        "principalId": "me",
        "policyDocument": {"Version": "2012-10-17", "Statement": [allow]},
        "usageIdentifierKey": event["headers"].get("x-token"),
    }
"""


@pytest.mark.aws("au-sources")
def test_all_identity_sources_must_be_there(serve: Serve) -> None:
    stage = {"StageVariables": {"colour": "blue"}}
    gateway = serve(AUTHORIZES, WITH_AUTHORIZER, resources=AUTHORIZER, stage=stage)

    assert refusal(gateway, headers={"x-token": "t"}).status_code == 401
    assert refusal(gateway, room="r").status_code == 401
    assert refusal(gateway, headers={"x-token": "t"}, Room="r").status_code == 401
    with gateway.connect(headers={"x-token": "t"}, room="r"):
        pass


@pytest.mark.aws("au-500")
def test_one_that_times_out(serve: Serve) -> None:
    slow = {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "CodeUri": ".",
            "Handler": "app.handler",
            "Runtime": "python3.13",
            "Timeout": 1,
        },
    }
    code = "import time\ndef handler(event, context): time.sleep(1.5)"
    stage = {"StageVariables": {"colour": "blue"}}
    resources = {**AUTHORIZER, "Function": slow}
    gateway = serve(code, WITH_AUTHORIZER, resources=resources, stage=stage)

    assert refusal(gateway, headers={"x-token": "t"}, room="r").status_code == 500


@pytest.mark.aws("au-sources")
def test_a_stage_variable_may_be_one(serve: Serve) -> None:
    gateway = serve(AUTHORIZES, WITH_AUTHORIZER, resources=AUTHORIZER)

    assert refusal(gateway, headers={"x-token": "t"}, room="r").status_code == 401


@pytest.mark.aws("au-key")
def test_a_route_may_want_an_api_key(serve: Serve) -> None:
    key = {"Type": "AWS::ApiGateway::ApiKey", "Properties": {"Value": "secret"}}
    gateway = serve(ADMITS, {"$connect": {"ApiKeyRequired": True}}, resources={"Key": key})

    assert refusal(gateway).status_code == 403
    assert refusal(gateway, headers={"x-api-key": "other"}).status_code == 403
    with gateway.connect(headers={"X-API-Key": "secret"}):
        pass


@pytest.mark.aws("au-key")
def test_without_the_key_the_authorizer_is_not_asked(serve: Serve) -> None:
    key = {"Type": "AWS::ApiGateway::ApiKey", "Properties": {"Value": "secret"}}
    gateway = serve(
        AUTHORIZES,
        {"$connect": {**WITH_AUTHORIZER["$connect"], "ApiKeyRequired": True}},
        resources={**AUTHORIZER, "Key": key},
        stage={"StageVariables": {"colour": "blue"}},
    )

    assert refusal(gateway, headers={"x-token": "t"}, room="r").status_code == 403
    assert gateway.events("Function") == []
    both = {"x-token": "no key of ours", "x-api-key": "secret"}
    with gateway.connect(headers=both, room="r"):  # the authorizer's key does not count
        pass


@pytest.mark.aws("au-key")
def test_the_key_may_be_the_authorizers(serve: Serve) -> None:
    key = {"Type": "AWS::ApiGateway::ApiKey", "Properties": {"Value": "secret"}}
    gateway = serve(
        AUTHORIZES,
        {"$connect": {**WITH_AUTHORIZER["$connect"], "ApiKeyRequired": True}},
        resources={**AUTHORIZER, "Key": key},
        api={"ApiKeySelectionExpression": "$context.authorizer.usageIdentifierKey"},
        stage={"StageVariables": {"colour": "blue"}},
    )

    other = {"x-token": "other", "x-api-key": "secret"}
    assert refusal(gateway, headers=other, room="r").status_code == 403
    with gateway.connect(headers={"x-token": "secret"}, room="r"):
        pass


class TestIam:
    @pytest.fixture
    def signed(self, serve: Serve) -> LocalGateway:
        return serve(ADMITS, {"$connect": {"AuthorizationType": "AWS_IAM"}})

    @pytest.mark.aws("au-iam")
    def test_unsigned(self, signed: LocalGateway) -> None:
        assert refusal(signed).status_code == 403

    @pytest.mark.aws("au-iam")
    @pytest.mark.parametrize("kind", [SigV4Auth, SigV4QueryAuth])
    def test_signed(self, signed: LocalGateway, kind: type[SigV4Auth]) -> None:
        request = AWSRequest("GET", f"{signed.management}")
        kind(Credentials("local", "local"), "execute-api", "eu-west-1").add_auth(request)

        headers = [(name, value) for name, value in request.headers.items() if name != "Host"]
        with connect(str(request.url).replace("http", "ws", 1), additional_headers=headers):
            pass
