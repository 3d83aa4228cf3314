"""Runs Hadir on this machine: Redis, gateway, page and a crowd. Ctrl-C stops everything."""

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from local import child
from local.embedded_redis import NoRedis, redis_url
from local.link import framed, page_link, page_tokens
from local.sam import NoSam, start_lambda, this_machine
from local.secrets_manager import SECRET_ARN, secrets_manager
from local.tokens import NoToken

_ROOT = Path(__file__).resolve().parent.parent
_PATH_FORM = "/ws/{session_id}/{user_id}/{user_type}"
_OURS = ["AllowedOrigins=*", "Stage=local"]
_OPEN = [*_OURS, "AuthMode=open"]
_SECRET = _ROOT / ".hadir" / "token-secret"
_LOG = _ROOT / ".hadir" / "log"
_USUAL_PEOPLE, _MOST_PEOPLE = 24, 2000
_NEXT = (
    "Open it: on the left you are a customer in a shop, on the right its support team. Close the "
    "shop's tab, and watch the desk."
)
_STOP = "Ctrl-C stops everything."
_MORE_TOKENS = """Nobody gets in without a token. The link's are good for 8 hours. To make another:
  .venv/bin/hadir token --session '*' --user customer_123 --type customer"""


def main() -> int:
    """Run until Ctrl-C; the exit code of what failed, else 0."""
    parser = argparse.ArgumentParser(
        prog="make run",
        description=__doc__,
        epilog="REDIS_URL names a Redis to use instead of the embedded one. "
        "Further options are the gateway's, such as --port 9000, which moves all ports: "
        "apigw-local --help.",
    )
    parser.add_argument(
        "--tokens",
        action="store_true",
        help="let nobody in without a token; `hadir token` makes them (without this option "
        "everybody is whom they say they are)",
    )
    parser.add_argument(
        "--sam",
        action="store_true",
        help="run the functions as `sam build` leaves them, in containers of `sam local`; needs "
        "Docker (see docs/local.md)",
    )
    parser.add_argument(
        "--crowd",
        type=_people,
        metavar="PEOPLE",
        help="so many people come, go, ask and answer all the time, in sessions crowd-1, crowd-2, "
        f"…; 0: nobody; {_USUAL_PEOPLE} by default, 0 with --sam (docs/local.md)",
    )
    given, options = parser.parse_known_args()
    if given.sam and given.tokens:
        parser.error("--tokens is for functions in processes of their own, not for --sam")
    # A signal becomes an exception, so that every `finally` and `with` below cleans up.
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.default_int_handler)
    try:
        if given.sam:
            return _run_sam(options, given.crowd or 0)
        with redis_url() as url, _access(tokens=given.tokens) as (parameters, environment):
            overrides = [f"RedisUrl={url}", *parameters]
            crowd = _USUAL_PEOPLE if given.crowd is None else given.crowd
            return _run_gateway(overrides, options, environment, tokens=given.tokens, crowd=crowd)
    except (NoRedis, NoSam, NoToken) as error:
        print(f"make run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


@contextmanager
def _access(*, tokens: bool) -> Iterator[tuple[list[str], Mapping[str, str]]]:
    """Parameters of the template, and the environment, for who is let in."""
    if not tokens:
        yield _OPEN, os.environ
        return
    with secrets_manager(_SECRET) as url:
        yield (
            [*_OURS, f"TokenSecretArn={SECRET_ARN}"],
            {**os.environ, "AWS_ENDPOINT_URL_SECRETS_MANAGER": url},
        )


def _run_sam(options: list[str], crowd: int) -> int:
    listen, reached = this_machine()
    ports = argparse.ArgumentParser(add_help=False)
    ports.add_argument("--port", type=int, default=8081)
    ports.add_argument("--ws-port", type=int)
    ports.add_argument("--lambda-port", type=int)
    chosen, _ = ports.parse_known_args(options)
    ws_port, lambda_port = chosen.ws_port or chosen.port, chosen.lambda_port or chosen.port + 2
    with redis_url(listen) as url:
        parameters = [f"RedisUrl={url.replace(listen, reached)}", *_OPEN]
        variables = {
            "REDIS_URL": url.replace(listen, reached),
            "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": f"http://{reached}:{ws_port}/local",
            "AWS_ENDPOINT_URL_LAMBDA": f"http://{reached}:{lambda_port}",
            "ANNOUNCE_FUNCTION": "AnnounceFunction",
            "MESSAGE_FUNCTION": "DefaultFunction",
        }
        with start_lambda(parameters, variables) as endpoint:
            where = ["--host", listen, "--lambda-endpoint", endpoint]
            return _run_gateway(parameters, [*where, *options], os.environ, crowd=crowd)


def _run_gateway(
    parameters: Sequence[str],
    options: Sequence[str],
    environment: Mapping[str, str],
    *,
    tokens: bool = False,
    crowd: int = 0,
) -> int:
    ready, writing = os.pipe()
    with os.fdopen(ready) as addresses, _log(crowd) as log:
        try:
            gateway = child.start(
                [
                    *(sys.executable, "-m", "apigw_local"),
                    *("--template", str(_ROOT / "template.yaml"), "--no-build-dir"),
                    *("--path", _PATH_FORM),
                    *("--static", str(_ROOT / "web")),
                    *("--parameter-overrides", *parameters),
                    *("--ready-fd", str(writing)),
                    *options,
                ],
                environment,
                pass_fds=(writing,),
                stderr=log,
            )
        finally:
            os.close(writing)
        people: child.Child | None = None
        try:
            told = addresses.read()  # nothing, if it has ended
            if log:
                sys.stderr.write(_LOG.read_text())
            if told:
                ours = json.loads(told)
                _print_link(ours, tokens=tokens, log=log is not None)
                if crowd:
                    command = [sys.executable, "-m", "local.crowd", ours["websocket"], str(crowd)]
                    people = child.start([*command, *([str(_SECRET)] if tokens else [])])
            code = gateway.wait()
            if code and told and log:
                print(f"make run: the gateway has ended, see {_LOG}", file=sys.stderr)
            return code
        finally:
            if people:
                people.stop()
            gateway.stop()


@contextmanager
def _log(crowd: int) -> Iterator[TextIO | None]:
    """Where the log goes if the people of a crowd would soon push the link off a terminal."""
    if not (crowd and sys.stderr.isatty()):
        yield None
        return
    _LOG.parent.mkdir(exist_ok=True)
    _LOG.write_text("")
    with _LOG.open("a") as file:
        yield file


def _people(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= _MOST_PEOPLE:
        return int(text)
    raise argparse.ArgumentTypeError(f"must be a number from 0 to {_MOST_PEOPLE:,}")


def _print_link(addresses: Mapping[str, str], *, tokens: bool, log: bool) -> None:
    """To standard output, since the log on standard error may be JSON."""
    made = page_tokens(_SECRET) if tokens else {}
    link = page_link(addresses["websocket"], addresses["http"], made)
    frame = framed(link, shutil.get_terminal_size().columns)
    where = f"The log goes to {_LOG.relative_to(_ROOT)}. " if log else ""
    text = "\n".join((*([_MORE_TOKENS] if tokens else []), frame, f"{_NEXT} {where}{_STOP}"))
    encoding = sys.stdout.encoding
    with contextlib.suppress(OSError):  # nobody reads it
        print(text.encode(encoding, "replace").decode(encoding), flush=True)


if __name__ == "__main__":
    sys.exit(main())
