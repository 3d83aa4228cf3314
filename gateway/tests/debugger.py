"""A debugger's side of the Debug Adapter Protocol, as an editor speaks it."""

import json
import socket
from pathlib import Path
from typing import Any, Self


class Debugger:
    """Attached to a debugpy that listens on a port."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=15)
        self._file = self._socket.makefile("rb")
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def attach(self, file: Path, line: int) -> None:
        """Attach, with a breakpoint."""
        self._ask("initialize", adapterID="test")
        attaching = self._send("attach", justMyCode=False)
        self._wait(lambda message: message.get("event") == "initialized")
        self._ask("setBreakpoints", source={"path": str(file)}, breakpoints=[{"line": line}])
        self._ask("configurationDone")
        self._wait(lambda message: message.get("request_seq") == attaching)

    def wait_for_breakpoint(self, expression: str) -> str:
        """Wait until it has been hit, and evaluate something there."""
        stopped = self._wait(lambda message: message.get("event") == "stopped")
        self._thread = stopped["body"]["threadId"]
        frames = self._ask("stackTrace", threadId=self._thread)["body"]["stackFrames"]
        found = self._ask("evaluate", expression=expression, frameId=frames[0]["id"])
        return str(found["body"]["result"])

    def go_on(self) -> None:
        self._ask("continue", threadId=self._thread)

    def _ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        number = self._send(command, **arguments)
        return self._wait(lambda message: message.get("request_seq") == number)

    def _send(self, command: str, **arguments: Any) -> int:
        self._number += 1
        request = {"seq": self._number, "type": "request", "command": command}
        body = json.dumps({**request, "arguments": arguments}).encode()
        self._socket.sendall(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return self._number

    def _wait(self, wanted: Any) -> dict[str, Any]:
        while True:
            length = 0
            while line := self._file.readline().strip():
                name, _, value = line.partition(b":")
                length = int(value) if name == b"Content-Length" else length
            message: dict[str, Any] = json.loads(self._file.read(length))
            if wanted(message):
                assert message.get("success", True), message
                return message
