"""The package as others get it: a wheel, in an environment of each Python there is."""

import email
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from email.message import Message
from pathlib import Path

import pytest
from websockets.sync.client import connect

from apigw_local.arguments import parser
from tests.clients import WAIT
from tests.install import ROOT, found, installed, uv
from tests.running_gateway import RunningGateway, free_row, ready

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
WITHOUT_C = "without the C part of awslambdaric"
OLD_PYTEST = "with an old pytest"

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Chat:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      StageName: dev
      RouteSelectionExpression: $request.body.action
      Routes:
        $default: {FunctionArn: !GetAtt Echo.Arn}
  Echo:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.13, Handler: app.handler, CodeUri: ., Timeout: 30}
"""
ECHO = """
import sys
import boto3
def handler(event, context):
    print("I am asked")
    boto3.client("apigatewaymanagementapi").post_to_connection(
        ConnectionId=event["requestContext"]["connectionId"],
        Data=f"{event['body']} from {sys.executable}".encode(),
    )
    return {"statusCode": 200}
"""
TESTS = """
def test_good(start_gateway):
    with start_gateway("template.yaml").connect() as anna:
        anna.send("hello")
        assert anna.recv(timeout=30).startswith("hello from ")

def test_bad(start_gateway):
    test_good(start_gateway)
    assert False

def test_without():
    pass
"""

Environments = Mapping[str, "Future[Path]"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    here = ("--python", sys.executable, "--no-build-isolation")
    uv("build", "--quiet", "--wheel", *here, "--out-dir", str(folder), str(ROOT))
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def environments(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environments]:
    """The ``bin`` of each, made side by side: most of the time goes into unpacking."""
    folder = tmp_path_factory.mktemp("environments")
    pythons = {version: python for version in VERSIONS if (python := found(version))}
    assert pythons
    oldest = next(iter(pythons.values()))
    wanted = {version: (python, [str(wheel)]) for version, python in pythons.items()}
    wanted[WITHOUT_C] = (oldest, [str(wheel)])
    wanted[OLD_PYTEST] = (oldest, [f"{wheel}[pytest]", "pytest==7.2.0", "pluggy==1.0.0"])
    with ThreadPoolExecutor() as pool:
        yield {
            which: pool.submit(installed, folder / which.replace(" ", "-"), python, *requirements)
            for which, (python, requirements) in wanted.items()
        }


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "app.py").write_text(ECHO)
    (tmp_path / "test_echo.py").write_text(TESTS)
    return tmp_path


@pytest.mark.parametrize("which", [*VERSIONS, WITHOUT_C])
def test_it_serves_a_message_and_ends(
    which: str, environments: Environments, project: Path
) -> None:
    programs = of(environments, which)
    if which == WITHOUT_C:
        (compiled,) = programs.parent.glob("lib/python*/site-packages/runtime_client*.so")
        compiled.unlink()

    with running(programs, project) as gateway, connect(f"{gateway.ws}/dev", proxy=None) as socket:
        socket.send("hello")
        said = str(socket.recv(WAIT))
        assert said == f"hello from {programs / 'python'}"
        gateway.process.terminate()
        assert gateway.process.wait(WAIT) == 0

    assert "Traceback" not in gateway.output


@pytest.mark.parametrize("version", VERSIONS)
def test_it_says_what_it_is(version: str, environments: Environments) -> None:
    programs = of(environments, version)

    helped = ran(programs / "apigw-local", "--help")
    assert helped.stdout.startswith("usage: apigw-local ")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert ran(programs / "apigw-local", "--version").stdout == f"apigw-local {stated()}\n"
    assert ran(programs / "python", "-m", "apigw_local", "--help").stdout == helped.stdout
    old = ran(programs / "hadir-gateway", "--help")
    assert old.stdout == helped.stdout
    assert old.stderr == "hadir-gateway is called apigw-local now: this name goes with 0.3\n"


@pytest.mark.parametrize("version", VERSIONS)
def test_it_needs_no_pytest(version: str, environments: Environments) -> None:
    programs = of(environments, version)
    asked = "import importlib.util as u; print(u.find_spec('pytest'), u.find_spec('moto'))"
    assert ran(programs / "python", "-c", asked).stdout == "None None\n"


def test_an_old_pytest_runs_with_it(environments: Environments, project: Path) -> None:
    python = of(environments, OLD_PYTEST) / "python"

    ended = ran(python, "-m", "pytest", "-p", "no:cacheprovider", folder=project)

    assert "pytest-7.2.0, pluggy-1.0.0" in ended.stdout
    assert "1 failed, 2 passed" in ended.stdout, ended.stdout
    shown = ended.stdout.partition(f"- apigw-local {project / 'template.yaml'} -")[2]
    assert "I am asked" in shown


def test_what_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        source = {f"apigw_local/{each}" for each in files_of_the_source()}
        metadata = f"apigw_local-{stated()}.dist-info"
        assert {each for each in names if not each.startswith(f"{metadata}/")} == source
        assert "apigw_local/py.typed" in names
        told = email.message_from_bytes(archive.read(f"{metadata}/METADATA"))
        assert b"MIT License" in archive.read(f"{metadata}/licenses/LICENSE")
        assert entry_points(archive.read(f"{metadata}/entry_points.txt").decode()) == {
            "apigw-local = apigw_local.__main__:main",
            "apigw-local = apigw_local.pytest_plugin",
            "hadir-gateway = apigw_local.__main__:main_by_old_name",
        }
    assert told["Name"] == "apigw-local"
    assert told["Version"] == stated()
    assert told["License-Expression"] == "MIT"
    assert told["Requires-Python"] == ">=3.11"
    assert told["Author"] == "The Hadir authors"
    assert {*VERSIONS} <= {each.rpartition(" ")[2] for each in told.get_all("Classifier", [])}


def test_its_dependencies_are_bounded(wheel: Path) -> None:
    needed = metadata_of(wheel).get_all("Requires-Dist", [])
    of_runs = [each for each in needed if "extra ==" not in each]
    assert {each for each in needed if each not in of_runs} == {"pytest>=7; extra == 'pytest'"}
    for each in of_runs:
        assert ">=" in each
        assert "<" in each or each.startswith("certifi>=")  # its versions are dates


def test_its_page_has_no_links_that_lead_nowhere_in_an_index(wheel: Path) -> None:
    page = str(metadata_of(wheel).get_payload())
    assert page.startswith("# apigw-local\n")
    headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    here = {f"#{re.sub(r'[^a-z0-9 -]', '', each.lower()).replace(' ', '-')}" for each in headings}
    leading = set(re.findall(r"\]\(([^)]*)\)", page))
    assert {each for each in leading if not each.startswith("https://")} <= here


def test_its_page_names_options_that_there_are() -> None:
    page = (ROOT / "README.md").read_text()
    of_others = {
        *("--add-host", "--inspect"),  # sam's and Node's
        *("--cli-binary-format", "--connection-id", "--data", "--endpoint-url"),  # AWS's CLI
        *("--attribute-definitions", "--billing-mode", "--key-schema", "--message-body"),
        *("--queue-url", "--table-name"),
    }
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page))
    assert named - of_others <= set(re.findall(r"--[a-z-]+", parser().format_help()))


def test_its_changes_are_told() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert f"## [{stated()}]" in changes


def stated() -> str:
    """The version in pyproject.toml."""
    version: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return version


def of(environments: Environments, which: str) -> Path:
    """Its ``bin``, once it has been made."""
    if which not in environments:
        pytest.skip(f"there is no Python {which} here")
    return environments[which].result()


def ran(
    program: Path, *arguments: str, folder: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [program, *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder or program.parent,
        env=environment(),
    )


def environment() -> dict[str, str]:
    """Without what would lead to this source, or change pytest."""
    ours = ("PYTHONPATH", "PYTEST_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@contextmanager
def running(programs: Path, project: Path) -> Iterator[RunningGateway]:
    port = free_row(4)
    process = subprocess.Popen(
        [programs / "apigw-local", "--port", str(port)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=project,
        env=environment(),
    )
    with ready(RunningGateway(process, port, port + 1, port + 2, admin_port=port + 3)) as gateway:
        yield gateway


def files_of_the_source() -> set[str]:
    folder = ROOT / "apigw_local"
    files = (each for each in folder.rglob("*") if each.is_file())
    return {str(each.relative_to(folder)) for each in files if "__pycache__" not in each.parts}


def metadata_of(wheel: Path) -> "Message[str, str]":
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith("/METADATA"))
        return email.message_from_string(archive.read(name).decode())


def entry_points(text: str) -> set[str]:
    return {line for line in text.splitlines() if "=" in line}
