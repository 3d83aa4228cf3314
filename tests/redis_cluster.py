"""Real servers on this machine; a cluster: three primaries, the first of them with a replica."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from local.embedded_redis import redis_server
from tests.one_name import OneName
from tests.running_gateway import free_ports

_SLOTS = 16384
_NODE_TIMEOUT_MS = 1000
_WAITING_SECONDS = 30


class Server:
    """One server, which keeps nothing on disk unless ``options`` say so."""

    def __init__(self, port: int, folder: Path, **options: str | int) -> None:
        self.port = port
        self._options = {
            "port": port,
            "bind": "127.0.0.1",
            "dir": str(folder),
            "repl-diskless-sync": "yes",
            "repl-diskless-sync-delay": 0,
            "save": "",
            "appendonly": "no",
        } | {name.replace("_", "-"): value for name, value in options.items()}
        folder.mkdir()
        self.process = self._start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def _start(self) -> "subprocess.Popen[bytes]":
        flags = [
            part for name, value in self._options.items() for part in (f"--{name}", str(value))
        ]
        return subprocess.Popen(
            [redis_server(), *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def ask(self, *command: str | int) -> Any:
        with Redis(port=self.port, decode_responses=True, socket_timeout=5) as client:
            return client.execute_command(*command)

    def info(self, section: str, field: str) -> str:
        with Redis(port=self.port, decode_responses=True, socket_timeout=5) as client:
            return str(client.info(section)[field])

    def pause(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        self.process = self._start()


@contextmanager
def durable_server(folder: Path) -> Iterator[Server]:
    """One that still has, after a restart, all that it was told before."""
    with _server(folder, appendonly="yes", appendfsync="always") as server:
        yield server


@contextmanager
def _server(folder: Path, **options: str | int) -> Iterator[Server]:
    server = Server(free_ports(1)[0], folder, **options)
    try:
        wait_until(lambda: bool(server.ask("PING")))
        yield server
    finally:
        server.kill()


@contextmanager
def primary_and_replica(folder: Path, *, durable: bool = True) -> Iterator[tuple[Server, Server]]:
    """A primary and its replica; durable ones keep on disk what they are told."""
    start = durable_server if durable else _server
    with start(folder / "primary") as primary, start(folder / "replica") as replica:
        replica.ask("REPLICAOF", "127.0.0.1", primary.port)
        wait_until(lambda: replica.info("replication", "master_link_status") == "up")
        yield primary, replica


def change_places(name: OneName, primary: Server, replica: Server) -> None:
    """The replica is promoted with all that was written, the primary is made its replica."""
    primary.ask("CLIENT", "PAUSE", 60_000, "WRITE")
    wait_until(
        lambda: (
            replica.info("replication", "slave_repl_offset")
            == primary.info("replication", "master_repl_offset")
        )
    )
    replica.ask("REPLICAOF", "NO", "ONE")
    name.lead_to(replica.port)
    primary.ask("REPLICAOF", "127.0.0.1", replica.port)
    primary.ask("CLIENT", "UNPAUSE")
    wait_until(lambda: primary.info("replication", "master_link_status") == "up")


class Node(Server):
    """One server of a cluster."""

    def __init__(self, port: int, folder: Path, *, fails_over: bool = True) -> None:
        super().__init__(
            port,
            folder,
            cluster_enabled="yes",
            cluster_node_timeout=_NODE_TIMEOUT_MS,
            cluster_replica_validity_factor=0,
            cluster_replica_no_failover="no" if fails_over else "yes",
        )


class Cluster:
    """Three primaries and a replica of the first."""

    def __init__(self, folder: Path, *, fails_over: bool) -> None:
        self.nodes = [
            Node(port, folder / str(index), fails_over=fails_over)
            for index, port in enumerate(ports_for_a_cluster())
        ]
        wait_until(lambda: all(self._answers(node) for node in self.nodes))
        *primaries, replica = self.nodes
        share = _SLOTS // len(primaries) + 1
        for index, node in enumerate(primaries):
            slots = range(index * share, min((index + 1) * share, _SLOTS))
            node.ask("CLUSTER", "ADDSLOTS", *slots)
        for node in self.nodes[1:]:
            node.ask("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)
        wait_until(lambda: all(self._knows(node, len(self.nodes)) for node in self.nodes))
        replica.ask("CLUSTER", "REPLICATE", primaries[0].ask("CLUSTER", "MYID"))
        self.wait_until_whole()

    @property
    def url(self) -> str:
        return f"redis+cluster://127.0.0.1:{self.nodes[1].port}"

    def pair(self) -> tuple[Node, Node]:
        """The primary that has a replica, and its replica; they may have changed places."""
        first, last = self.nodes[0], self.nodes[-1]
        return (first, last) if first.info("replication", "role") == "master" else (last, first)

    def slots_of(self, node: Node) -> range:
        """The slots a primary serves."""
        (first, last) = next(
            (entry[0], entry[1])
            for entry in self.nodes[1].ask("CLUSTER", "SLOTS")
            if entry[2][1] == node.port
        )
        return range(first, last + 1)

    @contextmanager
    def moving(self, slot: int, source: Node, target: Node) -> Iterator[None]:
        """Move a slot, with its keys; in the meantime its keys are moved and it is not yet."""
        names = {node: node.ask("CLUSTER", "MYID") for node in (source, target)}
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", names[source])
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", names[target])
        self._move_keys(slot, source, target)
        yield
        self._move_keys(slot, source, target)
        # The target first, or the slot would be nobody's for a moment.
        for node in (target, source, *self.nodes):
            if node.info("replication", "role") == "master":
                node.ask("CLUSTER", "SETSLOT", slot, "NODE", names[target])

    def _move_keys(self, slot: int, source: Node, target: Node) -> None:
        while keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 100):
            address = ("127.0.0.1", target.port)
            source.ask("MIGRATE", *address, "", 0, 5000, "REPLACE", "KEYS", *keys)

    @contextmanager
    def another(self, folder: Path) -> Iterator[Node]:
        """One more primary, which serves no slots: none may be left in it in the end."""
        port = next(port for port in ports_for_a_cluster())
        node = Node(port, folder)
        try:
            wait_until(lambda: self._answers(node))
            node.ask("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)
            everybody = [*self.nodes, node]
            wait_until(lambda: all(self._knows(each, len(everybody)) for each in everybody))
            wait_until(lambda: "cluster_state:ok" in str(node.ask("CLUSTER", "INFO")))
            yield node
        finally:
            name = node.ask("CLUSTER", "MYID")
            node.kill()
            for each in self.nodes:
                each.ask("CLUSTER", "FORGET", name)

    def wait_until_whole(self) -> None:
        """All slots are served, and the replica is in touch with its primary."""

        def whole() -> bool:
            if not all(
                "cluster_state:ok" in str(node.ask("CLUSTER", "INFO")) for node in self.nodes
            ):
                return False
            roles = {node.info("replication", "role") for node in (self.nodes[0], self.nodes[-1])}
            _, replica = self.pair()
            return (
                roles == {"master", "slave"}
                and replica.info("replication", "master_link_status") == "up"
            )

        wait_until(whole)

    def stop(self) -> None:
        for node in self.nodes:
            node.kill()

    def _answers(self, node: Node) -> bool:
        return bool(node.ask("PING"))

    def _knows(self, node: Node, count: int) -> bool:
        return f"cluster_known_nodes:{count}" in str(node.ask("CLUSTER", "INFO"))


def ports_for_a_cluster() -> list[int]:
    """Ports whose bus ports, 10,000 above, exist and are free too."""
    ports: list[int] = []
    while len(ports) < 4:
        ports += [port for port in free_ports(4) if port not in ports and _is_free(port + 10_000)]
    return ports[:4]


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except (OSError, OverflowError):  # taken, or there is no such port
            return False
    return True


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _WAITING_SECONDS
    while True:
        try:
            if condition():
                return
        except (RedisError, StopIteration):
            pass
        assert time.monotonic() < deadline, "the cluster did not get there"
        time.sleep(0.05)


@contextmanager
def running_cluster(*, fails_over: bool = True) -> Iterator[Cluster]:
    """Start a cluster; stop it in the end.

    Args:
        fails_over: whether its replica takes over by itself. A primary that a busy machine does not
            let run for a second is as good as dead, and the replica may lack what it was told last.
    """
    with tempfile.TemporaryDirectory(prefix="hadir-cluster-") as folder:
        cluster = Cluster(Path(folder), fails_over=fails_over)
        try:
            yield cluster
        finally:
            cluster.stop()
