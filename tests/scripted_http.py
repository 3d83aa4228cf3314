"""A real HTTP server that answers as it is told, and remembers what it was asked."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import unquote

HANG = -1
CUT = 0


class Answer(NamedTuple):
    status: int
    body: bytes = b""
    headers: dict[str, str] = {}  # noqa: RUF012 (never changed)


class Request(NamedTuple):
    method: str
    path: str
    body: bytes
    headers: dict[str, str]

    @property
    def about(self) -> str:
        """The last part of its path: of the management API, the connection id."""
        return unquote(self.path.rpartition("/")[2])


@dataclass
class ScriptedHttp:
    """Answers what is asked about each with its script, then with ``usual``."""

    url: str = ""
    scripts: dict[str, list[int | Answer]] = field(default_factory=dict)
    usual: int | Answer = 200
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def endpoint(self) -> str:
        """A stage of the management API."""
        return f"{self.url}/live"

    def bodies(self, about: str) -> list[bytes]:
        return [request.body for request in self.requests if request.about == about]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Whoever asked did not wait for the answer."""


@contextmanager
def scripted_http() -> Iterator[ScriptedHttp]:
    api = ScriptedHttp()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            api.connections += 1

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, body, headers)
            api.requests.append(request)
            script = api.scripts.get(request.about)
            said = script.pop(0) if script else api.usual
            answer = said if isinstance(said, Answer) else Answer(said)
            if answer.status == HANG:
                api.released.wait(10)
            elif answer.status == CUT:
                self.close_connection = True
            else:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.status != 204 and "Content-Length" not in answer.headers:
                    self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815

        def log_message(self, *args: object) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield api
    finally:
        api.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
