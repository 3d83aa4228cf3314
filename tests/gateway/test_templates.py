"""What is read of a template, and which line is named when something in it cannot be."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from apigw_local.errors import TemplateError
from apigw_local.template.functions import read_env_vars
from apigw_local.template.intrinsics import api_id, host
from apigw_local.template.load import load
from apigw_local.template.model import (
    Application,
    Authorizer,
    HttpRoute,
    Schedule,
    Throttle,
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


@pytest.mark.aws("te-sam")
class TestSamForm:
    def test_what_is_not_said(self, loaded: Load) -> None:
        application = loaded(sam())

        api = api_of(application)
        assert api.stage == "default"
        assert api.selection_expression == "$request.body.action"
        assert (api.authorizer, api.signed, api.key_from_authorizer) == (None, False, False)
        (route,) = api.routes.values()
        assert (route.key, route.function, route.timeout) == ("$default", "Fn", 29)
        assert (route.two_way, route.api_key_required, route.throttle) == (False, False, None)
        assert application.warnings == ()
        assert application.hosts[host("Ws", "eu-west-1")] == "websocket"

    def test_all_that_can_be_said(self, loaded: Load) -> None:
        properties = """
            StageName: !Ref Stage
            ApiKeySelectionExpression: $context.authorizer.usageIdentifierKey
            StageVariables: {colour: blue, count: 3, on: true}
            DefaultRouteSettings: {ThrottlingRateLimit: 5, ThrottlingBurstLimit: 2}
            RouteSettings: {say: {ThrottlingBurstLimit: 9}}
            """
        routes = """
            $connect: {FunctionArn: !GetAtt Other.Arn, ApiKeyRequired: true, RequestParameters: {}}
            say: {FunctionArn: !GetAtt Fn.Arn, IntegrationTimeout: 1500, ApiKeyRequired: "false"}
            $default: {FunctionArn: !GetAtt Fn.Arn, RouteResponseSelectionExpression: $default}
            """
        resources = """
            Answers:
              Type: AWS::ApiGatewayV2::RouteResponse
              Properties: {ApiId: !Ref Ws, RouteId: !Ref WsDefaultRoute, RouteResponseKey: $default}
            Key: {Type: AWS::ApiGateway::ApiKey, Properties: {Value: secret}}
            Gone: {Type: AWS::ApiGateway::ApiKey, Condition: Never}
            """
        sections = """
            Parameters: {Stage: {Type: String, Default: a-b}}
            Conditions: {Never: !Equals [1, 2]}
            """
        application = loaded(sam(properties, routes, resources, sections))

        api = api_of(application)
        assert api.stage == "a-b"
        assert api.stage_variables == {"colour": "blue", "count": "3", "on": "true"}
        assert api.key_from_authorizer
        assert api.api_keys == {"Key": "secret"}
        assert {key: route.function for key, route in api.routes.items()} == {
            "$connect": "Other",
            "say": "Fn",
            "$default": "Fn",
        }
        assert [key for key, route in api.routes.items() if route.api_key_required] == ["$connect"]
        assert [key for key, route in api.routes.items() if route.two_way] == ["$default"]
        assert api.routes["say"].timeout == 1.5
        assert api.routes["say"].throttle == Throttle(5, 9)
        assert api.routes["$default"].throttle == Throttle(5, 2)
        assert application.warnings == ()

    def test_globals(self, loaded: Load) -> None:
        sections = """
            Globals:
              WebSocketApi:
                StageVariables: {colour: blue, size: small}
                DefaultRouteSettings: {ThrottlingRateLimit: 7}
            """
        api = api_of(loaded(sam("StageVariables: {colour: red}", sections=sections)))

        assert api.stage_variables == {"colour": "red", "size": "small"}
        assert api.routes["$default"].throttle == Throttle(7, 5000)

    def test_a_custom_authorizer(self, loaded: Load) -> None:
        properties = """
            Auth:
              AuthType: !Ref Kind
              AuthArn: !GetAtt Other.Arn
              IdentitySource: [route.request.querystring.token, route.request.header.Host]
            """
        sections = "Parameters: {Kind: {Type: String, Default: CUSTOM}}"
        routes = f"$connect: {{FunctionArn: !GetAtt Fn.Arn}}\n{SAM_ROUTES}"
        application = loaded(sam(properties, routes, sections=sections))

        sources = ("route.request.querystring.token", "route.request.header.Host")
        assert api_of(application).authorizer == Authorizer("Other", sources)
        assert not api_of(application).signed
        assert application.served() == {"Fn", "Other"}

    @pytest.mark.parametrize(("kind", "signed"), [("AWS_IAM", True), ("NONE", False)])
    def test_no_authorizer(self, loaded: Load, kind: str, signed: bool) -> None:
        routes = f"$connect: {{FunctionArn: !GetAtt Fn.Arn}}\n{SAM_ROUTES}"
        api = api_of(loaded(sam(f"Auth: {{AuthType: {kind}}}", routes)))

        assert api.authorizer is None
        assert api.signed == signed

    def test_a_stage_that_is_not_there(self, refused: Refusal) -> None:
        assert refused(sam(), stage="live").endswith("Ws has no stage live, but default")


@pytest.mark.aws("te-keys")
@pytest.mark.parametrize(
    ("properties", "routes", "said"),
    [
        pytest.param(
            "", f"send-message: {{}}  {HERE}", "letters and digits as a route key", id="dash"
        ),
        pytest.param("", f"a/b: {{}}  {HERE}", "letters and digits as a route key", id="slash"),
        pytest.param("", f"$other: {{}}  {HERE}", "letters and digits as a route key", id="dollar"),
        pytest.param(
            f"StageName: $default  {HERE}", SAM_ROUTES, "no WebSocket stage $default", id="stage"
        ),
        pytest.param(
            f"StageName: a-b  {HERE}", SAM_ROUTES, "a logical id of the stage a-b", id="stage-dash"
        ),
        pytest.param(
            f"Auth: {{AuthType: JWT}}  {HERE}",
            "$connect: {}",
            "AuthType must be NONE, AWS_IAM, CUSTOM, not JWT",
            id="jwt",
        ),
        pytest.param(
            f"Auth: {{AuthType: AWS_IAM}}  {HERE}", SAM_ROUTES, "needs a $connect", id="no-connect"
        ),
        pytest.param(
            f"Auth: {{IdentitySource: []}}  {HERE}", "$connect: {}", "AuthType is", id="no-type"
        ),
        pytest.param(
            f"Auth: {{AuthType: AWS_IAM, AuthArn: x}}  {HERE}",
            "$connect: {}",
            "SAM takes nothing else with AuthType AWS_IAM",
            id="iam-and-more",
        ),
        pytest.param(
            f"Auth: {{AuthType: CUSTOM}}  {HERE}",
            "$connect: {FunctionArn: !GetAtt Fn.Arn}",
            "AuthArn is missing",
            id="no-arn",
        ),
        pytest.param(
            "",
            f"say: {{FunctionArn: !GetAtt Fn.Arn, RequestParameters: {{}}}}  {HERE}",
            "RequestParameters at $connect only",
            id="parameters",
        ),
        pytest.param("", f"{{}}  {HERE}", "Ws has no Routes", id="no-routes"),
    ],
)
def test_what_sam_refuses(refused: Refusal, properties: str, routes: str, said: str) -> None:
    assert said in refused(sam(properties, routes).replace("Routes:\n        {}", "Routes: {}"))


@pytest.mark.aws("te-keys")
@pytest.mark.parametrize("key", ["Auth", "Routes", "StageName"])
def test_what_sam_takes_for_one_api_only(refused: Refusal, key: str) -> None:
    sections = f"Globals: {{WebSocketApi: {{{key}: x}}}}  {HERE}"
    assert refused(sam(sections=sections)) == f"SAM takes no {key} from Globals.WebSocketApi"


@pytest.mark.aws("te-warns")
class TestWarnings:
    @pytest.mark.parametrize(
        ("properties", "routes", "said"),
        [
            pytest.param(
                "",
                "say: {FunctionArn: !GetAtt Fn.Arn}\n"
                f"Say: {{FunctionArn: !GetAtt Fn.Arn}}  {HERE}",
                "route Say and say become one in AWS",
                id="case",
            ),
            pytest.param(
                "",
                "$connect: {FunctionArn: !GetAtt Fn.Arn}\n"
                f"connect: {{FunctionArn: !GetAtt Fn.Arn}}  {HERE}",
                "route connect and $connect become one in AWS",
                id="dollar",
            ),
            pytest.param(
                "Auth: {AuthType: CUSTOM, AuthArn: !GetAtt Fn.Arn}",
                "$connect: {FunctionArn: !GetAtt Fn.Arn}\n"
                f"authorizer: {{FunctionArn: !GetAtt Fn.Arn}}  {HERE}",
                "a route named authorizer loses its permission",
                id="authorizer",
            ),
            pytest.param(
                "",
                f"say:\n  FunctionArn: !GetAtt Fn.Arn\n  TimeoutInMillis: 1  {HERE}",
                "SAM ignores TimeoutInMillis under a route",
                id="route-key",
            ),
            pytest.param(
                "",
                "say:\n  FunctionArn: !GetAtt Fn.Arn\n"
                f"  RouteResponseSelectionExpression: $default  {HERE}",
                "RouteResponseSelectionExpression alone returns nothing",
                id="two-way",
            ),
            pytest.param(
                "Auth:\n  AuthType: CUSTOM\n  AuthArn: !GetAtt Fn.Arn\n"
                f"  PayloadFormatVersion: 2.0  {HERE}",
                "$connect: {FunctionArn: !GetAtt Fn.Arn}",
                "SAM ignores PayloadFormatVersion under Auth",
                id="auth-key",
            ),
            pytest.param(
                f"Auth: {{AuthType: custom, AuthArn: !GetAtt Fn.Arn}}  {HERE}",
                "$connect: {FunctionArn: !GetAtt Fn.Arn}",
                "SAM takes AuthType custom for NONE",
                id="auth-case",
            ),
        ],
    )
    def test_of_what_sam_makes(self, loaded: Load, properties: str, routes: str, said: str) -> None:
        text = sam(properties, f"{SAM_ROUTES}\n{routes}")
        application = loaded(text)

        (warning,) = warnings_of(text, application)
        assert warning.startswith(said)
        assert len(application.warnings) == 1

    def test_a_condition_of_the_api(self, loaded: Load) -> None:
        text = sam(sections="Conditions: {Never: !Equals [1, 2]}").replace(
            "WebSocketApi\n", f"WebSocketApi\n    Condition: Never  {HERE}\n"
        )
        application = loaded(text)

        assert warnings_of(text, application) == ["SAM drops a WebSocketApi's Condition"]
        assert api_of(application).stage == "default"

    def test_an_authorizer_for_nothing_is_none(self, loaded: Load) -> None:
        properties = "Auth: {AuthType: custom, AuthArn: !GetAtt Fn.Arn}"
        routes = f"{SAM_ROUTES}\n$connect: {{FunctionArn: !GetAtt Fn.Arn}}"
        assert api_of(loaded(sam(properties, routes))).authorizer is None

    @pytest.mark.parametrize(
        "auth",
        [
            "{AuthType: NONE}",
            "{AuthType: AWS_IAM}",
            "{AuthType: CUSTOM, AuthArn: !GetAtt Fn.Arn, InvokeRole: role}",
        ],
    )
    def test_not_of_a_route_named_authorizer_without_its_permission(
        self, loaded: Load, auth: str
    ) -> None:
        routes = (
            "$connect: {FunctionArn: !GetAtt Fn.Arn}\nauthorizer: {FunctionArn: !GetAtt Fn.Arn}"
        )
        assert loaded(sam(f"Auth: {auth}", f"{SAM_ROUTES}\n{routes}")).warnings == ()

    @pytest.mark.parametrize(
        "text",
        [
            sam(routes="say: {FunctionArn: !GetAtt Fn.Arn}"),
            plain(key="say"),
        ],
        ids=["sam", "plain"],
    )
    def test_no_default_route(self, loaded: Load, text: str) -> None:
        (warning,) = loaded(text).warnings
        assert warning.endswith('there is no $default: messages of no route get "Forbidden"')

    def test_a_route_response_that_is_missing(self, loaded: Load) -> None:
        text = plain(
            route=f"RouteResponseSelectionExpression: $default  {HERE}",
            resources="""
                OfAnother:
                  Type: AWS::ApiGatewayV2::RouteResponse
                  Properties: {ApiId: !Ref Ws, RouteId: other, RouteResponseKey: $default}
                """,
        )
        application = loaded(text)

        (warning,) = warnings_of(text, application)
        assert "alone returns nothing" in warning
        assert not api_of(application).routes["$default"].two_way


@pytest.mark.aws("te-plain")
class TestPlainForm:
    def test_what_is_not_said(self, loaded: Load) -> None:
        application = loaded(plain())

        api = api_of(application)
        assert (api.stage, api.selection_expression) == ("live", "$request.body.action")
        assert (api.authorizer, api.signed) == (None, False)
        (route,) = api.routes.values()
        assert (route.key, route.function, route.timeout) == ("$default", "Fn", 29)
        assert (route.two_way, route.api_key_required, route.throttle) == (False, False, None)
        assert application.warnings == ()

    def test_all_that_can_be_said(self, loaded: Load) -> None:
        text = plain(
            key="a-b/c",
            route="ApiKeyRequired: true\nRouteResponseSelectionExpression: $default",
            integration=(
                f"IntegrationType: AWS_PROXY\nIntegrationUri: {URI}\nTimeoutInMillis: 2000"
            ),
            stage="""
                StageVariables: {colour: blue}
                DefaultRouteSettings: {ThrottlingRateLimit: 5, ThrottlingBurstLimit: 2}
                RouteSettings: {a-b/c: {ThrottlingRateLimit: 6}}
                """,
            resources="""
                Answers:
                  Type: AWS::ApiGatewayV2::RouteResponse
                  Properties:
                    {ApiId: !Ref Ws, RouteId: !Ref DefaultRoute, RouteResponseKey: $default}
                """,
        )
        api = api_of(loaded(text))

        assert api.stage_variables == {"colour": "blue"}
        route = api.routes["a-b/c"]
        assert (route.timeout, route.two_way, route.api_key_required) == (2, True, True)
        assert route.throttle == Throttle(6, 2)

    @pytest.mark.parametrize(
        "target",
        [
            "!Join [/, [integrations, !Ref DefaultIntegration]]",
            "!Sub integrations/${DefaultIntegration}",
            '{"Fn::Join": ["", ["integrations/", {"Ref": "DefaultIntegration"}]]}',
        ],
    )
    def test_targets(self, loaded: Load, target: str) -> None:
        assert api_of(loaded(plain(target=target))).routes["$default"].function == "Fn"

    @pytest.mark.parametrize(
        "uri",
        [
            URI,
            "!GetAtt Fn.Arn",
            "!Sub ${Fn.Arn}",
            (
                "!Sub ['arn:aws:apigateway:x:lambda:path/2015-03-31/functions/${A}/invocations', "
                "{A: !GetAtt Fn.Arn}]"
            ),
            (
                "!Join ['', ['arn:', !Ref AWS::Partition, ':apigateway:', !Ref AWS::Region, "
                "':lambda:path/2015-03-31/functions/', !GetAtt Fn.Arn, /invocations]]"
            ),
            (
                "!Sub arn:aws:apigateway:x:lambda:path/2015-03-31/functions/arn:aws:lambda:x:1:"
                "function:${Fn}/invocations"
            ),
            "{'Fn::Sub': '${Fn.Arn}:live/invocations'}",
            "!Sub arn:aws:apigateway:x:lambda:path/2015-03-31/functions/${Alias}/invocations",
            "!Ref Alias",
            "!Ref Version",
        ],
    )
    def test_how_a_function_is_named(self, loaded: Load, uri: str) -> None:
        resources = """
            Alias:
              Type: AWS::Lambda::Alias
              Properties: {FunctionName: !Ref Fn, Name: live, FunctionVersion: $LATEST}
            Version: {Type: AWS::Lambda::Version, Properties: {FunctionName: !GetAtt Fn.Arn}}
            """
        text = plain(
            integration=f"IntegrationType: AWS_PROXY\nIntegrationUri: {uri}", resources=resources
        )
        assert api_of(loaded(text)).routes["$default"].function == "Fn"

    def test_a_mock_needs_no_function(self, loaded: Load) -> None:
        api = api_of(loaded(plain(integration="IntegrationType: MOCK")))
        assert api.routes["$default"].function is None

    def test_a_custom_authorizer(self, loaded: Load) -> None:
        resources = f"""
            Auth:
              Type: AWS::ApiGatewayV2::Authorizer
              Properties:
                ApiId: !Ref Ws
                AuthorizerType: REQUEST
                AuthorizerUri: {URI}
                IdentitySource: [route.request.header.Token]
            """
        route = "AuthorizationType: CUSTOM\nAuthorizerId: !Ref Auth"
        api = api_of(loaded(plain(key="$connect", route=route, resources=resources)))
        assert api.authorizer == Authorizer("Fn", ("route.request.header.Token",))

    def test_a_signature(self, loaded: Load) -> None:
        api = api_of(loaded(plain(key="$connect", route="AuthorizationType: AWS_IAM")))
        assert (api.signed, api.authorizer) == (True, None)

    def test_resources_without_their_condition_are_not_there(self, loaded: Load) -> None:
        resources = """
            Another:
              Type: AWS::ApiGatewayV2::Route
              Condition: Never
              Properties: {ApiId: !Ref Ws, RouteKey: other, Target: nowhere}
            """
        sections = "Conditions: {Never: !Equals [1, 2]}"
        api = api_of(loaded(plain(resources=resources, sections=sections)))
        assert list(api.routes) == ["$default"]

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            pytest.param(
                plain(integration=f"IntegrationType: HTTP_PROXY  {HERE}"),
                "an integration of type HTTP_PROXY cannot be run locally, only AWS_PROXY and MOCK",
                id="http",
            ),
            pytest.param(
                plain(integration=f"IntegrationType: AWS  {HERE}"),
                "an integration of type AWS cannot be run locally",
                id="aws",
            ),
            pytest.param(
                plain(integration=f"IntegrationType: AWS_PROXY\nIntegrationUri: a:b  {HERE}"),
                "a:b is no function of this template",
                id="uri",
            ),
            pytest.param(
                plain(target=f"integrations/None  {HERE}"),
                "Target must name an Integration of Ws, found None",
                id="target",
            ),
            pytest.param(
                plain(
                    key="$connect",
                    route=f"AuthorizationType: CUSTOM\nAuthorizerId: !Ref Fn  {HERE}",
                ),
                "AuthorizerId must name an Authorizer of Ws, found Fn",
                id="authorizer",
            ),
            pytest.param(
                plain(key="$connect", route=f"AuthorizationType: JWT  {HERE}"),
                "AuthorizationType must be NONE, AWS_IAM, CUSTOM, not JWT",
                id="jwt",
            ),
            pytest.param(
                plain(
                    resources=f"""
                        Again:
                          Type: AWS::ApiGatewayV2::Route
                          Properties:
                            ApiId: !Ref Ws
                            RouteKey: $default  {HERE}
                        """
                ),
                "Ws has two routes $default",
                id="twice",
            ),
        ],
    )
    def test_what_cannot_be_served(self, refused: Refusal, text: str, said: str) -> None:
        assert refused(text).startswith(said)

    @pytest.mark.parametrize(
        ("source", "said"),
        [
            ("[$request.header.Token]", "$request.header.Token is no identity source"),
            ("route.request.header.Token", "IdentitySource must be a list"),
        ],
    )
    def test_identity_sources_of_another_kind(
        self, refused: Refusal, source: str, said: str
    ) -> None:
        resources = f"""
            Auth:
              Type: AWS::ApiGatewayV2::Authorizer
              Properties:
                ApiId: !Ref Ws
                AuthorizerUri: !GetAtt Fn.Arn
                IdentitySource: {source}  {HERE}
            """
        route = "AuthorizationType: CUSTOM\nAuthorizerId: !Ref Auth"
        assert refused(plain(key="$connect", route=route, resources=resources)).startswith(said)


class TestChoosing:
    two_stages = plain(
        resources="Test:\n  Type: AWS::ApiGatewayV2::Stage\n"
        "  Properties: {ApiId: !Ref Ws, StageName: test, StageVariables: {a: b}}"
    )
    two_apis = sam(
        resources=under(
            0,
            """
            Second:
              Type: AWS::Serverless::WebSocketApi
              Properties:
                RouteSelectionExpression: $request.body.action
                StageName: second
                Routes: {$default: {FunctionArn: !GetAtt Other.Arn}}
            """,
        )
    )

    def test_a_stage(self, loaded: Load) -> None:
        api = api_of(loaded(self.two_stages, stage="test"))
        assert (api.stage, api.stage_variables) == ("test", {"a": "b"})

    def test_an_api(self, loaded: Load) -> None:
        api = api_of(loaded(self.two_apis, api="Second"))
        assert (api.stage, api.api_id) == ("second", api_id("Second"))
        assert api.routes["$default"].function == "Other"

    def test_an_api_of_http_is_not_asked_about(self, loaded: Load) -> None:
        resources = "Http: {Type: 'AWS::ApiGatewayV2::Api', Properties: {ProtocolType: HTTP}}"
        application = loaded(plain(resources=resources))

        assert api_of(application).api_id == api_id("Ws")
        assert application.hosts[host("Http", "eu-west-1")] == "http"

    @pytest.mark.parametrize(
        ("text", "options", "said"),
        [
            (two_stages, {}, "Ws: choose one with --stage: live, test"),
            (two_stages, {"stage": "prod"}, "Ws has no stage prod, but live, test"),
            (two_apis, {}, "there is more than one WebSocket API; choose one with --api: Ws, Sec"),
            (two_apis, {"api": "Third"}, "there is no WebSocket API Third, but Ws, Second"),
            (plain().replace("Stage\n", "Other\n"), {}, "Ws: it has no Stage"),
            (plain().replace("Stage\n", "Other\n"), {"stage": "a"}, "Ws has no stage a"),
            (plain(), {"stage": "prod"}, "Ws has no stage prod, but live"),
            ("Resources: {}", {"api": "Ws"}, "there is no WebSocket API Ws"),
        ],
    )
    def test_the_error_names_the_choices(
        self, refused: Refusal, text: str, options: dict[str, str], said: str
    ) -> None:
        assert said in refused(text, **options)


@pytest.mark.aws("qu-timeout")
class TestIntegrationTimeouts:
    @staticmethod
    def texts(timeout: str) -> tuple[str, str]:
        return (
            sam(
                routes=f"$default:\n  FunctionArn: !GetAtt Fn.Arn\n  IntegrationTimeout: {timeout}"
            ),
            plain(integration=f"IntegrationType: MOCK\nTimeoutInMillis: {timeout}"),
        )

    @pytest.mark.parametrize("milliseconds", [50, 29000])
    def test_within(self, loaded: Load, milliseconds: int) -> None:
        for text in self.texts(str(milliseconds)):
            assert api_of(loaded(text)).routes["$default"].timeout == milliseconds / 1000

    @pytest.mark.parametrize("milliseconds", [49, 29001])
    def test_beyond(self, refused: Refusal, milliseconds: int) -> None:
        for text in self.texts(f"{milliseconds}  {HERE}"):
            assert f"must be from 50 to 29000 ms, found {milliseconds}" in refused(text)

    def test_no_number(self, refused: Refusal) -> None:
        for text in self.texts(f"soon  {HERE}"):
            assert "must be a number, found 'soon'" in refused(text)


class TestFunctions:
    def test_globals_and_its_own(self, loaded: Load) -> None:
        sections = """
            Parameters: {Which: {Type: String, Default: parameter}}
            Globals:
              Function:
                Runtime: python3.12
                Timeout: 7
                MemorySize: 256
                Layers: [!Ref First]
                Environment: {Variables: {A: global, B: global, C: !Ref Which}}
            """
        resources = """
            Mine:
              Type: AWS::Serverless::Function
              Properties:
                FunctionName: !Sub ${AWS::StackName}-mine
                Handler: own.handler
                CodeUri: src/
                Timeout: 9
                Layers: [!Ref Second]
                Environment: {Variables: {B: own, C: !Sub "${Mine}"}}
            First: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: layer}}
            Second: {Type: AWS::Lambda::LayerVersion, Properties: {Content: other-layer}}
            """
        made = loaded(sam(sections=sections, resources=resources)).functions["Mine"]

        assert (made.function_name, made.handler, made.runtime) == (
            "local-mine",
            "own.handler",
            "python3.12",
        )
        assert (made.timeout, made.memory, made.code.name) == (9, 256, "src")
        assert [layer.name for layer in made.layers] == ["layer", "other-layer"]
        assert made.environment == {"A": "global", "B": "own", "C": "local-mine"}

    def test_what_lambda_gives_by_default(self, loaded: Load) -> None:
        made = loaded(sam()).functions["Fn"]
        assert (made.timeout, made.memory, made.layers, made.environment) == (3, 128, (), {})

    def test_the_names_of_variables_stay_as_they_are_written(self, loaded: Load) -> None:
        text = variables("{ON: yes, NO: 1, Y: 2024-01-02, 7: x, No: 'no'}")
        environment = loaded(text).functions["Under"].environment
        expected = {"ON": "true", "NO": "1", "Y": "2024-01-02", "7": "x", "No": "no"}
        assert environment == expected

    def test_without_code_uri_it_is_the_template_s_folder(
        self, loaded: Load, tmp_path: Path
    ) -> None:
        text = function("{Runtime: python3.13, Handler: src.app.handler}")
        assert loaded(text).functions["Under"].code.resolve() == tmp_path.resolve()

    def test_what_cdk_synth_makes(self, loaded: Load) -> None:
        resources = """
            Made:
              Type: AWS::Lambda::Function
              Properties:
                Runtime: python3.13
                Handler: index.handler
                Code: {S3Bucket: !Sub "cdk-${AWS::AccountId}", S3Key: 1.zip}
                Layers: [!Ref Shared]
              Metadata: {"aws:asset:path": asset.1, "aws:asset:property": Code}
            Shared:
              Type: AWS::Lambda::LayerVersion
              Properties: {Content: {S3Bucket: bucket, S3Key: 2.zip}}
              Metadata: {"aws:asset:path": layer, "aws:asset:property": Content}
            """
        made = loaded(plain(resources=resources)).functions["Made"]
        assert (made.code.name, [layer.name for layer in made.layers]) == ("asset.1", ["layer"])

    def test_a_container_image(self, loaded: Load) -> None:
        made = loaded(function("{PackageType: Image, ImageUri: x}")).functions["Under"]
        assert not made.is_python
        assert made.runtime == "a container image"

    def test_conditions(self, loaded: Load) -> None:
        sections = """
            Parameters: {Wanted: {Type: String, Default: "no"}}
            Conditions: {IsWanted: !Equals [!Ref Wanted, "yes"]}
            """
        resources = """
            Optional:
              Type: AWS::Serverless::Function
              Condition: IsWanted
              Properties: {Runtime: python3.13, Handler: a.b, CodeUri: src}
            """
        text = sam(sections=sections, resources=resources)
        assert "Optional" not in loaded(text).functions
        assert "Optional" in loaded(text, overrides={"Wanted": "yes"}).functions

    def test_if_and_no_value_in_all_places(self, loaded: Load) -> None:
        sections = """
            Parameters: {Wanted: {Type: String, Default: "no"}}
            Conditions: {IsWanted: !Equals [!Ref Wanted, "yes"]}
            """
        properties = """
            Runtime: python3.13
            Handler: a.b
            CodeUri: !If [IsWanted, src, layer]
            FunctionName: !If [IsWanted, named, !Ref AWS::NoValue]
            Timeout: !If [IsWanted, 5, !Ref AWS::NoValue]
            Layers: [!If [IsWanted, !Ref First, !Ref AWS::NoValue]]
            Environment:
              !If
                - IsWanted
                - Variables: {A: !If [IsWanted, a, !Ref AWS::NoValue], B: b}
                - Variables: !If [IsWanted, {}, !Ref AWS::NoValue]
            """
        first = "First: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: layer}}"
        text = function(properties, sections=sections) + "\n" + under(1, first)

        application = loaded(text)
        made = application.functions["Under"]
        assert (made.code.name, made.function_name, made.timeout) == ("layer", "Under", 3)
        assert (made.layers, made.environment, application.warnings) == ((), {}, ())

        made = loaded(text, overrides={"Wanted": "yes"}).functions["Under"]
        assert (made.code.name, made.function_name, made.timeout) == ("src", "named", 5)
        assert made.environment == {"A": "a", "B": "b"}
        assert [layer.name for layer in made.layers] == ["layer"]

    def test_a_layer_from_elsewhere_is_warned_of_once(self, loaded: Load) -> None:
        arn = "arn:aws:lambda:eu-west-1:1:layer:x:1"
        text = sam(sections=f"Globals:\n  Function:\n    Layers: [{arn}]  {HERE}")
        application = loaded(text)

        assert application.functions["Fn"].layers == ()
        assert warnings_of(text, application) == [
            f"layer {arn} is not of this template: install its contents here"
        ]
        assert len(application.warnings) == 1

    @pytest.mark.parametrize(
        ("properties", "said"),
        [
            (f"CodeUri: nowhere  {HERE}", "Under: CodeUri must name a folder, found 'nowhere'"),
            (f"CodeUri: s3://bucket/key  {HERE}", "Under: CodeUri must name a folder, found 's3"),
            (f"InlineCode: 'def handler'  {HERE}", "Under: InlineCode cannot be run; put the code"),
            (f"CodeUri: src\nLayers: [!Ref Bad]  {HERE}", "nothing is called Bad"),
            (f"CodeUri: src\nLayers: !Ref Fn  {HERE}", "Layers must be a list, found Fn"),
            (f"CodeUri: src\nTimeout: long  {HERE}", "Timeout must be a number, found 'long'"),
            (
                f"CodeUri: src\nEnvironment:\n  Variables:\n    A: [1, 2]  {HERE}",
                "A must be text, found [1, 2]",
            ),
        ],
    )
    def test_one_that_cannot_be_read_is_an_error_only_if_it_is_served(
        self, loaded: Load, refused: Refusal, properties: str, said: str
    ) -> None:
        text = function(f"Runtime: python3.13\nHandler: a.b\n{properties}")
        application = loaded(text)
        (warning,) = warnings_of(text, application)
        assert warning.startswith(f"Under is left out: {said}")
        assert "Under" not in application.functions

        for served in (
            f"{text}\n      Events: {{Get: {{Type: HttpApi}}}}",
            f"{text}\n      Events: {{Tick: {{Type: Schedule}}}}",
            text.replace("!GetAtt Fn.Arn", "!GetAtt Under.Arn"),
        ):
            assert refused(served).startswith(said)

    @pytest.mark.parametrize("key", ["Handler", "Runtime"])
    def test_what_is_missing(self, refused: Refusal, key: str) -> None:
        text = sam().replace(f"{key}: ", f"No{key}: ", 1).replace("CodeUri", f"{HERE}\n CodeUri", 1)
        assert refused(text) == f"Fn has no {key}"

    @pytest.mark.aws("te-plain")
    def test_plain_code_within_the_template(self, refused: Refusal) -> None:
        text = plain().replace("Code: src", f"Code: {{ZipFile: 'def handler'}} {HERE}\n   ", 1)
        assert refused(text).startswith("Fn: ZipFile cannot be run; put the code into a folder")

    def test_plain_code_elsewhere(self, refused: Refusal) -> None:
        text = plain().replace("Code: src", f"Code: {{S3Bucket: a, S3Key: b}} {HERE}\n   ", 1)
        assert refused(text).startswith("Fn: Code must name a folder, found {'S3Bucket'")


class TestAliases:
    @pytest.mark.parametrize(
        "arn", ["!Ref FnAliaslive", "!Ref Fn.Alias", "!Ref Fn.Version", "!Sub '${Fn.Alias}'"]
    )
    def test_they_lead_to_the_function(self, loaded: Load, arn: str) -> None:
        text = sam(routes=f"$default: {{FunctionArn: {arn}}}").replace(
            "CodeUri: src", "CodeUri: src, AutoPublishAlias: live", 1
        )
        assert api_of(loaded(text)).routes["$default"].function == "Fn"

    def test_from_globals_by_a_parameter(self, loaded: Load) -> None:
        sections = """
            Parameters: {Stage: {Type: String, Default: test}}
            Globals: {Function: {AutoPublishAlias: !Ref Stage}}
            """
        text = variables("{A: !Ref Fn.Alias}", sections=sections)
        alias = loaded(text).functions["Under"].environment["A"]
        assert alias == "arn:aws:lambda:eu-west-1:123456789012:function:Fn:test"

    @pytest.mark.parametrize("name", ["FnAliaslive", "Fn.Alias"])
    def test_without_one(self, refused: Refusal, name: str) -> None:
        text = sam(routes=f"$default: {{FunctionArn: !Ref {name}}}  {HERE}")
        assert refused(text) == f"nothing is called {name}"


SECTIONS = """
    Parameters:
      Name: {Type: String, Default: given}
      Flag: {Type: String, Default: true}
      Names: {Type: CommaDelimitedList, Default: "a, b,c"}
      Secret: {Type: String}
      Zone: {Type: "AWS::SSM::Parameter::Value<String>", Default: /zone}
    Mappings:
      Regions: {eu-west-1: {Size: small, Sizes: [s, m]}, us-east-1: {Size: large}}
      Flags: {true: {Said: "yes"}}
    Conditions:
      IsGiven: !Equals [!Ref Name, given]
      IsTrue: !Equals [!Ref Flag, true]
      Both: !And [!Condition IsGiven, !Condition IsTrue]
      Either: !Or [!Not [Condition: IsGiven], Condition: IsTrue]
      Neither: !Not [!Condition Either]
"""
RESOURCES = """
    Table: {Type: AWS::DynamoDB::Table, Properties: {TableName: !Sub "${Name}-table"}}
    Simple: {Type: AWS::Serverless::SimpleTable}
    Queue: {Type: AWS::SQS::Queue}
    Topic: {Type: AWS::SNS::Topic}
    Bucket: {Type: AWS::S3::Bucket}
    Pool: {Type: AWS::Cognito::UserPool}
    Http: {Type: AWS::Serverless::HttpApi}
"""
ARN = "arn:aws:{}:eu-west-1:123456789012:{}"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("!Ref Name", "given"),
        ("{Ref: Name}", "given"),
        ("!Ref Flag", "true"),
        ("!Ref Table", "given-table"),
        ("!Ref Simple", "Simple"),
        ("!Ref Queue", "https://sqs.eu-west-1.amazonaws.com/123456789012/Queue"),
        ("!Ref Topic", ARN.format("sns", "Topic")),
        ("!Ref Pool", "Pool"),
        ("!Ref Ws", api_id("Ws")),
        ("!Ref Http", api_id("Http")),
        ("!Ref ServerlessHttpApi", api_id("ServerlessHttpApi")),
        ("!Ref ServerlessRestApi", api_id("ServerlessRestApi")),
        ("!Ref WsDefaultRoute", "WsDefaultRoute"),
        ("!Ref WsDefaultIntegration", "WsDefaultIntegration"),
        ("!Ref WsDefaultStage", "default"),
        ("!Ref Ws.Stage", "default"),
        ("!Ref AWS::Region", "eu-west-1"),
        ("!Ref AWS::AccountId", "123456789012"),
        ("!Ref AWS::Partition", "aws"),
        ("!Ref AWS::URLSuffix", "amazonaws.com"),
        ("!Ref AWS::StackName", "local"),
        ("!Ref AWS::StackId", ARN.format("cloudformation", "stack/local/local")),
        ("!GetAtt Table.Arn", ARN.format("dynamodb", "table/given-table")),
        ("!GetAtt [Table, Arn]", ARN.format("dynamodb", "table/given-table")),
        ("{'Fn::GetAtt': [Simple, Arn]}", ARN.format("dynamodb", "table/Simple")),
        ("{'Fn::GetAtt': Queue.Arn}", ARN.format("sqs", "Queue")),
        ("!GetAtt Queue.QueueName", "Queue"),
        ("!GetAtt Queue.QueueUrl", "https://sqs.eu-west-1.amazonaws.com/123456789012/Queue"),
        ("!GetAtt Topic.TopicName", "Topic"),
        ("!GetAtt Bucket.Arn", "arn:aws:s3:::Bucket"),
        ("!GetAtt Fn.Arn", ARN.format("lambda", "function:Fn")),
        ("!GetAtt Ws.ApiId", api_id("Ws")),
        ("!GetAtt Ws.ApiEndpoint", f"wss://{host('Ws', 'eu-west-1')}"),
        ("!GetAtt Http.ApiEndpoint", f"https://{host('Http', 'eu-west-1')}"),
        ('!Sub "${Name}-${AWS::Region}-${ Simple.Arn }"', f"given-eu-west-1-{ARN}/Simple"),
        ('!Sub "${Ws}/${Ws.Stage}/${Ws.ApiId}"', f"{api_id('Ws')}/default/{api_id('Ws')}"),
        ('!Sub "${!Name} $Name {Name}"', "${Name} $Name {Name}"),
        ('!Sub ["${X}-${Name}", {X: !Ref AWS::Region}]', "eu-west-1-given"),
        ("{'Fn::Sub': ['${Name}', {Name: nearer}]}", "nearer"),
        ("!Join [-, [a, !Ref Name, 1]]", "a-given-1"),
        ("!Join ['', !Ref Names]", "abc"),
        ("!Select [1, !Ref Names]", "b"),
        ("!Select ['0', [x, y]]", "x"),
        ("!Select [2, !Split [/, 'a/b/c']]", "c"),
        ("!Select [0, !Split [e, !Ref Name]]", "giv"),
        ("!FindInMap [Regions, !Ref AWS::Region, Size]", "small"),
        ("!Select [1, !FindInMap [Regions, eu-west-1, Sizes]]", "m"),
        ("!FindInMap [Flags, !Ref Flag, Said]", "yes"),
        ("!If [IsGiven, then, else]", "then"),
        ("!If [Neither, then, !If [Both, inner, else]]", "inner"),
        ("!If [Either, !Ref Name, !ImportValue unknown]", "given"),
        ("!Base64 hello", "aGVsbG8="),
        ("{'Fn::Base64': !Sub '${Name}'}", "Z2l2ZW4="),
    ],
)
def test_intrinsic_functions(loaded: Load, expression: str, value: str) -> None:
    text = variables(f"X: {expression}", sections=SECTIONS, resources=RESOURCES)
    expected = value.replace(f"{ARN}/", ARN.format("dynamodb", "table/"))
    assert loaded(text).functions["Under"].environment == {"X": expected}


@pytest.mark.aws("te-plain")
@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("!Ref Live", "live"),
        ("!Sub '${Ws}/${Live}'", f"{api_id('Ws')}/live"),
        ("!GetAtt Ws.ApiEndpoint", f"wss://{host('Ws', 'eu-west-1')}"),
    ],
)
def test_the_stage_of_the_plain_form(loaded: Load, expression: str, value: str) -> None:
    text = plain().replace(
        "Code: src", f"Code: src, Environment: {{Variables: {{X: {expression}}}}}", 1
    )
    assert loaded(text).functions["Fn"].environment == {"X": value}


UNKNOWN_TO_US = [
    ("!Ref Secret", "Secret", ""),
    ("!Ref Zone", "Zone", ""),
    ("!ImportValue shared-url", "shared-url", "only AWS knows shared-url"),
    ("!ImportValue {'Fn::Sub': '${Name}-url'}", "given-url", "only AWS knows given-url"),
    ("!GetAtt Pool.ProviderName", "Pool.ProviderName", "only AWS knows Pool.ProviderName"),
    ("!Sub 'x${Pool.Arn}'", "Pool.Arn", "only AWS knows Pool.Arn"),
    ("'{{resolve:ssm:/a/b:1}}'", "ssm:/a/b:1", "only AWS knows ssm:/a/b:1"),
    ("!Sub '{{resolve:ssm:/${Name}}}'", "ssm:/given", "only AWS knows ssm:/given"),
    (
        "'{{resolve:secretsmanager:db:SecretString:password}}'",
        "secretsmanager:db:SecretString:password",
        "only AWS knows secretsmanager:db:SecretString:password",
    ),
]


@pytest.mark.parametrize(("expression", "name", "said"), UNKNOWN_TO_US)
class TestWhatOnlyAwsKnows:
    def test_is_named_with_its_line(
        self, refused: Refusal, expression: str, name: str, said: str
    ) -> None:
        line = "" if name in ("Secret", "Zone") else f"  {HERE}"
        text = variables(f"X: {expression}{line}", sections=SECTIONS, resources=RESOURCES)
        if said:
            advice = f"; give --parameter-overrides '{name}=…', or the variable that wants it by"
            assert refused(text) == f"{said}{advice} --env-vars"
        else:
            assert f"give --parameter-overrides {name}=…" in refused(text)

    def test_can_be_given(self, loaded: Load, expression: str, name: str, said: str) -> None:
        text = variables(f"X: {expression}", sections=SECTIONS, resources=RESOURCES)
        environment = loaded(text, overrides={name: "value"}).functions["Under"].environment
        assert environment["X"].removeprefix("x") == "value"

    def test_can_be_replaced_as_a_variable(
        self, loaded: Load, expression: str, name: str, said: str
    ) -> None:
        text = variables(f"X: {expression}", sections=SECTIONS, resources=RESOURCES)
        application = loaded(text, env_vars={"Under": {"X": "mine"}})
        assert application.functions["Under"].environment == {"X": "mine"}

    def test_is_no_matter_where_it_is_not_needed(
        self, loaded: Load, expression: str, name: str, said: str
    ) -> None:
        text = variables("A: b", sections=SECTIONS, resources=RESOURCES).replace(
            "Fn:\n", f"Thing: {{Type: 'AWS::X::Y', Properties: {{P: {expression}}}}}\n  Fn:\n", 1
        )
        policies = f"Policies: [{{Statement: [{{Resource: {expression}}}]}}], CodeUri"
        text = text.replace("CodeUri", policies, 1)
        assert loaded(text).warnings == ()


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("!Ref Nothing", "nothing is called Nothing"),
        ("!Ref WsOtherRoute", "nothing is called WsOtherRoute"),
        ("!GetAtt Nothing.Arn", "nothing is called Nothing"),
        ("!Sub '${Nothing}'", "nothing is called Nothing"),
        ("!If [Nothing, a, b]", "there is no condition Nothing"),
        ("!GetAZs ''", "Fn::GetAZs cannot be resolved locally"),
        ("!Cidr [10.0.0.0/16, 1, 8]", "Fn::Cidr cannot be resolved locally"),
        ("{'Fn::Transform': {Name: x}}", "Fn::Transform cannot be resolved locally"),
        ("!Select [3, [a]]", "Fn::Select of [3, ['a']] fails: list index out of range"),
        ("!Join [a]", "Fn::Join of ['a'] fails"),
        ("{'Fn::GetAtt': 5}", "Fn::GetAtt of 5 fails"),
        ("!Join ['', !Ref Name]", "'given' is not a list"),
        ("!FindInMap [Regions, moon, Size]", "Fn::FindInMap of ['Regions', 'moon', 'Size'] fails"),
        ("!Sub {a: b, c: d}", "Fn::Sub of"),
        ("!Ref Names", "X must be text, found ['a', 'b', 'c']"),
    ],
)
def test_an_expression_that_fails(refused: Refusal, expression: str, said: str) -> None:
    text = variables(f"A: b\nX: {expression}  {HERE}", sections=SECTIONS, resources=RESOURCES)
    assert refused(text).startswith(said)


@pytest.mark.parametrize("sections", ["Conditions: {A: !Condition A}", "Conditions: {A: [!Ref]}"])
def test_a_condition_that_makes_no_sense(refused: Refusal, sections: str) -> None:
    assert refused(variables("X: !If [A, b, c]", sections=sections))


class TestParameters:
    @staticmethod
    def text(rule: str) -> str:
        return variables("X: !Ref P", sections=f"Parameters:\n  P: {{{rule}}}  {HERE}")

    @pytest.mark.parametrize(
        ("rule", "value"),
        [
            ("Type: String, AllowedValues: [a, b]", "b"),
            ("Type: String, AllowedValues: [true, false]", "true"),
            ("Type: String, AllowedValues: [1, 2]", "2"),
            ("Type: String, AllowedPattern: '[a-z]+'", "abc"),
            ("Type: String, MinLength: 2, MaxLength: 3", "abc"),
            ("Type: Number, MinValue: 1, MaxValue: 3", "3"),
            ("Type: Number", "-1.5"),
            ("Type: AWS::EC2::VPC::Id", "vpc-1"),
            ("Type: 'AWS::SSM::Parameter::Value<String>', AllowedPattern: /.*", "what is there"),
        ],
    )
    def test_values_that_are_allowed(self, loaded: Load, rule: str, value: str) -> None:
        application = loaded(self.text(rule), overrides={"P": value})
        assert application.functions["Under"].environment == {"X": value}

    @pytest.mark.parametrize(
        ("rule", "value", "said"),
        [
            ("Type: String, AllowedValues: [a, b]", "c", "P must be one of a, b"),
            ("Type: String, AllowedPattern: '[a-z]+'", "abc1", "P must match [a-z]+"),
            ("Type: String, MinLength: 2, MaxLength: 9", "a", "P must have from 2 to 9 characters"),
            ("Type: String, MaxLength: 3", "abcd", "P must have from 0 to 3 characters"),
            ("Type: Number, MinValue: 1, MaxValue: 3", "0", "P must be a number from 1 to 3"),
            ("Type: Number, MinValue: 1, MaxValue: 3", "3.1", "P must be a number from 1 to 3"),
            ("Type: Number", "many", "P must be a number"),
            ("Type: CommaDelimitedList, AllowedValues: [a, b]", "a,c", "P must be one of a, b"),
            ("Type: List<Number>, MaxValue: 3", "1, 4", "P must be a number from -inf to 3"),
            (
                "Type: String, AllowedValues: [a], ConstraintDescription: is only ever a",
                "b",
                "P is only ever a",
            ),
        ],
    )
    def test_values_that_are_not(self, refused: Refusal, rule: str, value: str, said: str) -> None:
        assert refused(self.text(rule), overrides={"P": value}).startswith(said)
        assert refused(self.text(f"{rule}, Default: '{value}'")).startswith(said)

    @pytest.mark.parametrize(
        "kind", ["CommaDelimitedList", "List<String>", "AWS::SSM::Parameter::Value<List<String>>"]
    )
    def test_lists(self, loaded: Load, kind: str) -> None:
        sections = f"Parameters: {{P: {{Type: '{kind}', AllowedValues: [a, b]}}}}"
        text = variables("X: !Select [1, !Ref P]", sections=sections)
        application = loaded(text, overrides={"P": "a, b"})
        assert application.functions["Under"].environment == {"X": "b"}

    @pytest.mark.parametrize(
        ("rule", "said"),
        [
            ("Type: String", "parameter P has no default; give --parameter-overrides P=…"),
            (
                "Type: 'AWS::SSM::Parameter::Value<String>', Default: /name",
                "parameter P is kept in SSM; give --parameter-overrides P=…",
            ),
        ],
    )
    def test_without_a_value(self, refused: Refusal, rule: str, said: str) -> None:
        assert refused(self.text(rule)) == said

    def test_an_override_of_nothing(self, refused: Refusal) -> None:
        said = refused(sam(), overrides={"Nothing": "1"})
        assert said.endswith("there is no parameter Nothing, nor anything else to resolve")

    def test_an_override_for_a_function_that_is_left_out(self, loaded: Load) -> None:
        environment = "Environment: {Variables: {A: !ImportValue a, B: !ImportValue b}}"
        text = function(f"Runtime: python3.13\nHandler: a.b\n{environment}")
        (warning,) = loaded(text, overrides={"b": "1"}).warnings
        assert "Under is left out: only AWS knows a" in warning

    def test_an_override_of_a_parameter_that_nothing_asks_for(self, loaded: Load) -> None:
        text = sam(sections="Parameters: {P: {Type: String}}")
        assert loaded(text, overrides={"P": "1"}).warnings == ()


class TestEnvVars:
    @staticmethod
    def read(folder: Path, content: Any) -> Mapping[str, Mapping[str, str]]:
        path = folder / "env.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return read_env_vars(path)

    def test_for_all_and_for_one(self, loaded: Load, tmp_path: Path) -> None:
        text = variables("{A: template, B: template, C: template}")
        content = {"Parameters": {"A": "all", "B": "all", "N": 1}, "Under": {"B": "one", "T": True}}
        functions = loaded(text, env_vars=self.read(tmp_path, content)).functions

        assert functions["Under"].environment == {
            "A": "all",
            "B": "one",
            "C": "template",
            "N": "1",
            "T": "true",
        }
        assert functions["Fn"].environment == {"A": "all", "B": "all", "N": "1"}

    def test_by_the_function_s_name(self, loaded: Load) -> None:
        text = sam().replace("CodeUri: src", "CodeUri: src, FunctionName: called", 1)
        functions = loaded(text, env_vars={"called": {"A": "1"}}).functions
        assert functions["Fn"].environment == {"A": "1"}

    def test_of_no_function(self, refused: Refusal) -> None:
        said = refused(sam(), env_vars={"Nobody": {"A": "1"}})
        assert said.endswith("--env-vars: there is no function Nobody")

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("{", "Expecting property name"),
            ([], 'must be {"SomeF'),
            ({"A": "1"}, 'must be {"SomeF'),
        ],
    )
    def test_of_another_form(self, tmp_path: Path, content: Any, said: str) -> None:
        with pytest.raises(TemplateError, match=re.escape(said)):
            self.read(tmp_path, content)

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(TemplateError, match="No such file"):
            read_env_vars(tmp_path / "nowhere.json")


class TestTypos:
    def test_a_type_of_sams(self, refused: Refusal) -> None:
        text = dedent(
            """
            Resources:
              Fn:
                Type: AWS::Serverless::Functon  # here
            """
        )
        assert refused(text) == "SAM has no AWS::Serverless::Functon, but AWS::Serverless::Function"

    def test_an_attribute_of_a_function(self, refused: Refusal) -> None:
        text = dedent(
            """
            Resources:
              Ws:
                Type: AWS::Serverless::WebSocketApi
                Properties:
                  RouteSelectionExpression: $request.body.action
                  Routes:
                    $default: {FunctionArn: !GetAtt Fn.Arnn}  # here
              Fn:
                Type: AWS::Serverless::Function
                Properties: {Runtime: python3.13, Handler: a.b}
            """
        )
        said = refused(text)
        assert said == "Fn is of AWS::Serverless::Function, and has no Arnn"

    @pytest.mark.aws("te-warns")
    def test_a_selection_expression_that_selects_nothing(self, loaded: Load) -> None:
        text = dedent(
            """
            Resources:
              Ws:
                Type: AWS::Serverless::WebSocketApi
                Properties:
                  RouteSelectionExpression: request.body.action  # here
                  Routes:
                    $default: {FunctionArn: !GetAtt Fn.Arn}
              Fn:
                Type: AWS::Serverless::Function
                Properties: {Runtime: python3.13, Handler: a.b}
            """
        )
        (said,) = warnings_of(text, loaded(text))
        assert said.startswith("request.body.action is the same route for every message")


class TestEvents:
    @pytest.mark.parametrize(
        ("event", "route"),
        [
            ("{Type: HttpApi}", HttpRoute("ANY", "$default", "Under")),
            (
                "{Type: HttpApi, Properties: {Method: get, Path: '/a/{b}'}}",
                HttpRoute("GET", "/a/{b}", "Under"),
            ),
            (
                "{Type: HttpApi, Properties: {Method: x-amazon-apigateway-any-method, Path: /a}}",
                HttpRoute("ANY", "/a", "Under"),
            ),
            (
                "{Type: HttpApi, Properties: {Path: $default, Method: ANY}}",
                HttpRoute("ANY", "$default", "Under"),
            ),
        ],
    )
    def test_http(self, loaded: Load, event: str, route: HttpRoute) -> None:
        properties = "Runtime: python3.13\nHandler: a.b\nCodeUri: src\nEvents:\n  E: " + event
        application = loaded(function(properties))
        assert application.http_routes == (route,)
        assert "Under" in application.served()

    def test_http_alone(self, loaded: Load) -> None:
        text = dedent(
            """
            Resources:
              Fn:
                Type: AWS::Serverless::Function
                Properties:
                  Runtime: python3.13
                  Handler: a.b
                  Events:
                    A: {Type: HttpApi, Properties: {Method: GET, Path: /a}}
                    B: {Type: HttpApi, Properties: {Method: POST, Path: /b}}
            """
        )
        application = loaded(text)
        assert application.websocket_api is None
        assert [route.path for route in application.http_routes] == ["/a", "/b"]

    @pytest.mark.parametrize(
        ("event", "seconds"),
        [
            ("{Type: Schedule, Properties: {Schedule: rate(1 minute)}}", 60),
            ("{Type: Schedule, Properties: {Schedule: !Sub 'rate(${N} minutes)'}}", 300),
            ("{Type: ScheduleV2, Properties: {ScheduleExpression: rate(2 hours)}}", 7200),
            ("{Type: Schedule, Properties: {Schedule: rate(1 day), Enabled: true}}", 86400),
            ("{Type: Schedule, Properties: {Schedule: rate(1 day), Enabled: false}}", None),
            ("{Type: Schedule, Properties: {Schedule: rate(1 day), State: DISABLED}}", None),
            ("{Type: SQS, Properties: {Queue: !ImportValue queue}}", None),
        ],
    )
    def test_schedules(self, loaded: Load, event: str, seconds: float | None) -> None:
        properties = "Runtime: python3.13\nHandler: a.b\nCodeUri: src\nEvents:\n  E: " + event
        sections = "Parameters: {N: {Type: Number, Default: 5}}"
        application = loaded(function(properties, sections=sections))
        assert application.schedules == ((Schedule("Under", "E", seconds),) if seconds else ())
        assert application.warnings == ()

    def test_a_schedules_input(self, loaded: Load) -> None:
        properties = """
            Runtime: python3.13
            Handler: a.b
            CodeUri: src
            Events: {E: {Type: Schedule, Properties: {Schedule: rate(1 day), Input: '{"a": 1}'}}}
            """
        (schedule,) = loaded(function(properties)).schedules
        assert schedule.input == '{"a": 1}'

    def test_a_schedule_that_does_not_run(self, loaded: Load) -> None:
        properties = """
            Runtime: python3.13
            Handler: a.b
            CodeUri: src
            Events: {E: {Type: Schedule, Properties: {Schedule: 'cron(0 0 * * ? *)'}}}  # here
            """
        text = function(properties)
        application = loaded(text)
        assert application.schedules == ()
        assert warnings_of(text, application) == [
            "only rate(…) runs locally, not cron(0 0 * * ? *)"
        ]


class TestDocuments:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (f"Resources: [  {HERE}", "not valid YAML"),
            (f"Resources:\n  A: b\n c: d  {HERE}", "not valid YAML"),
            (f"Resources:\n  A: {{{{b}}}}  {HERE}", "a key must be text"),
            (f"Resources:\n  Fn: text  {HERE}", "Fn must be a map, not 'text'"),
            (f"Globals: [a]  {HERE}\nResources: {{}}", "Globals must be a map, not ['a']"),
        ],
    )
    def test_one_that_cannot_be_read(self, refused: Refusal, text: str, said: str) -> None:
        assert refused(text).startswith(said)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("Hello: 1", "not a SAM template: it has no Resources"),
            ("- a", "not a SAM template: it has no Resources"),
            ("", "not a SAM template: it has no Resources"),
            ("Resources: {}", "there is neither a WebSocket API nor an HttpApi event to serve"),
        ],
    )
    def test_one_that_has_nothing(self, refused: Refusal, text: str, said: str) -> None:
        assert refused(text).endswith(f"template.yaml: {said}")

    def test_bytes_that_are_no_text(self, tmp_path: Path) -> None:
        path = tmp_path / "template.yaml"
        path.write_bytes(b"\xff\xfe")
        with pytest.raises(TemplateError, match=r"template.yaml: is not text in UTF-8"):
            load(path, overrides={}, env_vars={}, region="eu-west-1")

    @pytest.mark.parametrize("spaces", [None, 1, "\t"])
    def test_json(self, loaded: Load, spaces: str | None) -> None:
        document = {
            "Resources": {
                "Fn": {
                    "Type": "AWS::Lambda::Function",
                    "Properties": {"Runtime": "python3.13", "Handler": "a.b", "Code": "src"},
                },
                "Ws": {
                    "Type": "AWS::Serverless::WebSocketApi",
                    "Properties": {
                        "RouteSelectionExpression": "$request.body.action",
                        "Routes": {"$default": {"FunctionArn": {"Fn::GetAtt": ["Fn", "Arn"]}}},
                    },
                },
            }
        }
        application = loaded(json.dumps(document, indent=spaces), name="template.json")
        assert api_of(application).routes["$default"].function == "Fn"

    def test_anchors_and_merged_keys(self, loaded: Load) -> None:
        sections = """
            Common: &common {Runtime: python3.13, CodeUri: src, Handler: a.b, Timeout: 5}
            """
        resources = """
            Merged:
              Type: AWS::Serverless::Function
              Properties: {<<: *common, Timeout: 6}
            """
        made = loaded(sam(sections=sections, resources=resources)).functions["Merged"]
        assert (made.handler, made.timeout) == ("a.b", 6)
