"""Errors that a fresh connection may cure, and retries on one."""

from collections.abc import Iterable, Sequence
from typing import Any

from redis import Redis
from redis.exceptions import ClusterError, RedisClusterException, RedisError

from hadir.domain.errors import MembershipUnavailable

_OF_THE_SERVER = frozenset(
    {
        "CLUSTERDOWN",  # its part of the cluster serves nothing
        "LOADING",  # it has just started
        "MASTERDOWN",  # a replica without its primary, configured not to serve stale data
        "NOREPLICAS",  # a primary cut off from its replicas, with min-replicas-to-write
        "READONLY",  # a primary that was demoted: it keeps its connections
        "UNBLOCKED",  # demoted while the command waited
    }
)


def is_of_the_server(error: object) -> bool:
    """Whether an error says that this server cannot serve the call now, though another might.

    Another server may have the same name meanwhile, but redis-py stays with the connection it has.
    Errors from within a script begin with the same words, in Redis 7 and in Valkey 9; redis-py
    removes the words it knows from the text and keeps them as ``status_code``.
    """
    if not isinstance(error, RedisError):
        return False
    return (error.status_code or str(error).partition(" ")[0]) in _OF_THE_SERVER


Commands = Iterable[Sequence[str | bytes | int]]


def ask_all(redis: Any, commands: Commands, what: str) -> list[Any]:
    """Run commands as ``ask_each`` does, and return their replies.

    Raises:
        MembershipUnavailable: Redis refused one, or did not answer in time.
    """
    replies = ask_each(redis, commands, what)
    for reply in replies:
        if isinstance(reply, Exception):
            raise MembershipUnavailable(f"Redis could not be {what}: {reply}") from reply
    return replies


def ask_each(redis: Any, commands: Commands, what: str) -> list[Any]:
    """Run commands, in one round trip to each node; each may run twice.

    A command that a server refused because of its state (``is_of_the_server``) is retried once, on
    fresh connections. So are all commands if no node of a cluster could be found.

    Args:
        redis: one node, or a cluster.
        what: what could not be done, for the error's text.

    Returns:
        The replies; for a command that was refused, its error.

    Raises:
        MembershipUnavailable: Redis did not answer in time.
    """
    asked = list(commands)
    try:
        try:
            replies = _pipelined(redis, asked)
        except RedisClusterException:
            redis.heal()
            return _pipelined(redis, asked)
        refused = [
            place
            for place, reply in enumerate(replies)
            if is_of_the_server(reply) or isinstance(reply, ClusterError)
        ]
        if refused:
            if isinstance(redis, Redis):
                redis.connection_pool.disconnect(inuse_connections=False)
            else:
                redis.heal()
            again = _pipelined(redis, [asked[place] for place in refused])
            for place, reply in zip(refused, again, strict=True):
                replies[place] = reply
    except (RedisError, RedisClusterException) as error:
        raise MembershipUnavailable(f"Redis could not be {what}: {error}") from error
    return replies


def _pipelined(redis: Any, commands: Iterable[Sequence[str | bytes | int]]) -> list[Any]:
    pipeline = redis.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    return list(pipeline.execute(raise_on_error=False))
