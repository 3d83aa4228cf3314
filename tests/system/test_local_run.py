"""`make run`: everything with one command, nothing left with one Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from tests.running_gateway import ROOT, free_ports


def start(*options: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "local", *options],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def ports() -> list[str]:
    ws, http, functions = map(str, free_ports(3))
    return ["--ws-port", ws, "--http-port", http, "--lambda-port", functions]


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_behind(name: signal.Signals) -> None:
    with start(*ports()) as process:
        assert process.stderr is not None
        while "Ctrl-C stops everything" not in process.stderr.readline():
            assert process.poll() is None
        children = psutil.Process(process.pid).children(recursive=True)
        names = " ".join(part for child in children for part in child.cmdline())
        assert "redis-server" in names
        assert "apigw_local" in names
        assert names.count("awslambdaric") >= 6

        process.send_signal(name)

        code = process.wait(10)
        assert code == (-signal.SIGKILL if name is signal.SIGKILL else 0)
        deadline = time.monotonic() + 10
        while any(child.is_running() for child in children) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not [child for child in children if child.is_running()]


def test_a_redis_that_does_not_answer() -> None:
    with start(REDIS_URL="redis://127.0.0.1:1") as process:
        _, error = process.communicate(timeout=30)

    (line,) = error.splitlines()
    assert line.startswith("make run: REDIS_URL cannot be used")
    assert process.returncode == 1


def test_a_port_already_taken_leaves_nothing_half_started() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with start("--ws-port", port) as process:
            _, error = process.communicate(timeout=30)

    line = error.splitlines()[-1]
    assert f"cannot listen on 127.0.0.1:{port}" in line
    assert process.returncode == 1


def test_help() -> None:
    text = subprocess.run(
        [sys.executable, "-m", "local", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "REDIS_URL" in text
