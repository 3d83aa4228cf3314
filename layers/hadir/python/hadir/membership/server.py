"""What Redis says of its memory, and of what it does when that is full."""

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
        eviction: ``maxmemory-policy``, such as ``noeviction``; ``unknown`` where it is not said.
        used: share of ``maxmemory``, 1 being full; None without such a limit, or where it is not
            said.
    """

    eviction: str
    used: float | None

    @property
    def evicts(self) -> bool | None:
        """Whether keys are thrown away when it is full; None where Redis does not say."""
        return None if self.eviction == _NOT_SAID else self.eviction != _KEEPS_ALL


UNKNOWN = Memory(_NOT_SAID, None)


def read_memory(redis: AnyRedis) -> Memory:
    """How full Redis is, by ``INFO memory``; of a cluster, the worst of all primaries.

    Replicas hold what their primaries hold, and evict nothing by themselves (Redis and Valkey,
    ``replica-ignore-maxmemory``).

    Raises:
        MembershipUnavailable: Redis does not answer. One that refuses the question does: its memory
            is `UNKNOWN`.
    """
    try:
        if isinstance(redis, Redis):
            return _memory(redis.info("memory"))
        answers: Any = redis.info("memory", target_nodes=RedisCluster.PRIMARIES)
    except ResponseError as error:
        if is_of_the_server(error):
            raise MembershipUnavailable(f"Redis could not be asked: {error}") from error
        return UNKNOWN
    except (RedisError, RedisClusterException) as error:
        raise MembershipUnavailable(f"Redis could not be asked: {error}") from error
    # Of one node it is that node's answer alone.
    each = answers.values() if all(isinstance(a, dict) for a in answers.values()) else [answers]
    return _worst([_memory(answer) for answer in each])


def _memory(answer: Mapping[str, Any]) -> Memory:
    used, limit = answer.get("used_memory"), answer.get("maxmemory")
    share = used / limit if isinstance(used, int) and isinstance(limit, int) and limit else None
    return Memory(str(answer.get("maxmemory_policy", _NOT_SAID)), share)


def _worst(nodes: list[Memory]) -> Memory:
    """One that evicts, else one that does not say, else any; and the fullest."""
    policies = [node.eviction for node in sorted(nodes, key=_badness, reverse=True)]
    shares = [node.used for node in nodes if node.used is not None]
    return Memory(policies[0] if policies else _NOT_SAID, max(shares, default=None))


def _badness(node: Memory) -> int:
    return 1 if node.evicts is None else 2 * node.evicts
