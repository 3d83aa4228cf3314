"""Sending what must come later; that it comes is shown by ``tests/system/test_presence.py``."""

import pytest

from gateway.tests.aws import aws
from hadir.connections.later import Later
from hadir.domain.errors import InvalidIdentity, NotQueued
from hadir.domain.identity import SessionRef
from hadir.wire.sessions import read_session, write_session
from tests.running_gateway import free_ports


def test_a_queue_that_is_away_is_an_error_of_ours() -> None:
    (port,) = free_ports(1)
    client = aws("sqs", f"http://127.0.0.1:{port}")

    with pytest.raises(NotQueued):
        Later(client, f"http://127.0.0.1:{port}/1/queue").send("x", 1)


def test_a_session_is_read_as_it_was_written() -> None:
    ref = SessionRef("default", "s:1@a.b-c_d")
    assert read_session(write_session(ref)) == ref


@pytest.mark.parametrize(
    "body",
    [
        *("", "no JSON", "[]", "{}", "[" * 100_000, '{"tenant": "t"}'),
        *('{"tenant": "t", "session_id": "a b"}', '{"tenant": 1, "session_id": "s"}'),
    ],
)
def test_another_body_names_no_session(body: str) -> None:
    with pytest.raises(InvalidIdentity):
        read_session(body)
