"""Where a function's code is, and what is said of code that cannot work."""

import json
import zipfile
from pathlib import Path

import pytest

from apigw_local.template.load import load
from tests.templates import HERE, Load, api_of, function, plain, sam, under, warnings_of

PYTHON = "Runtime: python3.13\nHandler: app.handler\n"


class TestInTheTemplate:
    @pytest.mark.parametrize(
        ("runtime", "file", "response"),
        [
            ("python3.13", "index.py", "cfnresponse.py"),
            ("nodejs20.x", "index.js", "node_modules/cfn-response/index.js"),
        ],
    )
    def test_it_is_an_index_file(
        self, loaded: Load, runtime: str, file: str, response: str
    ) -> None:
        text = function(f"Runtime: {runtime}\nHandler: index.f\nInlineCode: !Sub 'x ${{Fn}}'")
        application = loaded(text)
        code = application.functions["Under"].code
        assert (code / file).read_text() == "x Fn"
        assert (code / response).is_file()
        assert "Under" not in application.incomplete

        application.scratch.cleanup()
        assert not code.parent.exists()

    @pytest.mark.aws("te-plain")
    def test_in_the_plain_form(self, loaded: Load) -> None:
        text = plain().replace("Code: src", "Code: {ZipFile: 'def handler'}", 1)
        application = loaded(text)
        code = application.functions["Fn"].code
        assert (code / "index.py").read_text() == "def handler"
        application.scratch.cleanup()

    def test_it_goes_with_what_holds_it(self, loaded: Load) -> None:
        code = loaded(function(f"{PYTHON}InlineCode: x")).functions["Under"].code
        assert not code.exists()


class TestArchives:
    def test_a_zip_is_unpacked(self, loaded: Load, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "app.zip", "w") as archive:
            archive.writestr("package/app.py", "x")
        application = loaded(function(f"{PYTHON}CodeUri: app.zip"))
        code = application.functions["Under"].code
        assert (code / "package" / "app.py").read_text() == "x"
        application.scratch.cleanup()

    def test_one_that_is_none(self, loaded: Load, tmp_path: Path) -> None:
        (tmp_path / "app.zip").write_text("x")
        text = function(f"{PYTHON}CodeUri: app.zip  {HERE}")
        said = "Under is left out: Under: app.zip cannot be read: File is not a zip file"
        assert warnings_of(text, loaded(text)) == [said]

    def test_what_serverless_has_packed_is_found_beside_the_template(
        self, loaded: Load, tmp_path: Path
    ) -> None:
        with zipfile.ZipFile(tmp_path / "chat.zip", "w") as archive:
            archive.writestr("app.py", "x")
        code = "Code: {S3Bucket: !Ref AWS::NoValue, S3Key: serverless/chat/1-2019/chat.zip}"
        application = loaded(plain().replace("Code: src", code, 1))
        assert (application.functions["Fn"].code / "app.py").is_file()
        application.scratch.cleanup()

    @pytest.mark.parametrize("content", ["s3://bucket/layer.zip", "{Bucket: bucket, Key: a.zip}"])
    def test_a_layer_that_is_in_s3_is_done_without(self, loaded: Load, content: str) -> None:
        resources = f"""
            Shared:
              Type: AWS::Serverless::LayerVersion
              Properties:
                ContentUri: {content}  {HERE}
            """
        text = sam(
            sections="Globals: {Function: {Layers: [!Ref Shared]}}",
            resources=under(0, resources),
        )
        application = loaded(text)
        (said,) = warnings_of(text, application)
        assert said.startswith("layer Shared: s3://bucket/")
        assert said.endswith("; functions do without it")
        assert application.functions["Fn"].layers == ()

    @pytest.mark.parametrize("code", ["app.zip", "app.jar", "s3://a/b", "nowhere"])
    def test_code_is_no_matter_where_functions_run_elsewhere(self, loaded: Load, code: str) -> None:
        text = sam().replace("CodeUri: src", f"CodeUri: {code}, Layers: ['s3://a/b']")
        application = loaded(text, elsewhere=True)
        assert api_of(application).routes["$default"].function == "Fn"
        assert (application.warnings, application.incomplete) == ((), {})


class TestCdkAssets:
    def test_they_are_found_by_their_key(self, loaded: Load, tmp_path: Path) -> None:
        files = {
            "1": {
                "source": {"path": "asset.1", "packaging": "zip"},
                "destinations": {"here": {"objectKey": "prefix/1.zip"}},
            }
        }
        (tmp_path / "Stack.assets.json").write_text(json.dumps({"files": files}))
        code = "Code: {S3Bucket: !Sub 'cdk-${AWS::Region}', S3Key: prefix/1.zip}"
        text = plain().replace("Code: src", code, 1)
        application = loaded(text, name="Stack.template.json")
        assert application.functions["Fn"].code.name == "asset.1"

    @pytest.mark.parametrize("manifest", ["{", "[]", '{"files": {"1": {}}}'])
    def test_a_manifest_of_another_form_names_none(
        self, loaded: Load, tmp_path: Path, manifest: str
    ) -> None:
        (tmp_path / "Stack.assets.json").write_text(manifest)
        assert loaded(plain(), name="Stack.template.json").functions["Fn"].code.name == "src"


class TestCodeThatCannotWork:
    @staticmethod
    def said(folder: Path, properties: str) -> str | None:
        """What is said of a function whose code is ``folder / "code"``."""
        (folder / "code").mkdir(exist_ok=True)
        text = function(f"CodeUri: code\n{properties}", sections=under(0, ""))
        template = folder / "template.yaml"
        template.write_text(text.replace("CodeUri: src", "CodeUri: code"))
        application = load(template, overrides={}, env_vars={}, region="eu-west-1")
        return application.incomplete.get("Under")

    @pytest.mark.parametrize(
        ("handler", "file"),
        [
            ("app.handler", "app.py"),
            ("src/app.handler", "src/app.py"),
            ("src.app.handler", "src/app.py"),
            ("app.handler", "app/__init__.py"),
        ],
    )
    def test_a_python_module(self, tmp_path: Path, handler: str, file: str) -> None:
        properties = f"Runtime: python3.13\nHandler: {handler}  {HERE}"
        said = self.said(tmp_path, properties)
        wanted = handler.rpartition(".")[0].replace(".", "/")
        assert said is not None
        assert f"Under: there is no {wanted}.py in " in said
        assert "run sam build, or correct the Handler" in said

        (tmp_path / "code" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "code" / file).touch()
        assert self.said(tmp_path, properties) is None

    def test_a_python_module_that_is_installed(self, tmp_path: Path) -> None:
        assert self.said(tmp_path, "Runtime: python3.13\nHandler: yaml.load") is None

    def test_the_line(self, tmp_path: Path) -> None:
        said = self.said(tmp_path, f"Runtime: python3.13\nHandler: app.handler  {HERE}")
        lines = (tmp_path / "template.yaml").read_text().splitlines()
        (line,) = (number for number, text in enumerate(lines, 1) if HERE in text)
        assert str(said).startswith(f"{tmp_path / 'template.yaml'}:{line}: ")

    @pytest.mark.parametrize(
        ("handler", "file"),
        [("app.handler", "app.js"), ("dist/app.f", "dist/app.mjs"), ("app.f", "app.cjs")],
    )
    def test_a_node_module(self, tmp_path: Path, handler: str, file: str) -> None:
        properties = f"Runtime: nodejs20.x\nHandler: {handler}"
        said = self.said(tmp_path, properties)
        assert f"there is no {handler.rpartition('.')[0]}.js in " in str(said)

        path = tmp_path / "code" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".ts").touch()
        said = self.said(tmp_path, properties)
        assert f"{path.stem}.ts is TypeScript, which Node.js does not run: run sam build" in (
            str(said)
        )
        path.touch()
        assert self.said(tmp_path, properties) is None

    @pytest.mark.parametrize(
        ("requirements", "missing"),
        [
            ("boto3\nPyYAML==6.0\n", None),
            ("# none\n-r other.txt\nhttps://host/a.whl\nnobody-s; python_version < '3'\n", None),
            ("nobody-s-package>=1\n", "nobody-s-package"),
            ("a-b-c1\na_b_c2\na.b.c3\na-b-c4 # x\n", "a-b-c1, a_b_c2, a.b.c3 and 1 more"),
        ],
    )
    def test_packages_of_python(
        self, tmp_path: Path, requirements: str, missing: str | None
    ) -> None:
        code = tmp_path / "code"
        code.mkdir()
        (code / "app.py").touch()
        (code / "requirements.txt").write_text(requirements)
        said = self.said(tmp_path, PYTHON)
        if missing is None:
            assert said is None
        else:
            assert f"Under: {missing} of its requirements.txt is not installed" in str(said)

    @pytest.mark.parametrize("vendored", ["nobody_s/__init__.py", "nobody_s.py"])
    def test_packages_beside_the_code(self, tmp_path: Path, vendored: str) -> None:
        code = tmp_path / "code"
        (code / vendored).parent.mkdir(parents=True)
        for name in ("app.py", vendored):
            (code / name).touch()
        (code / "requirements.txt").write_text("nobody-s")
        assert self.said(tmp_path, PYTHON) is None

    def test_packages_of_node(self, tmp_path: Path) -> None:
        code = tmp_path / "code"
        code.mkdir()
        (code / "app.js").touch()
        wanted = {"uuid": "9", "@aws-sdk/client-dynamodb": "3", "@scope/thing": "1"}
        (code / "package.json").write_text(json.dumps({"dependencies": wanted}))
        properties = "Runtime: nodejs20.x\nHandler: app.handler"
        said = self.said(tmp_path, properties)
        assert "uuid, @scope/thing of its package.json is not installed: run sam build" in str(said)

        (tmp_path / "node_modules" / "uuid").mkdir(parents=True)  # as Node.js looks upwards
        (code / "node_modules" / "@scope" / "thing").mkdir(parents=True)
        assert self.said(tmp_path, properties) is None

    def test_other_runtimes_are_not_judged(self, tmp_path: Path) -> None:
        assert self.said(tmp_path, "Runtime: ruby3.3\nHandler: app.handler") is None
