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
from collections.abc import Iterable, Iterator
from pathlib import Path

from apigw_local.log import Log
from apigw_local.runtime.guest import package_folders
from apigw_local.template.model import Function

_IMPORTED = re.compile(
    rb"""(?:\brequire\s*\(|\bfrom\b|\bimport\b\s*\(?)\s*"""
    rb"""["'](aws-sdk|@(?:aws-sdk|smithy)/[a-z0-9-]+)(?:/[^"'\n]*)?["']"""
)
_LAST_WITH_SDK_2 = 16
_CODE = (".js", ".mjs", ".cjs")
_NOT_CODE = {"node_modules", ".git", ".aws-sam", "cdk.out"}
_MOST_BYTES = 5_000_000
"""A larger file is no code that somebody has written, nor bundled for Lambda."""


def cache_folder() -> Path:
    """Where packages are kept, ``node_modules`` and what npm notes beside it."""
    named = os.environ.get("XDG_CACHE_HOME")
    return (Path(named) if named else Path.home() / ".cache") / "apigw-local" / "node"


async def provide(functions: Iterable[Function], log: Log) -> Path:
    """Install what Node functions leave to Lambda; the ``node_modules`` that has it.

    What cannot be installed is a warning with the command: a function that needs it then fails with
    the package's name.
    """
    folder = cache_folder()
    packages = folder / "node_modules"
    nodes = [each for each in functions if each.is_node]
    if not await asyncio.to_thread(_missing, nodes, packages):
        return packages
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)  # of another gateway
        if missing := await asyncio.to_thread(_missing, nodes, packages):
            await _install(sorted(missing), folder, log)
    return packages


async def _install(names: list[str], folder: Path, log: Log) -> None:
    quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
    command = ["npm", "install", "--prefix", str(folder), *quiet, *names]
    npm = shutil.which("npm")
    if npm is None:
        log.warning(f"npm is not there, to install what Lambda has: {' '.join(names)}")
        return
    log.gateway("npm", f"installs what Lambda has, once, into {folder}: {' '.join(names)}")
    process = await asyncio.create_subprocess_exec(
        npm,
        *command[1:],
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        said = output.decode(errors="replace").strip().splitlines()
        log.warning(f"{' '.join(command)} failed: {said[0] if said else process.returncode}")


def _missing(functions: list[Function], packages: Path) -> set[str]:
    return {
        name
        for function in functions
        for file in _code_files(function.code)
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
    version = re.sub(r"\D", "", function.runtime)
    is_old = version.isdecimal() and int(version) <= _LAST_WITH_SDK_2
    return is_old == (name == "aws-sdk")


def _is_there(name: str, file: Path, function: Function, packages: Path) -> bool:
    beside = (folder / "node_modules" for folder in file.resolve().parents)
    folders = (*beside, *package_folders(function, packages))
    return any((folder / name / "package.json").is_file() for folder in folders)
