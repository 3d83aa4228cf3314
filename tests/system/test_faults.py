"""Everything at once: sessions of three people, while nothing works as it should.

To lost `$disconnect` events, cut sockets and killed functions (`unrest.py`) comes something worse.
People leave and others come. At the end everybody must know the truth, and every departure must
have been told, with its reason, and not twice unless as recovered; and nobody may have been told
that somebody has left who is still there.
"""

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.one_name import one_name
from tests.redis_cluster import Server, change_places, durable_server, primary_and_replica
from tests.soak import only_in_soak
from tests.system.unrest import LEASE_SECONDS, Crowd, amid_unrest

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Server]:
    with durable_server(tmp_path / "redis") as server:
        yield server


def test_redis_is_killed(redis: Server) -> None:
    async def kill(_: Crowd) -> None:
        redis.kill()
        await asyncio.sleep(1)
        redis.restart()

    amid_unrest(redis.url, kill)


@only_in_soak
def test_redis_is_full_and_nobody_who_is_there_notices(redis: Server) -> None:
    async def fill(crowd: Crowd) -> None:
        redis.ask("CONFIG", "SET", "maxmemory", 1)
        await crowd.all_are_answered()
        await asyncio.sleep(LEASE_SECONDS)
        redis.ask("CONFIG", "SET", "maxmemory", 0)

    amid_unrest(redis.url, fill)

    assert redis.info("errorstats", "errorstat_OOM"), "nobody tried to come"


@only_in_soak
def test_nobody_can_be_heard_for_longer_than_silence_is_believed_in(redis: Server) -> None:
    # The gateway sees clients speak meanwhile, which makes the verdict later: after three leases.
    seconds = 5 * LEASE_SECONDS

    async def freeze(crowd: Crowd) -> None:
        body = json.dumps({"seconds": seconds}).encode()
        url = f"{crowd.hadir.admin}/functions/DefaultFunction/freeze"
        urllib.request.urlopen(url, body).close()
        await asyncio.sleep(seconds)

    amid_unrest(redis.url, freeze)


@only_in_soak
def test_primary_and_replica_change_places(tmp_path: Path) -> None:
    with primary_and_replica(tmp_path) as (primary, replica), one_name(primary.port) as name:

        async def fail_over(_: Crowd) -> None:
            await asyncio.to_thread(change_places, name, primary, replica)

        amid_unrest(name.url, fail_over)


@only_in_soak
def test_a_hundred_people_join_one_session_at_once(redis: Server) -> None:
    async def join(crowd: Crowd) -> None:
        session = next(iter(crowd.present))
        for _ in range(100):
            crowd.come(session)

    amid_unrest(redis.url, join)
