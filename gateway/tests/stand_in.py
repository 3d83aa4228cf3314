"""A stand-in for functions that run elsewhere."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class StandIn:
    """For `sam local start-lambda`, which wants Docker: it answers 200 whatever happened."""

    url: str
    asked: list[tuple[str, Any]]
    headers: list[Message]


@contextmanager
def answering(body: bytes, status: int = 200) -> Iterator[StandIn]:
    asked: list[tuple[str, Any]] = []
    headers: list[Message] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            payload = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.path, json.loads(payload)))
            headers.append(self.headers)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield StandIn(f"http://127.0.0.1:{server.server_port}", asked, headers)
        server.shutdown()
        thread.join()
