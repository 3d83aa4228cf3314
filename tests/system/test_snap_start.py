"""A function under SnapStart: the real runtime client, and the Runtime API that it asks.

What Lambda does between the two, to freeze a process and run copies of it, cannot be had here. What
a copy must not keep can: the credentials and the connections of before.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psutil
import pytest

from hadir.domain.identity import Identity, UserType
from hadir.membership.client import connect
from hadir.membership.membership import Membership
from tests.running_gateway import ROOT

WHO = Identity("s1", "customer_1", UserType.CUSTOMER)
SOCKET = "a-socket="
CREDENTIALS = {
    "SecretAccessKey": "secret",
    "AccessKeyId": "AKIDBEFORE",
    "Token": "token",
    "Expiration": "2099-01-01T00:00:00Z",
}


class Lambda:
    """The Runtime API, the credentials of the execution environment, and the management API."""

    def __init__(self) -> None:
        self.event: dict[str, Any] = {}
        self.process: psutil.Process
        self.restored = False
        self.connected_before: set[int] = set()
        self.signed_with: list[str] = []
        self.answer: Any = None
        self.done = threading.Event()

    def restore(self) -> None:
        connections = self.process.net_connections()
        self.connected_before = {each.raddr.port for each in connections if each.raddr}
        self.restored = True


@pytest.fixture
def aws() -> Iterator[tuple[Lambda, int]]:
    state = Lambda()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.removeprefix("/2018-06-01/runtime")
            if path == "/credentials":
                key = "AKIDAFTER" if state.restored else "AKIDBEFORE"
                self._reply(200, {**CREDENTIALS, "AccessKeyId": key})
            elif path == "/restore/next":
                state.restore()
                self._reply(200, {})
            elif path == "/invocation/next" and state.answer is None:
                self._reply(200, state.event)
            elif path == "/invocation/next":
                state.done.wait(30)
            else:
                self._signed()
                self._reply(200, {"connectedAt": "2026-01-01T00:00:00Z"})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if "@connections" in self.path:
                self._signed()
                self._reply(200, {})
            else:
                state.answer = json.loads(body)
                self._reply(202, {})
                state.done.set()

        def _signed(self) -> None:
            credential = self.headers["Authorization"].partition("Credential=")[2]
            state.signed_with.append(credential.partition("/")[0])

        def _reply(self, status: int, body: object) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Lambda-Runtime-Aws-Request-Id", "r1")
            self.send_header("Lambda-Runtime-Deadline-Ms", "4102444800000")
            self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:x:1:function:f")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield state, server.server_port
        server.shutdown()


@pytest.mark.parametrize("kind", ["node", "cluster"])
def test_clients_are_made_after_the_restore(
    aws: tuple[Lambda, int], request: pytest.FixtureRequest, kind: str
) -> None:
    if kind == "node":
        redis_url = request.getfixturevalue("redis_url")
    else:
        redis_url = request.getfixturevalue("cluster").url
    state, port = aws
    here = f"http://127.0.0.1:{port}"
    membership = Membership(connect(redis_url), lease_seconds=90)
    membership.admit(SOCKET, WHO)
    context = {"session_id": "s1", "user_id": "customer_1", "user_type": "customer"}
    state.event = {
        "requestContext": {
            "routeKey": "$connect",
            "eventType": "CONNECT",
            "connectionId": SOCKET,
            "requestId": "r1",
            "authorizer": {"tenant": "default", "expires_at": "0", **context},
        }
    }
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "AWS_LAMBDA_FUNCTION_NAME": "AnnounceFunction",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{here}/credentials",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": f"{here}/live",
        "REDIS_URL": redis_url,
    }
    command = [sys.executable, "-m", "awslambdaric", "app.handler"]
    with subprocess.Popen(command, cwd=ROOT / "functions" / "announce", env=environment) as process:
        state.process = psutil.Process(process.pid)
        try:
            assert state.done.wait(30)
        finally:
            process.kill()

    assert state.restored
    assert state.connected_before == {port}
    assert "errorType" not in (state.answer or {})
    assert len(state.signed_with) >= 2, "it asked for the socket, and posted to it"
    assert set(state.signed_with) == {"AKIDAFTER"}
    assert [socket.is_open for socket in membership.sockets(WHO.session)] == [True]
