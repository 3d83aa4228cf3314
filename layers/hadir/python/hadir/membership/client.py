"""The Redis client, of one node or of a cluster, by URL."""

from typing import Any

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
    script may run twice. A cluster is asked for its nodes at once, and again when one is gone.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``; with ``+cluster`` in the scheme, any node.
        passwords: asked for each connection, where none stands in the URL.

    Raises:
        RedisClusterException: no node of the cluster answers.
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
        return RedisCluster.from_url(single, retry=Retry(_CLUSTER_BACKOFF, 2), **options)
    return Redis.from_url(url, retry=Retry(NoBackoff(), 1), **options)
