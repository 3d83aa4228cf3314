from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest

from tests.running_gateway import ROOT, RunningGateway, running_gateway


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
