"""What is built once, since building it is dear; and how long an invocation may work."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from hadir import bootstrap
from hadir.connections import management
from hadir.domain.errors import InvalidSettings


@pytest.fixture(autouse=True)
def _nothing_built() -> Iterator[None]:
    built: Any = bootstrap
    caches = (built.sockets, built._management_api)
    for each in caches:
        each.cache_clear()
    yield
    for each in caches:
        each.cache_clear()


def test_all_sockets_are_asked_posted_to_and_closed_over_the_same_http_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI", "https://x.example.com/live")
    made: list[object] = []

    class Counted:
        def __init__(self, *_: str) -> None:
            made.append(self)

    monkeypatch.setattr(management, "ManagementApi", Counted)
    membership: Any = None

    assert bootstrap.sockets() is bootstrap.sockets()
    bootstrap.announcer(membership)
    bootstrap.announcer(membership)

    assert len(made) == 1


def test_a_canary_that_must_show_tokens_needs_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = "https://x.execute-api.eu-west-1.amazonaws.com/live"
    monkeypatch.setenv("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI", endpoint)
    with pytest.raises(InvalidSettings, match="set TOKEN_SECRET_ID, or AUTH_MODE=open"):
        bootstrap.canary()

    monkeypatch.setenv("AUTH_MODE", "open")
    assert bootstrap.canary()


class Context:
    """Lambda's, with so many milliseconds left."""

    def __init__(self, remaining: int) -> None:
        self._remaining = remaining

    def get_remaining_time_in_millis(self) -> int:
        return self._remaining


@pytest.mark.parametrize("remaining", [600_000, 1000, 0])
def test_an_invocation_has_to_be_done_a_second_before_lambda_ends_it(remaining: int) -> None:
    context: Any = Context(remaining)
    before = time.monotonic()
    deadline = bootstrap.deadline(context)
    after = time.monotonic()

    rounding = 1e-6
    begun = deadline.at - remaining / 1000 + 1
    assert before - rounding <= begun <= after + rounding
