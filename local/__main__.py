"""Runs Hadir on this machine: Redis, gateway and page. Ctrl-C stops everything."""

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local import child
from local.embedded_redis import NoRedis, redis_url
from local.secrets_manager import SECRET_ARN, secrets_manager

_ROOT = Path(__file__).resolve().parent.parent
_PATH_FORM = "/ws/{session_id}/{user_id}/{user_type}"
_TOKEN = "hadir token --session '*' --user customer_123 --type customer"  # noqa: S105 (a command)


def main() -> int:
    """Run until Ctrl-C; the exit code of what failed, else 0."""
    parser = argparse.ArgumentParser(
        prog="make run",
        description=__doc__,
        epilog="REDIS_URL names a Redis to use instead of the embedded one. "
        "Further options are the gateway's: hadir-gateway --help.",
    )
    parser.add_argument(
        "--tokens",
        action="store_true",
        help="let nobody in without a token; `hadir token` makes them (without this option "
        "everybody is whom they say they are)",
    )
    given, options = parser.parse_known_args()
    # A signal becomes an exception, so that every `finally` and `with` below cleans up.
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.default_int_handler)
    try:
        with redis_url() as url, _access(tokens=given.tokens) as (parameters, environment):
            return _run_gateway([f"RedisUrl={url}", *parameters, *options], environment)
    except NoRedis as error:
        print(f"make run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


@contextmanager
def _access(*, tokens: bool) -> Iterator[tuple[list[str], Mapping[str, str]]]:
    """Parameters of the template, and the environment, for who is let in."""
    anywhere = "AllowedOrigins=*"
    if not tokens:
        yield [anywhere, "AuthMode=open"], os.environ
        return
    with secrets_manager(_ROOT / ".hadir" / "token-secret") as url:
        print("Nobody gets in without a token. One for the page's customer:", file=sys.stderr)
        print(f"  {_TOKEN}", file=sys.stderr)
        yield (
            [anywhere, f"TokenSecretArn={SECRET_ARN}"],
            {**os.environ, "AWS_ENDPOINT_URL_SECRETS_MANAGER": url},
        )


def _run_gateway(options: list[str], environment: Mapping[str, str]) -> int:
    gateway = child.start(
        [
            *(sys.executable, "-m", "apigw_local"),
            *("--template", str(_ROOT / "template.yaml")),
            *("--path", _PATH_FORM),
            *("--static", str(_ROOT / "web")),
            "--parameter-overrides",
            *options,
        ],
        environment,
    )
    try:
        return gateway.wait()
    finally:
        gateway.stop()


if __name__ == "__main__":
    sys.exit(main())
