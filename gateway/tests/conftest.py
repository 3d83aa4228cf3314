"""Gateways for tests."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from apigw_local.pytest_plugin import StartGateway
from apigw_local.testing import LocalGateway
from tests.conformance import (  # noqa: F401 (hooks of pytest's)
    pytest_collection_modifyitems,
    pytest_runtest_makereport,
    pytest_sessionfinish,
)
from tests.templates import loaded, refused  # noqa: F401 (fixtures)

ECHO_APP = Path(__file__).parent / "echo_app"

MOCK = {"Integration": {"IntegrationType": "MOCK"}}
TWO_WAY = {"RouteResponseSelectionExpression": "$default"}

Serve = Callable[..., LocalGateway]
ServeNode = Callable[..., LocalGateway]


@pytest.fixture(scope="session")
def gateway(start_gateway: StartGateway, tmp_path_factory: pytest.TempPathFactory) -> LocalGateway:
    """The echo application, its functions in processes of their own."""
    static = tmp_path_factory.mktemp("static")
    (static / "page.html").write_text("<p>a page")
    return start_gateway(
        ECHO_APP / "template.yaml",
        parameters={"Greeting": "salam"},
        region="eu-west-1",
        path="/ws/{who}/{room}",
        static=static,
        most_workers=4,
    )


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serves a few routes, all by one function in this process: ``serve(code, routes, …)``."""
    with ExitStack() as stack:

        def start(
            code: str,
            routes: dict[str, dict[str, Any]],
            *,
            resources: dict[str, Any] | None = None,
            api: dict[str, Any] | None = None,
            stage: dict[str, Any] | None = None,
            **options: Any,
        ) -> LocalGateway:
            (tmp_path / "app.py").write_text(code)
            template = tmp_path / "template.json"
            template.write_text(json.dumps(plain_template(routes, resources or {}, api, stage)))
            return stack.enter_context(LocalGateway(template, **{"in_process": True, **options}))

        yield start


@pytest.fixture
def serve_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServeNode]:
    """Serves files: ``serve_node({"app.js": code}, Timeout=1, …)``; ``$default`` answers."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with ExitStack() as stack:

        def start(
            files: Mapping[str, str],
            *,
            routes: dict[str, dict[str, Any]] | None = None,
            resources: dict[str, Any] | None = None,
            options: dict[str, Any] | None = None,
            **properties: Any,
        ) -> LocalGateway:
            project = tmp_path / "project"
            for name, code in files.items():
                file = project / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(code)
            given = {"CodeUri": ".", "Handler": "app.handler", "Runtime": "nodejs20.x"}
            function = {
                "Type": "AWS::Serverless::Function",
                "Properties": {**given, **properties},
            }
            made = {"Function": function, **answers_on(0), **(resources or {})}
            template = project / "template.json"
            template.write_text(json.dumps(plain_template(routes or {"$default": TWO_WAY}, made)))
            return stack.enter_context(LocalGateway(template, **(options or {})))

        yield start


def plain_template(
    routes: dict[str, dict[str, Any]],
    resources: dict[str, Any],
    api: dict[str, Any] | None = None,
    stage: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """CloudFormation's own resources; what a route says of ``Integration`` goes there."""
    made: dict[str, Any] = {
        "Function": {
            "Type": "AWS::Serverless::Function",
            "Properties": {"CodeUri": ".", "Handler": "app.handler", "Runtime": "python3.13"},
        },
        "Api": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {
                "Name": "api",
                "ProtocolType": "WEBSOCKET",
                "RouteSelectionExpression": "$request.body.action",
                **(api or {}),
            },
        },
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {"ApiId": {"Ref": "Api"}, "StageName": "prod", **(stage or {})},
        },
    }
    lambda_uri = (
        "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Function.Arn}"
        "/invocations"
    )
    for number, (key, said) in enumerate(routes.items()):
        integration = {
            "IntegrationType": "AWS_PROXY",
            "IntegrationUri": {"Fn::Sub": lambda_uri},
            **said.get("Integration", {}),
        }
        route = {name: value for name, value in said.items() if name != "Integration"}
        target = {"Fn::Join": ["/", ["integrations", {"Ref": f"Integration{number}"}]]}
        made[f"Integration{number}"] = {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {"ApiId": {"Ref": "Api"}, **integration},
        }
        made[f"Route{number}"] = {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {"ApiId": {"Ref": "Api"}, "RouteKey": key, "Target": target, **route},
        }
    return {"Transform": "AWS::Serverless-2016-10-31", "Resources": {**made, **resources}}


def answers_on(*numbers: int) -> dict[str, Any]:
    """The other half of two-way routes: what makes those of these numbers answer."""
    return {
        f"Answer{number}": {
            "Type": "AWS::ApiGatewayV2::RouteResponse",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "RouteId": {"Ref": f"Route{number}"},
                "RouteResponseKey": "$default",
            },
        }
        for number in numbers
    }
