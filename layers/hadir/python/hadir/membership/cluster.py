"""A cluster's client that reconnects, whatever happened to the nodes it knew."""

from typing import Any

from redis.cluster import PRIMARY, ClusterNode, ClusterPipeline, RedisCluster
from redis.connection import parse_url
from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    ClusterError,
    MasterDownError,
    ReadOnlyError,
    RedisClusterException,
    SlotNotCoveredError,
)


class Cluster(RedisCluster):
    """redis-py's client, which also recovers where redis-py (as of 8.1) does not.

    - redis-py retries after some errors only: not when a node is loading, when a replica has lost
      its primary, when a primary was demoted, or when nodes redirected it back and forth (``TTL
      exhausted``).
    - It knows only nodes that serve slots. Redirected to a node that is just getting its first
      slot, it fails with an ``AttributeError``.
    - It forgets the address it was given once it has learned others. When all of those are gone, as
      after a sandbox's long freeze, it never connects again.
    """

    ERRORS_ALLOW_RETRY = (  # type: ignore[assignment]
        *RedisCluster.ERRORS_ALLOW_RETRY,
        BusyLoadingError,
        ClusterError,
        MasterDownError,
        ReadOnlyError,
    )
    """Compared by ``type(error) in``, so subclasses are listed too."""

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url=url, **options)
        given = parse_url(url)
        self._given = (given["host"], given.get("port", 6379))

    def heal(self, away: str | None = None) -> None:
        """Ask the nodes again which serves which slots; if none answers, ask the given address.

        Args:
            away: the name of a node that did not answer just now; it is asked last.

        Raises:
            RedisClusterException: no node answers.
        """
        self.nodes_manager.initialize(
            additional_startup_nodes_info=[self._given], last_failed_node_name=away
        )

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """As in redis-py, and once more if no node could be found."""
        try:
            return super().execute_command(*args, **options)
        except SlotNotCoveredError:
            raise
        except RedisClusterException:
            self.heal()
            return super().execute_command(*args, **options)

    def get_node(
        self, host: str | None = None, port: int | None = None, node_name: str | None = None
    ) -> ClusterNode | None:
        """The node of that address; a redirection to an unknown node makes it known."""
        node: ClusterNode | None = super().get_node(host, port, node_name)
        if node is None and node_name:
            its_host, _, its_port = node_name.rpartition(":")
            made = ClusterNode(its_host, int(its_port), PRIMARY)
            node = self.nodes_manager.nodes_cache.setdefault(node_name, made)
        return node

    def pipeline(self, transaction: Any = None, shard_hint: Any = None) -> ClusterPipeline:
        """A pipeline that knows the nodes that this client knows."""
        made: ClusterPipeline = super().pipeline(transaction, shard_hint)
        made.get_node = self.get_node  # type: ignore[method-assign]
        return made

    def _execute_command(self, target_node: ClusterNode, *args: Any, **options: Any) -> Any:
        """As in redis-py; ask the nodes again which serves which slots before a retry."""
        try:
            return super()._execute_command(target_node, *args, **options)
        except ClusterDownError:
            raise
        except (ClusterError, ReadOnlyError):
            self.heal()
            raise
