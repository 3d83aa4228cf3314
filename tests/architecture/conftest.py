"""The CloudFormation that AWS makes of the template."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.running_gateway import ROOT

SAM_PYTHON = ROOT / ".venv-sam" / "bin" / "python"


@pytest.fixture(scope="session")
def transformed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cloudformation") / "template.json"
    script = Path(__file__).parent / "transformed.py"
    with path.open("w") as file:
        subprocess.run(
            [SAM_PYTHON, script, ROOT / "template.yaml"],
            stdout=file,
            env={**os.environ, "AWS_DEFAULT_REGION": "eu-west-1", "PYTHONWARNINGS": "ignore"},
            check=True,
        )
    return path


@pytest.fixture(scope="session")
def resources(transformed: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(transformed.read_text())["Resources"]
    return found
