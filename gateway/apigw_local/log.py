"""The log: what happened, a line each, for a terminal or as JSON; and the totals."""

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TextIO

from apigw_local.backlog import Backlog
from apigw_local.core.documents import parsed
from apigw_local.core.results import Result

_COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36, "dim": 2}
_LEVELS = {"DEBUG": "dim", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}
_SHOWN_CHARACTERS = 2000
_SHOWN_OF_ERRORS = 200
_SHOWN_OF_PATHS = 100


@dataclass(frozen=True, slots=True)
class Record:
    """Something that happened.

    Attributes:
        kind: ``socket``, ``event`` (a function is given one), ``invocation`` (it has ended),
            ``output`` (of a function), ``call`` (of the management API), ``request`` (to an HTTP
            API), ``fault``, ``gateway``, ``warning`` or ``trouble``.
        source: a route, a function, or what else it comes from.
        fields: for ``--json``.
        at: seconds since the Unix epoch.
    """

    kind: str
    source: str
    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    at: float = field(default_factory=time.time)


class Log:
    """Writes records as lines, and counts.

    Args:
        as_json: a JSON object a line, instead of text.
        verbose: events and answers too, and calls of the management API.
        listener: told of every record, also of those that are not written.

    Attributes:
        totals: of sockets, messages, posts and invocations, by name.
    """

    def __init__(
        self,
        stream: TextIO | Backlog = sys.stderr,
        *,
        as_json: bool = False,
        verbose: bool = False,
        listener: Callable[[Record], None] | None = None,
    ) -> None:
        self._stream = stream
        self._coloured = stream.isatty()
        self._as_json = as_json
        self._verbose = verbose
        self._listener = listener
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self.totals: Counter[str] = Counter()

    def gateway(self, source: str, text: str) -> None:
        """Something the gateway did."""
        self._record(Record("gateway", source, text), "green")

    def warning(self, text: str) -> None:
        """Something that may not be as meant."""
        self._record(Record("warning", "warning", text), "yellow")

    def trouble(self, source: str, text: str) -> None:
        """Something went wrong."""
        self._record(Record("trouble", source, text), "red", "red")

    def fault(self, source: str, text: str) -> None:
        """Something went wrong on purpose."""
        self._record(Record("fault", source, text), "magenta")

    def socket(self, route: str, connection_id: str, how: str, seconds: float) -> None:
        """Something about a socket: it opened, was refused, sent a message or closed."""
        milliseconds = round(seconds * 1000, 1)
        fields = {"connectionId": connection_id, "milliseconds": milliseconds, "how": how}
        text = f"{connection_id} {how} {self._paint(f'{milliseconds:.0f} ms', 'dim')}"
        self._record(Record("socket", route, text, fields), "cyan")

    def call(self, method: str, connection_id: str, status: int) -> None:
        """A call of the management API; those that were refused are always written."""
        fields = {"connectionId": connection_id, "status": status}
        record = Record("call", f"@connections {method}", f"{connection_id} {status}", fields)
        refused = status >= 400
        colour = "yellow" if refused else ""
        self._record(record, "cyan", colour, write=self._verbose or refused)

    def request(
        self, method: str, path: str, status: int, function: str | None, seconds: float
    ) -> None:
        """A request to an HTTP API, and the function that a route gave it to."""
        milliseconds = round(seconds * 1000, 1)
        fields = {"method": method, "path": path, "status": status, "function": function}
        fields["milliseconds"] = milliseconds
        shown = "".join(each if each.isprintable() else "�" for each in path[:_SHOWN_OF_PATHS])
        shown += "…" if len(path) > _SHOWN_OF_PATHS else ""
        text = f"{shown} {status} {function or 'no route'} "
        text += self._paint(f"{milliseconds:.0f} ms", "dim")
        colour = "red" if status >= 500 else ""
        self._record(Record("request", method, text, fields), "cyan", colour)

    def error_answer(self, function: str, status: int, body: str) -> None:
        """A function has not failed, but answered an error."""
        self.totals["errors"] += 1
        shown = body[:_SHOWN_OF_ERRORS]
        fields = {"status": status, "body": shown}
        record = Record("trouble", function, f"answered {status}: {shown}", fields)
        self._record(record, "red", "red")

    def event(self, function: str, request_id: str, payload: bytes) -> None:
        """A function is given an event."""
        if self._listener:
            fields = {"event": _json(payload)}
            self._listener(Record("event", function, request_id, fields))
        if self._verbose and not self._as_json:
            self._payload(function, "event", payload)

    def invocation(self, function: str, request_id: str, payload: bytes, result: Result) -> None:
        """An invocation has ended: Lambda's REPORT line, and the error if there was one."""
        self.totals["invocations"] += 1
        if result.failed:
            self.totals["failed"] += 1
            kind, message = result.error()
            error = {"requestId": request_id, "errorType": kind}
            error["errorMessage"] = message
            text = self._paint(f"{kind}: {message}", "red")
            self._record(Record("trouble", function, text, error), "red")
        fields: dict[str, Any] = {
            "requestId": request_id,
            "failed": result.failed,
            **(result.report.fields() if result.report else {}),
        }
        if self._listener or self._verbose:
            fields |= {"event": _json(payload), "answer": _json(result.payload)}
        if self._verbose and not self._as_json:
            self._payload(function, "answer", result.payload)
        text = result.report.line(request_id) if result.report else "done"
        self._record(Record("invocation", function, text, fields), "blue", "dim")

    def output(self, function: str, line: str) -> None:
        """A line a function printed; of a structured log line, its message, and all of it in JSON.

        Metrics ("Embedded metric format specification", Amazon CloudWatch) are for ``verbose``.
        """
        # awslambdaric separates a trace's lines so, for CloudWatch.
        text, colour, write = line.replace("\r", "\n"), "", True
        fields: dict[str, Any] = {}
        if line.startswith("{"):
            try:
                record = parsed(line)
                fields = {"record": record}
                write = self._verbose or "_aws" not in record
                text = str(record["message"])
                colour = _LEVELS.get(str(record.get("level")), "")
                if "exception" in record:
                    text = f"{text}\n{record['exception']}"
            except (ValueError, KeyError):
                pass
        made = Record("output", function, text, {"text": text, **fields})
        self._record(made, "blue", colour, write=write)

    def total(self) -> None:
        """The last line."""
        names = "sockets refused messages posts gone invocations failed errors"
        count = {name: self.totals[name] for name in names.split()}
        answered = f", {count['errors']} answered an error" if count["errors"] else ""
        seconds = time.monotonic() - self._began
        text = (
            f"{count['sockets']} sockets ({count['refused']} refused), "
            f"{count['messages']} messages, {count['posts']} posts ({count['gone']} gone), "
            f"{count['invocations']} invocations ({count['failed']} failed{answered}) "
            f"in {seconds:.0f} s"
        )
        fields = {**count, "seconds": round(seconds, 3)}
        self._record(Record("gateway", "total", text, fields), "green")

    def _payload(self, function: str, name: str, payload: bytes) -> None:
        shown = payload.decode(errors="replace")[:_SHOWN_CHARACTERS]
        self._record(Record("gateway", function, f"{name} {shown}"), "dim", "dim")

    def _record(self, record: Record, source: str, text: str = "", *, write: bool = True) -> None:
        """Write a record; ``source`` and ``text`` are colours."""
        if self._listener:
            self._listener(record)
        if not write:
            return
        line = self._as_line(record) if self._as_json else self._as_text(record, source, text)
        line = line.encode(errors="backslashreplace").decode()  # JSON has halves of characters
        with self._lock:
            self._stream.write(f"{line}\n")
            self._stream.flush()

    def _as_text(self, record: Record, source: str, text: str) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(record.at))
        clock = self._paint(f"{clock}.{int(record.at * 1000) % 1000:03d}", "dim")
        name = self._paint(f"{record.source:<18}", source)
        return f"{clock}  {name} {self._paint(record.text, text)}"

    def _as_line(self, record: Record) -> str:
        at = datetime.fromtimestamp(record.at, UTC).isoformat(timespec="milliseconds")
        named = {"time": at, "kind": record.kind, "source": record.source}
        fields = record.fields or {"text": record.text}
        return json.dumps({**named, **fields})

    def _paint(self, text: str, colour: str) -> str:
        if not self._coloured or not colour or self._as_json:
            return text
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def _json(payload: bytes) -> Any:
    try:
        return parsed(payload)
    except ValueError:
        return payload.decode(errors="replace")
