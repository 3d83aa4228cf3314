"""A real Redis for every test that asks for one."""

from collections.abc import Iterator

import pytest
from redis import Redis

from hadir.membership.membership import Membership
from local.embedded_redis import embedded_redis


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis of this test run's own."""
    with embedded_redis() as url:
        yield url


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """A client of an empty Redis."""
    with Redis.from_url(redis_url, decode_responses=True) as client:
        client.flushall()
        yield client


class Clock:
    """Milliseconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 1_737_714_600_000

    def __call__(self) -> int:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += int(seconds * 1000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def membership(redis: Redis, clock: Clock) -> Membership:
    return Membership(redis, clock)
