"""Pages of tests/browser/pages with a framework in them, as esbuild bundles them."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_HERE = Path(__file__).parent
_NODE_MODULES = _HERE / "node_modules"
_VUE_FLAGS = ("OPTIONS_API__", "PROD_DEVTOOLS__", "PROD_HYDRATION_MISMATCH_DETAILS__")
_DEFINED = {
    "process.env.NODE_ENV": '"development"',
    **{f"__VUE_{flag}": "false" for flag in _VUE_FLAGS},
}


@cache
def _page(framework: str) -> str:
    """Of ``react18``, ``react19`` or ``vue``, in development mode, which warns the most."""
    name = framework.rstrip("0123456789")
    version = framework.removeprefix(name)
    aliases = {"react": f"react{version}", "react-dom": f"react-dom{version}"} if version else {}
    script = subprocess.run(
        [
            _NODE_MODULES / ".bin" / "esbuild",
            f"pages/{name}.js",
            *("--bundle", "--format=iife", "--log-level=warning"),
            *(f"--alias:{name}={other}" for name, other in aliases.items()),
            *(f"--define:{name}={value}" for name, value in _DEFINED.items()),
        ],
        cwd=_HERE,
        env={**os.environ, "NODE_PATH": str(_NODE_MODULES)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.replace("</script", "<\\/script")
    icon = '<link rel="icon" href="data:,">'
    return (
        f'<!doctype html><meta charset="utf-8">{icon}<div id="root"></div><script>{script}</script>'
    )


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = _page(self.path[1:].partition("?")[0]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def served_pages() -> Iterator[str]:
    """The address under which each is served by its name."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
