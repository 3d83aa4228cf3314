"""Tries the bounds of the dependencies in pyproject.toml on the core of the tests.

    python -m tests.bounds [requirement …]

With the lowest versions that are allowed, and with the newest; or, to look for another bound, with
the versions that are named, such as ``websockets==15.0.1``. It takes some minutes and asks the
package index, so it is run by hand: ``make bounds``.
"""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from tests.install import ROOT, uv

_CORE = ("connect", "disconnect", "functions", "http_api", "lambda_api", "management", "messages")
_TOOLS = ("pytest", "pytest-timeout", "psutil", "debugpy")
_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
_NAMES = {re.split("[<>=]", each)[0] for each in _PROJECT["dependencies"]}


def main() -> int:
    named = sys.argv[1:]
    ways = {" ".join(named): named} if named else {"lowest": [], "newest": []}
    failed = [way for way, requirements in ways.items() if not tried(way, requirements)]
    print(f"failed with: {', '.join(failed)}" if failed else "the bounds hold")
    return bool(failed)


def tried(way: str, requirements: list[str]) -> bool:
    """Install what pyproject.toml allows in that way, beside the source, and run the tests."""
    resolution = "lowest-direct" if way == "lowest" else "highest"
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "bin" / "python"
        uv("venv", "--quiet", "--python", sys.executable, folder)
        install = ("pip", "install", "--quiet", "--python", str(python))
        asked = ("--resolution", resolution, "--requirement", str(ROOT / "pyproject.toml"))
        uv(*install, *asked, *requirements)
        uv(*install, *_TOOLS)
        uv(*install, "--no-deps", "--reinstall", str(ROOT))
        versions = uv("pip", "freeze", "--python", str(python)).splitlines()
        print(way, *(each for each in versions if each.partition("==")[0] in _NAMES), flush=True)
        files = [f"tests/test_{name}.py" for name in _CORE]
        options = ("-q", "-p", "no:cacheprovider")
        return not subprocess.run(
            [python, "-m", "pytest", *options, *files],
            check=False,
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
