"""Which template is found, which build is chosen, and what a configuration file says."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from apigw_local.errors import TemplateError
from apigw_local.template.functions import read_env_file, read_env_vars
from apigw_local.template.project import find_template
from apigw_local.template.samconfig import read_settings
from tests.running_gateway import start_gateway


def api(protocol: str) -> dict[str, Any]:
    properties = {"ProtocolType": protocol}
    return {"Resources": {"Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": properties}}}


class TestTemplates:
    def test_in_sams_order(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(TemplateError, match=r"there is no template\.yaml, template\.yml, temp"):
            find_template(None)
        for name in ("template.json", "template.yml", "template.yaml"):
            (tmp_path / name).touch()
            assert find_template(None) == Path(name)
            assert find_template(tmp_path) == tmp_path / name

    def test_one_that_is_named_is_taken(self, tmp_path: Path) -> None:
        assert find_template(tmp_path / "nowhere.yaml") == tmp_path / "nowhere.yaml"


class TestCdk:
    @staticmethod
    def write(folder: Path, stacks: dict[str, Any], **artifacts: Any) -> None:
        folder.mkdir(exist_ok=True, parents=True)
        for name, template in stacks.items():
            (folder / f"{name}.template.json").write_text(json.dumps(template))
            properties = {"templateFile": f"{name}.template.json"}
            artifacts[name] = {"type": "aws:cloudformation:stack", "properties": properties}
        (folder / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))

    def test_the_stack_with_a_websocket_api(self, tmp_path: Path) -> None:
        output = tmp_path / "cdk.out"
        self.write(output, {"Data": {"Resources": {}}, "Web": api("HTTP"), "Ws": api("WEBSOCKET")})
        for named in (tmp_path, output):
            assert find_template(named) == output / "Ws.template.json"

    def test_a_stack_of_a_stage(self, tmp_path: Path) -> None:
        inner = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}}
        self.write(tmp_path / "assembly-Prod", {"Ws": api("WEBSOCKET")})
        self.write(tmp_path, {"Pipeline": {"Resources": {}}}, Prod=inner)
        assert find_template(tmp_path) == tmp_path / "assembly-Prod" / "Ws.template.json"

    def test_of_several_one_must_be_chosen(self, tmp_path: Path) -> None:
        self.write(tmp_path, {"A": api("WEBSOCKET"), "B": api("WEBSOCKET")})
        with pytest.raises(TemplateError, match=r"choose a stack with --template: .*A.*, .*B"):
            find_template(tmp_path)

    def test_one_with_an_http_api_only(self, tmp_path: Path) -> None:
        self.write(tmp_path, {"Data": {"Resources": {}}, "Web": api("HTTP")})
        assert find_template(tmp_path) == tmp_path / "Web.template.json"

    def test_without_a_manifest(self, tmp_path: Path) -> None:
        (tmp_path / "Ws.template.json").write_text(json.dumps(api("WEBSOCKET")))
        assert find_template(tmp_path) == tmp_path / "Ws.template.json"

    def test_before_it_has_been_synthesized(self, tmp_path: Path) -> None:
        (tmp_path / "cdk.json").touch()
        with pytest.raises(TemplateError, match=r"there is no cdk\.out: run cdk synth"):
            find_template(tmp_path)

    def test_nothing_to_serve(self, tmp_path: Path) -> None:
        self.write(tmp_path, {"A": {"Resources": {}}, "B": {"Resources": {}}})
        with pytest.raises(TemplateError, match="no stack has an API to serve"):
            find_template(tmp_path)


class TestSettings:
    @pytest.mark.parametrize(
        "written",
        [
            '"A=1 B=\\"x y\\""',
            "['A=1', 'B=\"x y\"']",
            "['A=1 B=\"x y\"']",
            "{A = 1, B = 'x y'}",
            "[{A = '1'}, 'B=\"x y\"']",
        ],
    )
    def test_overrides_in_each_form(self, tmp_path: Path, written: str) -> None:
        text = f"[default.global.parameters]\nparameter_overrides = {written}"
        (tmp_path / "samconfig.toml").write_text(text)
        assert read_settings(tmp_path, None, None).overrides == {"A": "1", "B": "x y"}

    def test_values_of_a_table(self, tmp_path: Path) -> None:
        written = "{A = [1, ' b'], B = true}"
        text = f"[default.global.parameters]\nparameter_overrides = {written}"
        (tmp_path / "samconfig.toml").write_text(text)
        assert read_settings(tmp_path, None, None).overrides == {"A": "1,b", "B": "true"}

    def test_which_section_counts(self, tmp_path: Path) -> None:
        sections = {"deploy": "D=1", "global": "G=1", "local_start_api": "L=1"}
        text = ""
        for name, value in sections.items():
            text += f"[default.{name}.parameters]\nparameter_overrides = '{value}'\n"
            (tmp_path / "samconfig.toml").write_text(text)
            found = read_settings(tmp_path, None, None).overrides
            assert found == {value[0]: "1"}

    def test_all_else_that_counts(self, tmp_path: Path) -> None:
        (tmp_path / "samconfig.toml").write_text(
            "[default.global.parameters]\nregion = 'eu-west-3'\ntemplate_file = 'a/b.yaml'\n"
            "[default.local_start_api.parameters]\nenv_vars = 'env.json'\n"
            "[default.build.parameters]\nbuild_dir = 'made'\n"
        )
        found = read_settings(tmp_path, None, None)
        assert (found.region, found.template) == ("eu-west-3", tmp_path / "a" / "b.yaml")
        assert (found.env_vars, found.build_dir) == (tmp_path / "env.json", tmp_path / "made")

    def test_another_environment_and_file(self, tmp_path: Path) -> None:
        (tmp_path / "other.toml").write_text("[prod.global.parameters]\nregion = 'eu-west-3'")
        found = read_settings(tmp_path, Path("other.toml"), "prod")
        assert found.region == "eu-west-3"
        assert read_settings(tmp_path, Path("other.toml"), None).region is None

    def test_in_yaml(self, tmp_path: Path) -> None:
        text = "default: {global: {parameters: {parameter_overrides: [A: 1, B=2]}}}"
        (tmp_path / "samconfig.yaml").write_text(text)
        assert read_settings(tmp_path, None, None).overrides == {"A": "1", "B": "2"}

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("[", "samconfig.toml: "),
            ("[default.global.parameters]\nparameter_overrides = 5", "5 is not NAME=VALUE"),
            ("[default.global.parameters]\nparameter_overrides = 'a'", "'a' is not NAME=VALUE"),
        ],
    )
    def test_what_cannot_be_read(self, tmp_path: Path, text: str, said: str) -> None:
        (tmp_path / "samconfig.toml").write_text(text)
        with pytest.raises(TemplateError) as refused:
            read_settings(tmp_path, None, None)
        assert said in str(refused.value)

    def test_what_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(TemplateError, match="correct --config-file"):
            read_settings(tmp_path, Path("nowhere.toml"), None)
        (tmp_path / "samconfig.toml").write_text("[default]")
        with pytest.raises(TemplateError, match="correct --config-env"):
            read_settings(tmp_path, None, "prod")


class TestEnvFiles:
    TEXT = "# all\nexport A=1\nB = 'x y' # why\nC=\"q\\nz\"\n\nD=$A\nE\n"
    VALUES = {"A": "1", "B": "x y", "C": "q\nz", "D": "$A"}  # noqa: RUF012 (not changed)

    def test_are_read(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text(self.TEXT)
        assert read_env_file(tmp_path / ".env") == self.VALUES
        assert read_env_vars(tmp_path / ".env") == {"Parameters": self.VALUES}

    @pytest.mark.parametrize("written", ["", "words", "# A=1"])
    def test_of_another_form(self, tmp_path: Path, written: str) -> None:
        (tmp_path / ".env").write_text(written)
        with pytest.raises(TemplateError, match="must be lines of NAME=value"):
            read_env_file(tmp_path / ".env")

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(TemplateError, match=r"--env-file .*No such file"):
            read_env_file(tmp_path / "nowhere")


def test_a_version_is_told() -> None:
    process = start_gateway(["--version"])
    assert process.wait(30) == 0
    process.communicate()


def test_an_error_of_a_configuration_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "samconfig.toml").write_text("[")
    process = start_gateway(["-t", str(tmp_path / "template.yaml")], {"PWD": os.fspath(tmp_path)})
    _, error = process.communicate(timeout=30)
    assert process.returncode == 1
    assert error.startswith(f"apigw-local: {tmp_path / 'samconfig.toml'}: ")
    assert len(error.splitlines()) == 1
