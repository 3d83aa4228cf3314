"""A name that leads to one Redis now and to another later, as a service's does after a failover."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class OneName:
    """A TCP proxy. What is open stays where it led when it was opened."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._lock = threading.Lock()
        self._open: list[_Line] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._take, daemon=True).start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def lead_to(self, port: int) -> None:
        """New connections go to ``port``."""
        self._target = port

    def answer(self, error: str) -> None:
        """All that is open now gets ``error`` for whatever it asks; what comes is not affected."""
        for line in self._lines():
            line.error = error

    def cut(self) -> None:
        """Close all that is open now."""
        for line in self._lines():
            line.cut()

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _lines(self) -> "list[_Line]":
        with self._lock:
            return list(self._open)

    def _take(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()
                continue
            with self._lock:
                self._open.append(_Line(near, far))


class _Line:
    """One connection through the proxy."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.error = ""
        self._near, self._far = near, far
        threads = [
            threading.Thread(target=self._carry, args=ends, daemon=True)
            for ends in ((near, far), (far, near))
        ]
        for thread in threads:
            thread.start()
        threading.Thread(target=self._close_after, args=(threads,), daemon=True).start()

    def cut(self) -> None:
        for end in (self._near, self._far):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if self.error and source is self._near:
                    source.sendall(f"-{self.error}\r\n".encode())
                else:
                    target.sendall(data)
        self.cut()

    def _close_after(self, threads: list[threading.Thread]) -> None:
        for thread in threads:
            thread.join()
        self._near.close()
        self._far.close()


@contextmanager
def one_name(port: int) -> Iterator[OneName]:
    """A name that leads to ``port``, until told otherwise."""
    name = OneName(port)
    try:
        yield name
    finally:
        name.stop()
