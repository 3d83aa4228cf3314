"""A socket's life without a socket: what happens, and what is to be done."""

import pytest

from apigw_local.core.close_codes import (
    ABNORMAL,
    BINARY,
    DELETED,
    GOING_AWAY,
    NO_STATUS,
    Close,
)
from apigw_local.core.socket import (
    Accept,
    InvokeDisconnect,
    InvokeRoute,
    Send,
    SendClose,
    SocketLife,
    State,
    WakeAt,
)

IDLE, DURATION = 600.0, 7200.0


@pytest.fixture
def life() -> SocketLife:
    """Has asked to be let in."""
    return SocketLife(IDLE, DURATION)


@pytest.fixture
def opened(life: SocketLife) -> SocketLife:
    """Has been let in at 1000."""
    life.accepted(1000)
    return life


def test_it_is_let_in(life: SocketLife) -> None:
    assert life.accepted(1000) == [Accept(), WakeAt(1000 + IDLE)]
    assert life.state is State.OPEN


def test_it_is_refused(life: SocketLife) -> None:
    assert life.refused() == []
    assert life.state is State.GONE
    assert life.over() == []


def test_until_it_is_let_in_nothing_is_sent(life: SocketLife) -> None:
    assert life.answer("early", 1) == []
    assert life.deleted() == []


def test_a_client_that_has_left_before_it_is_let_in(life: SocketLife) -> None:
    life.accepted(1000)
    assert life.over() == [InvokeDisconnect(ABNORMAL)]


def test_messages_go_both_ways(opened: SocketLife) -> None:
    assert opened.text("hello", 1001) == [InvokeRoute("hello")]
    assert opened.answer("hi", 1002) == [Send("hi")]


@pytest.mark.parametrize("direction", ["text", "answer"])
def test_a_message_in_either_direction_counts(opened: SocketLife, direction: str) -> None:
    getattr(opened, direction)("hello", 1500)
    assert opened.wake(1000 + IDLE) == [WakeAt(1500 + IDLE)]
    assert opened.wake(1500 + IDLE) == [SendClose(GOING_AWAY)]
    assert opened.over() == [InvokeDisconnect(GOING_AWAY)]


def test_it_is_woken_too_early(opened: SocketLife) -> None:
    assert opened.wake(1001) == [WakeAt(1000 + IDLE)]
    assert opened.state is State.OPEN


def test_two_hours_are_the_longest(opened: SocketLife) -> None:
    end = 1000 + DURATION
    opened.text("still here", end - 1)
    assert opened.wake(end - 1) == [WakeAt(end)]
    assert opened.wake(end) == [SendClose(GOING_AWAY)]


@pytest.mark.parametrize(
    ("ask", "close"),
    [("deleted", DELETED), ("stopping", DELETED), ("binary", BINARY)],
)
def test_it_is_closed_from_here(opened: SocketLife, ask: str, close: Close) -> None:
    assert getattr(opened, ask)() == [SendClose(close)]
    assert opened.state is State.CLOSING
    assert opened.over() == [InvokeDisconnect(close)]


@pytest.mark.parametrize(
    ("code", "reason", "close"),
    [(None, "", NO_STATUS), (1001, "", Close(1001, "")), (4001, "bye", Close(4001, "bye"))],
)
def test_the_client_closes_it(
    opened: SocketLife, code: int | None, reason: str, close: Close
) -> None:
    assert opened.closed(code, reason) == []
    assert opened.over() == [InvokeDisconnect(close)]


def test_the_client_breaks_the_protocol(opened: SocketLife) -> None:
    assert opened.failed(1009) == []
    assert opened.over() == [InvokeDisconnect(Close(1009, ""))]


def test_the_connection_is_lost(opened: SocketLife) -> None:
    assert opened.over() == [InvokeDisconnect(ABNORMAL)]
    assert opened.state is State.GONE


def test_disconnect_is_told_once(opened: SocketLife) -> None:
    opened.closed(1000, "")
    assert opened.over() == [InvokeDisconnect(Close(1000, ""))]
    assert opened.over() == []


def test_the_first_reason_counts(opened: SocketLife) -> None:
    opened.deleted()
    assert opened.closed(1000, "as you wish") == []
    assert opened.failed(1002) == []
    assert opened.over() == [InvokeDisconnect(DELETED)]


@pytest.mark.parametrize("end", ["closing", "gone"])
def test_nothing_happens_to_one_that_closes(opened: SocketLife, end: str) -> None:
    opened.closed(1000, "")
    if end == "gone":
        opened.over()
    assert opened.text("late", 2000) == []
    assert opened.answer("late", 2000) == []
    assert opened.wake(9999) == []
    assert opened.deleted() == opened.stopping() == opened.binary() == []


def test_the_gateway_stops_while_it_asks(life: SocketLife) -> None:
    assert life.stopping() == []
    assert life.accepted(1000) == [Accept(), WakeAt(1000 + IDLE), SendClose(DELETED)]
    assert life.over() == [InvokeDisconnect(DELETED)]
