"""The Redis client, of one node or of a cluster, by URL."""

from collections.abc import Callable
from typing import Any, cast

from redis import CredentialProvider, Redis
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry

from hadir.membership.scripts import AnyRedis

CONNECT_SECONDS = 1.0
REPLY_SECONDS = 2.0
"""Each call is tried twice, on a cluster three times."""

_CLUSTER_BACKOFF = ExponentialWithJitterBackoff(base=0.05, cap=0.5)


def connect(url: str, passwords: CredentialProvider | None = None) -> AnyRedis:
    """A client that connects on first use.

    A frozen sandbox wakes to dead TCP connections, so each call is tried a second time; every
    script may run twice. A cluster is asked for its nodes then too, and again when one is gone.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``; with ``+cluster`` in the scheme, any node.
        passwords: asked for each connection, where none stands in the URL.
    """
    options: dict[str, Any] = {
        "decode_responses": True,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": REPLY_SECONDS,
        "credential_provider": passwords,
    }
    scheme, _, rest = url.partition("://")
    if scheme.endswith("+cluster"):
        single = f"{scheme.removesuffix('+cluster')}://{rest}"
        retry = Retry(_CLUSTER_BACKOFF, 2)
        made = _OnFirstUse(lambda: RedisCluster.from_url(single, retry=retry, **options))
        return cast("RedisCluster", made)
    return Redis.from_url(url, retry=Retry(NoBackoff(), 1), **options)


class _OnFirstUse:
    """Stands for a client of a cluster, which redis-py connects as soon as it is made.

    A handler that is imported while Redis is away would not start at all, and a snapshot would hold
    its connections.
    """

    def __init__(self, make: Callable[[], RedisCluster]) -> None:
        self._make = make
        self._made: RedisCluster | None = None

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            self._made = self._make()
        return getattr(self._made, name)
