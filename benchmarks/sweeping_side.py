"""One side of ``benchmarks.sweeping``: the sweep of one checkout, in a process of its own."""

import importlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from redis import Redis

from benchmarks.crowd_platform import GONE
from benchmarks.crowd_side import Context, Person, RedisMeter, Refused, fill, load

THERE = "there"
_PEOPLE = ("admin", "customer")
_AT_ONCE = 1000


class Sample(NamedTuple):
    """What a sweep took.

    Attributes:
        seconds: by the clock.
        processor_s: of the sweep's process, all its threads.
        redis_s: of Redis's main thread.
    """

    seconds: float
    processor_s: float
    redis_s: float


class LongContext(Context):
    """Lambda's, so that the sweep ends when nothing is due any more."""

    def get_remaining_time_in_millis(self) -> int:
        return 3_600_000


class SweepingSide:
    """The sweep's handler, and sessions of two whose leases run out together."""

    def __init__(self, checkout: Path) -> None:
        self._sweep = load(checkout, ["sweep"])["sweep"]
        self._client: Any = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
        self._redis = RedisMeter(os.environ["REDIS_URL"])
        keys = importlib.import_module("hadir.membership.keys")
        self._ref = importlib.import_module("hadir.domain.identity").SessionRef
        self._session_keys: Callable[[Any], list[str]] = keys.session_keys
        pattern = "pattern"
        fill([Person(pattern, f"{kind}_1", kind, f"{kind}=") for kind in _PEOPLE])
        self._of_pattern = self._keys(self._ref("default", pattern))
        self._made = 0

    def _keys(self, ref: object) -> dict[str, str]:
        """A session's keys by what they hold."""
        return {key.split(":")[2]: key for key in self._session_keys(ref)}

    def server(self) -> str:
        """Name and version of the Redis in use."""
        return self._redis.server

    def measure(self, kind: str, leases: int) -> Sample:
        """Sweep once when so many leases have run out.

        Args:
            kind: ``there`` or ``gone``: what the platform says of the sockets.

        Raises:
            Refused: not all of them were seen to.
        """
        sessions = leases // len(_PEOPLE)
        for first in range(0, sessions, _AT_ONCE):
            self._copy(kind, min(sessions - first, _AT_ONCE))
        self._client.config_resetstat()
        self._redis.begin()
        started, used = time.perf_counter(), time.process_time()
        swept = self._sweep({}, LongContext())
        seconds, processor_s = time.perf_counter() - started, time.process_time() - used
        redis_ms, _ = self._redis.end()
        done = swept.get("gone" if kind == GONE else "renewed", 0)
        if done < sessions * len(_PEOPLE):
            raise Refused(f"of {leases} leases {done} were seen to: {swept}")
        return Sample(seconds, processor_s, redis_ms / 1000)

    def _copy(self, kind: str, count: int) -> None:
        """Sessions like the pattern, whose leases have just run out."""
        records = self._client.hgetall(self._of_pattern["connections"])
        now = time.time_ns() // 10**6
        pipeline = self._client.pipeline(transaction=False)
        for number in range(self._made, self._made + count):
            name = f"{kind}-{number:06}"
            ref = self._ref("default", name)
            keys = self._keys(ref)
            for each in ("session", "people"):
                if keys[each] != self._of_pattern[each]:  # else a partition's, in older layouts
                    pipeline.copy(self._of_pattern[each], keys[each], replace=True)
            ids = {f"{name}-{each}": record for each, record in records.items()}
            pipeline.hset(keys["connections"], mapping=ids)
            pipeline.zadd(keys["leases"], dict.fromkeys((f"{ref} {each}" for each in ids), now))
            pipeline.zadd(keys["occupied"], {str(ref): 0})
        pipeline.execute()
        self._made += count
