"""What Redis says of itself: how full it is, for example, and what it does when it is full."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.cluster import RedisCluster
from redis.exceptions import RedisClusterException, RedisError, ResponseError

from hadir.domain.errors import MembershipUnavailable
from hadir.membership.healing import is_of_the_server
from hadir.membership.scripts import AnyRedis

_KEEPS_ALL = "noeviction"
_NOT_SAID = "unknown"


@dataclass(frozen=True, slots=True)
class Memory:
    """How full Redis is.

    Attributes:
        eviction: ``maxmemory-policy``, such as ``noeviction``; ``unknown`` if Redis does not say.
        used: share of ``maxmemory``, 1 being full; None if there is no such limit, or Redis does
            not say.
    """

    eviction: str
    used: float | None

    @property
    def evicts(self) -> bool | None:
        """Whether Redis evicts keys when it is full; None if it does not say."""
        return None if self.eviction == _NOT_SAID else self.eviction != _KEEPS_ALL


UNKNOWN = Memory(_NOT_SAID, None)


def read_memory(redis: AnyRedis) -> Memory:
    """How full Redis is, by ``INFO memory``; for a cluster, the worst of all primaries.

    Replicas hold what their primaries hold, and evict nothing by themselves (Redis and Valkey,
    ``replica-ignore-maxmemory``). The memory of a Redis that refuses ``INFO`` is `UNKNOWN`.

    Raises:
        MembershipUnavailable: Redis does not answer.
    """
    return _worst([_memory(answer) for answer in ask_info(redis, "memory")])


def ask_info(redis: AnyRedis, section: str) -> list[Mapping[str, Any]]:
    """A section of ``INFO``, of each primary; nothing if Redis refuses it.

    Raises:
        MembershipUnavailable: Redis does not answer.
    """
    try:
        if isinstance(redis, Redis):
            return [redis.info(section)]
        answers: Any = redis.info(section, target_nodes=RedisCluster.PRIMARIES)
    except ResponseError as error:
        if is_of_the_server(error):
            raise MembershipUnavailable(f"Redis could not be asked: {error}") from error
        return []
    except (RedisError, RedisClusterException) as error:
        raise MembershipUnavailable(f"Redis could not be asked: {error}") from error
    # With a single node, redis-py returns its answer without a mapping by node.
    is_one = not all(isinstance(each, dict) for each in answers.values())
    return [answers] if is_one else list(answers.values())


def _memory(answer: Mapping[str, Any]) -> Memory:
    used, limit = answer.get("used_memory"), answer.get("maxmemory")
    share = used / limit if isinstance(used, int) and isinstance(limit, int) and limit else None
    return Memory(str(answer.get("maxmemory_policy", _NOT_SAID)), share)


def _worst(nodes: list[Memory]) -> Memory:
    """The policy of a node that evicts, else of one that does not say, else any; the most used."""
    policies = [node.eviction for node in sorted(nodes, key=_badness, reverse=True)]
    shares = [node.used for node in nodes if node.used is not None]
    return Memory(policies[0] if policies else _NOT_SAID, max(shares, default=None))


def _badness(node: Memory) -> int:
    return 1 if node.evicts is None else 2 * node.evicts
