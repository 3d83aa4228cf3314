"""Accepting connections, and what it does without a file for one more."""

import asyncio
import errno
import io
import os
import resource
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from apigw_local.log import Log
from apigw_local.server import listener
from apigw_local.server.http import Exchange, HttpServer
from apigw_local.server.listener import Listener, bind
from apigw_local.server.messages import Response
from tests.conftest import MOCK, Serve


async def hello(_: Exchange) -> Response:
    return Response(200, b"hello")


async def ask(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer


def test_where_files_run_out_it_is_said_once_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "_PAUSE_SECONDS", 0)
    output = io.StringIO()
    failures = [OSError(errno.EMFILE, os.strerror(errno.EMFILE)) for _ in range(5)]

    async def scenario() -> list[bytes]:
        loop = asyncio.get_running_loop()
        accept = loop.sock_accept

        async def sock_accept(listening: socket.socket) -> tuple[socket.socket, object]:
            if failures:
                raise failures.pop()
            return await accept(listening)

        monkeypatch.setattr(loop, "sock_accept", sock_accept)
        taken = bind("127.0.0.1", 0)
        log = Log(output)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server = HttpServer("test", hello, log)
        accepting = Listener(taken, server, tls, log)
        port = taken.getsockname()[1]
        answers = [await ask(port)]
        failures.extend([OSError(errno.ENFILE, os.strerror(errno.ENFILE))] * 3)
        answers += [await ask(port), await ask(port)]
        accepting.close()
        await server.close(0)
        return answers

    answers = asyncio.run(scenario())

    assert [answer.endswith(b"\r\n\r\nhello") for answer in answers] == [True] * 3
    lines = output.getvalue().splitlines()
    assert len(lines) == 2  # of the first shortage, and of the second
    assert all("cannot accept connections: " in line for line in lines)
    assert os.strerror(errno.EMFILE) in lines[0]
    assert os.strerror(errno.ENFILE) in lines[1]


@contextmanager
def few_files() -> Iterator[int]:
    """A soft limit below the hard one, which is given."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        yield hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_it_takes_as_many_files_as_it_may(serve: Serve) -> None:
    with few_files():
        serve("", {"$default": MOCK})
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 512
