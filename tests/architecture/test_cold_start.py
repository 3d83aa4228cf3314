"""Each handler imports only what it uses: read off a fresh process, not off a clock."""

import json
import subprocess
import sys

import pytest

from tests.running_gateway import ROOT

HEAVY = {"aws_lambda_powertools.event_handler", "awscrt", "boto3", "jwt", "pydantic", "redis"}
NEEDED = {
    "authorize": {"awscrt", "boto3", "jwt"},
    "connect": {"awscrt", "boto3", "redis"},  # botocore takes awscrt where there is one
    "announce": {"awscrt", "redis"},
    "disconnect": {"awscrt", "redis"},
    "end_grace": {"awscrt", "redis"},
    "default": {"awscrt", "pydantic", "redis"},
    "canary": {"awscrt", "boto3", "jwt"},
    "sweep": {"awscrt", "boto3", "redis"},
    "rest": {"aws_lambda_powertools.event_handler", "redis"},
}
ENVIRONMENT = {
    "REDIS_URL": "redis://127.0.0.1:1",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": "https://x.execute-api.eu-west-1.amazonaws.com/s",
    "ANNOUNCE_FUNCTION": "announce",
    "MESSAGE_FUNCTION": "default",
    "ALLOWED_ORIGINS": "https://app.example.com",
    "TOKEN_SECRET_ID": "hadir",
}


@pytest.mark.parametrize("function", NEEDED)
def test_a_handler_imports_only_what_it_uses(function: str) -> None:
    program = "import app, json, sys; print(json.dumps([*sys.modules]))"
    loaded = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT / "functions" / function,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert HEAVY & set(json.loads(loaded.stdout)) == NEEDED[function]


def test_every_function_is_here() -> None:
    assert {path.parent.name for path in (ROOT / "functions").glob("*/app.py")} == set(NEEDED)


@pytest.mark.parametrize("function", NEEDED)
def test_a_missing_variable_is_named(function: str) -> None:
    program = [sys.executable, "-c", "import app"]
    done = subprocess.run(
        program,
        cwd=ROOT / "functions" / function,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    missing = {
        "authorize": "set TOKEN_SECRET_ID or JWKS_URL",
        "canary": "set the environment variable AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI",
    }.get(function, "set the environment variable REDIS_URL")
    assert f"InvalidSettings: {missing}" in done.stderr
