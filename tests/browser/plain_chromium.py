"""A Chromium that is started as people's is, driven by its DevTools protocol alone.

Playwright makes pages believe that they are looked at, so that none is ever hidden or frozen.
"""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import psutil
from websockets.sync.client import ClientConnection, connect

from tests.browser.visitors import FLAGS

_STARTING_SECONDS = 30
_ANSWERING_SECONDS = 20


class Tab:
    """A page and the DevTools connection to it."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._ids = count(1)

    def send(self, method: str, **parameters: object) -> dict[str, Any]:
        """Have something done; what it answers."""
        number = next(self._ids)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._connection.recv(_ANSWERING_SECONDS))
            if answer.get("id") == number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def evaluate(self, expression: str) -> Any:
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        return answer["result"].get("value")

    def wait_for(self, expression: str, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not self.evaluate(expression):
            assert time.monotonic() < deadline, expression
            time.sleep(0.05)


class PlainChromium:
    """A running Chromium.

    Attributes:
        process: its main process.
        port: of its DevTools protocol.
    """

    port = 0

    def __init__(self, process: psutil.Process) -> None:
        self.process = process

    def kill(self) -> None:
        """Kill all its processes, also where they are stopped or gone."""
        with suppress(psutil.NoSuchProcess):
            for each in [*self.process.children(recursive=True), self.process]:
                with suppress(psutil.NoSuchProcess):
                    each.kill()

    @contextmanager
    def tab(self, address: str) -> Iterator[Tab]:
        """A new tab, before all others."""
        with urlopen(
            Request(
                f"http://127.0.0.1:{self.port}/json/new?{quote(address, safe='')}", method="PUT"
            )
        ) as answer:
            target = json.load(answer)
        with connect(target["webSocketDebuggerUrl"], max_size=None) as connection:
            yield Tab(connection)


@contextmanager
def plain_chromium(*flags: str) -> Iterator[PlainChromium]:
    executable = shutil.which("chromium")
    assert executable, "apt-get install chromium"
    with tempfile.TemporaryDirectory(prefix="hadir-chromium-") as folder:
        process = subprocess.Popen(
            [
                *(executable, "--headless", *FLAGS, *flags),
                *("--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        family = psutil.Process(process.pid)
        browser = PlainChromium(family)
        try:
            browser.port = _port(Path(folder) / "DevToolsActivePort")
            yield browser
        finally:
            browser.kill()
            process.wait()


def _port(file: Path) -> int:
    deadline = time.monotonic() + _STARTING_SECONDS
    while not (file.is_file() and file.read_text()):
        assert time.monotonic() < deadline, "Chromium did not start"
        time.sleep(0.05)
    return int(file.read_text().splitlines()[0])
