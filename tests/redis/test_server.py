"""What Redis says of its memory, and of what it does when that is full."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from hadir.domain.errors import MembershipUnavailable
from hadir.membership.audit import Audit
from hadir.membership.client import connect
from hadir.membership.scripts import AnyRedis
from hadir.membership.server import UNKNOWN, Memory, read_memory
from tests.redis_cluster import Cluster, Node, Server, ports_for_a_cluster, wait_until
from tests.running_gateway import free_ports


@pytest.fixture
def limited(node: Redis) -> Iterator[Redis]:
    """A node that may be set up; as it was in the end."""
    yield node
    node.config_set("maxmemory", 0)
    node.config_set("maxmemory-policy", "noeviction")


def test_without_a_limit_nothing_is_evicted_and_there_is_no_share(redis: AnyRedis) -> None:
    assert read_memory(redis) == Memory("noeviction", None)


def test_the_share_of_the_limit_and_the_policy(limited: Redis) -> None:
    limited.config_set("maxmemory-policy", "allkeys-lru")
    limited.config_set("maxmemory", limited.info("memory")["used_memory"] * 4)

    memory = read_memory(limited)

    assert memory.eviction == "allkeys-lru"
    assert memory.used is not None
    assert 0.2 < memory.used < 0.3


def test_of_a_cluster_it_is_the_worst_of_its_nodes(cluster: Cluster) -> None:
    fuller, evicting = cluster.nodes[1], cluster.nodes[2]
    used = int(fuller.info("memory", "used_memory"))
    fuller.ask("CONFIG", "SET", "maxmemory", used * 4)
    evicting.ask("CONFIG", "SET", "maxmemory", used * 400)
    evicting.ask("CONFIG", "SET", "maxmemory-policy", "volatile-ttl")
    client = connect(cluster.url)
    try:
        memory = read_memory(client)
    finally:
        client.close()
        for node in (fuller, evicting):
            node.ask("CONFIG", "SET", "maxmemory", 0)
            node.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")

    assert memory.eviction == "volatile-ttl"
    assert memory.used is not None
    assert 0.1 < memory.used < 0.5


def test_a_cluster_may_be_of_one_node(tmp_path: Path) -> None:
    node = Node(ports_for_a_cluster()[0], tmp_path / "node")
    try:
        wait_until(lambda: bool(node.ask("CLUSTER", "ADDSLOTSRANGE", 0, 16383)))
        wait_until(lambda: "cluster_state:ok" in str(node.ask("CLUSTER", "INFO")))
        client = connect(f"redis+cluster://127.0.0.1:{node.port}")
        try:
            assert read_memory(client) == Memory("noeviction", None)
            assert Audit(client).begin() is None
        finally:
            client.close()
    finally:
        node.kill()


def test_a_server_without_the_command(tmp_path: Path) -> None:
    settings = tmp_path / "settings.conf"
    settings.write_text('rename-command INFO ""')
    server = Server(free_ports(1)[0], tmp_path / "server", include=str(settings))
    try:
        wait_until(lambda: bool(server.ask("PING")))
        with connect(server.url) as client:
            assert read_memory(client) == UNKNOWN
            assert Audit(client).begin() is None
    finally:
        server.kill()


def test_a_user_who_may_not_ask(limited: Redis) -> None:
    ask: Any = limited.execute_command
    ask("ACL", "SETUSER", "shy", "on", ">secret", "~*", "+@all", "-info")
    port = limited.connection_pool.connection_kwargs["port"]
    with Redis(port=port, username="shy", password="secret", decode_responses=True) as shy:
        assert read_memory(shy) == UNKNOWN
    ask("ACL", "DELUSER", "shy")


def test_a_service_that_does_not_say_all() -> None:
    class Silent(Redis):
        def execute_command(self, *args: object, **options: object) -> object:
            return {"used_memory": 1000}

    with Silent() as client:
        assert read_memory(client) == UNKNOWN


def test_nobody_answers() -> None:
    with connect("redis://127.0.0.1:1") as client, pytest.raises(MembershipUnavailable):
        read_memory(client)
