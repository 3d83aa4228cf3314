"""Projects as strangers publish them run unchanged, started as a developer starts them."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.clients import WAIT
from tests.running_gateway import RunningGateway, free_ports, ready, start_gateway

PROJECTS = Path(__file__).parent / "projects"
ROOT = PROJECTS.parents[2]
SAM = ROOT / ".venv-sam" / "bin" / "sam"
ESBUILD = ROOT / "tests" / "browser" / "node_modules" / ".bin"
WORDS = 'WORDS = "bought words"\n'


@contextmanager
def running(*arguments: str | Path, **environment: str) -> Iterator[RunningGateway]:
    """A gateway on free ports, told nothing but ``arguments``."""
    names = ("ws", "http", "lambda", "admin")
    ports = dict(zip(names, free_ports(4), strict=True))
    given = [text for name, port in ports.items() for text in (f"--{name}-port", str(port))]
    process = start_gateway([*map(str, arguments), *given], environment)
    gateway = RunningGateway(process, ports["ws"], ports["http"], ports["lambda"])
    with ready(gateway):
        yield gateway


@contextmanager
def connected(gateway: RunningGateway, stage: str) -> Iterator[ClientConnection]:
    with connect(f"{gateway.ws}/{stage}", ping_interval=None, proxy=None) as socket:
        yield socket


def warnings_in(gateway: RunningGateway) -> list[str]:
    return [line for line in gateway.lines if " warning " in line]


def test_code_within_the_template() -> None:
    with running("-t", PROJECTS / "inline" / "template.yaml") as gateway:
        with connected(gateway, "prod") as socket:
            socket.send("hi")
            assert socket.recv(WAIT) == "local: hi"
        assert not [line for line in warnings_in(gateway) if "functions run on" not in line]


def test_code_within_the_template_leaves_no_folder_behind(tmp_path: Path) -> None:
    with running("-t", PROJECTS / "inline" / "template.yaml", TMPDIR=str(tmp_path)):
        assert list(tmp_path.glob("apigw-local-code-*/*/index.py"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "stage", "greeting"),
    [
        ((), "live", "good day"),
        (("--config-env", "staging"), "staging", "hello"),
        (("--parameter-overrides", "Greeting=mine", "StageName=own"), "own", "mine"),
    ],
)
def test_a_configuration_file_of_sams(
    tmp_path: Path, options: tuple[str, ...], stage: str, greeting: str
) -> None:
    shutil.copytree(PROJECTS / "samconfig", tmp_path, dirs_exist_ok=True)
    with running("-t", tmp_path, *options) as gateway:
        with connected(gateway, stage) as socket:
            socket.send('{"the action": "greet"}')
            region = "eu-west-1" if "--config-env" in options else "eu-central-1"
            assert json.loads(socket.recv(WAIT)) == {"greeting": greeting, "region": region}
        (said,) = warnings_in(gateway)[:1]
        assert "parameter VpcId has no default, here it is VpcId" in said


@pytest.mark.parametrize("template", [".", "cdk.out", "cdk.out/ChatStack.template.json"])
def test_the_output_of_cdk(template: str) -> None:
    with running("--template", PROJECTS / "cdk" / template) as gateway:
        with connected(gateway, "live") as socket:
            socket.send('{"action": "say", "text": "salam"}')
            assert socket.recv(WAIT) == "SALAM"
        assert not [line for line in warnings_in(gateway) if "functions run on" not in line]


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """The project ``built`` after a ``sam build``: its packages are in the build only."""
    project = tmp_path / "project"
    shutil.copytree(PROJECTS / "built", project)
    build = project / ".aws-sam" / "build"
    shutil.copytree(project / "src", build / "WordsFunction")
    (build / "WordsFunction" / "words_of_somebody.py").write_text(WORDS)
    text = (project / "template.yaml").read_text()
    (build / "template.yaml").write_text(text.replace("CodeUri: src/", "CodeUri: WordsFunction"))
    return project


def hear(gateway: RunningGateway) -> str | bytes:
    with connected(gateway, "dev") as socket:
        socket.send("{}")
        return socket.recv(WAIT)


def test_what_sam_build_has_made_is_served(built: Path) -> None:
    with running("-t", built / "template.yaml") as gateway:
        gateway.wait_for_line(r"\.aws-sam/build/template\.yaml is served, newer than its sources")
        assert hear(gateway) == "first bought words"

        # A second build, while it runs.
        app = built / ".aws-sam" / "build" / "WordsFunction" / "app.py"
        app.write_text(app.read_text().replace("first", "second"))
        gateway.wait_for_line("WordsFunction: app.py has changed")
        assert hear(gateway) == "second bought words"


def make_older(built: Path) -> None:
    template = built / ".aws-sam" / "build" / "template.yaml"
    os.utime(template, (1_000_000_000, 1_000_000_000))


def test_a_build_that_is_old_serves_where_the_sources_cannot(built: Path) -> None:
    make_older(built)
    with running("-t", built / "template.yaml") as gateway:
        gateway.wait_for_line("is served, older than .*, since WordsFunction cannot run without")
        assert hear(gateway) == "first bought words"


def test_a_build_that_is_old_does_not_serve_where_the_sources_can(built: Path) -> None:
    make_older(built)
    (built / "src" / "words_of_somebody.py").write_text('WORDS = "own words"')
    with running("-t", built / "template.yaml") as gateway:
        gateway.wait_for_line("template.yaml is served and not its build, which is older than")
        assert hear(gateway) == "first own words"


def test_without_builds_it_is_said_what_is_missing(built: Path) -> None:
    with running("-t", built / "template.yaml", "--no-build-dir") as gateway:
        line = gateway.wait_for_line("WordsFunction: words-of-somebody of its requirements.txt")
        assert "run sam build" in line
        assert not [each for each in gateway.lines if "is served" in each]


@pytest.mark.skipif(
    not SAM.exists() or not (ESBUILD / "esbuild").exists() or shutil.which("node") is None,
    reason="needs the SAM CLI, esbuild and Node.js",
)
def test_typescript_that_sam_build_has_compiled(tmp_path: Path) -> None:
    shutil.copytree(PROJECTS / "typescript", tmp_path, dirs_exist_ok=True)
    path = f"{ESBUILD}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        [SAM, "build"],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "SAM_CLI_TELEMETRY": "0", "PYTHONPATH": ""},
        capture_output=True,
        check=True,
    )
    with running("-t", tmp_path / "template.yaml") as gateway:
        gateway.wait_for_line(r"\.aws-sam/build/template\.yaml is served, newer than its sources")
        with connected(gateway, "prod") as socket:
            socket.send('{"action": "say", "text": "salam"}')
            assert socket.recv(WAIT) == "SALAM!"


def test_typescript_before_it_is_compiled(tmp_path: Path) -> None:
    shutil.copytree(PROJECTS / "typescript", tmp_path, dirs_exist_ok=True)
    with running("-t", tmp_path / "template.yaml") as gateway:
        line = gateway.wait_for_line("SayFunction: app.ts is TypeScript")
        assert "run sam build" in line
