"""Loads the Lua scripts beside this file.

A script on a session is ``clock.lua`` and ``lib.lua`` followed by its own text.
"""

from importlib.resources import files
from typing import Any

from redis import Redis
from redis.cluster import RedisCluster
from redis.commands.core import Script
from redis.exceptions import RedisClusterException, RedisError

from hadir.domain.errors import MembershipUnavailable
from hadir.membership.keys import PARTITIONS, partition_keys

_LUA = files(__package__) / "lua"

SESSION_SCRIPTS = (
    "admit",
    "claim",
    "end_grace",
    "history",
    "lapse",
    "leave",
    "message",
    "open",
    "page",
    "settle",
    "view",
)

AnyRedis = Redis | RedisCluster
"""One node, or a cluster."""


class Scripts:
    """The scripts on one Redis.

    They are called by hash; redis-py loads one again when Redis answers ``NOSCRIPT``, as after a
    restart or a failover.
    """

    def __init__(self, redis: AnyRedis) -> None:
        self._redis = redis
        library = _text("clock") + _text("lib")
        # As bytes, and not by `register_script`: nothing is asked of Redis, or of a cluster, yet.
        self._scripts = {
            name: Script(redis, (library + _text(name)).encode()) for name in SESSION_SCRIPTS
        }
        self._due = _text("clock") + _text("due")

    def run(self, name: str, keys: list[str], *args: str | int) -> Any:
        """Run the script ``name``; the reply is as its header says.

        Raises:
            MembershipUnavailable: Redis did not answer in time, or with an error. The script may
                have run all the same; each may be run again.
        """
        try:
            return self._scripts[name](keys=keys, args=args)
        except (RedisError, RedisClusterException) as error:
            raise MembershipUnavailable(f"Redis could not run {name}: {error}") from error

    def run_due(self, *args: str | int) -> list[Any]:
        """Run ``due.lua`` in every partition, in one round trip to each node.

        By text: a cluster's pipeline takes no hashes.

        Returns:
            The replies of the partitions that answered.

        Raises:
            MembershipUnavailable: none did.
        """
        try:
            redis: Any = self._redis
            pipeline = redis.pipeline(transaction=False)
            for partition in range(PARTITIONS):
                keys = partition_keys(partition)
                pipeline.execute_command("EVAL", self._due, len(keys), *keys, *args)
            replies = pipeline.execute(raise_on_error=False)
        except (RedisError, RedisClusterException) as error:
            raise MembershipUnavailable(f"Redis could not be swept: {error}") from error
        answers = [reply for reply in replies if not isinstance(reply, Exception)]
        if not answers:
            raise MembershipUnavailable(f"Redis could not be swept: {replies[0]}")
        return answers


def _text(name: str) -> str:
    return (_LUA / f"{name}.lua").read_text()
