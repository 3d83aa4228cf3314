"""Loads the Lua scripts beside this file.

A script on a session is ``clock.lua`` and ``lib.lua`` followed by its own text.
"""

from importlib.resources import files
from typing import Any

from redis import Redis
from redis.cluster import RedisCluster
from redis.commands.core import Script
from redis.exceptions import NoScriptError, RedisClusterException, RedisError

from hadir.domain.errors import MembershipUnavailable
from hadir.membership.healing import ask_all
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

    They are called by hash, and by text when Redis answers ``NOSCRIPT``, as after a restart or a
    failover: that loads them too, also into a node that a slot is just being moved to, which the
    client does not know yet.
    """

    def __init__(self, redis: AnyRedis) -> None:
        self._redis = redis
        library = _text("clock") + _text("lib")
        texts = {name: library + _text(name) for name in SESSION_SCRIPTS}
        # As bytes, and not by `register_script`: nothing is asked of Redis, or of a cluster, yet.
        self._scripts = {
            name: (Script(redis, text.encode()).sha, text) for name, text in texts.items()
        }
        self._due = _text("clock") + _text("due")

    def run(self, name: str, keys: list[str], *args: str | int) -> Any:
        """Run the script ``name``; the reply is as its header says.

        Raises:
            MembershipUnavailable: Redis did not answer in time, or with an error. The script may
                have run all the same; each may be run again.
        """
        digest, text = self._scripts[name]
        try:
            try:
                return self._redis.evalsha(digest, len(keys), *keys, *args)
            except NoScriptError:
                return self._redis.eval(text, len(keys), *keys, *args)
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
        commands = []
        for partition in range(PARTITIONS):
            keys = partition_keys(partition)
            commands.append(("EVAL", self._due, len(keys), *keys, *args))
        replies = ask_all(self._redis, commands, "swept")
        answers = [reply for reply in replies if not isinstance(reply, Exception)]
        if not answers:
            raise MembershipUnavailable(f"Redis could not be swept: {replies[0]}")
        return answers


def _text(name: str) -> str:
    return (_LUA / f"{name}.lua").read_text()
