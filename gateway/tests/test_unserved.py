"""What a template asks for and nothing here does: it is said, with the line."""

import pytest

from apigw_local.testing import LocalGateway
from tests.conftest import Serve
from tests.templates import Load, Refusal, api_of, function, plain, sam, under, warnings_of

HANDLER = "Runtime: python3.13\nHandler: app.handler\nCodeUri: src\n"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("AWS::ApiGateway::RestApi", "REST APIs are not served"),
        ("AWS::CloudFormation::Stack", "nested stacks are not read"),
        ("AWS::Events::Rule", "rules invoke nothing here, only Schedule events of functions do"),
        ("AWS::Lambda::Url", "function URLs are not served"),
        ("AWS::Serverless::Api", "REST APIs are not served"),
        ("AWS::Serverless::Application", "nested applications are not read"),
    ],
)
def test_resources(loaded: Load, kind: str, said: str) -> None:
    text = sam(resources=f"Thing:\n  Type: {kind}  # here")
    assert warnings_of(text, loaded(text)) == [f"Thing: {said}"]


def test_nothing_is_said_of_what_is_not_made(loaded: Load) -> None:
    text = sam(
        sections="Conditions: {Never: !Equals [a, b]}",
        resources="Thing: {Type: 'AWS::Serverless::Api', Condition: Never}",
    )
    assert loaded(text).warnings == ()


def test_http_apis_of_another_form(loaded: Load) -> None:
    text = sam(
        resources="""
        Written:
          Type: AWS::Serverless::HttpApi
          Properties:
            DefinitionUri: api.yaml  # here
        """
    )
    said = "Written: only functions' HttpApi events are served, not DefinitionUri"
    assert warnings_of(text, loaded(text)) == [said]


@pytest.mark.parametrize("kind", ["Api", "SNS", "EventBridgeRule"])
def test_events(loaded: Load, kind: str) -> None:
    text = function(f"{HANDLER}Events:\n  E: {{Type: {kind}}}  # here")
    assert warnings_of(text, loaded(text)) == [f"Under: events of type {kind} do not come here"]


def test_function_urls(loaded: Load) -> None:
    text = function(f"{HANDLER}FunctionUrlConfig: {{AuthType: NONE}}  # here")
    assert warnings_of(text, loaded(text)) == ["Under: function URLs are not served"]


class TestHttpApis:
    def test_another_payload_format(self, loaded: Load) -> None:
        event = "\n    Type: HttpApi\n    Properties:\n      PayloadFormatVersion: '1.0'  # here"
        text = function(f"{HANDLER}Events:\n  E:{event}")
        said = "functions get the payload format 2.0 here, always"
        assert warnings_of(text, loaded(text)) == [said]

    @pytest.mark.parametrize("milliseconds", [49, 30_001])
    def test_a_timeout_that_api_gateway_refuses(self, refused: Refusal, milliseconds: int) -> None:
        event = "\n    Type: HttpApi\n    Properties:\n      TimeoutInMillis: "
        text = function(f"{HANDLER}Events:\n  E:{event}{milliseconds}  # here")
        expected = f"TimeoutInMillis must be from 50 to 30000 ms, found {milliseconds}"
        assert refused(text) == expected


class TestPlainForm:
    @pytest.mark.aws("te-reserved")
    def test_keys_that_api_gateway_keeps_to_itself(self, refused: Refusal) -> None:
        said = refused(plain(key="$foo  # here"))
        assert said == "API Gateway keeps keys with $ to itself: $foo"

    @pytest.mark.aws("te-reserved")
    def test_an_authorizer_elsewhere_than_at_connect(self, refused: Refusal) -> None:
        text = plain(route="AuthorizationType: CUSTOM  # here\nAuthorizerId: !Ref Nobody")
        assert refused(text) == "only $connect can have an AuthorizationType"

    @pytest.mark.aws("te-permission")
    def test_a_permission_that_is_missing(self, loaded: Load) -> None:
        text = plain().replace("  Granted:", "  Other:").replace("Lambda::Permission", "SNS::Topic")
        (said,) = loaded(text).warnings
        assert "without an AWS::Lambda::Permission AWS can invoke no function" in said
        credentials = (
            "IntegrationType: AWS_PROXY\nIntegrationUri: !GetAtt Fn.Arn\nCredentialsArn: a"
        )
        text = plain(integration=credentials)
        text = text.replace("  Granted:", "  Other:").replace("Lambda::Permission", "SNS::Topic")
        assert loaded(text).warnings == ()

    @pytest.mark.parametrize("key", ["RequestTemplates", "ContentHandlingStrategy"])
    def test_what_a_proxy_integration_ignores(self, loaded: Load, key: str) -> None:
        proxy = "IntegrationType: AWS_PROXY\nIntegrationUri: !GetAtt Fn.Arn"
        text = plain(integration=f"{proxy}\n{key}: {{}}  # here")
        said = f"{key} of an AWS_PROXY integration does nothing here"
        assert warnings_of(text, loaded(text)) == [said]


class TestSam:
    def test_an_address_that_can_be_reached_by_a_domain_only(self, loaded: Load) -> None:
        text = sam("DisableExecuteApiEndpoint: true  # here")
        (said,) = warnings_of(text, loaded(text))
        assert said.startswith("in AWS it is reached under its own domain name only")

    def test_what_sam_refuses(self, refused: Refusal) -> None:
        ipv6 = "IpAddressType: ipv6  # here"
        in_plain = plain().replace("      ProtocolType", f"      {ipv6}\n      ProtocolType")
        for text in (sam(ipv6), in_plain):
            assert refused(text) == "IpAddressType must be ipv4 or dualstack, not ipv6"
        said = refused(sam("Domain:\n  MutualTlsAuthentication: {}  # here"))
        assert said == "SAM takes no MutualTlsAuthentication for WebSockets"


class TestStageVariables:
    @pytest.mark.parametrize(
        ("written", "said"),
        [
            ("x", "StageVariables must be a map, not 'x'"),
            ("{a: [b]}", "a must be text, found ['b']"),
        ],
    )
    def test_what_they_cannot_be(self, refused: Refusal, written: str, said: str) -> None:
        line = f"StageVariables: {written}  # here"
        web = f"Web:\n  Type: AWS::Serverless::HttpApi\n  Properties:\n    {line}"
        event = "{Type: HttpApi, Properties: {ApiId: !Ref Web}}"
        of_http = f"{function(f'{HANDLER}Events: {{E: {event}}}')}\n{under(1, web)}"
        for text in (sam(line), plain(stage=line), of_http):
            assert refused(text) == said

    def test_one_without_a_value_is_not_there(self, loaded: Load) -> None:
        application = loaded(sam("StageVariables: {a: !Ref AWS::NoValue, b: 1}"))
        assert api_of(application).stage_variables == {"b": "1"}


def test_a_test_is_shown_the_warnings(serve: Serve) -> None:
    gateway: LocalGateway = serve("", {"ping": {}})
    gateway.wait_for_line("without an AWS::Lambda::Permission AWS can invoke no function")
