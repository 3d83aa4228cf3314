"""A gateway in a process of its own, as a developer starts it."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from apigw_local.testing import LocalGateway

_STARTING_SECONDS = 60


class RunningGateway:
    """A gateway that is ready, and what it has logged."""

    def __init__(
        self,
        process: "subprocess.Popen[str]",
        ws_port: int,
        http_port: int,
        lambda_port: int,
        host: str = "127.0.0.1",
        admin_port: int = 0,
    ) -> None:
        self.process = process
        self.host = host
        self.ws_port = ws_port
        self.http_port = http_port
        self.lambda_port = lambda_port
        self.admin_port = admin_port
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def ws(self) -> str:
        return f"ws://{self.host}:{self.ws_port}"

    @property
    def http(self) -> str:
        return f"http://{self.host}:{self.http_port}"

    @property
    def invoke(self) -> str:
        return f"http://{self.host}:{self.lambda_port}"

    @property
    def admin(self) -> str:
        return f"http://{self.host}:{self.admin_port}"

    @property
    def output(self) -> str:
        """What has been logged."""
        return "\n".join(self.lines)

    def wait_for_line(self, pattern: str, seconds: float = 10) -> str:
        """The first logged line in which ``pattern`` is found, waiting for it if need be."""

        return self.wait_for_lines(pattern, bool, seconds)[0]

    def wait_for_lines(
        self, pattern: str, enough: Callable[[list[str]], bool], seconds: float = 10
    ) -> list[str]:
        """The logged lines in which ``pattern`` is found, as soon as they are ``enough``."""

        def found() -> list[str]:
            return [line for line in self.lines if re.search(pattern, line)]

        with self._changed:
            self._changed.wait_for(
                lambda: enough(found()) or self.process.poll() is not None, seconds
            )
            lines = found()
        if not enough(lines):
            last = "\n".join(text[:200] for text in self.lines[-20:])
            few = f"only {len(lines)} lines have" if lines else "no line has"
            raise AssertionError(f"{few} {pattern!r}; the last ones are:\n{last}")
        return lines

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(10)
        self._reader.join(10)
        return code

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()
        self.process.stderr.close()


AnyGateway = RunningGateway | LocalGateway


@contextmanager
def running_gateway(template: Path, *options: str) -> Iterator[RunningGateway]:
    """Start a gateway on free ports, wait until it is ready, stop it in the end."""
    ws_port, http_port, lambda_port, admin_port = free_ports(4)
    ports = {"ws": ws_port, "http": http_port, "lambda": lambda_port, "admin": admin_port}
    given = [text for name, port in ports.items() for text in (f"--{name}-port", str(port))]
    process = start_gateway(["--template", str(template), *given, *options])
    running = RunningGateway(process, ws_port, http_port, lambda_port, admin_port=admin_port)
    with ready(running) as gateway:
        yield gateway


@contextmanager
def ready(gateway: RunningGateway) -> Iterator[RunningGateway]:
    try:
        gateway.wait_for_line("Ctrl-C stops everything", _STARTING_SECONDS)
        yield gateway
    finally:
        gateway.stop()


def start_gateway(
    arguments: Sequence[str],
    environment: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> "subprocess.Popen[str]":
    region = {"AWS_REGION": "eu-west-1"}
    return start_module("apigw_local", arguments, {**region, **(environment or {})}, pass_fds)


def start_module(
    module: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    pass_fds: Sequence[int] = (),
) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        pass_fds=pass_fds,
    )


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def free_row(count: int) -> int:
    """The first of so many free ports in a row, below those that the system gives."""
    for first in range(20_000 + os.getpid() % 1000 * 10, 32_000, 10):
        with suppress(OSError), ExitStack() as probes:
            for port in range(first, first + count):
                probes.enter_context(socket.create_server(("127.0.0.1", port)))
            return first
    raise AssertionError(f"no {count} free ports in a row")
