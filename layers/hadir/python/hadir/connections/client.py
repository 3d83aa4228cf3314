"""Client sockets: they connect to API Gateway, receive frames, and close.

``awscrt.websocket`` answers pings and close frames by itself.
"""

import threading
from functools import cache
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

from awscrt.io import ClientTlsContext, TlsContextOptions
from awscrt.websocket import Opcode, connect, create_handshake_request

from hadir.domain.errors import SocketFailed

_CLOSING_SECONDS = 0.4


class ClientSocket:
    """A socket that ``open_socket`` opens. Incoming messages are kept until ``receive``.

    The methods whose names begin with ``on_`` are called in the C runtime's thread.
    """

    def __init__(self) -> None:
        self._set_up = threading.Event()
        self._refusal = ""
        self._socket: Any = None
        self._given_up = False
        self._lock = threading.Lock()
        self._shut = threading.Event()
        self._message = bytearray()
        self._messages: SimpleQueue[bytes | None] = SimpleQueue()  # None: it has closed

    def wait_until_open(self, seconds: float) -> None:
        """Wait for the handshake. If it is late, the socket is closed as soon as it is done.

        Raises:
            SocketFailed: the handshake was refused, or timed out.
        """
        self._set_up.wait(seconds)
        with self._lock:
            self._given_up = not self._set_up.is_set()
        if self._given_up:
            raise SocketFailed(f"the handshake took more than {seconds:.1f} s")
        if self._refusal:
            raise SocketFailed(self._refusal)

    def receive(self, seconds: float) -> bytes:
        """Return the next message, waiting for it if necessary.

        Raises:
            SocketFailed: none came in time, or the socket has closed.
        """
        try:
            message = self._messages.get(timeout=max(seconds, 0))
        except Empty:
            raise SocketFailed("nothing came in time") from None
        if message is None:
            self._messages.put(None)
            raise SocketFailed("the socket was closed")
        return message

    def close(self) -> None:
        """Close it, and wait until the close is sent: Lambda freezes a function once it returns."""
        if self._socket is not None:
            self._socket.close()
            self._shut.wait(_CLOSING_SECONDS)

    def on_set_up(self, made: Any) -> None:
        """The handshake is done, or has failed."""
        with self._lock:
            self._socket = made.websocket
            if made.exception is not None:
                status = made.handshake_response_status
                self._refusal = f"refused with {status}" if status else str(made.exception)
            elif self._given_up:
                made.websocket.close()
            self._set_up.set()

    def on_payload(self, part: Any) -> None:
        """A part of a frame has come."""
        if part.frame.is_data_frame():
            self._message += part.data

    def on_frame(self, ended: Any) -> None:
        """A frame is complete, or was cut."""
        if ended.exception is not None or not ended.frame.fin:
            return
        if ended.frame.is_data_frame():
            self._messages.put(bytes(self._message))
            self._message.clear()
        elif ended.frame.opcode == Opcode.CLOSE:
            self._messages.put(None)

    def on_shutdown(self, _: Any) -> None:
        """The socket has closed, from either side."""
        self._messages.put(None)
        self._shut.set()


def open_socket(url: str, subprotocols: str, seconds: float) -> ClientSocket:
    """Open a socket.

    Args:
        url: ``wss://…``, or ``ws://…`` on this machine.
        subprotocols: the subprotocols to offer, as in the header.
        seconds: the timeout.

    Raises:
        SocketFailed: the handshake was refused (the message says with which status), or timed out.
    """
    where = urlsplit(url)
    path = f"{where.path}?{where.query}"
    request = create_handshake_request(host=where.netloc, path=path)
    request.headers.set("Sec-WebSocket-Protocol", subprotocols)
    tls = None
    if where.scheme == "wss":
        tls = _tls_context().new_connection_options()
        tls.set_server_name(where.hostname)
    socket = ClientSocket()
    connect(
        host=where.hostname,
        port=where.port,
        handshake_request=request,
        tls_connection_options=tls,
        on_connection_setup=socket.on_set_up,
        on_connection_shutdown=socket.on_shutdown,
        on_incoming_frame_payload=socket.on_payload,
        on_incoming_frame_complete=socket.on_frame,
    )
    socket.wait_until_open(seconds)
    return socket


@cache
def _tls_context() -> ClientTlsContext:
    """The trusted roots, cached: reading them takes longer than the rest of a handshake."""
    return ClientTlsContext(TlsContextOptions())
