"""Runs all tests in two halves side by side: those in a browser wait most of the time.

    python -m tests.halves [options of pytest]

The gateway's own, a product by itself, follow those in a browser. What that half says is shown once
the other has ended. The exit code is that of the part that failed first. Ctrl-C ends all.
"""

import contextlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from typing import IO

from tests.running_gateway import ROOT

_BROWSERS = ("tests/browser", "tests/package", "tests/architecture")


class Half:
    """Parts that run one after the other, each a pytest in a folder.

    Attributes:
        codes: their exit codes, so far.
    """

    def __init__(self, *parts: tuple[str, list[str]], stdout: IO[bytes] | None = None) -> None:
        self.codes: list[int] = []
        self._parts = parts
        self._stdout = stdout
        self._process: subprocess.Popen[bytes] | None = None
        self._ending = False
        self._changing = threading.Lock()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def wait(self) -> None:
        """Until all have ended."""
        self._thread.join()

    def end(self) -> None:
        """They have been told by the terminal already, but not by whoever ends us alone."""
        with self._changing:
            self._ending = True
            process = self._process
        if process and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()
        self._thread.join()

    def _run(self) -> None:
        for folder, arguments in self._parts:
            with self._changing:
                if self._ending:
                    return
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "pytest", *arguments],
                    cwd=ROOT / folder,
                    stdout=self._stdout,
                    stderr=self._stdout,
                )
            self.codes.append(self._process.wait())


def main() -> int:
    options = sys.argv[1:]
    with tempfile.TemporaryFile() as kept, contextlib.ExitStack() as stack:
        browsers = (".", [*_BROWSERS, *options])
        second = Half(browsers, ("gateway", options), stdout=kept)
        stack.callback(second.end)
        first = Half((".", [*(f"--ignore={each}" for each in _BROWSERS), *options]))
        stack.callback(first.end)
        first.wait()
        second.wait()
        kept.seek(0)
        sys.stdout.flush()
        shutil.copyfileobj(kept, sys.stdout.buffer)
        return next((code for code in (*first.codes, *second.codes) if code), 0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
