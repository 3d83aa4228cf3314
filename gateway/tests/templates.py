"""Templates to load, and what is said of them."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from apigw_local.errors import TemplateError
from apigw_local.template.load import load
from apigw_local.template.model import (
    Application,
    WebSocketApi,
)

FOLDERS = ("src", "layer", "other-layer", "asset.1")
HERE = "# here"
"""Marks the line that an error or a warning must name."""

Load = Callable[..., Application]
Refusal = Callable[..., str]


@pytest.fixture
def loaded(tmp_path: Path) -> Load:
    """Loads a template's text, beside which there are some folders."""
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()

    def load_text(
        text: str,
        *,
        name: str = "template.yaml",
        overrides: Mapping[str, str] | None = None,
        env_vars: Mapping[str, Mapping[str, str]] | None = None,
        **options: Any,
    ) -> Application:
        path = tmp_path / name
        path.write_text(text)
        return load(
            path, overrides=overrides or {}, env_vars=env_vars or {}, region="eu-west-1", **options
        )

    return load_text


@pytest.fixture
def refused(loaded: Load, tmp_path: Path) -> Refusal:
    """What a template is refused for; it must name the line that is marked, if one is."""

    def refuse(text: str, **options: Any) -> str:
        with pytest.raises(TemplateError) as caught:
            loaded(text, **options)
        return said_of_the_marked_line(str(caught.value), text, tmp_path)

    return refuse


def said_of_the_marked_line(said: str, text: str, folder: Path) -> str:
    lines = [number for number, line in enumerate(text.splitlines(), 1) if HERE in line]
    where = f"{folder / 'template.yaml'}:{lines[0]}: " if lines else ""
    assert said.startswith(where)
    return said.removeprefix(where)


def warnings_of(text: str, application: Application) -> list[str]:
    """What is warned of, of the line that is marked."""
    (line,) = (number for number, line in enumerate(text.splitlines(), 1) if HERE in line)
    found = [re.fullmatch(r".*template\.yaml:(\d+): (.*)", each) for each in application.warnings]
    return [each[2] for each in found if each and int(each[1]) == line]


def api_of(application: Application) -> WebSocketApi:
    assert application.websocket_api is not None
    return application.websocket_api


def under(depth: int, text: str) -> str:
    return indent(dedent(text).strip("\n"), "  " * depth)


SAM_ROUTES = "$default: {FunctionArn: !GetAtt Fn.Arn}"


def sam(
    properties: str = "", routes: str = SAM_ROUTES, resources: str = "", sections: str = ""
) -> str:
    """A template with a function ``Fn`` and the WebSocket API ``Ws``, in SAM's form."""
    return "\n".join(
        [
            "Transform: AWS::Serverless-2016-10-31",
            under(0, sections),
            "Resources:",
            "  Fn:",
            "    Type: AWS::Serverless::Function",
            "    Properties: {Runtime: python3.13, Handler: app.handler, CodeUri: src}",
            "  Other:",
            "    Type: AWS::Serverless::Function",
            "    Properties: {Runtime: python3.13, Handler: app.other, CodeUri: src}",
            "  Ws:",
            "    Type: AWS::Serverless::WebSocketApi",
            "    Properties:",
            "      RouteSelectionExpression: $request.body.action",
            under(3, properties),
            "      Routes:",
            under(4, routes),
            under(1, resources),
        ]
    )


URI = (
    "!Sub arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
    "${Fn.Arn}/invocations"
)


def plain(
    *,
    route: str = "",
    integration: str = f"IntegrationType: AWS_PROXY\nIntegrationUri: {URI}",
    target: str = "!Join [/, [integrations, !Ref DefaultIntegration]]",
    stage: str = "",
    resources: str = "",
    sections: str = "",
    key: str = "$default",
) -> str:
    """The same in CloudFormation's own form."""
    return "\n".join(
        [
            under(0, sections),
            "Resources:",
            "  Fn:",
            "    Type: AWS::Lambda::Function",
            "    Properties: {Runtime: python3.13, Handler: app.handler, Code: src}",
            "  Ws:",
            "    Type: AWS::ApiGatewayV2::Api",
            "    Properties:",
            "      ProtocolType: WEBSOCKET",
            "      RouteSelectionExpression: $request.body.action",
            "  DefaultRoute:",
            "    Type: AWS::ApiGatewayV2::Route",
            "    Properties:",
            "      ApiId: !Ref Ws",
            f"      RouteKey: {key}",
            f"      Target: {target}",
            under(3, route),
            "  DefaultIntegration:",
            "    Type: AWS::ApiGatewayV2::Integration",
            "    Properties:",
            "      ApiId: !Ref Ws",
            under(3, integration),
            "  Deployment:",
            "    Type: AWS::ApiGatewayV2::Deployment",
            "    DependsOn: DefaultRoute",
            "    Properties: {ApiId: !Ref Ws}",
            "  Live:",
            "    Type: AWS::ApiGatewayV2::Stage",
            "    Properties:",
            "      ApiId: !Ref Ws",
            "      StageName: live",
            "      DeploymentId: !Ref Deployment",
            under(3, stage),
            "  Granted:",
            "    Type: AWS::Lambda::Permission",
            "    Properties: {FunctionName: !Ref Fn, Principal: apigateway.amazonaws.com}",
            under(1, resources),
        ]
    )


def function(properties: str, name: str = "Under", **parts: str) -> str:
    """A template with one more function, that is in nobody's way."""
    text = f"{name}:\n  Type: AWS::Serverless::Function\n  Properties:\n" + under(2, properties)
    return sam(resources=text, **parts)


def variables(text: str, **parts: str) -> str:
    """A template whose function ``Under`` has these environment variables, and is served."""
    properties = (
        "{Runtime: python3.13, Handler: app.handler, CodeUri: src, Environment: {Variables: "
        "*variables}, Events: {Get: {Type: HttpApi}}}"
    )
    of_function = f"Under: {{Type: 'AWS::Serverless::Function', Properties: {properties}}}"
    anchored = "Metadata:\n  Variables: &variables\n" + under(2, text)
    parts["sections"] = "\n".join([anchored, under(0, parts.get("sections", ""))])
    parts["resources"] = "\n".join([of_function, under(0, parts.get("resources", ""))])
    return sam(**parts)
