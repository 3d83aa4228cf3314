"""What tests ask for: a real Redis, membership on it, Hadir running."""

from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
from redis import Redis

from hadir.membership.membership import Membership
from local.embedded_redis import embedded_redis
from tests.running_gateway import ROOT, RunningGateway, running_gateway


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
    return Membership(redis, clock=clock)


@pytest.fixture(scope="session")
def hadir(redis_url: str) -> Iterator[RunningGateway]:
    """Hadir as `make run` starts it, on ports of its own."""
    with running_hadir(redis_url) as gateway:
        yield gateway


def running_hadir(redis_url: str) -> AbstractContextManager[RunningGateway]:
    return running_gateway(
        ROOT / "template.yaml",
        *("--path", "/ws/{session_id}/{user_id}/{user_type}"),
        *("--static", str(ROOT / "web")),
        *("--parameter-overrides", f"RedisUrl={redis_url}"),
    )
