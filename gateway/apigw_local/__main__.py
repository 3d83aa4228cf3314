"""Serves a SAM template's WebSocket API, HTTP API and functions on this machine."""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from apigw_local.errors import GatewayError
from apigw_local.gateway import Gateway, Ports
from apigw_local.log import Log
from apigw_local.template import load


def main() -> int:
    """Run until Ctrl-C; 0, or 1 after a line that says what is wrong."""
    arguments = _parser().parse_args()
    try:
        asyncio.run(_serve(arguments))
    except GatewayError as error:
        print(f"hadir-gateway: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(arguments: argparse.Namespace) -> None:
    log = Log()
    application = load(arguments.template, dict(arguments.parameter_overrides), arguments.region)
    host = arguments.host
    gateway = Gateway(
        application,
        Ports(host, arguments.ws_port, arguments.http_port, arguments.lambda_port),
        region=arguments.region,
        path=arguments.path,
        static=arguments.static,
        most_workers=arguments.max_workers,
        lose_disconnect=arguments.lose_disconnect,
        log=log,
    )
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    try:
        if not await _start(gateway, stopped):
            return
        if api := application.websocket_api:
            log.event("ready", f"ws://{host}:{arguments.ws_port}/{api.stage}", "green")
            if arguments.path:
                log.event("ready", f"ws://{host}:{arguments.ws_port}{arguments.path}", "green")
        if application.http_routes or arguments.static:
            log.event("ready", f"http://{host}:{arguments.http_port}/", "green")
        log.event("ready", "Ctrl-C stops everything", "green")
        await stopped.wait()
    finally:
        await gateway.stop()


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hadir-gateway",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--template", type=Path, default=Path("template.yaml"))
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--ws-port", type=_port, default=8081, help="WebSocket and management API")
    parser.add_argument("--http-port", type=_port, default=8082, help="HTTP API and static files")
    parser.add_argument("--lambda-port", type=_port, default=8083, help="Lambda's Invoke API")
    parser.add_argument(
        "--parameter-overrides",
        nargs="*",
        default=[],
        type=_override,
        metavar="NAME=VALUE",
        help="values of the template's parameters",
    )
    parser.add_argument(
        "--path",
        metavar="PATTERN",
        type=_path,
        help="also accept sockets on this path, its {names} becoming query parameters",
    )
    parser.add_argument("--static", type=_folder, metavar="FOLDER", help="files to serve over HTTP")
    parser.add_argument("--region", default=os.environ.get("AWS_REGION", "us-east-1"))
    parser.add_argument("--max-workers", type=_count, default=8, help="processes per function")
    parser.add_argument(
        "--lose-disconnect",
        type=_share,
        default=0.0,
        metavar="SHARE",
        help="fault: this share of $disconnect events, 0 to 1, is never delivered",
    )
    return parser


def _share(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= float(text) <= 1:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")


def _port(text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port, 1 to 65535")


def _count(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")


def _path(text: str) -> str:
    if text.startswith("/"):
        return text
    raise argparse.ArgumentTypeError(f"{text!r} does not begin with /")


def _folder(text: str) -> Path:
    if Path(text).is_dir():
        return Path(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a folder")


def _override(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
