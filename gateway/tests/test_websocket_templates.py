"""WebSocket APIs as templates have them: in SAM's form and in CloudFormation's own."""

import pytest

from apigw_local.template.intrinsics import host
from apigw_local.template.model import (
    Authorizer,
    Throttle,
)
from tests.templates import (
    HERE,
    SAM_ROUTES,
    URI,
    Load,
    Refusal,
    api_of,
    plain,
    sam,
    warnings_of,
)


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
    def test_not_of_an_api_without_a_default_route(self, loaded: Load, text: str) -> None:
        assert loaded(text).warnings == ()

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
                "an integration of type HTTP_PROXY does not run here",
                id="http",
            ),
            pytest.param(
                plain(integration=f"IntegrationType: AWS  {HERE}"),
                "an integration of type AWS with None does not run here",
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
