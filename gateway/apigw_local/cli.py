"""Serves a SAM template's WebSocket API, HTTP API and functions on this machine."""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from itertools import chain
from pathlib import Path

from apigw_local.arguments import parser
from apigw_local.backlog import Backlog
from apigw_local.errors import GatewayError
from apigw_local.gateway import Gateway
from apigw_local.log import Log
from apigw_local.options import Options
from apigw_local.template.functions import EnvVars, read_env_file, read_env_vars
from apigw_local.template.load import load
from apigw_local.template.model import Application
from apigw_local.template.project import BUILD, choose_template, find_template
from apigw_local.template.samconfig import Settings, read_settings


def run() -> int:
    """Run until Ctrl-C or another signal to end; 0, or 1 after a line that says what is wrong."""
    arguments = parser().parse_args()
    try:
        asyncio.run(_serve(arguments))
    except GatewayError as error:
        print(f"apigw-local: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(arguments: argparse.Namespace) -> None:
    backlog = Backlog(sys.stderr)
    try:
        await _serve_with(backlog, arguments)
    finally:
        backlog.close()


async def _serve_with(backlog: Backlog, arguments: argparse.Namespace) -> None:
    log = Log(backlog, as_json=arguments.json, verbose=arguments.verbose)
    template, settings = _template(arguments)
    region = arguments.region or settings.region or os.environ.get("AWS_REGION") or "us-east-1"
    env_vars = _env_vars(arguments, settings)

    def read(path: Path) -> Application:
        return load(
            path,
            overrides=dict(chain.from_iterable(arguments.parameter_overrides)),
            configured=settings.overrides,
            env_vars=env_vars,
            region=region,
            api=arguments.api,
            stage=arguments.stage,
            elsewhere=arguments.lambda_endpoint is not None,
        )

    build = arguments.build_dir or settings.build_dir or template.parent / BUILD
    served = choose_template(template, None if arguments.no_build_dir else build, read)
    application = served.application
    if served.said and served.doubtful:
        log.warning(served.said)
    elif served.said:
        log.gateway("template", served.said)
    for warning in application.warnings:
        log.warning(warning)
    gateway = Gateway(application, _options(arguments, region), log)
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if name != signal.SIGHUP or signal.getsignal(name) != signal.SIG_IGN:  # as nohup sets it
            asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    try:
        if await _start(gateway, stopped):
            _say_where(gateway, application, arguments.path, log)
            if arguments.ready_fd is not None:
                backlog.drain()  # whoever waits for this may then read the log in another way
                _write_where(gateway, application, arguments.ready_fd)
            await stopped.wait()
    finally:
        await gateway.stop()
        log.total()


def _template(arguments: argparse.Namespace) -> tuple[Path, Settings]:
    """The template to serve, and what a configuration file beside it says of it.

    As SAM's, the file is looked for beside the template that is named, else here; there it may
    name another.
    """
    named = arguments.template
    folder = Path() if named is None else named if named.is_dir() else named.parent
    settings = read_settings(folder, arguments.config_file, arguments.config_env)
    return find_template(named or settings.template), settings


def _env_vars(arguments: argparse.Namespace, settings: Settings) -> EnvVars:
    file = arguments.env_vars or settings.env_vars
    found = dict(read_env_vars(file)) if file else {}
    if arguments.env_file:
        everywhere = read_env_file(arguments.env_file)
        found["Parameters"] = {**found.get("Parameters", {}), **everywhere}
    return found


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


def _options(arguments: argparse.Namespace, region: str) -> Options:
    return Options(
        host=arguments.host,
        ws_port=arguments.ws_port or arguments.port,
        http_port=arguments.http_port or arguments.port + 1,
        lambda_port=arguments.lambda_port or arguments.port + 2,
        admin_port=arguments.admin_port or arguments.port + 3,
        region=region,
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
