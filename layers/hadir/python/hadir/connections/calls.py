"""Makes many calls of the management API in parallel, until all are answered or time is up."""

import heapq
import random
import threading
import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from awscrt.auth import AwsSigningConfig, aws_sign_request
from awscrt.http import HttpClientConnection, HttpRequest

from hadir.connections.management import ManagementApi

_LANES = 32
"""HTTP connections at most; each carries one request at a time."""

_ATTEMPT_SECONDS = 1.5
"""The timeout of an attempt. An HTTP connection that takes longer is probably dead, as they often
are after a sandbox was frozen."""

_LOOKING_SECONDS = 0.5

_FIRST_BACKOFF_SECONDS = 0.05
_LONGEST_BACKOFF_SECONDS = 1.0


@dataclass(slots=True, eq=False)
class Call:
    """A request about one socket, and its result.

    Attributes:
        method: ``GET``, ``POST`` or ``DELETE``.
        payload: the request's body; empty if it has none.
        wants_body: whether to keep the answer's body.
        status: the last HTTP status, 0 if there was no answer.
        body: the body of the last answer, if ``wants_body``.
        attempted: whether an attempt was made; failing to connect counts as one.
        final: whether the last answer is final, so that the call is not retried.
        retries: how often it was retried.
    """

    method: str
    connection_id: str
    payload: bytes = b""
    wants_body: bool = False
    status: int = 0
    body: bytes = b""
    attempted: bool = False
    final: bool = False
    retries: int = 0
    failures_in_a_row: int = 0

    def has_next(self) -> bool:
        """Whether the call goes on with another request, to which it has changed itself by now.

        It is called after a final answer, in the C runtime's thread, one call at a time.
        """
        return False


def make_all(api: ManagementApi, calls: Iterable[Call], seconds: float) -> None:
    """Make all ``calls`` in parallel; the results are written into them.

    429, 5xx and broken HTTP connections are retried, with backoff and full jitter, until
    ``seconds`` are over. Calls that are not answered by then are cut off: nothing more of them is
    sent. A request may arrive twice, and late, if its answer was lost or took longer than an
    attempt may.

    Calls take turns: one that goes on, or is retried, goes to the back of the queue.
    """
    _Round(api, calls, time.monotonic() + seconds).run()


@dataclass(slots=True, order=True)
class _Retry:
    due: float
    call: Call = field(compare=False)


class _Round:
    """The waiting calls, and the lanes that carry them.

    A lane is an HTTP connection and the call that it carries at the moment. Lanes move on in the C
    runtime's thread; ``run`` waits in the caller's thread, and starts lanes for calls whose backoff
    is over.
    """

    def __init__(self, api: ManagementApi, calls: Iterable[Call], deadline: float) -> None:
        self._api = api
        self._deadline = deadline
        self._changed = threading.Condition()
        self._waiting = deque(calls)
        self._unfinished = len(self._waiting)
        self._retries: list[_Retry] = []
        self._lanes = 0
        self._arriving = 0  # lanes whose HTTP connection is not there yet
        self._busy: dict[HttpClientConnection, float] = {}  # by when it must have an answer
        self._over = False
        self._configs: dict[bytes, AwsSigningConfig] = {}  # so a payload is digested once

    def run(self) -> None:
        while True:
            with self._changed:
                now = time.monotonic()
                if not self._unfinished or now >= self._deadline:
                    self._over = True
                    break
                while self._retries and self._retries[0].due <= now:
                    self._waiting.append(heapq.heappop(self._retries).call)
                starting = min(len(self._waiting) - self._arriving, _LANES - self._lanes)
                starting = max(starting, 0)
                self._lanes += starting
                self._arriving += starting
                dead = [connection for connection, by in self._busy.items() if by <= now]
                for connection in dead:
                    del self._busy[connection]
                if not starting and not dead:
                    due = [retry.due for retry in self._retries[:1]]
                    self._changed.wait(min(self._deadline, now + _LOOKING_SECONDS, *due) - now)
            for connection in dead:
                connection.close()  # which fails its request, so that it is tried again
            for _ in range(starting):
                self._api.take_connection().add_done_callback(self._connected)
        for connection in self._busy:
            connection.close()

    def _connected(self, future: "Future[HttpClientConnection]") -> None:
        with self._changed:
            self._arriving -= 1
            if future.exception() is not None:
                self._lanes -= 1
                if self._waiting and not self._over:
                    call = self._waiting.popleft()
                    call.attempted = True
                    self._retry(call)
                return
        self._carry_next(future.result())

    def _carry_next(self, connection: HttpClientConnection) -> None:
        with self._changed:
            if self._over or not self._waiting:
                self._lanes -= 1
                self._api.give_back(connection)
                return
            call = self._waiting.popleft()
            call.attempted = True
            self._busy[connection] = time.monotonic() + _ATTEMPT_SECONDS
        config = self._configs.get(call.payload)
        if config is None:
            config = self._configs[call.payload] = self._api.signing_config(call.payload)
        body: list[bytes] = []

        def keep(chunk: bytes, **_: object) -> None:
            body.append(chunk)

        def completed(answer: "Future[Any]") -> None:
            status = 0 if answer.exception() else answer.result()
            self._answered(connection, call, status, b"".join(body))

        def signed(future: "Future[HttpRequest]") -> None:
            try:
                stream = connection.request(
                    future.result(), on_body=keep if call.wants_body else None
                )
                stream.completion_future.add_done_callback(completed)
                stream.activate()
            except Exception:  # noqa: BLE001 (awscrt raises bare RuntimeErrors)
                self._answered(connection, call, 0, b"")

        request = self._api.request(call.method, call.connection_id, call.payload)
        aws_sign_request(request, config).add_done_callback(signed)

    def _answered(
        self, connection: HttpClientConnection, call: Call, status: int, body: bytes
    ) -> None:
        with self._changed:
            if self._over:
                return
            self._busy.pop(connection, None)
            call.status, call.body = status, body
            if not status or status == 429 or status >= 500:
                self._retry(call)
            else:
                call.failures_in_a_row = 0
                if call.has_next():
                    self._waiting.append(call)
                else:
                    self._finish(call)
            usable = status and connection.is_open()
            if not usable:
                self._lanes -= 1
                self._changed.notify()
        if usable:
            self._carry_next(connection)
        else:
            connection.close()

    def _finish(self, call: Call) -> None:
        call.final = True
        self._unfinished -= 1
        if not self._unfinished:
            self._changed.notify()

    def _retry(self, call: Call) -> None:
        call.failures_in_a_row += 1
        call.retries += 1
        ceiling = min(_FIRST_BACKOFF_SECONDS * 2**call.failures_in_a_row, _LONGEST_BACKOFF_SECONDS)
        due = time.monotonic() + random.uniform(0, ceiling)  # noqa: S311 (jitter, not a secret)
        heapq.heappush(self._retries, _Retry(due, call))
        self._changed.notify()
