"""Repairs sessions after Redis has evicted keys, which it never should (docs/operate.md).

A session that has lost something is rebuilt when something next happens in it (``life.lua``,
``rebuild``). The audit handles the sessions in which nothing happens, and the indexes that a
partition keeps of its sessions.

An audit goes through the partitions in order, over as many sweeps as it takes. If a sweep dies
midway, or runs out of time, the next one goes on with the first partition that is not noted as
done; repeating a repair changes nothing. Once all are done, keys that were evicted since the audit
began start another one.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from redis.exceptions import RedisClusterException, RedisError

from hadir.domain.errors import MembershipUnavailable
from hadir.domain.identity import SessionRef
from hadir.membership.keys import (
    PARTITIONS,
    PREFIX,
    occupied_key,
    partition_of,
    session_key,
    staff_key,
    whereabouts_key,
)
from hadir.membership.scripts import AnyRedis, Scripts
from hadir.membership.server import ask_info

_AUDIT = f"{PREFIX}:audit"
_AT_ONCE = 500


class Audit:
    """Finds the sessions that may need a repair, and index entries of people who are not present.

    Raises:
        MembershipUnavailable: from every method, when Redis does not answer.
    """

    def __init__(self, redis: AnyRedis) -> None:
        self._redis: Any = redis
        self._scripts = Scripts(redis)

    def begin(self) -> tuple[int, int] | None:
        """Begin an audit, or go on with one.

        Returns:
            How many keys Redis had evicted between the last audit and this one, and the partition
            to go on with. None if there were none, or Redis does not say.
        """
        seen, upto, partition = self._ask(
            lambda: self._redis.hmget(_AUDIT, "seen", "upto", "partition")
        )
        before = int(seen or 0)
        if partition:
            return int(upto) - before, int(partition)
        now = sum(int(node.get("evicted_keys", 0)) for node in self._stats())
        if now < before:  # Redis was restarted, or a replica was promoted
            self._note(seen=0)
            before = 0
        if now == before:
            return None
        self._note(upto=now, partition=0)
        return now - before, 0

    def _stats(self) -> list[Mapping[str, Any]]:
        return ask_info(self._redis, "stats")

    def partitions(
        self, first: int, in_time: Callable[[], bool]
    ) -> Iterator[tuple[int, set[SessionRef]]]:
        """The partitions from ``first`` on, each with the sessions that may need a repair.

        Those are all sessions that have connections or people, or are in the index of occupied
        sessions. Every call scans all keys again; if time runs out meanwhile, it yields nothing.
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
        """Remove people who are in no session from a partition's indexes.

        Returns:
            How many entries were removed; agents and admins have one in each of two indexes.
        """
        count = 0
        for index in (whereabouts_key(partition), staff_key(partition)):
            names = self._names(index)
            for first in range(0, len(names), _AT_ONCE):
                keys, args = [index], list[str]()
                for name in names[first : first + _AT_ONCE]:
                    ref, person = _entry(index == staff_key(partition), name)
                    keys.append(session_key(ref, "people"))
                    args += (name, person)
                count += int(self._scripts.run("ghosts", keys, *args))
        return count

    def note_done(self, partition: int) -> None:
        """Record that the audit is done with a partition, and all before it."""
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


def _entry(is_of_staff: bool, name: str) -> tuple[SessionRef, str]:
    """The session and the person of an entry of an index; the types may be unknown ones."""
    tenant, first, second, session_id = name.split(" ")
    user_type, user_id = (first, second) if is_of_staff else (second, first)
    return SessionRef(tenant, session_id), f"{user_type}/{user_id}"
