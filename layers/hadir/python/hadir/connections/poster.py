"""Posts to many sockets at once through the management API: the hot path.

AWS's own C runtime (``awscrt``) does the HTTP and the signatures; ``benchmarks/fan_out.py`` has the
comparison that chose it.
"""

import hashlib
import heapq
import random
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import quote, urlsplit

from awscrt.auth import AwsCredentialsProvider, AwsSigningConfig, aws_sign_request
from awscrt.http import HttpClientConnection, HttpHeaders, HttpRequest
from awscrt.io import (
    ClientBootstrap,
    ClientTlsContext,
    DefaultHostResolver,
    EventLoopGroup,
    SocketOptions,
    TlsContextOptions,
)

from hadir.domain.delivery import Delivery, Outcome

_LANES = 32
"""HTTP connections at most; each carries one request at a time."""

_CONNECT_TIMEOUT_MS = 1000
_ATTEMPT_SECONDS = 1.5
"""An HTTP connection that does not answer for so long is dead: a thawed sandbox's often are."""

_LOOKING_SECONDS = 0.5

_FIRST_BACKOFF_SECONDS = 0.05
_LONGEST_BACKOFF_SECONDS = 1.0


class Poster:
    """Posts frames to sockets of one stage, keeping its HTTP connections between calls.

    Args:
        endpoint: the stage's, for example
            ``https://abcdef1234.execute-api.eu-west-1.amazonaws.com/prod``.
        region: to sign for.
        credentials: defaults to what an AWS SDK finds by itself.
    """

    def __init__(
        self, endpoint: str, region: str, credentials: AwsCredentialsProvider | None = None
    ) -> None:
        url = urlsplit(endpoint)
        self._host = url.netloc
        self._path = url.path.rstrip("/")
        self._region = region
        loops = EventLoopGroup(1)
        bootstrap = ClientBootstrap(loops, DefaultHostResolver(loops))
        self._credentials = credentials or AwsCredentialsProvider.new_default_chain(bootstrap)
        socket_options = SocketOptions()
        socket_options.connect_timeout_ms = _CONNECT_TIMEOUT_MS
        self._connect_options: dict[str, Any] = {
            "host_name": url.hostname,
            "port": url.port or (443 if url.scheme == "https" else 80),
            "bootstrap": bootstrap,
            "socket_options": socket_options,
        }
        if url.scheme == "https":
            tls = ClientTlsContext(TlsContextOptions()).new_connection_options()
            tls.set_server_name(url.hostname)
            self._connect_options["tls_connection_options"] = tls
        self._idle: list[HttpClientConnection] = []

    def post(self, mail: Mapping[str, Sequence[bytes]], seconds: float) -> dict[str, Delivery]:
        """Post to every socket in ``mail`` its frames, in order; sockets side by side.

        429, 5xx and broken HTTP connections are tried again, with full jitter, until ``seconds``
        are over. What has not been answered by then is cut off, so that nothing of it can arrive
        after a later call's frames.

        A frame may arrive twice: when the answer to it was lost.

        Args:
            mail: connection id -> text frames in UTF-8, at most 128 KB each.

        Returns:
            What became of each socket's frames.
        """
        if not mail:
            return {}
        return _Round(self, mail, time.monotonic() + seconds).run()

    def take_connection(self) -> "Future[HttpClientConnection]":
        """An HTTP connection that is free, or a new one."""
        while connection := self._take_idle():
            if connection.is_open():
                ready: Future[HttpClientConnection] = Future()
                ready.set_result(connection)
                return ready
        new: Future[HttpClientConnection] = HttpClientConnection.new(**self._connect_options)
        return new

    def _take_idle(self) -> HttpClientConnection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def give_back(self, connection: HttpClientConnection) -> None:
        """Keep an HTTP connection for later."""
        self._idle.append(connection)

    def signing_config(self, payload: bytes) -> AwsSigningConfig:
        """How to sign a POST of ``payload`` now; its digest is computed once for all sockets."""
        return AwsSigningConfig(
            credentials_provider=self._credentials,
            region=self._region,
            service="execute-api",
            signed_body_value=hashlib.sha256(payload).hexdigest(),
        )

    def request(self, connection_id: str, payload: bytes) -> HttpRequest:
        """An unsigned PostToConnection."""
        headers = HttpHeaders([("host", self._host), ("content-length", str(len(payload)))])
        path = f"{self._path}/@connections/{quote(connection_id, safe='')}"
        return HttpRequest("POST", path, headers, BytesIO(payload))


@dataclass(slots=True)
class _Letter:
    """The frames for one socket, and how far they have come."""

    connection_id: str
    frames: Sequence[bytes]
    posted: int = 0
    attempts: int = 0
    status: int = 0
    retries: int = 0


@dataclass(slots=True, order=True)
class _Retry:
    due: float
    letter: _Letter = field(compare=False)


class _Round:
    """One call of ``Poster.post``: letters that wait, lanes that carry them.

    A lane is an HTTP connection and whatever letter it carries. Lanes move on in the C runtime's
    thread; ``run`` waits in the caller's, and starts lanes for letters whose backoff is over.
    """

    def __init__(self, poster: Poster, mail: Mapping[str, Sequence[bytes]], deadline: float):
        self._poster = poster
        self._deadline = deadline
        self._changed = threading.Condition()
        self._waiting = deque(_Letter(to, frames) for to, frames in mail.items())
        self._unfinished = {letter.connection_id: letter for letter in self._waiting}
        self._retries: list[_Retry] = []
        self._done: dict[str, Delivery] = {}
        self._lanes = 0
        self._arriving = 0  # lanes whose HTTP connection is not there yet
        self._busy: dict[HttpClientConnection, float] = {}  # by when it must have an answer
        self._over = False
        self._configs = {
            frame: poster.signing_config(frame) for frames in mail.values() for frame in frames
        }

    def run(self) -> dict[str, Delivery]:
        while True:
            with self._changed:
                now = time.monotonic()
                if not self._unfinished or now >= self._deadline:
                    self._over = True
                    break
                while self._retries and self._retries[0].due <= now:
                    self._waiting.append(heapq.heappop(self._retries).letter)
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
                self._poster.take_connection().add_done_callback(self._connected)
        for connection in list(self._busy):
            connection.close()
        for letter in self._unfinished.values():
            self._done[letter.connection_id] = _delivery(letter, Outcome.FAILED)
        return self._done

    def _connected(self, future: "Future[HttpClientConnection]") -> None:
        with self._changed:
            self._arriving -= 1
            if future.exception() is not None:
                self._lanes -= 1
                if self._waiting:
                    self._retry(self._waiting.popleft())
                return
        self._carry_next(future.result())

    def _carry_next(self, connection: HttpClientConnection) -> None:
        with self._changed:
            if self._over or not self._waiting:
                self._lanes -= 1
                self._poster.give_back(connection)
                return
            letter = self._waiting.popleft()
        self._send(connection, letter)

    def _send(self, connection: HttpClientConnection, letter: _Letter) -> None:
        frame = letter.frames[letter.posted]
        with self._changed:
            if self._over:
                connection.close()
                return
            self._busy[connection] = time.monotonic() + _ATTEMPT_SECONDS

        def signed(future: "Future[HttpRequest]") -> None:
            if future.exception() is not None:
                self._answered(connection, letter, future)
                return
            try:
                stream = connection.request(future.result())
                stream.completion_future.add_done_callback(
                    lambda answer: self._answered(connection, letter, answer)
                )
                stream.activate()
            except Exception as error:  # noqa: BLE001 (awscrt raises bare RuntimeErrors)
                failed: Future[HttpRequest] = Future()
                failed.set_exception(error)
                self._answered(connection, letter, failed)

        request = self._poster.request(letter.connection_id, frame)
        aws_sign_request(request, self._configs[frame]).add_done_callback(signed)

    def _answered(
        self, connection: HttpClientConnection, letter: _Letter, answer: "Future[Any]"
    ) -> None:
        broken = answer.exception() is not None
        letter.status = 0 if broken else answer.result()
        with self._changed:
            if self._over:
                return
            if letter.status == 200:
                letter.posted += 1
                letter.attempts = 0
                again = letter.posted < len(letter.frames)
                if not again:
                    self._finish(letter, Outcome.DELIVERED)
            else:
                again = False
                if letter.status == 410:
                    self._finish(letter, Outcome.GONE)
                elif letter.status == 429 or letter.status >= 500 or broken:
                    self._retry(letter)
                else:
                    self._finish(letter, Outcome.FAILED)
            self._busy.pop(connection, None)
            if broken:
                self._lanes -= 1
                self._changed.notify()
        if again:
            self._send(connection, letter)
        elif broken:
            connection.close()
        else:
            self._carry_next(connection)

    def _finish(self, letter: _Letter, outcome: Outcome) -> None:
        del self._unfinished[letter.connection_id]
        self._done[letter.connection_id] = _delivery(letter, outcome)
        if not self._unfinished:
            self._changed.notify()

    def _retry(self, letter: _Letter) -> None:
        letter.attempts += 1
        letter.retries += 1
        ceiling = min(_FIRST_BACKOFF_SECONDS * 2**letter.attempts, _LONGEST_BACKOFF_SECONDS)
        due = time.monotonic() + random.uniform(0, ceiling)  # noqa: S311 (jitter, not a secret)
        heapq.heappush(self._retries, _Retry(due, letter))
        self._changed.notify()


def _delivery(letter: _Letter, outcome: Outcome) -> Delivery:
    return Delivery(outcome, letter.posted, letter.status, letter.retries)
