"""What would be deployed, looked at for what it lets in and what it may do."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from apigw_local.errors import TemplateError
from apigw_local.template.load import load
from tests.running_gateway import ROOT

CHECKOV = ROOT / ".venv-scan" / "bin" / "checkov"

EXCEPTIONS = {
    "CKV_AWS_27": "The queue is encrypted, with a key of SQS (SqsManagedSseEnabled), which the "
    "scan does not know.",
    "CKV_AWS_95": "Access logs are a parameter: API Gateway refuses to write them, and the stack "
    "with them, in an account that has not given it a role for that.",
    "CKV_AWS_115": "Parameters limit the functions that a flood would run. A limit on those that "
    "let people in turns a reconnect of all clients into refusals.",
    "CKV_AWS_116": "The functions that API Gateway waits for have no queue to fall into. announce "
    "has one, as a destination; what sweep leaves undone is due at the next.",
    "CKV_AWS_149": "AWS's own key for Secrets Manager. A key of one's own: TokenSecretArn names a "
    "secret made with it.",
    "CKV_AWS_158": "CloudWatch encrypts logs with its own key. They hold neither tokens nor texts.",
    "CKV_AWS_173": "Lambda encrypts variables with AWS's own key. None holds a token secret; "
    "RedisUrl may hold a password, which docs/security.md says.",
}
"""What the scan says and we do all the same, and why."""


def test_the_scan_finds_nothing_but_what_is_explained(transformed: Path) -> None:
    done = subprocess.run(
        [
            *(str(CHECKOV), "-f", str(transformed), "--framework", "cloudformation"),
            *("-o", "json", "--skip-download", "--quiet", "--compact"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    assert report["summary"]["passed"] > 90
    assert report["summary"]["parsing_errors"] == 0
    found = {each["check_id"]: each["check_name"] for each in report["results"]["failed_checks"]}
    assert {check: name for check, name in found.items() if check not in EXCEPTIONS} == {}
    assert set(EXCEPTIONS) - set(found) == set(), "an exception that is no longer needed"


TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
ANY, NO_VALUE = "*", {"Ref": "AWS::NoValue"}


def sockets(method: str) -> dict[str, str]:
    """Sockets of this API and this stage."""
    account = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}"
    return {"Fn::Sub": f"{account}:${{WebSocketApi}}/${{Stage}}/{method}/@connections/*"}


def cache(kind: str, parameter: str) -> dict[str, str]:
    account = "arn:${AWS::Partition}:elasticache:${AWS::Region}:${AWS::AccountId}"
    return {"Fn::Sub": f"{account}:{kind}:${{{parameter}}}"}


def of(name: str, attribute: str = "Arn") -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}


def either(condition: str, then: object, otherwise: object) -> dict[str, list[object]]:
    return {"Fn::If": [condition, then, otherwise]}


RESOURCES = {
    "MayRun": {
        "logs:CreateLogStream logs:PutLogEvents": {"Fn::Sub": "${FunctionLogs.Arn}"},
        "xray:PutTraceSegments xray:PutTelemetryRecords": ANY,
    },
    "MayBeInVpc": {
        "ec2:AssignPrivateIpAddresses ec2:CreateNetworkInterface ec2:DeleteNetworkInterface "
        "ec2:DescribeNetworkInterfaces ec2:DescribeSubnets ec2:UnassignPrivateIpAddresses": ANY
    },
    "MayReachCache": {
        "elasticache:Connect": either(
            "MakesCache",
            [of("Cache", "ARN"), of("CacheUser")],
            [
                cache("serverlesscache", "RedisIamCache"),
                cache("replicationgroup", "RedisIamCache"),
                cache("user", "RedisIamUser"),
            ],
        )
    },
    "MayReadSecret": {
        "secretsmanager:GetSecretValue": either(
            "MakesSecret", {"Ref": "TokenSecret"}, {"Ref": "TokenSecretArn"}
        )
    },
    "MayInvokeAnnounce": {
        "lambda:InvokeFunction": either(
            "UsesSnapStart", {"Ref": "AnnounceAlias"}, of("AnnounceFunction")
        )
    },
    "MayProbe": {
        "lambda:InvokeFunction": either(
            "UsesSnapStart", {"Ref": "DefaultAlias"}, of("DefaultFunction")
        )
    },
    "MayGiveUp": {"sqs:SendMessage": of("AnnounceDeadLetters")},
    "MayQueueGraces": {"sqs:SendMessage": of("GraceQueue")},
    "MayTakeGraces": {
        "sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage": of("GraceQueue")
    },
    "MayAsk": {"execute-api:ManageConnections": sockets("GET")},
    "MayPost": {"execute-api:ManageConnections": sockets("POST")},
    "MayClose": {"execute-api:ManageConnections": sockets("DELETE")},
}
"""Each policy: its actions, and what on."""

ONLY_IF = {
    "MayBeInVpc": "InVpc",
    "MayReachCache": "UsesIam",
    "MayReadSecret": "UsesSecret",
    "MayQueueGraces": "HasGrace",
    "MayTakeGraces": "HasGrace",
}
REDIS = {"MayRun", "MayBeInVpc", "MayReachCache"}
MAY = {
    "AuthorizeFunction": {"MayRun", "MayReadSecret"},
    "ConnectFunction": {*REDIS, "MayInvokeAnnounce"},
    "AnnounceFunction": {*REDIS, "MayAsk", "MayPost", "MayClose", "MayGiveUp"},
    "DisconnectFunction": {*REDIS, "MayPost", "MayQueueGraces"},
    "EndGraceFunction": {*REDIS, "MayPost", "MayTakeGraces"},
    "DefaultFunction": {*REDIS, "MayPost", "MayClose", "MayReadSecret"},
    "SweepFunction": {*REDIS, "MayAsk", "MayPost", "MayClose", "MayProbe"},
    "RestFunction": {*REDIS, "MayAsk", "MayPost", "MayClose"},
    "CanaryFunction": {"MayRun", "MayReadSecret"},
}
"""What each function's role allows."""


@pytest.mark.parametrize("function", MAY)
def test_each_function_may_do_what_it_must(resources: dict[str, Any], function: str) -> None:
    assert resources[function]["Properties"]["Role"] == of(f"{function}Role")
    made = resources[f"{function}Role"]
    role = made["Properties"]
    assert made.get("Condition") == resources[function].get("Condition")
    assert set(role) == {"AssumeRolePolicyDocument", "ManagedPolicyArns"}
    assert role["AssumeRolePolicyDocument"] == TRUST
    policies = role["ManagedPolicyArns"]
    assert policies == [
        either(ONLY_IF[name], {"Ref": name}, NO_VALUE)
        if ONLY_IF.get(name, made.get("Condition")) != made.get("Condition")
        else {"Ref": name}
        for name in (each.get("Fn::If", ["", each])[1]["Ref"] for each in policies)
    ]
    assert {each.get("Fn::If", ["", each])[1]["Ref"] for each in policies} == MAY[function]


@pytest.mark.parametrize("policy", RESOURCES)
def test_each_policy_allows_no_more_than_its_name_says(
    resources: dict[str, Any], policy: str
) -> None:
    made = resources[policy]
    assert made.get("Condition") == ONLY_IF.get(policy)
    allowed = {}
    for written in made["Properties"]["PolicyDocument"]["Statement"]:
        condition, statement, _ = written.get("Fn::If", ("", written, None))
        assert set(statement) == {"Effect", "Action", "Resource"}
        assert statement["Effect"] == "Allow"
        actions = statement["Action"]
        actions = " ".join(actions) if isinstance(actions, list) else actions
        assert (condition == "Traces") == actions.startswith("xray:")
        allowed[actions] = statement["Resource"]
    assert allowed == RESOURCES[policy]


def test_every_function_and_policy_is_looked_at(resources: dict[str, Any]) -> None:
    functions = {n for n, each in resources.items() if each["Type"] == "AWS::Lambda::Function"}
    assert functions == set(MAY)
    policies = {n for n, each in resources.items() if each["Type"] == "AWS::IAM::ManagedPolicy"}
    assert policies == set(RESOURCES)


def test_every_route_but_two_asks_the_authorizer(resources: dict[str, Any]) -> None:
    api = resources["HttpApi"]["Properties"]["Body"]
    (scheme,) = api["components"]["securitySchemes"]
    asked = {
        path: operation["security"] == [{"Hadir": []}]
        for path, methods in api["paths"].items()
        for method, operation in methods.items()
        if method in ("get", "post", "delete")
    }
    assert {path for path, does in asked.items() if not does} == {
        "/api/health",
        "/api/availability",
    }
    assert scheme == "Hadir"
    connect = resources["WebSocketApiConnectRoute"]["Properties"]
    assert connect["AuthorizationType"] == "CUSTOM"
    authorizer = resources["WebSocketApiConnectAuthorizer"]["Properties"]
    assert authorizer["IdentitySource"] == ["route.request.header.Host"], "always there"


def test_browsers_may_come_from_the_allowed_origins(resources: dict[str, Any]) -> None:
    cors = resources["HttpApi"]["Properties"]["Body"]["x-amazon-apigateway-cors"]
    condition, cors, _ = cors["Fn::If"]
    assert condition == "HasOrigins"
    assert cors["allowMethods"] == ["GET", "POST", "DELETE"]
    assert cors["allowHeaders"] == ["Authorization", "Content-Type"]
    assert cors["allowOrigins"] == {"Fn::Split": [",", "https://a.example,https://b.example"]}
    variables = resources["AuthorizeFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["ALLOWED_ORIGINS"] == {"Ref": "AllowedOrigins"}


def test_what_everybody_may_ask_of_redis_is_asked_at_a_bounded_rate(
    resources: dict[str, Any],
) -> None:
    (stage,) = (
        each["Properties"]
        for name, each in resources.items()
        if each["Type"] == "AWS::ApiGatewayV2::Stage" and name != "WebSocketApiStage"
    )
    assert stage["RouteSettings"] == {
        "GET /api/availability": {"ThrottlingRateLimit": 50, "ThrottlingBurstLimit": 100}
    }


@pytest.mark.parametrize("stage", ["prod", "production", "pROD", "Prd", "live", "Local", None])
def test_only_a_stage_that_says_so_is_open(stage: str | None) -> None:
    """Whoever forgets the stage gets the default one, which is not open either."""
    named = {} if stage is None else {"Stage": stage}
    overrides = {"RedisUrl": "redis://r:1", "AllowedOrigins": "*", "AuthMode": "open", **named}

    with pytest.raises(TemplateError, match="only a Stage named local, dev or test takes it"):
        load(ROOT / "template.yaml", overrides=overrides, env_vars={}, region="eu-west-1")


LOGGED = {
    *("requestId", "routeKey", "connectionId", "status", "error.message"),
    *("identity.sourceIp", "integrationLatency", "responseLatency"),
}
"""What access logs may hold; never the query, nor headers."""


def test_access_logs_hold_nothing_in_which_a_token_may_be(resources: dict[str, Any]) -> None:
    websockets = resources["WebSocketApiStage"]["Properties"]["AccessLogSettings"]
    (rest,) = (
        each["Properties"]["AccessLogSettings"]
        for name, each in resources.items()
        if each["Type"] == "AWS::ApiGatewayV2::Stage" and name != "WebSocketApiStage"
    )
    for settings in (websockets, rest):
        written = json.loads(settings["Fn::If"][1]["Format"])
        assert {value.removeprefix("$context.") for value in written.values()} <= LOGGED


def test_the_secret_is_only_with_those_who_read_or_sign_tokens(resources: dict[str, Any]) -> None:
    holders = {
        name
        for name, each in resources.items()
        if "TOKEN_SECRET_ID"
        in each.get("Properties", {}).get("Environment", {}).get("Variables", {})
    }
    assert holders == {"AuthorizeFunction", "CanaryFunction", "DefaultFunction"}
    for function in ("AuthorizeFunction", "CanaryFunction"):
        variables = resources[function]["Properties"]["Environment"]["Variables"]
        assert variables["REDIS_URL"] == ""
