"""Environments to install the gateway into."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def uv(*arguments: str) -> str:
    """What it prints; uv is installed beside the tests.

    Raises:
        AssertionError: it failed; with what it said.
    """
    command = [str(Path(sys.executable).parent / "uv"), *arguments]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 0, f"uv {' '.join(arguments)}: {ended.stderr}"
    return ended.stdout


def installed(folder: Path, python: Path, *requirements: str) -> Path:
    """A new environment with these; its ``bin``.

    Without a network, of what uv has in its cache from another time.
    """
    uv("venv", "--quiet", "--python", str(python), str(folder))
    install = ("pip", "install", "--quiet", "--python", str(folder / "bin" / "python"))
    try:
        uv(*install, *requirements)
    except AssertionError:
        uv(*install, "--offline", *requirements)
    return folder / "bin"


def found(version: str) -> Path | None:
    """A Python of that version, such as 3.12, on the PATH or of pyenv's; None if there is none."""
    on_path = shutil.which(f"python{version}")
    of_pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    for each in (*of_pyenv, *([Path(on_path)] if on_path else [])):
        asked = [str(each), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        # A shim of pyenv's fails where that version is not switched on.
        ended = subprocess.run(asked, check=False, capture_output=True, text=True)
        if ended.stdout.strip() == version:
            return each
    return None
