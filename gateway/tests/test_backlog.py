"""A log whose reader stands still."""

import os
import threading
import time

import pytest
from websockets.sync.client import connect

from apigw_local import backlog
from apigw_local.backlog import Backlog
from tests.clients import WAIT
from tests.conftest import ECHO_APP
from tests.running_gateway import free_row, start_gateway


def test_a_reader_that_stands_still_stops_nobody() -> None:
    port = free_row(4)
    ready, told = os.pipe()
    process = start_gateway(
        [
            *("--template", str(ECHO_APP / "template.yaml"), "-v"),
            *("--port", str(port), "--ready-fd", str(told)),
        ],
        pass_fds=[told],
    )
    os.close(told)
    try:
        with os.fdopen(ready) as addresses:
            addresses.read()
        with connect(f"ws://127.0.0.1:{port}/dev?who=anna") as socket:
            for _ in range(300):  # each of them is logged with its event and its answer
                socket.send("x" * 1000)
                assert socket.recv(WAIT)
    finally:
        process.terminate()
        assert process.stderr is not None
        with process.stderr:
            process.stderr.read()
        process.wait(WAIT)


def test_who_reads_on_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "_MOST_LINES", 3)
    going_on = threading.Event()
    written: list[str] = []

    class Slow:
        def write(self, text: str) -> None:
            going_on.wait(WAIT)
            written.append(text)

        def flush(self) -> None:
            pass

        def isatty(self) -> bool:
            return False

    log = Backlog(Slow())  # type: ignore[arg-type]
    log.write("first\n")
    while log._waiting:  # until the thread has taken it
        pass
    for number in range(5):
        log.write(f"{number}\n")
    going_on.set()
    log.close()

    assert "".join(written) == (
        "first\n0\n1\n2\n2 lines of the log are missing here: nobody read it\n"
    )


def test_a_reader_that_has_gone_is_no_trouble() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stream:
        log = Backlog(stream)
        log.write("a line\n")
        log.close()
        assert not log._thread.is_alive()
        os.dup2(os.open(os.devnull, os.O_WRONLY), write)  # for what the stream still holds


def test_whoever_drains_it_finds_all_of_it_written() -> None:
    written: list[str] = []

    class Slow:
        def write(self, text: str) -> None:
            time.sleep(0.1)
            written.append(text)

        def flush(self) -> None:
            pass

    log = Backlog(Slow())  # type: ignore[arg-type]
    for number in range(3):
        log.write(f"{number}\n")
    log.drain()

    assert "".join(written) == "0\n1\n2\n"
    log.close()
