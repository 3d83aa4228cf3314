"""Functions as templates have them, with what invokes them."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from apigw_local.errors import TemplateError
from apigw_local.template.functions import read_env_vars
from apigw_local.template.model import Schedule
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
            (f"CodeUri: s3://b/k  {HERE}", "Under: s3://b/k is not on this machine: CodeUri must"),
            (f"CodeUri: a.jar  {HERE}", "Under: CodeUri must name a folder, found 'a.jar'"),
            (
                f"CodeUri: {{Bucket: b, Key: c/k}}  {HERE}",
                "Under: s3://b/c/k is not on this machine",
            ),
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

    def test_plain_code_elsewhere(self, refused: Refusal) -> None:
        text = plain().replace("Code: src", f"Code: {{S3Bucket: a, S3Key: b}} {HERE}\n   ", 1)
        assert refused(text) == "Fn: s3://a/b is not on this machine: Code must name a folder"


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


class TestEvents:
    @pytest.mark.parametrize(
        ("event", "route"),
        [
            ("{Type: HttpApi}", ("ANY", "$default")),
            (
                "{Type: HttpApi, Properties: {Method: get, Path: '/a/{b}'}}",
                ("GET", "/a/{b}"),
            ),
            (
                "{Type: HttpApi, Properties: {Method: x-amazon-apigateway-any-method, Path: /a}}",
                ("ANY", "/a"),
            ),
            (
                "{Type: HttpApi, Properties: {Path: $default, Method: ANY}}",
                ("ANY", "$default"),
            ),
        ],
    )
    def test_http(self, loaded: Load, event: str, route: tuple[str, str]) -> None:
        properties = "Runtime: python3.13\nHandler: a.b\nCodeUri: src\nEvents:\n  E: " + event
        application = loaded(function(properties))
        (made,) = application.http_routes
        assert (made.method, made.path, made.function) == (*route, "Under")
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
