"""A stream whose writer never waits for its reader, for a log whose reader may stand still."""

import threading
from collections import deque
from typing import TextIO

_MOST_LINES = 10_000
"""That wait to be written; what comes then is counted instead."""
_DRAIN_SECONDS = 1.0


class Backlog:
    """Writes to a stream in a thread of its own.

    A reader that stands still stops that thread alone. Once it reads on, it is told how many lines
    it has missed. Should this process be killed, the lines that wait are lost.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: deque[str] = deque()
        self._missed = 0
        self._changed = threading.Condition()
        self._writing = self._closing = False
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()

    def isatty(self) -> bool:
        """Whether somebody reads at a terminal."""
        return self._stream.isatty()

    def write(self, line: str) -> None:
        """Write a line, with its end, soon."""
        with self._changed:
            if len(self._waiting) >= _MOST_LINES:
                self._missed += 1
            else:
                self._waiting.append(line)
                self._changed.notify_all()

    def flush(self) -> None:
        """The thread flushes what it writes."""

    def drain(self) -> None:
        """Wait until all has been written, or a second is over."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._writing, _DRAIN_SECONDS)

    def close(self) -> None:
        """Write what waits, as far as the reader takes it within a second; more is lost."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(_DRAIN_SECONDS)

    def _write_all(self) -> None:
        while text := self._next():
            try:
                self._stream.write(text)
                self._stream.flush()
            except (OSError, ValueError):  # nobody can read any more: nor need we write
                pass
            with self._changed:
                self._writing = False
                self._changed.notify_all()

    def _next(self) -> str:
        """All that waits; empty at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._missed or self._closing)
            text = "".join(self._waiting)
            self._waiting.clear()
            self._writing = True
            if self._missed:
                text += f"{self._missed} lines of the log are missing here: nobody read it\n"
                self._missed = 0
            return text
