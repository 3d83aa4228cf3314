"""The AWS SDK of Lambda's Node runtimes, for projects that leave it to Lambda.

Since ``nodejs18.x`` those have SDK v3, before that v2 ("Using the AWS SDK for JavaScript in your
function"). Here the packages that a project imports and does not have are installed once, by npm
into the user's cache, as SAM CLI pulls Lambda's images.
"""

import asyncio
import fcntl
import os
import re
import shutil
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from apigw_local.log import Log
from apigw_local.runtime.guest import package_folders, sdk_folder
from apigw_local.template.model import Function

_IMPORTED = re.compile(
    rb"""(?:\brequire\s*\(|\bfrom\b|\bimport\b\s*\(?)\s*"""
    rb"""["'](aws-sdk|@(?:aws-sdk|smithy)/[a-z0-9-]+)(?:/[^"'\n]*)?["']"""
)
_CODE = (".js", ".mjs", ".cjs")
_NOT_CODE = {"node_modules", ".git", ".aws-sam", "cdk.out"}
_LOCKED_SECONDS = 0.2
_SHOWN_CHARACTERS = 300
_MOST_BYTES = 5_000_000
"""A larger file is no code that somebody has written, nor bundled for Lambda."""


def cache_folder() -> Path | None:
    """Where packages are kept; None where the user has no folder for such."""
    named = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(named) if named else Path.home() / ".cache") / "apigw-local" / "node"
    except RuntimeError:  # there is no home
        return None


async def provide(functions: Iterable[Function], log: Log) -> None:
    """Install what Node functions leave to Lambda.

    What cannot be installed is a warning with the command: a function that needs it then fails with
    the package's name.
    """
    cache = cache_folder()
    by_folder: dict[Path, list[Function]] = {}
    for each in functions:
        if each.is_node and cache:
            by_folder.setdefault(sdk_folder(each, cache), []).append(each)
    for folder, nodes in by_folder.items():
        if missing := await asyncio.to_thread(_missing, nodes, folder.parent):
            try:
                await _provide(nodes, folder, log)
            except OSError as error:
                log.warning(f"{error}: Lambda has {' '.join(sorted(missing))}, which is not here")


async def _provide(functions: list[Function], folder: Path, log: Log) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        await _locked(lock)
        if missing := await asyncio.to_thread(_missing, functions, folder.parent):
            await _install(sorted(missing), folder, log)


async def _locked(lock: TextIO) -> None:
    """Wait until no other gateway installs; a thread could not be told to wait no more."""
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            await asyncio.sleep(_LOCKED_SECONDS)
        else:
            return


async def _install(names: list[str], folder: Path, log: Log) -> None:
    quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "--fetch-retries=1")
    command = ["npm", "install", "--prefix", str(folder), *quiet, *names]
    npm = shutil.which("npm")
    if npm is None:
        log.warning(
            f"Lambda has {' '.join(names)}, which is not here, and there is no npm to install it: "
            "install Node.js with npm"
        )
        return
    log.gateway("npm", f"installs what Lambda has, once, into {folder}: {' '.join(names)}")
    process = await asyncio.create_subprocess_exec(
        npm,
        *command[1:],
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode:
        said = " ".join(output.decode(errors="replace").split())[:_SHOWN_CHARACTERS]
        log.warning(f"{' '.join(command)} failed: {said}")


def _missing(functions: list[Function], packages: Path) -> set[str]:
    return {
        name
        for function in functions
        for folder in (function.code, *function.layers)
        for file in _code_files(folder)
        for name in _imported(file)
        if _is_lambdas(name, function) and not _is_there(name, file, function, packages)
    }


def _code_files(folder: Path) -> Iterator[Path]:
    for at, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _NOT_CODE]
        yield from (Path(at, name) for name in names if name.endswith(_CODE))


def _imported(file: Path) -> set[str]:
    try:
        code = file.read_bytes() if file.stat().st_size <= _MOST_BYTES else b""
    except OSError:
        return set()
    return {name.decode() for name in _IMPORTED.findall(code)}


def _is_lambdas(name: str, function: Function) -> bool:
    return (name == "aws-sdk") == (sdk_folder(function, Path()).name == "sdk2")


def _is_there(name: str, file: Path, function: Function, packages: Path) -> bool:
    beside = (folder / "node_modules" for folder in file.resolve().parents)
    folders = (*beside, *package_folders(function, packages))
    return any((folder / name / "package.json").is_file() for folder in folders)
