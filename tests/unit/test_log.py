"""Log lines say which invocation and which socket they are of."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import pytest

from hadir import log, metrics, report
from hadir.announcer import Broadcast
from hadir.canary import Run, Step
from hadir.domain.deadline import Deadline
from hadir.domain.errors import SocketFailed
from hadir.domain.identity import Person, SessionRef, UserType
from hadir.domain.session import AssignmentEvent, StateEvent, UnknownEvent
from hadir.errands import Errands, Swept

OF_LAMBDA, OF_GATEWAY, OF_SOCKET = "request_id", "gateway_request_id", "connection_id"
MESSAGE = {"requestContext": {"requestId": "g1", "connectionId": "c1"}, "body": "my secret"}


@dataclass
class Context:
    aws_request_id: str


def ids(line: str) -> dict[str, str]:
    written = json.loads(line)
    return {name: written[name] for name in (OF_LAMBDA, OF_GATEWAY, OF_SOCKET) if name in written}


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What has been logged since it was last asked."""
    written: list[str] = []

    class Kept:
        def write(self, text: str) -> None:
            written.append(text)

        def flush(self) -> None:
            pass

    monkeypatch.setattr(log.logger.registered_handler, "stream", Kept())

    def taken() -> list[str]:
        found = "".join(written).splitlines()
        written.clear()
        return found

    return taken


@report.published
def handler(_event: Any, _context: Any) -> None:
    log.logger.info("hello")


def test_a_line_says_which_invocation_request_and_socket_it_is_of(
    lines: Callable[[], list[str]],
) -> None:
    handler(MESSAGE, Context("r1"))

    (line,) = lines()
    assert ids(line) == {OF_LAMBDA: "r1", OF_GATEWAY: "g1", OF_SOCKET: "c1"}
    assert "my secret" not in line


def test_what_was_said_of_one_invocation_is_not_said_of_the_next(
    lines: Callable[[], list[str]],
) -> None:
    handler(MESSAGE, Context("r1"))
    handler({"hadir": "probe"}, Context("r2"))
    log.logger.info("between invocations")

    assert [ids(line) for line in lines()][1:] == [{OF_LAMBDA: "r2"}, {}]


def test_nor_when_the_handler_fails(lines: Callable[[], list[str]]) -> None:
    @report.published
    def fails(_event: Any, _context: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails(MESSAGE, Context("r1"))
    log.logger.info("between invocations")

    assert [ids(line) for line in lines()] == [{}]


def test_invocations_side_by_side_in_one_process_are_told_apart(
    lines: Callable[[], list[str]],
) -> None:
    both_began = Barrier(2)

    @report.published
    def waits(_event: Any, _context: Any) -> None:
        both_began.wait(60)
        log.logger.info("hello")
        both_began.wait(60)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(waits, [{}, {}], [Context("r1"), Context("r2")]))

    assert sorted(ids(line)[OF_LAMBDA] for line in lines()) == ["r1", "r2"]


def test_what_a_sweep_does_side_by_side_is_its_own(lines: Callable[[], list[str]]) -> None:
    def look() -> Swept:
        log.logger.info("hello")
        return Swept(["done"])

    @report.published
    def sweeps(_event: Any, _context: Any) -> None:
        with ThreadPoolExecutor(2) as pool:
            errands = Errands(pool, Deadline.after(60, time.monotonic))
            for _ in range(4):
                errands.add(look)
            errands.wait()

    sweeps({}, Context("r1"))

    assert [ids(line) for line in lines()] == [{OF_LAMBDA: "r1"}] * 4


@pytest.mark.parametrize(
    "event", [None, [], {}, {"requestContext": 1}, {"requestContext": {"connectionId": 1}}]
)
def test_an_odd_event_has_only_lambdas_own_id(lines: Callable[[], list[str]], event: Any) -> None:
    handler(event, Context("r1"))

    assert [ids(line) for line in lines()] == [{OF_LAMBDA: "r1"}]


def test_figures_say_it_too_and_only_of_their_own_invocation(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @report.published
    def refuses(_event: Any, _context: Any) -> None:
        metrics.refused()

    report.published(lambda _event, _context: None)(MESSAGE, Context("r0"))  # without figures
    refuses(MESSAGE, Context("r1"))
    refuses({}, Context("r2"))

    first, second = capsys.readouterr().out.splitlines()
    assert ids(first) == {OF_LAMBDA: "r1", OF_GATEWAY: "g1", OF_SOCKET: "c1"}
    assert ids(second) == {OF_LAMBDA: "r2"}


def test_a_canary_that_fails_says_at_what_why_and_in_which_session(
    lines: Callable[[], list[str]],
) -> None:
    failed = Run("hadir-canary-1", Step.LEAVE_IS_TOLD, join_ms=7)
    failed.error = SocketFailed("nothing came in time")
    log.canary(failed)

    (written,) = map(json.loads, lines())
    step, error = "telling the admin of the customer's leave", "SocketFailed: nothing came in time"
    assert written["level"] == "ERROR"
    assert written["message"] == f"[Canary] Failed at {step}: {error}"
    assert (written["step"], written["error"]) == (step, error)
    assert (written["session_id"], written["join_ms"]) == ("hadir-canary-1", 7)


def test_a_canary_that_comes_back_is_no_error(lines: Callable[[], list[str]]) -> None:
    log.canary(Run("hadir-canary-1", Step.LEAVE_IS_TOLD, join_ms=7, leave_ms=9))

    (written,) = map(json.loads, lines())
    assert (written["level"], written["join_ms"], written["leave_ms"]) == ("INFO", 7, 9)
    assert written["message"] == "[Canary] The join was told after 7 ms, the leave after 9 ms"


def test_a_state_is_told_of_and_not_repeated(lines: Callable[[], list[str]]) -> None:
    state = StateEvent(3, Person(UserType.CUSTOMER, "c"), 0, {"secret": "my secret"})
    told = Broadcast(SessionRef("default", "s1"), state, True, 1, 2, 0, (), 0, 9)

    log.broadcasts([told])

    (line,) = lines()
    sentence = "[State] Broadcasted connection status to session s1: 1/2 clients received"
    assert json.loads(line)["message"] == sentence
    assert "my secret" not in line


def test_who_was_told_of_an_assignment(lines: Callable[[], list[str]]) -> None:
    amy = Person(UserType.AGENT, "amy")
    told = Broadcast(
        *(SessionRef("default", "s1"), AssignmentEvent(3, None, 0, amy)),
        told=True,
        received=1,
        targets=2,
        untold=1,
        gone=(),
        retries=0,
        latency_ms=9,
    )

    log.broadcasts([told])

    (written,) = map(json.loads, lines())
    told_whom = "Broadcasted assignment to session s1: 1/2 clients received"
    assert written["message"] == f"[Assign] {told_whom}"
    assert (written["version"], written["untold"]) == (3, 1)


def test_nothing_is_said_of_what_is_not_known(lines: Callable[[], list[str]]) -> None:
    ref = SessionRef("default", "s1")
    told = Broadcast(
        *(ref, UnknownEvent(3, 0)),
        told=True,
        received=1,
        targets=1,
        untold=0,
        gone=(),
        retries=0,
        latency_ms=9,
    )

    log.broadcasts([told])

    assert lines() == []
