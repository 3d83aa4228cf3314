"""What would be deployed, looked at for what it lets in and what it may do."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

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


MANAGE = "execute-api:ManageConnections"
VPC = "be in a VPC"
REDIS = {"elasticache:Connect", VPC}
SECRET = "secretsmanager:GetSecretValue"
LOG = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
}
MAY = {
    "AuthorizeFunction": {SECRET},
    "ConnectFunction": {*REDIS, "lambda:InvokeFunction"},
    "AnnounceFunction": {
        *REDIS,
        f"{MANAGE} GET",
        f"{MANAGE} POST",
        f"{MANAGE} DELETE",
        "sqs:SendMessage",
    },
    "DisconnectFunction": {*REDIS, f"{MANAGE} POST"},
    "DefaultFunction": {*REDIS, f"{MANAGE} POST", f"{MANAGE} DELETE", SECRET},
    "SweepFunction": {*REDIS, f"{MANAGE} GET", f"{MANAGE} POST", f"{MANAGE} DELETE"},
    "StatusFunction": {*REDIS, f"{MANAGE} POST", f"{MANAGE} DELETE"},
}
"""What each function's role allows, besides writing its log and traces."""


@pytest.mark.parametrize("function", MAY)
def test_each_function_may_do_what_it_must(resources: dict[str, Any], function: str) -> None:
    assert resources[function]["Properties"]["Role"] == {"Fn::GetAtt": [f"{function}Role", "Arn"]}
    role = resources[f"{function}Role"]["Properties"]
    assert set(role) == {"AssumeRolePolicyDocument", "ManagedPolicyArns"}
    allowed: set[str] = set()
    for wanted in role["ManagedPolicyArns"]:
        condition, policy, _ = wanted.get("Fn::If", ("", wanted, None))
        if "Fn::Sub" in policy:
            assert condition == "InVpc"
            assert policy["Fn::Sub"].endswith("service-role/AWSLambdaVPCAccessExecutionRole")
            allowed.add(VPC)
            continue
        made = resources[policy["Ref"]]
        assert made.get("Condition", "") == condition
        for statement in made["Properties"]["PolicyDocument"]["Statement"]:
            allowed |= set(rights(statement))
    assert allowed == MAY[function] | LOG


def test_every_function_is_looked_at(resources: dict[str, Any]) -> None:
    functions = {n for n, each in resources.items() if each["Type"] == "AWS::Lambda::Function"}
    assert functions == set(MAY)


def rights(statement: dict[str, Any]) -> list[str]:
    """The actions of a statement; those on sockets with the methods, of this stage alone."""
    condition, given, _ = statement.get("Fn::If", ("", statement, None))
    assert given["Effect"] == "Allow"
    actions = given["Action"]
    actions = actions if isinstance(actions, list) else [actions]
    assert given["Resource"] != "*" or (condition, actions[0]) == (
        "Traces",
        "xray:PutTraceSegments",
    )
    if actions != [MANAGE]:
        return actions
    stage = (
        "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:"
        "${WebSocketApi}/${Stage}/"
    )
    place = given["Resource"]["Fn::Sub"]
    assert place.startswith(stage)
    method, _, sockets = place.removeprefix(stage).partition("/")
    assert sockets == "@connections/*"
    return [f"{MANAGE} {method}"]


def test_every_route_but_health_asks_the_authorizer(resources: dict[str, Any]) -> None:
    api = resources["HttpApi"]["Properties"]["Body"]
    (scheme,) = api["components"]["securitySchemes"]
    asked = {
        path: operation["security"] == [{"Hadir": []}]
        for path, methods in api["paths"].items()
        for method, operation in methods.items()
        if method in ("get", "delete")
    }
    assert {path for path, does in asked.items() if not does} == {"/api/health"}
    assert scheme == "Hadir"
    connect = resources["WebSocketApiConnectRoute"]["Properties"]
    assert connect["AuthorizationType"] == "CUSTOM"


def test_browsers_may_come_from_the_allowed_origins(resources: dict[str, Any]) -> None:
    cors = resources["HttpApi"]["Properties"]["Body"]["x-amazon-apigateway-cors"]
    condition, cors, _ = cors["Fn::If"]
    assert condition == "HasOrigins"
    assert cors["allowMethods"] == ["GET", "DELETE"]
    assert cors["allowHeaders"] == ["Authorization"]
    assert cors["allowOrigins"] == {"Fn::Split": [",", "https://a.example,https://b.example"]}
    variables = resources["AuthorizeFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["ALLOWED_ORIGINS"] == {"Ref": "AllowedOrigins"}


@pytest.mark.parametrize("stage", ["prod", "Prod", "PROD", "production"])
def test_production_is_never_open(stage: str) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "apigw_local", "--parameter-overrides"),
            *("RedisUrl=redis://127.0.0.1:1", "AllowedOrigins=*", "AuthMode=open"),
            f"Stage={stage}",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "takes only token" in done.stderr


def test_access_logs_leave_out_what_may_hold_a_token(transformed: Path) -> None:
    text = transformed.read_text()
    assert text.count("$context.requestId") == 2
    for risky in ("querystring", "header", "$context.path", "$input", "authorizer.token"):
        assert f"$context.{risky}" not in text
        assert "queryString" not in text


def test_the_secret_is_only_with_those_who_read_tokens(resources: dict[str, Any]) -> None:
    holders = {
        name
        for name, each in resources.items()
        if "TOKEN_SECRET_ID"
        in each.get("Properties", {}).get("Environment", {}).get("Variables", {})
    }
    assert holders == {"AuthorizeFunction", "DefaultFunction"}
    variables = resources["AuthorizeFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["REDIS_URL"] == ""
