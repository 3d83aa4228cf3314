"""Integrations that are no proxies, and those that do not run here."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients import WAIT
from tests.conftest import TWO_WAY, Serve, answers_on
from tests.templates import HERE, URI, Load, api_of, plain, sam, warnings_of

ECHO = "def handler(event, _): return {'given': event}"
DEFAULT = {"$default": '{"id": "$context.connectionId", "said": $input.json(\'$.text\')}'}


def mapped(templates: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    own = {"IntegrationType": "AWS", **({"RequestTemplates": templates} if templates else {})}
    return {"Integration": {**own, **more}}


@pytest.mark.aws("ms-aws")
class TestAFunctionBehindTemplates:
    @pytest.mark.parametrize(
        ("integration", "given"),
        [
            (mapped(DEFAULT), {"id": "{id}", "said": "hi"}),
            (mapped({"200": '{"one": 1}'}, TemplateSelectionExpression="200"), {"one": 1}),
            (
                mapped(
                    {"ask": '{"chosen": true}', **DEFAULT},
                    TemplateSelectionExpression="${request.body.action}",
                ),
                {"chosen": True},
            ),
            (
                mapped(DEFAULT, TemplateSelectionExpression="\\$default"),
                {"id": "{id}", "said": "hi"},
            ),
            (mapped(), {"action": "ask", "text": "hi"}),
        ],
    )
    def test_is_given_what_they_make(
        self, serve: Serve, integration: dict[str, Any], given: dict[str, Any]
    ) -> None:
        gateway = serve(ECHO, {"ask": {**integration, **TWO_WAY}}, resources=answers_on(0))
        with gateway.connect() as socket:
            socket.send('{"action": "ask", "text": "hi"}')
            answer = json.loads(socket.recv(WAIT))
        if "id" in given:
            assert len(answer["given"].pop("id")) == 16
            given = {"said": given["said"]}
        assert answer == {"given": given}

    def test_answers_through_one_too(self, serve: Serve) -> None:
        response = {
            "Type": "AWS::ApiGatewayV2::IntegrationResponse",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "IntegrationId": {"Ref": "Integration0"},
                "IntegrationResponseKey": "$default",
                "ResponseTemplates": {"$default": "<$input.path('$.given.said')>"},
            },
        }
        resources = {**answers_on(0), "Response": response}
        gateway = serve(ECHO, {"ask": {**mapped(DEFAULT), **TWO_WAY}}, resources=resources)
        with gateway.connect() as socket:
            socket.send('{"action": "ask", "text": "hi"}')
            assert socket.recv(WAIT) == "<hi>"

    def test_need_not_be_waited_for(self, serve: Serve, tmp_path: Path) -> None:
        event = {"integration.request.header.X-Amz-Invocation-Type": "'Event'"}
        integration = mapped(DEFAULT, RequestParameters=event)
        released = tmp_path / "released"
        code = "import pathlib, time\n"
        code += f"def handler(*_):\n    while not pathlib.Path({str(released)!r}).exists():\n"
        code += "        time.sleep(0.01)"
        gateway = serve(code, {"ask": {**integration, **TWO_WAY}}, resources=answers_on(0))
        with gateway.connect() as socket:
            socket.send('{"action": "ask", "text": "hi"}')
            gateway.wait_for_line("^ask ")
            given = gateway.wait_for(lambda record: record.kind == "event").fields["event"]
            assert given["said"] == "hi"
            released.touch()
            gateway.wait_for_event("Function")


@pytest.mark.aws("ms-other")
class TestWhatDoesNotRun:
    @pytest.mark.parametrize(
        ("integration", "said"),
        [
            (f"IntegrationType: HTTP_PROXY  {HERE}", "an integration of type HTTP_PROXY does not"),
            (f"IntegrationType: HTTP  {HERE}", "an integration of type HTTP does not run here"),
            (
                f"IntegrationType: AWS  {HERE}\nIntegrationUri: arn:aws:apigateway:r:sqs:path/1/q",
                "an integration of type AWS with arn:aws:apigateway:r:sqs:path/1/q does not run",
            ),
            (
                (
                    "IntegrationType: AWS\n"
                    f"IntegrationUri: {URI}\nRequestTemplates: {{a: '#set($a = 1)'}}  {HERE}"
                ),
                "#set of a mapping template is not evaluated here",
            ),
            (
                (
                    "IntegrationType: AWS_PROXY\n"
                    f"IntegrationUri: arn:aws:lambda:r:1:function:elsewhere  {HERE}"
                ),
                "arn:aws:lambda:r:1:function:elsewhere is no function of this template",
            ),
            (
                f"IntegrationType: MOCK\nRequestTemplates: {{a: '$input.body'}}  {HERE}",
                "a MOCK's request template must be a constant",
            ),
        ],
    )
    def test_costs_its_own_route_only(self, loaded: Load, integration: str, said: str) -> None:
        resources = f"""
            Served:
              Type: AWS::ApiGatewayV2::Integration
              Properties: {{ApiId: !Ref Ws, IntegrationType: AWS_PROXY, IntegrationUri: {URI!r}}}
            Asked:
              Type: AWS::ApiGatewayV2::Route
              Properties: {{ApiId: !Ref Ws, RouteKey: ask, Target: !Sub "integrations/${{Served}}"}}
            """.replace("'!Sub ", "!Sub '")
        text = plain(integration=integration, resources=resources)
        application = loaded(text)
        routes = api_of(application).routes
        assert (routes["$default"].unserved, routes["ask"].unserved) == (True, False)
        (warning,) = warnings_of(text, application)
        assert warning.startswith(said)
        assert warning.endswith(": $default is answered an error")

    def test_is_answered_an_error(self, serve: Serve) -> None:
        http = {"Integration": {"IntegrationType": "HTTP_PROXY", "IntegrationUri": "https://a.b"}}
        gateway = serve(ECHO, {"ask": http, "$connect": http, "$disconnect": http, "say": {}})
        with gateway.connect() as socket:
            socket.send('{"action": "ask"}')
            answer = json.loads(socket.recv(WAIT))
        assert answer["message"] == "Internal server error"
        gateway.wait_for_line("\\$connect is taken to succeed")
        gateway.wait_for_line("\\$disconnect does nothing")


@pytest.mark.aws("co-bare")
def test_connect_needs_no_integration(loaded: Load) -> None:
    resources = f"""
        Connect:
          Type: AWS::ApiGatewayV2::Route
          Properties:
            {{ApiId: !Ref Ws, RouteKey: $connect, AuthorizationType: CUSTOM, AuthorizerId: !Ref A}}
        A:
          Type: AWS::ApiGatewayV2::Authorizer
          Properties: {{ApiId: !Ref Ws, AuthorizerUri: {URI!r}, IdentitySource: []}}
        """.replace("'!Sub ", "!Sub '")
    application = loaded(plain(resources=resources))
    api = api_of(application)
    assert api.authorizer is not None
    assert (api.routes["$connect"].function, api.routes["$connect"].unserved) == (None, False)
    assert application.warnings == ()


@pytest.mark.aws("te-stage-variables")
@pytest.mark.parametrize("uri", ["${stageVariables.fn}", "Fn:${stageVariables.alias}"])
def test_a_stage_variable_names_the_function(loaded: Load, uri: str) -> None:
    proxy = f"IntegrationType: AWS_PROXY\nIntegrationUri: 'arn:aws:lambda:eu:1:function:{uri}'"
    stage = "StageVariables: {fn: Fn, alias: live}"
    assert api_of(loaded(plain(integration=proxy, stage=stage))).routes["$default"].function == "Fn"


def test_state_machines_and_domain_names_are_warned_of(loaded: Load) -> None:
    text = sam(resources=f"Machine:\n  Type: AWS::Serverless::StateMachine  {HERE}")
    assert warnings_of(text, loaded(text)) == ["Machine: state machines do not run here"]
    text = sam(f"Domain: {{DomainName: ws.example.com}}  {HERE}")
    said = "Ws: its domain name is not served here, the stage's path is"
    assert warnings_of(text, loaded(text)) == [said]


def test_a_path_that_selects_nothing_is_warned_of(loaded: Load) -> None:
    text = sam().replace("$request.body.action", f"$request.body.items[*].kind  {HERE}")
    (said,) = warnings_of(text, loaded(text))
    assert said == ".items[*].kind has more than names and indexes, and selects nothing here"
