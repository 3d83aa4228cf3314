"""Which server `make run` and the tests start."""

import subprocess
from pathlib import Path

import pytest

from local.embedded_redis import NoRedis, redis_server


@pytest.fixture(autouse=True)
def no_server_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HADIR_REDIS_SERVER", raising=False)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `redis-server` on the PATH, of whatever age."""
    return program(tmp_path / "redis-server", monkeypatch)


def program(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(path.parent))
    return path


def test_it_is_valkey_9_whatever_else_is_installed(installed: Path) -> None:
    server = redis_server()

    assert server != str(installed)
    says = subprocess.run([server, "--version"], capture_output=True, text=True, check=True)
    assert says.stdout.startswith("Valkey server v=9.")


def test_where_there_is_no_wheel_it_is_the_one_that_is_installed(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)

    assert redis_server() == str(installed)


def test_a_server_that_is_named_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = program(tmp_path / "another-redis", monkeypatch)

    for name in (str(named), "another-redis"):
        monkeypatch.setenv("HADIR_REDIS_SERVER", name)
        assert redis_server() == str(named)


def test_a_server_that_is_named_and_not_there_is_an_error(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HADIR_REDIS_SERVER", "/nowhere/redis-server")

    with pytest.raises(NoRedis, match="HADIR_REDIS_SERVER names no program: /nowhere"):
        redis_server()


def test_no_server_at_all_is_an_error_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)

    with pytest.raises(NoRedis, match="install valkey-server or redis-server, or set REDIS_URL"):
        redis_server()
