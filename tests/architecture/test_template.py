"""What would be deployed, without an AWS account: SAM's own validation and build."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from apigw_local.template.document import read
from tests.running_gateway import ROOT

SAM = ROOT / ".venv-sam" / "bin" / "sam"
MOST_LAYER_BYTES = 60 * 1024 * 1024


def sam(*arguments: str) -> str:
    done = subprocess.run(
        [SAM, *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            "SAM_CLI_TELEMETRY": "0",
            "PATH": f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("arguments", [["--lint"], ["--region", "eu-west-1"]])
def test_sam_validates_it(arguments: list[str]) -> None:
    assert "is a valid SAM Template" in sam("validate", *arguments)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    sam("build", "--no-cached", "--build-dir", str(folder))
    return folder


def test_sam_builds_every_function(built: Path) -> None:
    template: dict[str, Any] = read(built / "template.yaml")
    functions = {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    assert len(functions) == len(list((ROOT / "functions").glob("*/app.py")))
    for properties in functions.values():
        assert (built / properties["CodeUri"] / "app.py").is_file()


def test_the_layer_is_hadir_without_caches(built: Path) -> None:
    shipped = built / "HadirLayer" / "python" / "hadir"
    here = ROOT / "layers" / "hadir" / "python" / "hadir"

    def files(folder: Path) -> set[str]:
        paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        return {str(path) for path in paths if path.suffix != ".pyc"}

    assert files(shipped) == files(here)
    assert "membership/lua/leave.lua" in files(shipped)
    assert list(shipped.rglob("__pycache__")) == []


def test_the_dependencies_are_for_lambda_and_small(built: Path) -> None:
    layer = built / "DependenciesLayer" / "python"
    libraries = [path.name for path in layer.rglob("*.so")]
    wheels = [path.read_text() for path in layer.glob("*.dist-info/WHEEL")]
    tags = [line for text in wheels for line in text.splitlines() if line.startswith("Tag:")]

    assert any("pydantic_core" in name and "cpython-314-aarch64" in name for name in libraries)
    assert not [tag for tag in tags if "any" not in tag and "aarch64" not in tag]
    assert sum(path.stat().st_size for path in layer.rglob("*") if path.is_file()) < (
        MOST_LAYER_BYTES
    )
    for name in ("awscrt", "aws_lambda_powertools", "pydantic", "redis"):
        assert (layer / name).is_dir()


OF_THE_RUNTIME = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3")
"""What Lambda's Python brings along: boto3, and what that needs."""


def test_the_layers_hold_all_that_hadir_imports(tmp_path: Path) -> None:
    """Under the runtime's Python where it is at hand, else under this one."""
    version = (ROOT / "template.yaml").read_text().partition("Runtime: python")[2].split()[0]
    python = shutil.which(f"python{version}")
    if python is None:
        python, version = sys.executable, f"{sys.version_info.major}.{sys.version_info.minor}"
    target = f"build-DependenciesLayer ARTIFACTS_DIR={tmp_path} LAYER_PYTHON={version}"
    machine = f"LAYER_PLATFORM={platform.machine()}-manylinux_2_28"
    path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["make", "-C", ROOT / "layers" / "dependencies", *target.split(), machine],
        env={**os.environ, "PATH": path},
        check=True,
    )
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    for name in OF_THE_RUNTIME:
        (runtime / name).symlink_to(Path(boto3.__file__).parents[1] / name)
    ours = ROOT / "layers" / "hadir" / "python"
    modules = [
        ".".join(file.relative_to(ours).with_suffix("").parts)
        for file in ours.rglob("*.py")
        if file.stem not in ("__main__", "__init__")
    ]

    program = f"import sys, importlib; sys.path += {[str(ours), str(tmp_path / 'python')]!r}\n"
    program += f"sys.path += {[str(runtime)]!r}\n"
    program += f"for name in {modules!r}: importlib.import_module(name)"
    subprocess.run([python, "-I", "-S", "-c", program], check=True)
    assert len(modules) > 30


def test_the_runtime_is_one_everywhere() -> None:
    text = (ROOT / "template.yaml").read_text()
    makefile = (ROOT / "layers" / "dependencies" / "Makefile").read_text()
    runtime = yaml.safe_load(text.partition("Runtime: ")[2].partition("\n")[0])

    assert text.count("python3.") == text.count(runtime)
    assert f"LAYER_PYTHON ?= {runtime.removeprefix('python')}\n" in makefile


def test_uv_is_what_builds_the_layer() -> None:
    assert shutil.which("uv", path=str(ROOT / ".venv" / "bin"))
