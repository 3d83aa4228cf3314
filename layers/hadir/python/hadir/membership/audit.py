"""What is done when Redis has evicted keys, which it should never be let do (docs/operate.md).

A session of which something is missing is written anew by whatever happens in it next
(``life.lua``, ``rebuild``). Where nothing happens, and for what a partition knows of its sessions,
somebody has to look.

An audit goes through the partitions in order, over as many sweeps as it takes. If we die midway, or
have no time left, the next sweep goes on with the partition that was not noted as done; what it
does again does nothing. Once all are done, what was evicted since the audit began is a reason for
another one.
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
    partition_of,
    session_key,
    whereabouts_key,
)
from hadir.membership.scripts import AnyRedis, Scripts

_AUDIT = f"{PREFIX}:audit"
_AT_ONCE = 500


class Audit:
    """Finds the sessions that may need a repair, and entries of people who are nowhere.

    Raises:
        MembershipUnavailable: from every method, when Redis does not answer.
    """

    def __init__(self, redis: AnyRedis) -> None:
        self._redis: Any = redis
        self._scripts = Scripts(redis)

    def begin(self) -> tuple[int, int] | None:
        """How many keys Redis had evicted when the audit began, and the partition to go on with.

        None where nothing was evicted since the last audit, or we may not ask.
        """
        seen, upto, partition = self._ask(
            lambda: self._redis.hmget(_AUDIT, "seen", "upto", "partition")
        )
        before = int(seen or 0)
        if partition:
            return int(upto) - before, int(partition)
        now = sum(int(node["evicted_keys"]) for node in self._ask(self._stats))
        if now < before:  # Redis was started anew, or a replica was promoted
            self._note(seen=0)
            before = 0
        if now == before:
            return None
        self._note(upto=now, partition=0)
        return now - before, 0

    def _stats(self) -> list[dict[str, Any]]:
        try:
            if isinstance(self._redis, Redis):
                return [self._redis.info("stats")]
            answers = self._redis.info("stats", target_nodes=RedisCluster.PRIMARIES)
            return list(answers.values())
        except NoPermissionError:
            return []

    def partitions(
        self, first: int, in_time: Callable[[], bool]
    ) -> Iterator[tuple[int, set[SessionRef]]]:
        """The partitions from ``first`` on, each with the sessions that may need a repair.

        Those are all of which there is anything, or that are listed. Every call lists all keys
        anew, and ends when there is no time left for that.
        """
        sessions: dict[int, set[SessionRef]] = {each: set() for each in range(first, PARTITIONS)}
        for ref in self._with_keys():
            if not in_time():
                return
            sessions.get(partition_of(ref), set()).add(ref)
        for partition in range(first, PARTITIONS):
            listed = self._names(occupied_key(partition))
            yield partition, sessions.pop(partition).union(map(SessionRef.read, listed))

    def _with_keys(self) -> Iterator[SessionRef]:
        for kind in ("connections", "people"):
            marker = f"}}:{kind}:"  # no id holds a brace
            keys = self._redis.scan_iter(f"{PREFIX}:{{*{marker}*", count=_AT_ONCE)
            while key := self._ask(partial(next, keys, None)):
                yield SessionRef.read(key.partition(marker)[2])

    def forget_ghosts(self, partition: int) -> int:
        """Take people who are in no session off a partition's index; how many there were."""
        index, count = whereabouts_key(partition), 0
        names = self._names(index)
        for first in range(0, len(names), _AT_ONCE):
            keys, args = [index], list[str]()
            for name in names[first : first + _AT_ONCE]:
                tenant, user_id, user_type, session_id = name.split(" ")
                keys.append(session_key(SessionRef(tenant, session_id), "people"))
                args += (name, f"{user_type}/{user_id}")
            count += int(self._scripts.run("ghosts", keys, *args))
        return count

    def note_done(self, partition: int) -> None:
        """Note that the audit has been through a partition, and all before it."""
        if partition < PARTITIONS - 1:
            self._note(partition=partition + 1)
        else:
            upto = self._ask(lambda: self._redis.hget(_AUDIT, "upto"))
            self._note(partition="", seen=upto or 0)

    def _note(self, **fields: str | int) -> None:
        self._ask(lambda: self._redis.hset(_AUDIT, mapping=fields))

    def _names(self, index: str) -> list[str]:
        names: list[str] = self._ask(lambda: self._redis.zrange(index, 0, -1))
        return names

    def _ask(self, command: Callable[[], Any]) -> Any:
        try:
            return command()
        except (RedisError, RedisClusterException) as error:
            raise MembershipUnavailable(f"Redis could not be audited: {error}") from error
