"""A gateway in a thread of the test's own process.

    with LocalGateway("template.yaml") as gateway, gateway.connect(room="lobby") as socket:
        socket.send("hello")
        assert socket.recv(timeout=5) == "hello"

It listens on free ports. Functions run in processes of their own, or, ``in_process``, in threads of
the test's, where a patch, a mock or a breakpoint reaches them.
"""

import asyncio
import io
import re
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from apigw_local.faults import Faults
from apigw_local.gateway import Gateway
from apigw_local.log import Log, Record
from apigw_local.options import Options
from apigw_local.template.load import load
from apigw_local.template.model import Application

_WAITING_SECONDS = 10.0


class LocalGateway:
    """A running gateway for a template.

    Args:
        parameters: as ``--parameter-overrides``.
        env_vars: as the file of ``--env-vars``: variables by function, or for all ``Parameters``.
        api, stage: which, where the template has several.
        options: as ``Options`` has them: ``in_process=True``, ``idle_seconds=1``, …

    Raises:
        GatewayError: when entered, if the template cannot be served.

    Attributes:
        template: its path.
        records: what has happened, oldest first: since the start, or since ``forget``. The fixture
            ``start_gateway`` calls that at the beginning of each test.
        faults: what goes wrong on purpose; set its attributes at any time.
    """

    def __init__(
        self,
        template: str | Path,
        *,
        parameters: Mapping[str, str] | None = None,
        env_vars: Mapping[str, Mapping[str, str]] | None = None,
        api: str | None = None,
        stage: str | None = None,
        **options: Any,
    ) -> None:
        self.template = Path(template)
        self._parameters = parameters or {}
        self._env_vars = env_vars or {}
        self._choice = {"api": api, "stage": stage}
        self._options = Options(**options)
        self._application: Application | None = None
        self._gateway: Gateway | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None
        self._changed = threading.Condition()
        self._output = io.StringIO()
        self._output_from = 0
        self.records: list[Record] = []
        self.faults: Faults = self._options.faults
        self._first_faults = self.faults.values()

    def __enter__(self) -> Self:
        self._application = load(
            self.template,
            overrides=self._parameters,
            env_vars=self._env_vars,
            region=self._options.region,
            elsewhere=self._options.lambda_endpoint is not None,
            api=self._choice["api"],
            stage=self._choice["stage"],
        )
        started = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run(started)), name="apigw-local"
        )
        self._thread.start()
        started.wait()
        if self._failure:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        assert self._stopping is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._gateway = None
        if self._failure:
            raise self._failure

    @property
    def ws(self) -> str:
        """``ws://host:port``, without the stage."""
        return self._served.url("websocket")

    @property
    def http(self) -> str:
        """``http://host:port`` of the HTTP API."""
        return self._served.url("http")

    @property
    def management(self) -> str:
        """The endpoint for a client of ``apigatewaymanagementapi``."""
        return f"{self.ws.replace('ws', 'http', 1)}/{self.stage}"

    @property
    def invoke(self) -> str:
        """The endpoint for a client of ``lambda``."""
        return self._served.url("lambda")

    @property
    def queues(self) -> str:
        """The endpoint for a client of ``sqs``, where the template has queues."""
        return self._served.url("lambda")

    @property
    def admin(self) -> str:
        """``http://host:port`` of the admin API."""
        return self._served.url("admin")

    @property
    def stage(self) -> str:
        """The WebSocket API's stage."""
        assert self._application is not None
        assert self._application.websocket_api is not None, "the template has no WebSocket API"
        return self._application.websocket_api.stage

    @property
    def output(self) -> str:
        """The log, as a terminal would show it, of the same time as ``records``."""
        return self._output.getvalue()[self._output_from :]

    def connect(
        self,
        *,
        headers: Mapping[str, str] | None = None,
        subprotocols: tuple[str, ...] = (),
        **query: str | list[str],
    ) -> ClientConnection:
        """A socket, to be used in a ``with`` statement.

        Args:
            query: parameters of the query; a list where one is repeated.

        Raises:
            websockets.exceptions.InvalidStatus: the upgrade was refused; with the response.
        """
        return connect(
            f"{self.ws}/{self.stage}?{urlencode(query, doseq=True)}",
            additional_headers=headers,
            subprotocols=[Subprotocol(each) for each in subprotocols] or None,
            compression=None,
            ping_interval=None,
            proxy=None,
        )

    def forget(self) -> None:
        """Begin anew: records, events and the log are of what happens from now on.

        What is still under way then, an earlier test's ``$disconnect`` for example, counts as
        having happened since: name the connection where it matters.
        """
        with self._changed:
            self.records = []
            self._output_from = self._output.tell()

    def wait_for(
        self, happened: Callable[[Record], bool], timeout: float = _WAITING_SECONDS
    ) -> Record:
        """The first of ``records`` for which ``happened`` is true, waiting for it if need be.

        Args:
            happened: asked once about each record, as it comes.
            timeout: in seconds.

        Raises:
            AssertionError: it did not happen in time; with the last lines of the log.
        """
        records, asked = self.records, 0
        until = time.monotonic() + timeout
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: len(records) > asked,  # noqa: B023 (called at once)
                    until - time.monotonic(),
                )
                new = records[asked:]
            # Outside: the gateway would wait, to write down what comes next.
            for record in new:
                if happened(record):
                    return record
            asked += len(new)
            if not new or time.monotonic() > until:
                break
        last = "\n".join(line[:200] for line in self.output.splitlines()[-20:])
        raise AssertionError(f"it did not happen within {timeout} s; the log ends:\n{last}")

    def wait_for_line(self, pattern: str, timeout: float = _WAITING_SECONDS) -> str:
        """The text of the first of ``records`` in which a regular expression is found."""
        found = re.compile(pattern)
        return self.wait_for(
            lambda record: bool(found.search(f"{record.source} {record.text}")), timeout
        ).text

    def events(self, function: str) -> list[dict[str, Any]]:
        """The events that a function has been given, oldest first; it may not have ended yet.

        Those of the same time as ``records``: in a test with ``start_gateway``, of this test.
        """
        self._check(function)
        return [
            record.fields["event"]
            for record in list(self.records)
            if record.kind == "event" and record.source == function
        ]

    def wait_for_event(
        self,
        function: str,
        connection_id: str | None = None,
        timeout: float = _WAITING_SECONDS,
    ) -> dict[str, Any]:
        """The first event that a function has answered, of that connection if one is given.

        Of the same time as ``records``: in a test with ``start_gateway``, of this test.
        """
        self._check(function)

        def is_it(record: Record) -> bool:
            if record.kind != "invocation" or record.source != function:
                return False
            if connection_id is None:
                return True
            event = record.fields["event"]
            context = event.get("requestContext", {}) if isinstance(event, dict) else {}
            return bool(context.get("connectionId") == connection_id)

        event: dict[str, Any] = self.wait_for(is_it, timeout).fields["event"]
        return event

    def cut_sockets(self) -> None:
        """End all connections without a word, as a network does."""

        def cut() -> None:
            for socket in self._served.sockets:
                socket.cut()

        self._do(cut)

    def reset_faults(self) -> None:
        """As they were at the start."""
        self.faults.set(self._first_faults)

    def kill(self, function: str) -> None:
        """Kill a function's processes."""
        self._check(function)
        self._do(lambda: self._served.functions.kill(function))

    def freeze(self, function: str, seconds: float) -> None:
        """Stop a function's processes for a while."""
        self._check(function)
        self._do(lambda: self._served.functions.freeze(function, seconds))

    @property
    def _served(self) -> Gateway:
        assert self._gateway is not None, "the gateway is not running; use it in a with statement"
        return self._gateway

    def _check(self, function: str) -> None:
        """Names are logical ids, as in the template."""
        assert self._application is not None
        names = self._application.functions
        assert function in names, f"there is no function {function}, but {', '.join(names)}"

    def _do(self, work: Callable[[], object]) -> None:
        async def run() -> None:
            work()

        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    async def _run(self, started: threading.Event) -> None:
        log = Log(self._output, listener=self._note)
        try:
            assert self._application is not None
            for warning in self._application.warnings:
                log.warning(warning)
            self._loop = asyncio.get_running_loop()
            self._stopping = asyncio.Event()
            self._gateway = Gateway(self._application, self._options, log)
            try:
                await self._gateway.start()
                started.set()
                await self._stopping.wait()
            finally:
                await self._gateway.stop()
        except Exception as error:  # noqa: BLE001 (raised again where the gateway was asked for)
            self._failure = error
        finally:
            started.set()

    def _note(self, record: Record) -> None:
        with self._changed:
            self.records.append(record)
            self._changed.notify_all()
