"""A process of ours that ends when we end, however we end."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO

_STOPPING_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1  # prctl(2)


def start(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    stderr: IO[str] | None = None,
) -> "Child":
    """Start ``command``, away from the terminal's Ctrl-C: we stop it ourselves, in order.

    Args:
        environment: of the process; ours unless given.
        pass_fds: file descriptors that it gets.
        stderr: where its standard error goes; to ours unless given.
    """
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stderr=stderr,
        start_new_session=True,
        pass_fds=pass_fds,
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
    )
    return Child(process)


class Child:
    """A running process."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._process.poll() is not None

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        return self._process.wait()

    def terminate(self) -> None:
        """Ask it to stop."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def stop(self) -> None:
        """Ask it to stop, and kill it if it does not."""
        self.terminate()
        try:
            self._process.wait(_STOPPING_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
