"""The terminal log: one line an event, coloured where a terminal reads it."""

import json
import sys
import threading
import time
from typing import TextIO

_COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36, "dim": 2}
_LEVELS = {"DEBUG": "dim", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}


class Log:
    """Writes lines of ``time  source  text``."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream = stream
        self._coloured = stream.isatty()
        self._lock = threading.Lock()

    def event(self, source: str, text: str, colour: str = "cyan") -> None:
        """Something the gateway did."""
        now = time.time()
        clock = time.strftime("%H:%M:%S", time.localtime(now)) + f".{int(now * 1000) % 1000:03d}"
        line = f"{self._paint(clock, 'dim')}  {self._paint(f'{source:<18}', colour)} {text}\n"
        with self._lock:
            self._stream.write(line)
            self._stream.flush()

    def trouble(self, source: str, text: str) -> None:
        """Something went wrong."""
        self.event(source, self._paint(text, "red"), "red")

    def output(self, function: str, line: str) -> None:
        """A line a function printed; of a structured log line, its message."""
        text, colour = line, ""
        if line.startswith("{"):
            try:
                record = json.loads(line)
                text = str(record["message"])
                colour = _LEVELS.get(str(record.get("level")), "")
                if "exception" in record:
                    text = f"{text}\n{record['exception']}"
            except (ValueError, KeyError):
                pass
        self.event(function, self._paint(text, colour), "blue")

    def _paint(self, text: str, colour: str) -> str:
        if not self._coloured or not colour:
            return text
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"
