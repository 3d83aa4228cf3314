"""What a developer reads in the terminal, and a program reads as JSON."""

import io
import json
import signal
from typing import Any

import pytest
from websockets.sync.client import connect

from apigw_local.core.results import Report
from apigw_local.log import Log
from tests.conftest import ECHO_APP
from tests.running_gateway import RunningGateway, running_gateway


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals() -> None:
    shown, written = Terminal(), io.StringIO()
    for stream in (shown, written):
        Log(stream).socket("$connect", "abc=", "open", 0.0123)

    assert "\x1b[36m$connect" in shown.getvalue()
    assert "\x1b[2m12 ms" in shown.getvalue()
    assert written.getvalue().endswith("  $connect           abc= open 12 ms\n")


def test_a_structured_line_shows_its_message() -> None:
    stream = Terminal()
    log = Log(stream)

    log.output("F", '{"level": "ERROR", "message": "no", "exception": "Traceback …"}')
    log.output("F", "{not JSON")
    log.output("F", '{"level": "INFO"}')

    error, plain, bare = stream.getvalue().replace("\nTrace", " Trace").splitlines()
    assert "\x1b[31mno Traceback …" in error
    assert plain.endswith(" {not JSON")
    assert bare.endswith(' {"level": "INFO"}')


def test_a_structured_line_keeps_its_fields_in_json() -> None:
    stream = io.StringIO()
    log = Log(stream, as_json=True)

    log.output("F", '{"level": "INFO", "message": "hi", "time": "theirs", "user": 7}')
    log.output("F", "plain")

    structured, plain = map(json.loads, stream.getvalue().splitlines())
    assert structured["record"] == {"level": "INFO", "message": "hi", "time": "theirs", "user": 7}
    assert (structured["source"], structured["text"]) == ("F", "hi")
    assert structured["time"] != "theirs"
    assert plain["text"] == "plain"
    assert "record" not in plain


@pytest.mark.parametrize("verbose", [False, True])
def test_metrics_are_for_the_verbose(verbose: bool) -> None:
    stream = io.StringIO()

    Log(stream, verbose=verbose).output("F", '{"_aws": {}, "Sockets": 1}')

    assert ("_aws" in stream.getvalue()) is verbose


def test_lambdas_bill() -> None:
    report = Report(duration=10.2, init=100.1, memory=128, used=50)

    assert report.billed == 111
    assert report.line("id").endswith(
        "Duration: 10.20 ms  Billed Duration: 111 ms  Memory Size: 128 MB  "
        "Max Memory Used: 50 MB  Init Duration: 100.10 ms"
    )


def live(gateway: RunningGateway) -> list[str]:
    """One socket's life; the lines of the log."""
    with connect(f"{gateway.ws}/dev?who=me") as socket:
        socket.send("hello")
        socket.recv(10)
    gateway.wait_for_line(r"\$disconnect")
    gateway.process.send_signal(signal.SIGINT)
    gateway.stop()
    return gateway.lines


def serving(*options: str) -> Any:
    return running_gateway(ECHO_APP / "template.yaml", *options)


def test_a_line_for_each_socket_and_invocation_and_the_totals() -> None:
    with serving() as gateway:
        lines = live(gateway)

    for words in ("$connect           ", "$default           ", "$disconnect        "):
        assert sum(words in line for line in lines) == 1
    assert sum(" REPORT RequestId: " in line for line in lines) == 4
    assert "total" in lines[-1]
    assert (
        "1 sockets (0 refused), 1 messages, 1 posts (0 gone), 4 invocations (0 failed) in "
        in lines[-1]
    )
    assert not any("requestContext" in line for line in lines)


@pytest.mark.parametrize("verbose", [False, True])
def test_json(verbose: bool) -> None:
    with serving("--json", *(["-v"] if verbose else [])) as gateway:
        records = [json.loads(line) for line in live(gateway)]

    assert {"time", "kind", "source"} <= set.intersection(*(set(each) for each in records))
    invocation = next(each for each in records if each["source"] == "EchoFunction")
    assert invocation["kind"] == "invocation"
    assert {"requestId", "failed", "durationMs", "billedDurationMs", "memorySizeMB"} <= set(
        invocation
    )
    assert ("event" in invocation) is verbose
    assert any(each["kind"] == "call" for each in records) is verbose
    assert records[-1]["source"] == "total"
    assert (records[-1]["sockets"], records[-1]["invocations"]) == (1, 4)


def test_verbose() -> None:
    with serving("-v") as gateway:
        lines = live(gateway)

    assert any('EchoFunction       event {"stageVariables"' in line for line in lines)
    assert any('EchoFunction       answer {"statusCode": 200' in line for line in lines)
    assert any("@connections POST" in line and line.endswith(" 200") for line in lines)
