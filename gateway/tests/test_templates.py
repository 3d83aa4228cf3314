"""Templates as documents: parameters, choices, mistakes."""

import json
from pathlib import Path
from textwrap import dedent

import pytest

from apigw_local.errors import TemplateError
from apigw_local.template.intrinsics import api_id, host
from apigw_local.template.load import load
from tests.templates import (
    HERE,
    Load,
    Refusal,
    api_of,
    function,
    plain,
    sam,
    under,
    variables,
    warnings_of,
)


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

    def test_a_stage_that_a_deployment_makes(self, loaded: Load) -> None:
        text = plain().replace("Stage\n", "Other\n")
        text = text.replace("{ApiId: !Ref Ws}", "{ApiId: !Ref Ws, StageName: made}", 1)
        application = loaded(text)
        assert (api_of(application).stage, application.warnings) == ("made", ())

    @pytest.mark.parametrize("wanted", [None, "a"])
    def test_without_any_there_is_one_all_the_same(self, loaded: Load, wanted: str | None) -> None:
        application = loaded(plain().replace("Stage\n", "Other\n"), stage=wanted)
        assert api_of(application).stage == (wanted or "default")
        (said,) = application.warnings
        assert said.endswith(f"Ws has no Stage; here it has one called {wanted or 'default'}")

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
            (plain(), {"stage": "prod"}, "Ws has no stage prod, but live"),
            ("Resources: {}", {"api": "Ws"}, "there is no WebSocket API Ws"),
        ],
    )
    def test_the_error_names_the_choices(
        self, refused: Refusal, text: str, options: dict[str, str], said: str
    ) -> None:
        assert said in refused(text, **options)


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
        ("rule", "what", "value"),
        [
            ("Type: String", "has no default", "P"),
            ("Type: 'AWS::SSM::Parameter::Value<String>', Default: /name", "is kept in SSM", "P"),
            ("Type: 'AWS::EC2::VPC::Id'", "has no default", "P"),
            ("Type: Number", "has no default", "1"),
            ("Type: Number, MinValue: 5", "has no default", "5"),
            ("Type: Number, MaxValue: 0", "has no default", "0"),
            ("Type: String, AllowedValues: [prod, blue, dev]", "has no default", "dev"),
            ("Type: String, AllowedValues: [prod, blue]", "has no default", "blue"),
        ],
    )
    def test_without_a_value_one_is_made_up(
        self, loaded: Load, rule: str, what: str, value: str
    ) -> None:
        application = loaded(self.text(rule))
        assert application.functions["Under"].environment == {"X": value}
        (said,) = application.warnings
        assert said.endswith(
            f"parameter P {what}, here it is {value}; give --parameter-overrides P=…"
        )

    def test_none_of_production_is_made_up(self, refused: Refusal) -> None:
        said = refused(self.text("Type: String, AllowedValues: [prod, live-eu]"))
        assert said == "parameter P has no default; give --parameter-overrides P=…"

    def test_a_configuration_file_may_be_for_other_templates_too(self, loaded: Load) -> None:
        configured = {"P": "configured", "Another": "1"}
        text = self.text("Type: String, Default: own")
        application = loaded(text, configured=configured)
        assert application.functions["Under"].environment == {"X": "configured"}
        application = loaded(text, configured=configured, overrides={"P": "given"})
        assert application.functions["Under"].environment == {"X": "given"}

    def test_an_override_of_nothing(self, refused: Refusal) -> None:
        said = refused(sam(), overrides={"Nothing": "1"})
        assert said.endswith("there is no parameter Nothing, nor anything else to resolve")

    def test_an_override_for_a_function_that_is_left_out(self, loaded: Load) -> None:
        environment = "Environment: {Variables: {A: !Cidr [a], B: !ImportValue b}}"
        text = function(f"Runtime: python3.13\nHandler: a.b\n{environment}")
        (warning,) = loaded(text, overrides={"b": "1"}).warnings
        assert "Under is left out: Fn::Cidr cannot be resolved locally" in warning

    def test_an_override_of_a_parameter_that_nothing_asks_for(self, loaded: Load) -> None:
        text = sam(sections="Parameters: {P: {Type: String}}")
        assert loaded(text, overrides={"P": "1"}).warnings == ()


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
            (
                "Resources: {}",
                "there is neither a WebSocket API nor a route of HTTP to serve",
            ),
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
