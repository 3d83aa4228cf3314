"""The Redis client, of one node or of a cluster, by URL."""

from redis import Redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry

from hadir.membership.scripts import AnyRedis

CONNECT_SECONDS = 1.0
REPLY_SECONDS = 2.0
"""With the second try, a handler waits at most twice that for Redis."""


def connect(url: str) -> AnyRedis:
    """A client that connects on first use.

    A frozen sandbox wakes to dead TCP connections, so each call is tried a second time; every
    script may run twice. A cluster is asked for its nodes at once, and again when one is gone.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``; with ``+cluster`` in the scheme, any node.

    Raises:
        RedisClusterException: no node of the cluster answers.
    """
    options = {
        "decode_responses": True,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": REPLY_SECONDS,
    }
    scheme, _, rest = url.partition("://")
    if scheme.endswith("+cluster"):
        return RedisCluster.from_url(f"{scheme.removesuffix('+cluster')}://{rest}", **options)
    return Redis.from_url(url, retry=Retry(NoBackoff(), 1), **options)
