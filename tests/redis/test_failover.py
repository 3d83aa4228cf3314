"""A node of the cluster dies; the replica that takes over may not have heard the last writes."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from redis.crc import key_slot

from hadir.domain.errors import MembershipUnavailable
from hadir.domain.identity import Identity, SessionRef, UserType
from hadir.domain.status import ConnectionStatus
from hadir.membership.client import connect
from hadir.membership.keys import bans_keys, identity_key, session_keys
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Admission, Opening
from hadir.membership.scripts import AnyRedis
from tests.conftest import Clock
from tests.redis.test_membership import CLOSED, events, identity, ref
from tests.redis_cluster import Cluster, Node, wait_until
from tests.soak import only_in_soak


@pytest.fixture
def client(cluster: Cluster) -> Iterator[AnyRedis]:
    client = connect(cluster.url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def membership(client: AnyRedis) -> Membership:
    return Membership(client)


@pytest.fixture
def pair(cluster: Cluster) -> Iterator[tuple[Node, Node]]:
    """A primary and its replica; whole again afterwards."""
    primary, replica = cluster.pair()
    yield primary, replica
    for node in (primary, replica):
        if node.process.poll() is not None:
            node.restart()
    cluster.wait_until_whole()


def session_on(cluster: Cluster, node: Node) -> SessionRef:
    """A new session that lives on ``node``."""
    slots = cluster.slots_of(node)
    while True:
        session = ref(str(uuid.uuid4()))
        if key_slot(session_keys(session)[0].encode()) in slots:
            return session


def id_of_key_on(cluster: Cluster, node: Node, key: Callable[[str], str]) -> str:
    """An id whose key lives on ``node``."""
    slots = cluster.slots_of(node)
    return next(each for each in map(str, count()) if key_slot(key(each).encode()) in slots)


def fail_over(cluster: Cluster, primary: Node, replica: Node) -> None:
    """Kill the primary; the replica takes over."""
    primary.kill()
    replica.go_on()
    wait_until(lambda: replica.info("replication", "role") == "master")
    others = [node for node in cluster.nodes if node is not primary]
    wait_until(lambda: all("cluster_state:ok" in str(n.ask("CLUSTER", "INFO")) for n in others))


def join(membership: Membership, session: SessionRef, connection_id: str, user_id: str) -> int:
    """Admit, open and announce; the version of the event."""
    membership.admit(connection_id, identity(user_id, session))
    batch = membership.open(connection_id, session).batch
    assert batch is not None
    membership.settle(batch, more=False)
    return batch.events[-1].version


def test_a_failover_that_loses_writes_begins_a_new_epoch(
    cluster: Cluster, membership: Membership, pair: tuple[Node, Node]
) -> None:
    primary, replica = pair
    session = session_on(cluster, primary)
    assert join(membership, session, "a1", "admin_1") == 1
    assert membership.admit("c1", identity("customer_1", session)).is_in
    assert membership.open("c1", session).batch  # dies here: version 2 is pending
    time.sleep(0.2)
    before = membership.session(session)
    replica.pause()
    primary.ask("CLIENT", "KILL", "TYPE", "replica")  # or what it has not read would arrive yet
    membership.admit("c2", identity("customer_2", session))
    membership.open("c2", session)
    lost = membership.leave("c1", session, CLOSED)
    assert lost.remaining == 2
    assert membership.session(session).version == 4

    fail_over(cluster, primary, replica)
    after = membership.session(session)
    assert after.version == before.version == 2  # two events and who they were about are forgotten

    # The clients saw version 4 of the old epoch: what comes now must not look seen.
    membership.admit("c3", identity("customer_3", session))
    batch = membership.open("c3", session).batch
    assert batch is not None
    assert batch.session.epoch > before.epoch
    assert [(version, user_id) for version, _, user_id in events(batch)] == [
        (2, "customer_1"),
        (3, "customer_3"),
    ]
    assert batch.recovered_up_to == 2
    # Who has seen no more than this node knows has missed nothing; of the others nobody can say.
    known, _ = membership.history.missed(session, before.epoch, 1, 10)
    assert known is not None
    assert [event.version for event in known] == [2, 3]
    assert membership.history.missed(session, before.epoch, 4, 10)[0] is None
    assert membership.settle(batch, more=True) is None

    # Whom the failover forgot comes back with their next word, and who had left leaves again.
    assert membership.open("c2", session, heard=True).outcome is Opening.UNKNOWN
    membership.admit("c2", identity("customer_2", session))
    membership.open("c2", session, heard=True)
    membership.leave("c1", session, CLOSED)
    people = ConnectionStatus.of(membership.session(session)).people
    assert {each.person.user_id for each in people} == {"admin_1", "customer_2", "customer_3"}


def test_an_announcer_from_before_the_failover_changes_nothing(
    cluster: Cluster, membership: Membership, pair: tuple[Node, Node]
) -> None:
    primary, replica = pair
    session = session_on(cluster, primary)
    join(membership, session, "a1", "admin_1")
    membership.admit("c1", identity("customer_1", session))
    old = membership.open("c1", session).batch
    assert old is not None
    time.sleep(0.2)
    fail_over(cluster, primary, replica)

    assert membership.settle(old, more=True) is None

    batch = membership.claim(session)
    assert batch is not None
    assert [user_id for _, _, user_id in events(batch)] == ["customer_1"]


def test_joins_and_leaves_go_on_through_a_failover(
    cluster: Cluster, membership: Membership, pair: tuple[Node, Node]
) -> None:
    primary, replica = pair
    sessions = [session_on(cluster, primary) for _ in range(3)]
    sessions.append(session_on(cluster, cluster.nodes[1]))
    stop = threading.Event()
    failures: list[BaseException] = []
    refused = [0]

    def until_done(call: object, *args: object) -> object:
        """As API Gateway's retries and the next event would."""
        while True:
            try:
                return call(*args)  # type: ignore[operator]
            except MembershipUnavailable:
                refused[0] += 1
                time.sleep(0.02)

    def come_and_go(session: SessionRef) -> None:
        admin = identity("admin_1", session)
        number = 0
        try:
            until_done(membership.admit, "a1", admin)
            until_done(membership.open, "a1", session)
            while not stop.is_set():
                connection_id, who = f"c{number}", identity(f"customer_{number}", session)
                until_done(membership.admit, connection_id, who)
                until_done(membership.open, connection_id, session)
                until_done(membership.leave, connection_id, session, CLOSED)
                number += 1
        except BaseException as error:  # noqa: BLE001 (whatever it is, the test fails by it)
            failures.append(error)

    threads = [threading.Thread(target=come_and_go, args=(each,)) for each in sessions]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    fail_over(cluster, primary, replica)
    time.sleep(0.5)
    stop.set()
    for thread in threads:
        thread.join(60)

    assert failures == []
    assert refused[0] > 0
    for session in sessions:
        # A heartbeat, as clients send them; and whoever a lost write left behind is found gone.
        if membership.open("a1", session, heard=True).outcome is Opening.UNKNOWN:
            membership.admit("a1", identity("admin_1", session))
            membership.open("a1", session, heard=True)
        for member in membership.sockets(session):
            if member.connection_id != "a1":
                membership.leave(member.connection_id, session, CLOSED)
        known = membership.session(session)
        assert [member.connection_id for member in membership.sockets(session)] == ["a1"]
        events, _ = membership.history.missed(session, known.epoch, known.version, 10)
        assert events == ()


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("go_away", "come_back"),
    [
        pytest.param(Node.kill, Node.restart, id="dead"),
        pytest.param(Node.pause, Node.go_on, id="hung", marks=only_in_soak),
    ],
)
def test_a_shard_that_is_away_holds_up_no_other(
    cluster: Cluster,
    client: AnyRedis,
    clock: Clock,
    go_away: Callable[[Node], None],
    come_back: Callable[[Node], None],
) -> None:
    membership = Membership(client, clock=clock)
    replicated, replica = cluster.pair()
    away = next(node for node in cluster.nodes if node not in (replicated, replica))
    elsewhere = [session_on(cluster, replicated) for _ in range(3)]
    there = session_on(cluster, away)
    tenant = id_of_key_on(cluster, away, lambda each: bans_keys(each)[0])
    in_tenant = id_of_key_on(
        cluster, replicated, lambda each: session_keys(SessionRef(tenant, each))[0]
    )
    new = id_of_key_on(cluster, replicated, identity_key)
    unrecorded = id_of_key_on(cluster, away, identity_key)
    for number, session in enumerate([*elsewhere, there]):
        membership.admit(f"c{number}", identity("customer_1", session))
        membership.open(f"c{number}", session)  # dies here: its event is pending
    for node in cluster.nodes:
        node.ask("CONFIG", "SET", "cluster-require-full-coverage", "no")
    try:
        go_away(away)
        clock.pass_seconds(11)  # the announcers' leases run out
        due = membership.leases.due(10)

        assert set(due.sessions) == set(elsewhere)
        assert 50 < due.unanswered < 120
        for session in elsewhere:
            assert membership.claim(session) is not None
        with pytest.raises(MembershipUnavailable):
            membership.claim(there)
        who = Identity(in_tenant, "customer_2", UserType.CUSTOMER, tenant)
        assert membership.admit(new, who) is Admission.ADMITTED
        with pytest.raises(MembershipUnavailable):  # so that announce asks again later
            membership.identities.is_banned(who.session, who.person)
        assert membership.open(new, who.session).outcome is Opening.JOINED
        assert membership.admit(unrecorded, who) is Admission.ADMITTED
        assert membership.open(unrecorded, who.session).outcome is Opening.ADDED
        membership.leave_each([unrecorded, new], who.session, CLOSED)
        assert membership.sockets(who.session) == ()
        assert membership.identities.of(new) is None
    finally:
        come_back(away)
        cluster.wait_until_whole()
        for node in cluster.nodes:
            node.ask("CONFIG", "SET", "cluster-require-full-coverage", "yes")
