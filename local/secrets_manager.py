"""A stand-in for AWS Secrets Manager that knows one secret, kept in a file.

The functions ask it as they ask the real one (``GetSecretValue``, AWS Secrets Manager API
Reference); it can do nothing else, and believes every signature.
"""

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:hadir"  # noqa: S105 (a name)
_BYTES = 48


@contextmanager
def secrets_manager(file: Path) -> Iterator[str]:
    """Serve the secret in ``file``, made if there is none; the URL to ask at."""
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(_BYTES) + "\n")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if asked.get("SecretId") == SECRET_ARN and asked.get("VersionStage") == "AWSCURRENT":
                value = file.read_text().strip()
                self._answer(200, {"ARN": SECRET_ARN, "Name": "hadir", "SecretString": value})
            else:
                self._answer(400, {"__type": "ResourceNotFoundException"})

        def _answer(self, status: int, answer: dict[str, str]) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
