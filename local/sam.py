"""The functions as ``sam build`` leaves them, in the containers of ``sam local start-lambda``."""

import json
import os
import platform
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from local import child

_ROOT = Path(__file__).resolve().parent.parent
_FOLDER = _ROOT / ".hadir"
_STARTING_SECONDS = 60.0
_OURS = "label=sam.cli.container.type=lambda"
_ARCHITECTURES = {"arm64": "aarch64", "aarch64": "aarch64"}


class NoSam(Exception):
    """``sam local`` cannot run here; the text says what to do."""


def this_machine() -> tuple[str, str]:
    """Where servers must listen that containers are to reach, and what containers call that place.

    On Linux both are the address of Docker's bridge; Docker Desktop has a name for the machine.
    ``SAM_LOCAL_HOST`` names another, for containers in a network of their own.

    Raises:
        NoSam: there is no Docker, or it does not answer.
    """
    if host := os.environ.get("SAM_LOCAL_HOST"):
        return host, host
    if sys.platform != "linux":
        return "127.0.0.1", "host.docker.internal"
    form = "{{(index .IPAM.Config 0).Gateway}}"
    address = _docker("network", "inspect", "bridge", "--format", form)
    return address, address


@contextmanager
def start_lambda(parameters: Sequence[str], variables: Mapping[str, str]) -> Iterator[str]:
    """Build the functions, and serve them; yields the endpoint for ``lambda`` clients.

    Containers that are new when it ends are removed, whatever became of ``sam``.

    Args:
        parameters: of the template, as ``Name=value``.
        variables: of every function that has a variable of that name.

    Raises:
        NoSam: there is no Docker, or ``sam`` failed.
    """
    before = set(_docker("ps", "--all", "--quiet", "--filter", _OURS).split())
    template = _build()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix="hadir-sam-") as folder:
        file = Path(folder) / "env.json"
        file.write_text(json.dumps({"Parameters": dict(variables)}))
        print("sam local start-lambda: each function's first call builds an image", file=sys.stderr)
        served = child.start(
            [
                *(*_sam(), "local", "start-lambda", "--port", str(port)),
                *("--template", str(template), "--env-vars", str(file)),
                *("--warm-containers", "LAZY", "--skip-pull-image"),
                *("--parameter-overrides", *parameters),
            ],
            _environment(),
        )
        try:
            _wait_until_up(served, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            served.stop()
            left = set(_docker("ps", "--all", "--quiet", "--filter", _OURS).split()) - before
            if left:
                _docker("rm", "--force", *left)


def _build() -> Path:
    """Build for this machine's processor, and ``SAM_LOCAL_PYTHON``; the built template."""
    machine = _ARCHITECTURES.get(platform.machine().lower(), "x86_64")
    text = (_ROOT / "template.yaml").read_text()
    deployed = text.partition("Runtime: python")[2].partition("\n")[0]
    version = os.environ.get("SAM_LOCAL_PYTHON", deployed)
    if machine != "aarch64":
        text = text.replace("arm64", machine)
    _FOLDER.mkdir(exist_ok=True)
    template = _FOLDER / "sam-local.yaml"
    template.write_text(text.replace(f"python{deployed}", f"python{version}"))
    print(f"sam build, for {machine} and Python {version}", file=sys.stderr)
    built = _FOLDER / "sam-local"
    done = subprocess.run(
        [
            *(*_sam(), "build", "--template", str(template), "--base-dir", str(_ROOT)),
            *("--build-dir", str(built), "--no-cached"),
        ],
        env={
            **_environment(),
            "LAYER_PLATFORM": f"{machine}-manylinux_2_28",
            "LAYER_PYTHON": version,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NoSam(f"sam build failed:\n{done.stderr}")
    return built / "template.yaml"


def _sam() -> list[str]:
    """The command ``SAM``, else the one that ``make`` installs."""
    return shlex.split(os.environ.get("SAM") or str(_ROOT / ".venv-sam" / "bin" / "sam"))


def _environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"  # for uv
    return {"AWS_DEFAULT_REGION": "us-east-1", **os.environ, "PATH": path}


def _wait_until_up(served: child.Child, port: int) -> None:
    deadline = time.monotonic() + _STARTING_SECONDS
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if served.ended() or time.monotonic() > deadline:
                raise NoSam("sam local start-lambda did not start; see above") from None
            time.sleep(0.1)


def _docker(*arguments: str) -> str:
    docker = shutil.which("docker")
    if not docker:
        raise NoSam("sam local needs Docker, and there is none here; make run needs neither")
    done = subprocess.run([docker, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoSam(f"sam local needs Docker, which does not answer: {done.stderr.strip()}")
    return done.stdout.strip()
