"""Loads the Lua scripts beside this file.

The first line of a script may name files of ``lua/include``, ``-- takes: life, pace``, each of
which may name others; the script runs with their texts before its own.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from redis import Redis
from redis.cluster import RedisCluster
from redis.commands.core import Script
from redis.exceptions import NoScriptError, RedisClusterException, RedisError

from hadir.domain.errors import MembershipUnavailable, ScriptFailed
from hadir.membership.healing import ask_each
from hadir.membership.keys import PARTITIONS

_LUA = files(__package__) / "lua"

SESSION_SCRIPTS = (
    "admit",
    "assign",
    "attend",
    "claim",
    "clear",
    "end_grace",
    "erase",
    "explain",
    "fed",
    "history",
    "lapse",
    "leave",
    "message",
    "note_watch",
    "open",
    "page",
    "past",
    "repair",
    "settle",
    "sockets",
    "state",
    "unwatch_session",
    "view",
    "watch_session",
)

PARTITION_SCRIPTS = (
    *("assigned", "deafen", "due", "ghosts", "postpone", "renew", "seen", "staff", "views"),
)

FEED_SCRIPTS = ("claim_feed", "settle_feed", "unwatch", "watch")

TENANT_SCRIPTS = ("ban", "bans", "lift")

_ALL = SESSION_SCRIPTS + PARTITION_SCRIPTS + FEED_SCRIPTS + TENANT_SCRIPTS

_NAMES = "names.lua"
"""The include whose locals most functions name."""

_OF_A_SCRIPT = "user_script:"
"""How an error of a script itself begins, in Redis 7 and Valkey 9; that of a command it was refused
begins otherwise."""

AnyRedis = Redis | RedisCluster
"""One node, or a cluster."""


class Scripts:
    """The scripts on one Redis.

    They are called by hash, or by text if Redis answers ``NOSCRIPT``, as after a restart or a
    failover. That also loads them, even into a node that a slot is just being moved to and that the
    client does not know yet.

    Args:
        constants: locals of every script, by their names.
    """

    def __init__(self, redis: AnyRedis, constants: Mapping[str, float] = {}) -> None:
        self._redis = redis
        texts = {name: _text(name, constants) for name in _ALL}
        # As bytes, and not by `register_script`, which would already connect to Redis.
        self._scripts = {
            name: (Script(redis, text.encode()).sha, text) for name, text in texts.items()
        }

    def run(self, name: str, keys: Sequence[str | bytes], *args: str | int) -> Any:
        """Run the script ``name``; its header describes the reply.

        Raises:
            MembershipUnavailable: Redis did not answer in time, or answered with an error. The
                script may have run all the same; it may be run again.
            ScriptFailed: what the script found in Redis is not as it should be.
        """
        digest, text = self._scripts[name]
        try:
            try:
                return self._redis.evalsha(digest, len(keys), *keys, *args)
            except NoScriptError:
                return self._redis.eval(text, len(keys), *keys, *args)
        except (RedisError, RedisClusterException) as error:
            by_script = str(error).startswith(_OF_A_SCRIPT)
            failed = ScriptFailed if by_script else MembershipUnavailable
            raise failed(f"Redis could not run {name}: {error}") from error

    def run_all(
        self, name: str, calls: Iterable[tuple[Sequence[str | bytes], Sequence[str | int]]]
    ) -> list[Any]:
        """Run a script many times, each with its keys and args, in one round trip to each node.

        Returns:
            The replies; an error stands for a call that Redis refused, or whose node of a cluster
            did not answer in time. That call may have run.

        Raises:
            MembershipUnavailable: Redis did not answer in time. Any of the calls may have run.
        """
        digest, text = self._scripts[name]
        arguments = [(len(keys), *keys, *args) for keys, args in calls]

        def ask(places: Sequence[int], loading: bool = False) -> list[Any]:
            commands = [("EVALSHA", digest, *arguments[place]) for place in places]
            if loading:
                commands[0] = ("EVAL", text, *arguments[places[0]])
            return ask_each(self._redis, commands, f"asked to run {name}")

        replies = ask(range(len(arguments)))
        # By text it is loaded too, in one node more each time.
        while unknown := [n for n, reply in enumerate(replies) if isinstance(reply, NoScriptError)]:
            for place, reply in zip(unknown, ask(unknown, loading=True), strict=True):
                replies[place] = reply
        return replies

    def run_everywhere(
        self, name: str, keys_of: Callable[[int], list[str]], *args: str | int
    ) -> list[tuple[int, Any]]:
        """Run a script of partitions in each of them, in one round trip to each node.

        If a node of a cluster does not answer, the script still runs on the others.

        Returns:
            Each partition that answered, with its reply.

        Raises:
            MembershipUnavailable: no partition answered.
        """
        replies = self.run_all(name, ((keys_of(each), args) for each in range(PARTITIONS)))
        answered = [each for each in enumerate(replies) if not isinstance(each[1], Exception)]
        if not answered:
            raise MembershipUnavailable(f"Redis could not run {name}: {replies[0]}")
        return answered


def _text(name: str, constants: Mapping[str, float]) -> str:
    """A script's text after those of the files it takes, each once and after what it takes."""
    texts: dict[str, str] = {}
    if constants:
        texts[""] = f"local {', '.join(constants)} = {', '.join(map(repr, constants.values()))}\n"

    def add(script: Traversable) -> None:
        if script.name in texts:
            return
        text = script.read_text("utf-8")
        if named := re.match(r"-- takes: (.+)\n", text):
            for each in named[1].split(", "):
                add(_LUA / "include" / f"{each}.lua")
        texts[script.name] = text

    add(_LUA / f"{name}.lua")
    # Functions are made anew in each call, and for each local that they name Lua 5.1 searches those
    # of the function around them one by one. It finds those of one further out at once.
    if _NAMES in texts:
        texts[_NAMES] += "return (function()\n"
        texts[f"{name}.lua"] += "end)()\n"
    return "".join(texts.values())
