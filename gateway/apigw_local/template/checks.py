"""Whether a function's code is complete, as far as that can be seen without importing it."""

import re
from collections.abc import Iterator
from functools import cache
from importlib.machinery import all_suffixes
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

from apigw_local.core.documents import parsed
from apigw_local.template.model import Function

_NODE = (".js", ".mjs", ".cjs")
_TYPESCRIPT = (".ts", ".mts", ".cts", ".tsx")
_REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*")
_OF_LAMBDA = ("aws-sdk", "@aws-sdk/", "@smithy/", "@types/")
"""What Lambda's Node.js has without being asked, or nothing needs to run."""
_BUILD = "run sam build"


def missing_handler(function: Function) -> str | None:
    """What to do about a handler whose file is not there; None where it is."""
    module = function.handler.rpartition(".")[0]
    if function.is_python:
        return (
            None if _has_python(function, module) else _not_there(function, f"{_path(module)}.py")
        )
    if function.runtime.startswith("nodejs"):
        return _missing_node_handler(function)
    return None


def missing_packages(function: Function) -> str | None:
    """What to do about packages that its code asks for and that are not installed."""
    if function.is_python:
        file, names = "requirements.txt", list(_missing_requirements(function))
    elif function.runtime.startswith("nodejs"):
        file, names = "package.json", list(_missing_modules(function))
    else:
        return None
    if not names:
        return None
    how = "pip install -r" if function.is_python else "npm install beside"
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if names[3:] else "")
    where = _short(function.code / file)
    return f"{shown} of its {file} is not installed: {_BUILD}, or {how} {where}"


def _has_python(function: Function, module: str) -> bool:
    path = _path(module)
    for folder in _python_folders(function):
        if any((folder / f"{path}{suffix}").is_file() for suffix in all_suffixes()):
            return True
        if (folder / path).is_dir():
            return True
    top = re.split(r"[./]", module)[0]
    try:
        installed = find_spec(top) if top else None
    except (ImportError, ValueError):
        return False
    return bool(installed and installed.origin and "site-packages" in installed.origin)


def _path(module: str) -> str:
    return module.replace(".", "/")


def _python_folders(function: Function) -> Iterator[Path]:
    yield function.code
    for path in filter(None, function.environment.get("PYTHONPATH", "").split(":")):
        yield function.code / re.sub(r"^/var/task/?", "", path)
    for layer in function.layers:
        yield layer / "python"
        yield from (layer / "python" / "lib").glob("python*/site-packages")


def _missing_node_handler(function: Function) -> str | None:
    folder, _, name = function.handler.rpartition("/")
    file = name.partition(".")[0]
    path = function.code / folder / file
    if any(path.with_name(f"{file}{suffix}").is_file() for suffix in ("", *_NODE)):
        return None
    for suffix in _TYPESCRIPT:
        if path.with_name(f"{file}{suffix}").is_file():
            return f"{file}{suffix} is TypeScript, which Node.js does not run: {_BUILD}"
    return _not_there(function, f"{folder}/{file}.js".lstrip("/"))


def _not_there(function: Function, file: str) -> str:
    return f"there is no {file} in {_short(function.code)}: {_BUILD}, or correct the Handler"


def _missing_requirements(function: Function) -> Iterator[str]:
    try:
        lines = (function.code / "requirements.txt").read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return
    folders = list(_python_folders(function))
    vendored = {_plain(each.name) for each in distributions(path=[str(f) for f in folders])}
    for line in lines:
        wanted = _REQUIREMENT.match(line.strip())
        # What a marker or an address says is for pip to judge.
        if wanted is None or ";" in line or "://" in line:
            continue
        name = _plain(wanted[0])
        module = name.replace("-", "_")
        own = any((f / module).is_dir() or (f / f"{module}.py").is_file() for f in folders)
        if name not in _installed() | vendored and not own:
            yield wanted[0]


@cache
def _installed() -> frozenset[str]:
    return frozenset(_plain(each.name) for each in distributions() if each.name)


def _plain(name: str) -> str:
    """A distribution's name as indexes compare it ("Names and normalization")."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _missing_modules(function: Function) -> Iterator[str]:
    try:
        wanted = parsed((function.code / "package.json").read_bytes())["dependencies"]
    except (KeyError, OSError, TypeError, ValueError):
        return
    code = function.code.resolve()
    places = [each / "node_modules" for each in (code, *code.parents)]
    places += [layer / "nodejs" / "node_modules" for layer in function.layers]
    for name in wanted:
        if not name.startswith(_OF_LAMBDA) and not any((each / name).exists() for each in places):
            yield name


def _short(path: Path) -> str:
    """A path as somebody would write it here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (OSError, ValueError):
        return str(path)
