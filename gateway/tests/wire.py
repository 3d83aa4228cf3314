"""The gateway's servers without sockets: bytes in, bytes out."""

import asyncio
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from apigw_local.apis.http import HttpApi
from apigw_local.apis.invoke import LambdaApi
from apigw_local.apis.management import ManagementApi
from apigw_local.apis.ports import admin_port, lambda_port, websocket_port
from apigw_local.apis.sockets import Socket, Sockets
from apigw_local.apis.sqs import SqsApi
from apigw_local.apis.throttles import Throttles
from apigw_local.apis.websocket import Lifetimes, WebSocketServer
from apigw_local.core.cors import Cors
from apigw_local.core.events.websocket import Connection
from apigw_local.core.results import Result
from apigw_local.core.socket import SocketLife, State
from apigw_local.core.throttle import Bucket
from apigw_local.faults import Faults
from apigw_local.inspector.admin import AdminApi
from apigw_local.log import Log
from apigw_local.runtime.invocation import Invocation
from apigw_local.runtime.invoker import Invoker
from apigw_local.server.answers import Signatures
from apigw_local.server.http import Handle, HttpServer
from apigw_local.server.stream import BufferFull
from apigw_local.template.model import (
    Authorizer,
    Function,
    HttpAuthorizer,
    HttpRoute,
    HttpSettings,
    Queue,
    Route,
    WebSocketApi,
)
from apigw_local.triggers.sqs import Queues

STAGE = "dev"
READER, SLOW, GONE = "AAAAAAAAAAACAAA=", "BBBBBBBBBBBCAAA=", "CCCCCCCCCCCCAAA="
ANSWER = b'{"statusCode": 200, "body": "hello"}'
GRANT = b'{"isAuthorized": true, "context": {"a": [1]}}'
_STEPS = 30


class Wire(asyncio.Transport):
    """A connection that only remembers."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written = bytearray()
        self.reading = True
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def close(self) -> None:
        self._closing = True

    abort = close

    def is_closing(self) -> bool:
        return self._closing

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class Answering:
    """A function that answers what it is told to."""

    def __init__(self, usual: Result) -> None:
        self._usual = usual
        self._results = [usual]

    def answer(self, *results: Result) -> None:
        """With these, one after the other, the last again and again; without any as usual."""
        self._results = list(results) or [self._usual]

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def invoke(self, _: Invocation) -> Result:
        return self._results.pop(0) if len(self._results) > 1 else self._results[0]

    def reload(self) -> None: ...

    def send_signal(self, _: Any, /) -> int:
        return 1


class Endless(Throttles):
    """Never too many."""

    def __init__(self) -> None:
        super().__init__({})
        self._account = self._connections = Bucket(float("inf"), float("inf"), 0)

    def request(self, route_key: str) -> bool:
        return True

    def connection(self) -> bool:
        return True


class Reader(Socket):
    """The socket of a client that reads, or does not; nothing ends it."""

    def __init__(self, connection_id: str, trouble: Exception | None = None) -> None:
        life = SocketLife(1e6, 1e6)
        super().__init__(connection(connection_id), life, lambda *_: None, lambda *_: None)
        self._trouble = trouble

    @property
    def state(self) -> State:
        return State.OPEN

    def send(self, text: str) -> None:
        text.encode()
        if self._trouble:
            raise self._trouble

    def delete(self) -> None:
        pass


class Servers:
    """All of them, each to be spoken to in bytes."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        self.log = Log(self._output, verbose=True, listener=self._note)
        self.troubles: list[str] = []
        self.functions = {"Fn": Answering(Result(ANSWER)), "Guard": Answering(Result(GRANT))}
        self._servers: dict[str, HttpServer] = {}
        loop.set_exception_handler(lambda _, context: self.troubles.append(repr(context)))
        loop.run_until_complete(self._start())

    def exchange(self, server: str, *pieces: bytes) -> bytes:
        """What is answered to bytes that come in these pieces."""
        return self._loop.run_until_complete(self._exchange(server, pieces))

    def stop(self) -> None:
        for server in self._servers.values():
            self._loop.run_until_complete(server.close(0))

    async def _exchange(self, server: str, pieces: tuple[bytes, ...]) -> bytes:
        protocol, wire = self._servers[server](), Wire()
        assert isinstance(protocol, asyncio.Protocol)
        protocol.connection_made(wire)
        for piece in pieces:
            protocol.data_received(piece)
            await self._settle(wire)
        protocol.connection_lost(None)
        await self._settle(wire)
        troubles, self.troubles = self.troubles, []
        assert not troubles, troubles
        for function in self.functions.values():
            function.answer()
        self._output.seek(0)
        self._output.truncate()
        return bytes(wire.written)

    async def _settle(self, wire: Wire) -> None:
        for _ in range(_STEPS):
            await asyncio.sleep(0)

    def _note(self, record: Any) -> None:
        if record.kind == "trouble" and record.source == "gateway":
            self.troubles.append(record.text)

    async def _start(self) -> None:
        here = Path()
        made = {
            name: Function(name, name, "a.b", "python3.13", here, (), {}, 3, 128)
            for name in self.functions
        }
        functions = Invoker(made, self.functions, self.log)
        faults, signatures, sockets = Faults(), Signatures("secret"), Sockets()
        unsigned = Signatures(None)
        for reader in (
            Reader(READER),
            Reader(SLOW, BufferFull()),
            Reader(GONE, ConnectionResetError()),
        ):
            sockets.add(reader)
        api = WebSocketApi(
            api_id="abc",
            stage=STAGE,
            selection_expression="$request.body.action",
            routes={
                key: Route(key, "Fn", 29, two_way=True, api_key_required=False, throttle=None)
                for key in ("$connect", "$disconnect", "$default", "say")
            },
            authorizer=None,
            signed=False,
            api_keys={},
            key_from_authorizer=False,
            stage_variables={},
        )
        self._add("lambda", lambda_port(LambdaApi(functions, unsigned), None, self.log))
        queues = Queues((Queue("Jobs", "arn:aws:sqs:eu-west-1:1:Jobs", 0, 30),), self.log)
        queue_api = SqsApi(queues, unsigned)
        self._add("queues", lambda_port(LambdaApi(functions, unsigned), queue_api, self.log))
        for name, authorizer in (("websocket", None), ("guarded", Authorizer("Guard", ()))):
            guarded = replaced(api, authorizer)
            upgrades = WebSocketServer(
                guarded,
                functions,
                Sockets(),
                Endless(),
                Lifetimes(1e6, 1e6),
                "eu-west-1",
                None,
                faults,
                self.log,
            )
            self._add(name, upgrades.handle)
            for verifying, judge in (("management", unsigned), ("verifying", signatures)):
                management = ManagementApi(STAGE, sockets, Endless(), judge, faults, self.log)
                self._add(verifying, websocket_port(upgrades, management))
        http = HttpApi(_http_routes(), functions, here, "eu-west-1", self.log)
        self._add("http", http.handle)
        admin = AdminApi(functions, Sockets(), Faults(), self.log, own_processes=True)
        self._add("admin", admin_port(admin, self.log))

    def _add(self, name: str, handle: Handle) -> None:
        self._servers[name] = HttpServer(name, handle, self.log)


def replaced(api: WebSocketApi, authorizer: Authorizer | None) -> WebSocketApi:
    return WebSocketApi(
        **{name: getattr(api, name) for name in WebSocketApi.__slots__ if name != "authorizer"},
        authorizer=authorizer,
    )


def connection(connection_id: str = READER, **more: Any) -> Connection:
    given: dict[str, Any] = {
        "api_id": "abc",
        "stage": STAGE,
        "domain": "localhost",
        "region": "eu-west-1",
        "source_ip": "127.0.0.1",
        "headers": (("Host", "localhost"),),
        "query": "",
        "connection_id": connection_id,
    }
    return Connection(**{**given, **more})


def _http_routes() -> tuple[HttpRoute, ...]:
    api = HttpSettings("abc", Cors(("https://*",), ("GET",)), {"colour": "blue"})
    sources = ("$request.header.authorization",)
    guard = HttpAuthorizer("A", "Guard", sources, "2.0", simple=True, seconds=0)
    older = HttpAuthorizer("B", "Guard", (), "1.0", simple=False, seconds=0)
    return (
        HttpRoute("GET", "/items/{item-id}", "Fn", api),
        HttpRoute("ANY", "/guarded/{rest+}", "Fn", api, guard),
        HttpRoute("ANY", "/older", "Fn", api, older),
        HttpRoute("POST", "$default", "Fn", api),
    )


@contextmanager
def servers() -> Iterator[Servers]:
    loop = asyncio.new_event_loop()
    made = Servers(loop)
    try:
        yield made
    finally:
        made.stop()
        loop.close()
