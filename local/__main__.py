"""Runs Hadir on this machine: Redis, gateway and page. Ctrl-C stops everything."""

import argparse
import signal
import sys
from pathlib import Path

from local import child
from local.embedded_redis import NoRedis, redis_url

_ROOT = Path(__file__).resolve().parent.parent
_PATH_FORM = "/ws/{session_id}/{user_id}/{user_type}"


def main() -> int:
    """Run until Ctrl-C; the exit code of what failed, else 0."""
    parser = argparse.ArgumentParser(
        prog="make run",
        description=__doc__,
        epilog="REDIS_URL names a Redis to use instead of the embedded one. "
        "Further options are the gateway's: hadir-gateway --help.",
    )
    _, options = parser.parse_known_args()
    # A signal becomes an exception, so that every `finally` and `with` below cleans up.
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.default_int_handler)
    try:
        with redis_url() as url:
            return _run_gateway(url, options)
    except NoRedis as error:
        print(f"make run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def _run_gateway(url: str, options: list[str]) -> int:
    gateway = child.start(
        [
            *(sys.executable, "-m", "apigw_local"),
            *("--template", str(_ROOT / "template.yaml")),
            *("--path", _PATH_FORM),
            *("--static", str(_ROOT / "web")),
            *("--parameter-overrides", f"RedisUrl={url}"),
            *options,
        ]
    )
    try:
        return gateway.wait()
    finally:
        gateway.stop()


if __name__ == "__main__":
    sys.exit(main())
