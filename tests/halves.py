"""Runs all tests in two halves side by side: those in a browser wait most of the time.

    python -m tests.halves [options of pytest]

The gateway's own, a product by itself, run before the first half's. What the second half says is
shown once the first has ended. The exit code is that of the part that failed. Ctrl-C ends all.
"""

import contextlib
import shutil
import signal
import subprocess
import sys
import tempfile
from typing import IO

from tests.running_gateway import ROOT

_BROWSERS = ("tests/browser", "tests/package", "tests/architecture")


def main() -> int:
    options = sys.argv[1:]
    with tempfile.TemporaryFile() as kept, contextlib.ExitStack() as stack:
        second = _pytest(*_BROWSERS, *options, stdout=kept)
        stack.callback(_end, second)
        codes = []
        for folder, rest in (("gateway", []), (".", [f"--ignore={each}" for each in _BROWSERS])):
            part = _pytest(*rest, *options, folder=folder)
            stack.callback(_end, part)
            codes.append(part.wait())
        codes.append(second.wait())
        kept.seek(0)
        sys.stdout.flush()
        shutil.copyfileobj(kept, sys.stdout.buffer)
        return next((code for code in codes if code), 0)


def _pytest(
    *arguments: str, stdout: IO[bytes] | None = None, folder: str = "."
) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.Popen(command, cwd=ROOT / folder, stdout=stdout, stderr=stdout)


def _end(half: "subprocess.Popen[bytes]") -> None:
    """It has been told by the terminal already, but not by whoever ends us alone."""
    if half.poll() is None:
        half.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            half.wait(30)
        half.kill()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
