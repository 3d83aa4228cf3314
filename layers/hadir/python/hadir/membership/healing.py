"""Errors that a fresh connection may cure, and retries on one."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from redis import Redis
from redis.cluster import ClusterNode, get_node_name
from redis.exceptions import (
    AskError,
    ConnectionError,  # noqa: A004
    MovedError,
    RedisClusterException,
    RedisError,
    SlotNotCoveredError,
    TimeoutError,  # noqa: A004
    TryAgainError,
)

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

_TRIES = 3
"""On a cluster, as ``connect`` has redis-py try other calls."""

_CURABLE = (AskError, ConnectionError, SlotNotCoveredError, TimeoutError, TryAgainError)

_ASKING = ("ASKING",)


def is_of_the_server(error: object) -> bool:
    """Whether an error says that this server cannot serve the call now, though another might.

    Another server may have the same name meanwhile, but redis-py stays with the connection it has.
    Errors from within a script begin with the same words, in Redis 7 and in Valkey 9; redis-py
    removes the words it knows from the text and keeps them as ``status_code``.
    """
    if not isinstance(error, RedisError):
        return False
    return (error.status_code or str(error).partition(" ")[0]) in _OF_THE_SERVER


Command = Sequence[str | bytes | int]
Commands = Iterable[Command]


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
    """Run commands, in one round trip to each node; each may run twice, on a cluster three times.

    A command that a server refused because of its state (``is_of_the_server``) is retried on fresh
    connections. On a cluster, so is one that was redirected, or whose node did not answer.

    Args:
        redis: one node, or a cluster.
        commands: for a cluster, each with keys of one slot; the first key follows the command's
            name, or in ``EVAL`` and ``EVALSHA`` the number of keys.
        what: what could not be done, for the error's text.

    Returns:
        The replies; for a command that was refused, or whose node of a cluster did not answer, its
        error.

    Raises:
        MembershipUnavailable: Redis did not answer in time: the one node, or no node of a cluster
            that was not known yet.
    """
    ask = _ask_node if isinstance(redis, Redis) else _ask_cluster
    try:
        return ask(redis, list(commands))
    except (RedisError, RedisClusterException) as error:
        raise MembershipUnavailable(f"Redis could not be {what}: {error}") from error


def _ask_node(redis: Redis, commands: list[Command]) -> list[Any]:
    replies = _pipelined(redis, commands)
    refused = [place for place, reply in enumerate(replies) if is_of_the_server(reply)]
    if refused:
        redis.connection_pool.disconnect(inuse_connections=False)
        again = _pipelined(redis, [commands[place] for place in refused])
        for place, reply in zip(refused, again, strict=True):
            replies[place] = reply
    return replies


def _ask_cluster(redis: Any, commands: list[Command]) -> list[Any]:
    """Ask all nodes side by side, so that one that hangs does not hold up the others.

    redis-py's own pipeline repeats each command of a node that does not answer, one by one.
    """
    replies: list[Any] = [None] * len(commands)
    left: Sequence[int] = range(len(commands))
    away: str | None = None
    for again in range(_TRIES):
        if again:
            try:
                _learn(redis, [replies[place] for place in left], away)
            except RedisClusterException:
                break
        groups: dict[ClusterNode, list[int]] = {}
        for place in left:
            try:
                node = _node_for(redis, commands[place], replies[place])
                groups.setdefault(node, []).append(place)
            except SlotNotCoveredError as error:
                replies[place] = error
        asked = [
            [(commands[place], _is_ask(replies[place])) for place in places]
            for places in groups.values()
        ]
        with ThreadPoolExecutor(len(groups) or 1) as pool:
            answers = pool.map(partial(_ask_one_of, redis), groups, asked)
        for (node, places), answer in zip(groups.items(), answers, strict=True):
            if isinstance(answer, RedisError):
                away = node.name
            for number, place in enumerate(places):
                replies[place] = answer if isinstance(answer, RedisError) else answer[number]
        left = [place for place in left if _is_curable(replies[place])]
        if not left:
            break
    return replies


def _ask_one_of(
    redis: Any, node: ClusterNode, asked: list[tuple[Command, bool]]
) -> list[Any] | RedisError:
    """The node's replies to commands, each with whether another node has redirected it here.

    If the node does not answer, the error.
    """
    client = redis.get_redis_connection(node)
    commands: list[Command] = []
    for command, is_redirected in asked:
        commands += [_ASKING, command] if is_redirected else [command]
    try:
        replies = _pipelined(client, commands)
    except RedisError as error:
        client.connection_pool.disconnect(inuse_connections=False)
        return error
    return [
        reply for command, reply in zip(commands, replies, strict=True) if command is not _ASKING
    ]


def _node_for(redis: Any, command: Command, reply: Any) -> ClusterNode:
    """The node to send a command to, after the reply that it got before."""
    if _is_ask(reply):
        node: ClusterNode = redis.get_node(node_name=get_node_name(*reply.node_addr))
    else:
        node = redis.get_node_from_key(command[3 if command[0] in {"EVAL", "EVALSHA"} else 1])
    return node


def _learn(redis: Any, errors: list[Any], away: str | None) -> None:
    """Learn from errors which node to ask instead; ``away`` names one that did not answer."""
    if all(isinstance(error, (AskError, TryAgainError)) for error in errors):
        for error in errors:
            if isinstance(error, MovedError):
                redis.nodes_manager.move_slot(error)
    else:
        redis.heal(away)


def _is_ask(reply: Any) -> bool:
    """Whether a node has sent the command to another, but not the slot's other commands."""
    return isinstance(reply, AskError) and not isinstance(reply, MovedError)


def _is_curable(reply: Any) -> bool:
    return isinstance(reply, _CURABLE) or is_of_the_server(reply)


def _pipelined(redis: Redis, commands: Iterable[Command]) -> list[Any]:
    pipeline: Any = redis.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    return list(pipeline.execute(raise_on_error=False))
