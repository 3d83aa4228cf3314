"""One stage's management API: its pool of HTTP connections, and how requests are signed.

AWS's own C runtime (``awscrt``) does the HTTP and the signatures; ``benchmarks/fan_out.py`` has the
comparison that chose it.
"""

import hashlib
from concurrent.futures import Future
from io import BytesIO
from typing import Any
from urllib.parse import quote, urlsplit

from awscrt.auth import AwsCredentialsProvider, AwsSigningConfig
from awscrt.http import HttpClientConnection, HttpHeaders, HttpRequest
from awscrt.io import (
    ClientBootstrap,
    ClientTlsContext,
    DefaultHostResolver,
    EventLoopGroup,
    SocketOptions,
    TlsContextOptions,
)

_CONNECT_TIMEOUT_MS = 1000


class ManagementApi:
    """The API that ``calls.make_all`` sends its requests to, and its pool; a process has one.

    Args:
        endpoint: the stage's URL, for example
            ``https://abcdef1234.execute-api.eu-west-1.amazonaws.com/prod``.
        region: the region to sign for.
        credentials: None for those that an AWS SDK finds by itself.
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
        """Return an HTTP connection to the pool."""
        self._idle.append(connection)

    def signing_config(self, payload: bytes) -> AwsSigningConfig:
        """How to sign a request with ``payload``; valid for some minutes, and for every socket."""
        return AwsSigningConfig(
            credentials_provider=self._credentials,
            region=self._region,
            service="execute-api",
            signed_body_value=hashlib.sha256(payload).hexdigest(),
        )

    def request(self, method: str, connection_id: str, payload: bytes) -> HttpRequest:
        """An unsigned request about one socket; without ``payload`` it has no body."""
        headers = [("host", self._host)]
        if payload:
            headers.append(("content-length", str(len(payload))))
        path = f"{self._path}/@connections/{quote(connection_id, safe='')}"
        body = BytesIO(payload) if payload else None
        return HttpRequest(method, path, HttpHeaders(headers), body)
