"""Serves a SAM template's WebSocket API, HTTP API and functions on this machine."""

import argparse
import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path

from apigw_local.backlog import Backlog
from apigw_local.errors import GatewayError
from apigw_local.faults import Faults, NoSuchFault
from apigw_local.gateway import Gateway
from apigw_local.limits import DURATION_SECONDS, IDLE_SECONDS
from apigw_local.log import Log
from apigw_local.options import Options
from apigw_local.template.functions import read_env_vars
from apigw_local.template.load import load
from apigw_local.template.model import Application

_OVERRIDE = re.compile(
    r"""
    (?:ParameterKey=([^,\s]+),ParameterValue|(?!ParameterKey=)([\w.:-]+))  # either of sam's forms
    =("[^"]*"|.*?)            # the value
    (?=\s+[\w.:-]+=|\s*$)    # another one, or the end
    \s*
    """,
    re.VERBOSE | re.DOTALL,
)


def run() -> int:
    """Run until Ctrl-C or another signal to end; 0, or 1 after a line that says what is wrong."""
    arguments = _parser().parse_args()
    try:
        asyncio.run(_serve(arguments))
    except GatewayError as error:
        print(f"apigw-local: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(arguments: argparse.Namespace) -> None:
    backlog = Backlog(sys.stderr)
    try:
        await _serve_with(
            Log(backlog, as_json=arguments.json, verbose=arguments.verbose), arguments
        )
    finally:
        backlog.close()


async def _serve_with(log: Log, arguments: argparse.Namespace) -> None:
    application = load(
        arguments.template,
        overrides=dict(chain.from_iterable(arguments.parameter_overrides)),
        env_vars=read_env_vars(arguments.env_vars) if arguments.env_vars else {},
        region=arguments.region,
        api=arguments.api,
        stage=arguments.stage,
    )
    for warning in application.warnings:
        log.warning(warning)
    gateway = Gateway(application, _options(arguments), log)
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if name != signal.SIGHUP or signal.getsignal(name) != signal.SIG_IGN:  # as nohup sets it
            asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    try:
        if await _start(gateway, stopped):
            _say_where(gateway, application, arguments.path, log)
            if arguments.ready_fd is not None:
                _write_where(gateway, application, arguments.ready_fd)
            await stopped.wait()
    finally:
        await gateway.stop()
        log.total()


async def _start(gateway: Gateway, stopped: asyncio.Event) -> bool:
    """Start, unless told to stop before that is done."""
    starting = asyncio.create_task(gateway.start())
    stopping = asyncio.create_task(stopped.wait())
    await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not starting.done():
        starting.cancel()
        return False
    await starting
    return True


def _say_where(gateway: Gateway, application: Application, path: str | None, log: Log) -> None:
    if api := application.websocket_api:
        log.gateway("ready", f"{gateway.url('websocket')}/{api.stage}")
        if path:
            log.gateway("ready", f"{gateway.url('websocket')}{path}")
    if gateway.port("http"):
        log.gateway("ready", f"{gateway.url('http')}/")
    log.gateway("ready", f"{gateway.url('lambda')} invokes, {gateway.url('admin')} disturbs")
    log.gateway("ready", "Ctrl-C stops everything")


def _write_where(gateway: Gateway, application: Application, descriptor: int) -> None:
    """The same for who has started us; the descriptor is closed."""
    names = ("websocket", "http", "lambda", "admin")
    addresses = {name: gateway.url(name) for name in names if gateway.port(name)}
    if api := application.websocket_api:
        addresses["websocket"] += f"/{api.stage}"
    with contextlib.suppress(OSError), os.fdopen(descriptor, "w") as file:  # they may have gone
        file.write(json.dumps(addresses) + "\n")


def _options(arguments: argparse.Namespace) -> Options:
    return Options(
        host=arguments.host,
        ws_port=arguments.ws_port or arguments.port,
        http_port=arguments.http_port or arguments.port + 1,
        lambda_port=arguments.lambda_port or arguments.port + 2,
        admin_port=arguments.admin_port or arguments.port + 3,
        region=arguments.region,
        path=arguments.path,
        static=arguments.static,
        most_workers=arguments.max_workers,
        lambda_endpoint=arguments.lambda_endpoint,
        debug_port=arguments.debug_port,
        reload=arguments.reload,
        offline=arguments.offline,
        verify_signatures=arguments.verify_signatures,
        idle_seconds=arguments.idle_seconds,
        duration_seconds=arguments.duration_seconds,
        faults=arguments.fault,
    )


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="apigw-local",
        description=__doc__,
    )
    add = parser.add_argument_group("what is served").add_argument
    add(
        "--template",
        type=Path,
        default=Path("template.yaml"),
        help="SAM or CloudFormation; template.yaml",
    )
    add(
        "--parameter-overrides",
        nargs="*",
        action="extend",
        default=[],
        type=_overrides,
        metavar="NAME=VALUE",
        help="values of parameters, and of what only AWS knows: exports, attributes, secrets",
    )
    add("--env-vars", type=Path, metavar="FILE", help="variables of functions, in SAM's JSON")
    add("--api", metavar="ID", help="which WebSocket API, where there are several")
    add("--stage", metavar="NAME", help="which of its stages, likewise")
    add(
        "--region",
        type=_region,
        default=os.environ.get("AWS_REGION") or "us-east-1",
        help="as functions see it; AWS_REGION's, else us-east-1",
    )
    add(
        "--path",
        metavar="PATTERN",
        type=_path,
        help="also accept sockets on this path, its {names} becoming query parameters",
    )
    add("--static", type=_folder, metavar="FOLDER", help="files to serve over HTTP")

    add = parser.add_argument_group("where").add_argument
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

    add = parser.add_argument_group("how functions run").add_argument
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

    add = parser.add_argument_group("how it behaves").add_argument
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

    add = parser.add_argument_group("what it logs").add_argument
    add("--json", action="store_true", help="a JSON object a line")
    add("-v", "--verbose", action="store_true", help="events, answers and posts too")
    return parser


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


def _overrides(text: str) -> list[tuple[str, str]]:
    """One argument, which may hold several, as sam takes them in quotes."""
    found, at = [], 0
    while at < len(text) or not text:
        one = _OVERRIDE.match(text, at)
        if not one:
            raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
        value = one[3]
        quoted = len(value) > 1 and value[0] == value[-1] == '"'
        found.append((one[1] or one[2], value[1:-1] if quoted else value))
        at = one.end()
    return found
