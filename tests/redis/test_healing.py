"""One client outlives what happens to the servers behind it, without being made anew."""

import uuid
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from redis.cluster import RedisCluster
from redis.crc import key_slot
from redis.exceptions import ClusterError

from hadir.domain.errors import MembershipUnavailable as Unavailable
from hadir.domain.identity import SessionRef
from hadir.membership.client import connect
from hadir.membership.directory import Directory
from hadir.membership.healing import ask_each
from hadir.membership.keys import session_keys
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Opening
from hadir.membership.scripts import AnyRedis
from tests.one_name import OneName, one_name
from tests.redis.test_membership import CLOSED, identity, ref
from tests.redis.visitors import visitors
from tests.redis_cluster import (
    Cluster,
    Node,
    Server,
    change_places,
    primary_and_replica,
    running_cluster,
    wait_until,
)
from tests.running_gateway import free_ports


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One of these tests' own, as slots are moved in it; nothing that was written is lost."""
    with running_cluster(fails_over=False) as cluster:
        yield cluster


def some_sessions() -> list[SessionRef]:
    return [ref(str(uuid.uuid4())) for _ in range(3)]


def join(membership: Membership, session: SessionRef, connection_id: str) -> None:
    membership.admit(connection_id, identity(f"customer_{connection_id}", session))
    assert membership.open(connection_id, session).outcome is Opening.JOINED


class TestBehindOneName:
    @pytest.fixture
    def servers(self, tmp_path: Path) -> Iterator[tuple[Server, Server]]:
        with primary_and_replica(tmp_path) as servers:
            yield servers

    @pytest.fixture
    def name(self, servers: tuple[Server, Server]) -> Iterator[OneName]:
        with one_name(servers[0].port) as name:
            yield name

    @pytest.fixture
    def client(self, name: OneName) -> Iterator[AnyRedis]:
        client = connect(name.url)
        yield client
        client.close()

    @pytest.fixture
    def membership(self, client: AnyRedis) -> Membership:
        return Membership(client)

    def test_a_primary_is_demoted_under_a_warm_connection(
        self, servers: tuple[Server, Server], name: OneName, membership: Membership
    ) -> None:
        session = ref("s1")
        join(membership, session, "c1")
        change_places(name, *servers)

        membership.leave("c1", session, CLOSED)

        assert membership.sockets(session) == ()

    def test_a_sweep_is_the_first_to_meet_the_demoted_primary(
        self, servers: tuple[Server, Server], name: OneName, membership: Membership
    ) -> None:
        join(membership, ref("s1"), "c1")
        change_places(name, *servers)

        assert membership.leases.due(100).sessions == ()

    def test_a_demoted_primary_that_has_lost_its_own_answers_nothing_at_all(
        self,
        servers: tuple[Server, Server],
        name: OneName,
        client: AnyRedis,
        membership: Membership,
    ) -> None:
        """MASTERDOWN, also for reads."""
        primary, replica = servers
        join(membership, ref("s1"), "c1")
        change_places(name, primary, replica)
        primary.ask("CONFIG", "SET", "replica-serve-stale-data", "no")
        primary.ask("REPLICAOF", "127.0.0.1", free_ports(1)[0])

        assert Directory(client).totals() == (1, 1)
        assert membership.leases.due(100).sessions == ()

    def test_joins_and_leaves_go_on_while_primary_and_replica_change_places(
        self, servers: tuple[Server, Server], name: OneName, membership: Membership
    ) -> None:
        primary, replica = servers
        with visitors(membership, some_sessions()) as coming:
            coming.go_on()
            change_places(name, primary, replica)
            coming.go_on()
            change_places(name, replica, primary)
            coming.go_on()

    def test_joins_and_leaves_go_on_after_a_restart_with_the_data_kept(
        self, servers: tuple[Server, Server], membership: Membership
    ) -> None:
        primary, _ = servers
        with visitors(membership, some_sessions()) as coming:
            coming.go_on()
            primary.kill()
            primary.restart()
            coming.go_on()

    @pytest.mark.parametrize(
        "error",
        [
            "READONLY You can't write against a read only replica.",
            "LOADING Valkey is loading the dataset in memory",
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
            "CLUSTERDOWN The cluster is down",
            "NOREPLICAS Not enough good replicas to write. script: on @user_script:1.",
            "UNBLOCKED force unblock from blocking operation, instance state changed",
        ],
        ids=lambda error: error.partition(" ")[0],
    )
    def test_an_error_that_is_of_the_connections_server_is_left_behind_with_it(
        self, name: OneName, client: AnyRedis, membership: Membership, error: str
    ) -> None:
        session = ref("s1")
        join(membership, session, "c1")
        name.answer(error)

        membership.leave("c1", session, CLOSED)

        assert membership.identities.of("c1") is None
        assert membership.sockets(session) == ()
        assert Directory(client).totals() == (0, 0)

    def test_a_sandbox_thaws_to_closed_sockets(
        self, name: OneName, client: AnyRedis, membership: Membership
    ) -> None:
        session = ref("s1")
        join(membership, session, "c1")
        for call in (
            lambda: membership.leave("c1", session, CLOSED),
            lambda: membership.leases.due(100),
            lambda: Directory(client).totals(),
            lambda: membership.identities.of("c1"),
        ):
            name.cut()
            call()

        assert membership.sockets(session) == ()


class TestCluster:
    @pytest.fixture
    def client(self, cluster: Cluster) -> Iterator[AnyRedis]:
        client = connect(cluster.url)
        client.flushall()
        yield client
        client.close()

    @pytest.fixture
    def membership(self, client: AnyRedis) -> Membership:
        return Membership(client)

    def sessions_on(self, cluster: Cluster, node: Node) -> list[SessionRef]:
        """Three, each in a slot of its own."""
        slots = cluster.slots_of(node)
        found: dict[int, SessionRef] = {}
        while len(found) < 3:
            session = ref(str(uuid.uuid4()))
            if slot_of(session) in slots:
                found[slot_of(session)] = session
        return list(found.values())

    def test_joins_and_leaves_go_on_while_primary_and_replica_change_places(
        self, cluster: Cluster, membership: Membership
    ) -> None:
        primary, replica = cluster.pair()
        with visitors(membership, self.sessions_on(cluster, primary)) as coming:
            coming.go_on()
            replica.ask("CLUSTER", "FAILOVER")
            wait_until(lambda: replica.info("replication", "role") == "master")
            cluster.wait_until_whole()
            coming.go_on()

    def test_joins_and_leaves_go_on_while_their_slots_move(
        self, cluster: Cluster, membership: Membership
    ) -> None:
        source, target = cluster.nodes[1], cluster.nodes[2]
        sessions = self.sessions_on(cluster, source)
        slots = [slot_of(session) for session in sessions]
        with visitors(membership, sessions) as coming:
            coming.go_on()
            for slot in slots:
                with cluster.moving(slot, source, target):
                    pass
            coming.go_on()
            for slot in slots:
                with cluster.moving(slot, target, source):
                    pass
            coming.go_on()

    def test_joins_and_leaves_go_on_while_their_slots_move_to_a_node_nobody_knew(
        self, cluster: Cluster, membership: Membership, tmp_path: Path
    ) -> None:
        source = cluster.nodes[1]
        sessions = self.sessions_on(cluster, source)
        with cluster.another(tmp_path / "new") as target, visitors(membership, sessions) as coming:
            coming.go_on()
            for session in sessions:
                with cluster.moving(slot_of(session), source, target), suppress(Unavailable):
                    membership.session(session)
            coming.go_on()
            for session in sessions:
                with cluster.moving(slot_of(session), target, source):
                    pass
            coming.go_on()

    def test_many_commands_follow_their_slot(
        self, cluster: Cluster, client: AnyRedis, tmp_path: Path
    ) -> None:
        source, target = cluster.nodes[1], cluster.nodes[2]
        slot = slot_of(self.sessions_on(cluster, source)[0])
        key = next(each for each in map(str, count()) if key_slot(each.encode()) == slot)
        numbers = [f"{{{key}}}{number}" for number in range(5)]
        commands = [("INCR", each) for each in [*numbers, *map(str, range(20))]]
        with cluster.another(tmp_path / "new") as new:
            for value, (here, there) in enumerate([(source, target), (target, new), (new, source)]):
                with cluster.moving(slot, here, there):
                    assert ask_each(client, commands, "asked") == [2 * value + 1] * 25
                assert ask_each(client, commands, "asked") == [2 * value + 2] * 25

    def test_a_storm_of_redirections_is_outlived(
        self, membership: Membership, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nodes that do not agree about a slot send a client from one to the other."""
        join(membership, ref("s1"), "c1")
        execute: Any = RedisCluster._execute_command
        storm = [ClusterError("TTL exhausted.")]

        def stormy(self: RedisCluster, *args: object, **kwargs: object) -> object:
            if storm:
                raise storm.pop()
            return execute(self, *args, **kwargs)

        monkeypatch.setattr(RedisCluster, "_execute_command", stormy)

        membership.leave("c1", ref("s1"), CLOSED)

        assert storm == []
        assert membership.sockets(ref("s1")) == ()

    def test_all_nodes_are_replaced_behind_the_name(self, cluster: Cluster) -> None:
        with running_cluster() as old, one_name(old.nodes[0].port) as name:
            client = connect(name.url.replace("redis://", "redis+cluster://"))
            membership = Membership(client)
            join(membership, ref("before"), "c1")
            for node in old.nodes:
                node.kill()
            name.lead_to(cluster.nodes[1].port)
            name.cut()

            join(membership, ref("after"), "c2")
            membership.leave("c2", ref("after"), CLOSED)
            client.close()


def slot_of(session: SessionRef) -> int:
    return int(key_slot(session_keys(session)[0].encode()))
