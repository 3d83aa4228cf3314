"""The command's options."""

import argparse
import contextlib
import os
import re
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from apigw_local.faults import Faults, NoSuchFault
from apigw_local.limits import DURATION_SECONDS, IDLE_SECONDS
from apigw_local.template.overrides import parsed_overrides

DESCRIPTION = "Serves a SAM template's WebSocket API, HTTP API and functions on this machine."


class _AddFault(argparse.Action):
    """``--fault NAME=VALUE``, again and again."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,  # noqa: ARG002 (argparse's signature)
    ) -> None:
        name, _, value = str(values).partition("=")
        try:
            namespace.fault.set({name: value})
        except NoSuchFault as error:
            parser.error(f"argument --fault: {error}")


def parser() -> argparse.ArgumentParser:
    """All options, each with what it is for."""
    made = argparse.ArgumentParser(prog="apigw-local", description=DESCRIPTION)
    made.add_argument("--version", action="version", version=f"apigw-local {_version()}")
    add = made.add_argument_group("what is served").add_argument
    add(
        *("-t", "--template", "--template-file"),
        type=Path,
        help="SAM, CloudFormation, or CDK's output folder; template.yaml, .yml or .json, cdk.out",
    )
    add(
        "--parameter-overrides",
        nargs="*",
        action="extend",
        default=[],
        type=overrides,
        metavar="NAME=VALUE",
        help="values of parameters, and of what only AWS knows: exports, attributes, secrets",
    )
    add(
        *("-n", "--env-vars"),
        type=Path,
        metavar="FILE",
        help="variables of functions, in SAM's JSON, or a .env file",
    )
    add("--env-file", type=Path, metavar="FILE", help="variables of all functions: a .env file")
    add(
        *("-b", "--build-dir"),
        type=Path,
        metavar="FOLDER",
        help="where sam build writes, which is served where it is newer than the sources; "
        ".aws-sam/build beside the template",
    )
    add("--no-build-dir", action="store_true", help="serve the sources, whatever has been built")
    add("--config-file", type=Path, metavar="FILE", help="samconfig.toml beside the template")
    add("--config-env", metavar="NAME", help="which part of that file; default")
    add("--api", metavar="ID", help="which WebSocket API, where there are several")
    add("--stage", metavar="NAME", help="which of its stages, likewise")
    add(
        "--region",
        type=_region,
        help="as functions see it; samconfig.toml's, else AWS_REGION's, else us-east-1",
    )
    add(
        "--path",
        metavar="PATTERN",
        type=_path,
        help="also accept sockets on this path, its {names} becoming query parameters",
    )
    add("--static", type=_folder, metavar="FOLDER", help="files to serve over HTTP")

    add = made.add_argument_group("where").add_argument
    add("--host", default="127.0.0.1", help="address to listen on; 127.0.0.1")
    add(
        "--port",
        type=_first_port,
        default=8081,
        help="the first of four ports in a row, for all that follow here; 8081",
    )
    add("--ws-port", type=_port, help="WebSocket and management API; 8081, that of --port")
    add("--http-port", type=_port, help="HTTP API and static files; 8082, the next one")
    add("--lambda-port", type=_port, help="Lambda's Invoke API, and SQS; 8083, the next one")
    add("--admin-port", type=_port, help="admin API: faults on demand; 8084, the next one")
    add(
        "--ready-fd",
        type=_descriptor,
        metavar="NUMBER",
        help="a file descriptor to write the addresses to, a JSON object, once all is ready",
    )

    add = made.add_argument_group("how functions run").add_argument
    add("--max-workers", type=_count, default=8, help="processes per function; 8")
    add(
        "--no-reload",
        dest="reload",
        action="store_false",
        help="keep functions running when their code changes",
    )
    add(
        "--debug-port",
        type=_port,
        metavar="PORT",
        help="debugpy listens there for the first function, one port higher for the next; one "
        "process each, not killed at its timeout",
    )
    add(
        "--lambda-endpoint",
        type=_url,
        metavar="URL",
        help="run functions there instead: sam local start-lambda",
    )
    add(
        "--offline",
        action=argparse.BooleanOptionalAction,
        help="refuse functions' calls to AWS itself; the default where there are no credentials",
    )

    add = made.add_argument_group("how it behaves").add_argument
    add(
        "--fault",
        action=_AddFault,
        default=Faults(),
        metavar="NAME=VALUE",
        help=f"may be repeated: {', '.join(Faults().values()).replace('_', '-')}; shares from 0 to "
        "1, but for seconds and posts; cut strikes new sockets within their first minute, kill and "
        "freeze (for 2 s) invocations",
    )
    add("--verify-signatures", action="store_true", help="of calls to the AWS APIs served here")
    add(
        "--idle-seconds", type=_seconds, default=IDLE_SECONDS, help="after which sockets close; 600"
    )
    add(
        "--duration-seconds",
        type=_seconds,
        default=DURATION_SECONDS,
        help="likewise, however busy; 7200",
    )

    add = made.add_argument_group("what it logs").add_argument
    add("--json", action="store_true", help="a JSON object a line")
    add("-v", "--verbose", action="store_true", help="events, answers and posts too")
    return made


def _version() -> str:
    try:
        return version("apigw-local")
    except PackageNotFoundError:
        return "that is not installed"


def _checked(parse: Callable[[str], object], wanted: str) -> Callable[[str], object]:
    """A type for argparse that says what was wanted."""

    def convert(text: str) -> object:
        with contextlib.suppress(ValueError):
            return parse(text)
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")

    return convert


def _within(number: float, lowest: float, highest: float) -> float:
    if lowest <= number <= highest:
        return number
    raise ValueError


def _matching(pattern: str, text: str) -> str:
    if re.fullmatch(pattern, text):
        return text
    raise ValueError


def _existing(text: str) -> Path:
    if Path(text).is_dir():
        return Path(text)
    raise ValueError


def _open_descriptor(text: str) -> int:
    try:
        os.fstat(int(text))
    except (OSError, OverflowError) as error:
        raise ValueError from error
    return int(text)


_port = _checked(lambda text: int(_within(int(text), 1, 65535)), "a port, 1 to 65535")
_first_port = _checked(
    lambda text: int(_within(int(text), 1, 65532)), "the first of four ports, 1 to 65532"
)
_descriptor = _checked(_open_descriptor, "the number of an open file descriptor")
_count = _checked(lambda text: int(_within(int(text), 1, 10_000)), "a number from 1")
_seconds = _checked(lambda text: _within(float(text), 0.001, 1e9), "a number of seconds over 0")
_path = _checked(
    lambda text: _matching(r"(/([^/{}]+|\{\w+\}))+", text), "a path such as /ws/{room}/{user}"
)
_url = _checked(lambda text: _matching("https?://[^/]+", text), "a URL such as http://host:3001")
_folder = _checked(_existing, "a folder")
_region = _checked(lambda text: _matching("[a-z0-9-]+", text), "a region such as eu-west-1")


def overrides(text: str) -> list[tuple[str, str]]:
    """One argument, which may hold several, as sam takes them in quotes."""
    try:
        return parsed_overrides(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
