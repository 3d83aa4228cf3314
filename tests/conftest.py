"""What tests ask for: a real Redis, membership on it, Hadir running."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
from redis import Redis

from apigw_local.pytest_plugin import StartGateway
from apigw_local.testing import LocalGateway
from hadir.membership.client import connect
from hadir.membership.membership import Membership
from hadir.membership.scripts import AnyRedis
from local.embedded_redis import embedded_redis
from local.sam import this_machine
from tests.redis_cluster import Cluster, running_cluster
from tests.running_gateway import (
    ROOT,
    AnyGateway,
    RunningGateway,
    running_gateway,
    running_on_sam,
)

OPEN = {"AuthMode": "open", "AllowedOrigins": "*", "Stage": "local"}
"""Parameters of the template: everybody is whom they say they are."""

ON_SAM = bool(os.environ.get("HADIR_SAM"))
"""Whether the tests of a running Hadir run on containers of ``sam local``."""

PATH_FORM = "/ws/{session_id}/{user_id}/{user_type}"


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis of this test run's own."""
    with embedded_redis() as url:
        yield url


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A Redis Cluster of this test run's own: three primaries, one of them with a replica."""
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(params=["node", "cluster"])
def redis(request: pytest.FixtureRequest) -> Iterator[AnyRedis]:
    """A client of an empty Redis: of one node, and of a cluster."""
    if request.param == "node":
        client = connect(request.getfixturevalue("redis_url"))
    else:
        client = connect(request.getfixturevalue("cluster").url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def node(redis_url: str) -> Iterator[Redis]:
    """A client of an empty Redis of one node."""
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
def membership(redis: AnyRedis, clock: Clock) -> Membership:
    return Membership(redis, clock=clock)


@pytest.fixture(scope="session")
def hadir_redis_url() -> Iterator[str]:
    """The running Hadir's Redis: its sweep must not meddle with other tests' sessions."""
    with embedded_redis(this_machine()[0] if ON_SAM else "127.0.0.1") as url:
        yield url


@pytest.fixture(scope="session")
def hadir(hadir_redis_url: str, start_gateway: StartGateway) -> Iterator[AnyGateway]:
    """Hadir as `make run` starts it, on ports of its own; or as `make sam-local` does."""
    if ON_SAM:
        with running_on_sam(this_machine()[0], hadir_redis_url) as gateway:
            yield gateway
        return
    yield start_gateway(
        "template.yaml",
        parameters={"RedisUrl": hadir_redis_url, **OPEN},
        path=PATH_FORM,
        static=ROOT / "web",
        region="eu-west-1",
    )


@pytest.fixture
def hadir_redis(hadir_redis_url: str) -> Iterator[Redis]:
    """A client of the running Hadir's Redis."""
    with Redis.from_url(hadir_redis_url, decode_responses=True) as client:
        yield client


def local_hadir(redis_url: str) -> LocalGateway:
    """Hadir in this process, with its pages: to be entered."""
    return LocalGateway(
        ROOT / "template.yaml",
        parameters={"RedisUrl": redis_url, **OPEN},
        path=PATH_FORM,
        static=ROOT / "web",
    )


def running_hadir(redis_url: str, *overrides: str) -> AbstractContextManager[RunningGateway]:
    """Hadir in a process of its own, to be killed or started otherwise."""
    return running_gateway(
        ROOT / "template.yaml",
        *("--path", PATH_FORM),
        *("--static", str(ROOT / "web")),
        *("--parameter-overrides", f"RedisUrl={redis_url}"),
        *(f"{name}={value}" for name, value in OPEN.items()),
        *overrides,
    )
