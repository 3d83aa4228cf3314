"""Listens for plain and for encrypted connections on one port.

In AWS everything is ``https`` and ``wss``, and functions build such URLs from the event's domain
name and stage. So that they work unchanged, a connection that begins as TLS does is served so, with
a certificate that only the functions are told to trust.
"""

import asyncio
import contextlib
import os
import re
import resource
import socket
import ssl
from collections.abc import Callable, Iterable
from pathlib import Path

import certifi
import trustme

from apigw_local.log import Log

_BACKLOG = 1024
_SILENT_SECONDS = 60.0
"""How long a client that has connected may say nothing."""
_PAUSE_SECONDS = 0.1
"""Until accepting is tried again where it has failed."""
_MOST_FILES = 10_240
"""macOS grants a process no more, whatever its hard limit says (``OPEN_MAX``)."""
_NAME = re.compile(
    r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
)
_TLS_HANDSHAKE = b"\x16"  # the content type of a first record (RFC 8446, 5.1)


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens; 0 is a port of the system's choice.

    Raises:
        OSError: the port is taken, or not ours to take.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    listening.setblocking(False)
    return listening


def allow_more_files() -> None:
    """Let this process, and the functions' that it starts, open as many files as it may.

    Each socket is one, and many shells allow 256 or 1024.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, min(hard, _MOST_FILES)):
        if soft == wanted:
            break
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            break


class Listener:
    """Accepts connections for a protocol, from now on.

    Args:
        listening: is closed in the end.
    """

    def __init__(
        self,
        listening: socket.socket,
        factory: Callable[[], asyncio.BaseProtocol],
        tls: ssl.SSLContext,
        log: Log,
    ) -> None:
        self._listening = listening
        self._factory = factory
        self._tls = tls
        self._log = log
        self._greeting: set[asyncio.Task[None]] = set()
        self._accepting = asyncio.create_task(self._accept())

    def close(self) -> None:
        """Accept no more."""
        for task in (*self._greeting, self._accepting):
            task.cancel()
        self._listening.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        said = False
        while True:
            try:
                connection, _ = await loop.sock_accept(self._listening)
            except ConnectionError:  # a client that has left again
                continue
            except OSError as error:  # too many open files: those that close make room
                if not said:
                    why = f"{error.strerror}: new connections wait until others close"
                    self._log.trouble("gateway", f"cannot accept connections: {why}")
                    said = True
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            said = False
            task = asyncio.create_task(self._greet(connection))
            self._greeting.add(task)
            task.add_done_callback(self._greeting.discard)

    async def _greet(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            first = await _peek(connection)
            tls = self._tls if first == _TLS_HANDSHAKE else None
            await loop.connect_accepted_socket(self._factory, connection, ssl=tls)
        except (OSError, TimeoutError, asyncio.CancelledError):  # also a failed TLS handshake
            connection.close()


async def _peek(connection: socket.socket) -> bytes:
    """The first byte, left where it is."""
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(connection, readable.set)
    try:
        await asyncio.wait_for(readable.wait(), _SILENT_SECONDS)
    finally:
        loop.remove_reader(connection)
    return connection.recv(1, socket.MSG_PEEK)


def certificate(hosts: Iterable[str], folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A certificate for this machine and these names, and a file of what to trust.

    That is the certificate's authority, and all the usual ones.
    """
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    names = {"localhost", "127.0.0.1", "::1"}
    names |= {name for name in (*hosts, socket.gethostname()) if _NAME.fullmatch(name)}
    authority.issue_cert(*sorted(names)).configure_cert(context)
    named = (Path(os.environ.get(name, "")) for name in ("AWS_CA_BUNDLE", "SSL_CERT_FILE"))
    usual = next((file for file in named if file.is_file()), Path(certifi.where()))
    bundle = folder / "trusted.pem"
    bundle.write_bytes(usual.read_bytes() + b"\n" + authority.cert_pem.bytes())
    return context, bundle
