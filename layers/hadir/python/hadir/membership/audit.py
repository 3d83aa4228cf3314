"""What is done when Redis has evicted keys, which it should never be let do (docs/operate.md).

A session of which something is missing is written anew by whatever happens in it next
(``life.lua``, ``rebuild``). Where nothing happens, and for what a partition knows of its sessions,
somebody has to look.

If we die midway, the next sweep begins anew: nothing is noted as done before its end.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from redis import Redis
from redis.cluster import RedisCluster
from redis.exceptions import NoPermissionError, RedisClusterException, RedisError

from hadir.domain.errors import MembershipUnavailable
from hadir.domain.identity import SessionRef
from hadir.membership.keys import (
    PARTITIONS,
    PREFIX,
    occupied_key,
    session_key,
    whereabouts_key,
)
from hadir.membership.scripts import AnyRedis

_AUDITED = f"{PREFIX}:audited"
_AT_ONCE = 500


class Audit:
    """Finds the sessions that may need a repair, and entries of people who are nowhere.

    Raises:
        MembershipUnavailable: from every method, when Redis does not answer.
    """

    def __init__(self, redis: AnyRedis) -> None:
        self._redis: Any = redis

    def evicted(self) -> int:
        """How many keys Redis has evicted since the last audit; 0 where we may not ask."""
        nodes = self._ask(self._stats)
        now = sum(int(node["evicted_keys"]) for node in nodes)
        before = int(self._ask(lambda: self._redis.get(_AUDITED)) or 0)
        if now < before:  # Redis was started anew, or a replica was promoted
            self._ask(lambda: self._redis.set(_AUDITED, 0))
            before = 0
        return now - before

    def _stats(self) -> list[dict[str, Any]]:
        try:
            if isinstance(self._redis, Redis):
                return [self._redis.info("stats")]
            answers = self._redis.info("stats", target_nodes=RedisCluster.PRIMARIES)
            return list(answers.values())
        except NoPermissionError:
            return []

    def note_done(self, evicted: int) -> None:
        """Note that everything has been looked at after so many evictions."""
        self._ask(lambda: self._redis.incrby(_AUDITED, evicted))

    def sessions(self) -> Iterator[SessionRef]:
        """The sessions of which there is anything, or that are listed, most of them twice."""
        for kind in ("connections", "people"):
            marker = f"}}:{kind}:"  # no id holds a brace
            keys = self._redis.scan_iter(f"{PREFIX}:{{*{marker}*", count=_AT_ONCE)
            while key := self._ask(partial(next, keys, None)):
                yield SessionRef.read(key.partition(marker)[2])
        for index in map(occupied_key, range(PARTITIONS)):
            yield from map(SessionRef.read, self._ask(partial(self._redis.zrange, index, 0, -1)))

    def forget_ghosts(self) -> int:
        """Take people who are in no session off the indexes; how many there were."""
        count = 0
        for index in map(whereabouts_key, range(PARTITIONS)):
            names = self._ask(partial(self._redis.zrange, index, 0, -1))
            for first in range(0, len(names), _AT_ONCE):
                some = names[first : first + _AT_ONCE]
                ghosts = self._nowhere(some)
                if ghosts:
                    self._ask(partial(self._redis.zrem, index, *ghosts))
                count += len(ghosts)
        return count

    def _nowhere(self, names: list[str]) -> list[str]:
        pipeline = self._redis.pipeline(transaction=False)
        for name in names:
            tenant, user_id, user_type, session_id = name.split(" ")
            people = session_key(SessionRef(tenant, session_id), "people")
            pipeline.hexists(people, f"{user_type}/{user_id}")
        there = self._ask(pipeline.execute)
        return [name for name, is_there in zip(names, there, strict=True) if not is_there]

    def _ask(self, command: Callable[[], Any]) -> Any:
        try:
            return command()
        except (RedisError, RedisClusterException) as error:
            raise MembershipUnavailable(f"Redis could not be audited: {error}") from error
