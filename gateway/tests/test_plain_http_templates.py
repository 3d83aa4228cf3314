"""HTTP APIs in CloudFormation's own form."""

from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from apigw_local.testing import LocalGateway
from tests.templates import HERE, Load, Refusal, plain, under, warnings_of

API = """
    Web:
      Type: AWS::ApiGatewayV2::Api
      Properties: {ProtocolType: HTTP, CorsConfiguration: {AllowOrigins: ['*'], MaxAge: 5}}
    GetRoute:
      Type: AWS::ApiGatewayV2::Route
      Properties: {ApiId: !Ref Web, RouteKey: "GET /pets/{id}", Target: !Sub "integrations/${ToFn}"}
    AnyRoute:
      Type: AWS::ApiGatewayV2::Route
      Properties: {ApiId: !Ref Web, RouteKey: $default, Target: !Sub "integrations/${ToFn}"}
    ToFn:
      Type: AWS::ApiGatewayV2::Integration
      Properties:
        ApiId: !Ref Web
        IntegrationType: AWS_PROXY
        IntegrationUri: !GetAtt Fn.Arn
        PayloadFormatVersion: "2.0"
        TimeoutInMillis: 2000
    WebStage:
      Type: AWS::ApiGatewayV2::Stage
      Properties: {ApiId: !Ref Web, StageName: $default, StageVariables: {a: b}}
"""


def web(find: str = "", replace: str = "", more: str = "") -> str:
    assert find in API
    return plain(resources=under(0, API.replace(find, replace) if find else API) + "\n" + more)


@pytest.mark.aws("ht-plain")
class TestTemplates:
    def test_routes(self, loaded: Load) -> None:
        application = loaded(web())
        get, default = application.http_routes
        assert (get.key, get.function, get.timeout) == ("GET /pets/{id}", "Fn", 2)
        assert (default.key, default.method) == ("$default", "ANY")
        assert (get.api.stage, get.api.stage_variables) == ("$default", {"a": "b"})
        assert get.api.cors is not None
        assert (get.api.cors.origins, get.api.cors.max_age) == (("*",), 5)
        assert application.warnings == ()

    def test_quick_create(self, loaded: Load) -> None:
        text = plain(
            resources="""
                Quick:
                  Type: AWS::ApiGatewayV2::Api
                  Properties: {ProtocolType: HTTP, Target: !GetAtt Fn.Arn, RouteKey: GET /a}
                """
        )
        (route,) = loaded(text).http_routes
        assert (route.key, route.function) == ("GET /a", "Fn")

    def test_another_stage(self, loaded: Load) -> None:
        application = loaded(web("StageName: $default", "StageName: prod"))
        assert application.http_routes[0].api.stage == "prod"

    def test_an_authorizer(self, loaded: Load) -> None:
        authorizer = under(
            0,
            """
            Asks:
              Type: AWS::ApiGatewayV2::Authorizer
              Properties:
                ApiId: !Ref Web
                AuthorizerUri: !GetAtt Fn.Arn
                IdentitySource: [$request.header.Token]
                AuthorizerPayloadFormatVersion: "2.0"
                EnableSimpleResponses: true
            """,
        )
        own = "AuthorizationType: CUSTOM, AuthorizerId: !Ref Asks, RouteKey: $default"
        application = loaded(web("RouteKey: $default", own, authorizer))
        found = application.http_routes[1].authorizer
        assert found is not None
        assert (found.function, found.version, found.simple) == ("Fn", "2.0", True)
        assert (found.identity_sources, found.seconds) == (("$request.header.Token",), 300)

    @pytest.mark.parametrize(
        ("find", "replace", "said"),
        [
            (
                "IntegrationType: AWS_PROXY",
                f"IntegrationType: HTTP_PROXY  {HERE}",
                "an integration of type HTTP_PROXY does not run here: {} is not served",
            ),
            (
                "IntegrationUri: !GetAtt Fn.Arn",
                f"IntegrationUri: arn:aws:lambda:r:1:function:other  {HERE}",
                "arn:aws:lambda:r:1:function:other is no function of this template: {} is not ser",
            ),
            (
                'PayloadFormatVersion: "2.0"',
                f'PayloadFormatVersion: "1.0"  {HERE}',
                "functions get the payload format 2.0 here, always",
            ),
        ],
    )
    def test_what_is_not_served_is_said(
        self, loaded: Load, find: str, replace: str, said: str
    ) -> None:
        text = web(find, replace)
        first, *_ = warnings_of(text, loaded(text))
        assert first.startswith(said.format("GET /pets/{id}"))

    def test_a_jwt_is_not_checked(self, loaded: Load) -> None:
        route = '"GET /pets/{id}"'
        text = web(f"RouteKey: {route}", f"AuthorizationType: JWT, RouteKey: {route}")
        (said,) = loaded(text).warnings
        assert said.endswith(
            "GET /pets/{id}: JWT is not there locally: requests are let through unchecked, and a "
            "handler that reads a token's claims fails"
        )

    def test_a_document_is_not_read(self, loaded: Load) -> None:
        text = web("MaxAge: 5}}", "MaxAge: 5}, Body: {}}")
        (said,) = loaded(text).warnings
        assert said.endswith("Web: routes of an OpenAPI document are not served")

    def test_an_origin_that_is_no_list(self, refused: Refusal) -> None:
        assert "AllowOrigins must be a list, found '*'" in refused(web("['*']", "'*'"))


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[LocalGateway]:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text(
        "def handler(event, _): return {'statusCode': 200, 'body': event['pathParameters']['id']}"
    )
    (tmp_path / "template.yaml").write_text(web())
    with LocalGateway(tmp_path / "template.yaml", in_process=True) as running:
        yield running


@pytest.mark.aws("ht-plain")
def test_they_are_served(gateway: LocalGateway) -> None:
    request = Request(f"{gateway.http}/pets/7", headers={"Origin": "https://a.example"})
    with urlopen(request, timeout=10) as answer:
        assert (answer.status, answer.read()) == (200, b"7")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
