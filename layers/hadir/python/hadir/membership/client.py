"""The Redis client, of one node or of a cluster, by URL."""

from collections.abc import Callable
from typing import Any, cast

from redis import CredentialProvider, Redis
from redis.backoff import AbstractBackoff, ExponentialWithJitterBackoff, NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import ConnectionError, ResponseError, TimeoutError  # noqa: A004
from redis.retry import Retry

from hadir.membership.cluster import Cluster
from hadir.membership.healing import is_of_the_server
from hadir.membership.scripts import AnyRedis

CONNECT_SECONDS = 1.0
REPLY_SECONDS = 2.0
"""Each call is tried twice, on a cluster three times: again on a fresh connection, if the error may
come from the connection or from its server."""

_CLUSTER_BACKOFF = ExponentialWithJitterBackoff(base=0.05, cap=0.5)


def connect(url: str, passwords: CredentialProvider | None = None) -> AnyRedis:
    """A client that connects on first use.

    A frozen sandbox wakes up with dead TCP connections. And a name may lead to a new server, while
    the old one, which was demoted, keeps its connections. So each call is tried a second time, on a
    fresh connection; every script may run twice. The client then also asks a cluster for its nodes,
    and again when one is gone.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``; with ``+cluster`` in the scheme, any node.
        passwords: provides a password for each connection, if the URL has none.
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
        made = _OnFirstUse(lambda: Cluster.from_url(single, retry=retry, **options))
        return cast("RedisCluster", made)
    return Redis.from_url(url, retry=_OnceMore(NoBackoff(), 1), **options)


class _OnceMore(Retry):
    """Retries a call that failed because of its connection, or of the server at its other end."""

    def __init__(self, backoff: AbstractBackoff, retries: int) -> None:
        super().__init__(backoff, retries, (ConnectionError, TimeoutError, OSError, ResponseError))

    def call_with_retry(
        self,
        do: Callable[[], Any],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> Any:
        """As in redis-py, which closes the connection between two tries."""
        return super().call_with_retry(do, fail, is_retryable or _may_heal, with_failure_count)


def _may_heal(error: Exception) -> bool:
    return is_of_the_server(error) or not isinstance(error, ResponseError)


class _OnFirstUse:
    """Makes a cluster's client on first use, since redis-py connects one as soon as it is made.

    Otherwise a handler that is imported while Redis is away would not start at all, and a snapshot
    would hold the connections.
    """

    def __init__(self, make: Callable[[], RedisCluster]) -> None:
        self._make = make
        self._made: RedisCluster | None = None

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            self._made = self._make()
        return getattr(self._made, name)
