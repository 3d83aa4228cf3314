"""Agents who watch all sessions while functions die, sockets are cut and Redis fails over.

People come, go, speak, and their sessions are assigned.
At the end, when nothing happens any more, each console's table must equal Redis, whatever it
missed, and however it got there: by frames, by its heartbeats, or by connecting again.
"""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hadir.announcer import Announcer
from hadir.domain.delivery import Delivery, Outcome
from hadir.domain.errors import MembershipUnavailable
from hadir.domain.identity import Identity, Person, SessionRef, UserType
from hadir.domain.session import Batch
from hadir.membership.client import connect
from hadir.membership.membership import Membership
from tests.conftest import Clock
from tests.one_name import OneName
from tests.redis.consoles import DESK, Console, agent, truth
from tests.redis.sweeping import Platform, sweeper_of
from tests.redis.talking import conversation_of, said
from tests.redis.test_announcer import TEN_SECONDS
from tests.redis.test_membership import CLOSED, identity, ref
from tests.redis_cluster import Server, primary_and_replica, wait_until
from tests.soak import SOAK

BOSS = Person(UserType.ADMIN, "boss")
WATCHERS = 20
SESSIONS = 2000
STEPS = 20_000 if SOAK else 400


class Died(Exception):
    """The function was killed."""


class Sockets:
    """API Gateway on a bad day: it loses frames, and functions die while they post."""

    def __init__(self, chance: random.Random) -> None:
        self.inboxes: dict[str, list[bytes]] = {}
        self.trouble = 0.0
        self._chance = chance

    def post(self, mail: Mapping[str, Sequence[bytes]], seconds: float) -> dict[str, Delivery]:
        self._perhaps_die()
        made = {to: self._deliver(to, frames) for to, frames in mail.items()}
        self._perhaps_die()
        return made

    def _deliver(self, to: str, frames: Sequence[bytes]) -> Delivery:
        inbox = self.inboxes.get(to)
        if inbox is None:
            return Delivery(Outcome.GONE, 0, 410)
        if self._chance.random() < self.trouble:
            return Delivery(Outcome.FAILED, 0, 429)
        inbox += frames
        return Delivery(Outcome.DELIVERED, len(frames), 200)

    def _perhaps_die(self) -> None:
        if self._chance.random() < self.trouble / 4:
            raise Died


class Town:
    """People who come and go in many sessions, and agents who watch them all."""

    def __init__(self, membership: Membership, clock: Clock, seed: int) -> None:
        self.membership = membership
        self.clock = clock
        self.chance = random.Random(seed)
        self.sockets = Sockets(self.chance)
        self.announcer = Announcer(membership, self.sockets)
        self.conversation = conversation_of(membership, self.announcer, self._close)
        self.platform = Platform()
        self._ids: dict[Console, str] = {}
        self._agents: dict[Console, Identity] = {}
        self._people: list[tuple[str, SessionRef]] = []
        self._number = 0

    def fill(self) -> None:
        for number in range(SESSIONS):
            self._come(ref(f"s{number}"))

    def add_console(self) -> Console:
        def ask(request: dict[str, Any]) -> None:
            connection_id = self._ids[console]
            with suppress(Died, MembershipUnavailable):
                self.conversation.answer(
                    said(connection_id, request),
                    self._agents[console],
                    self.clock(),
                    TEN_SECONDS,
                )

        console = Console(ask)
        self._agents[console] = agent(f"agent_{len(self._agents)}")
        self.connect(console)
        return console

    def connect(self, console: Console) -> None:
        """A new socket for a console, which goes on from its position."""
        self._number += 1
        connection_id = f"w{self._number}"
        self._ids[console] = connection_id
        self.sockets.inboxes[connection_id] = []
        with suppress(Died, MembershipUnavailable):
            self.membership.admit(connection_id, self._agents[console])
            self._announce(self.membership.open(connection_id, DESK).batch)
        console.start()

    def cut(self, console: Console) -> None:
        """Its socket is gone; perhaps without a `$disconnect`."""
        connection_id = self._ids[console]
        self.sockets.inboxes.pop(connection_id, None)
        self.platform.gone.add(connection_id)
        if self.chance.random() < 0.5:
            with suppress(Died, MembershipUnavailable):
                self._announce(self.membership.leave(connection_id, DESK, CLOSED).batch)

    def beat(self, console: Console) -> None:
        """Its heartbeat; a console whose socket was closed connects anew first."""
        if self._ids[console] not in self.sockets.inboxes:
            self.connect(console)
        console.beat()

    def step(self) -> None:
        session = ref(f"s{self.chance.randrange(SESSIONS)}")
        with suppress(Died, MembershipUnavailable):
            dice = self.chance.random()
            if not self._people or dice < 0.4:
                self._come(session)
            elif dice < 0.8:
                self._go(self.chance.randrange(len(self._people)))
            elif dice < 0.9:
                connection_id, session = self.chance.choice(self._people)
                who = identity("customer_1", session)
                self._announce(self.membership.say(connection_id, who, "hi", "").batch)
            else:
                _, session = self.chance.choice(self._people)
                taken = self.membership.assignments.assign(session, "agent_1", None, by=BOSS)
                self._announce(taken.batch)

    def deliver(self) -> None:
        """Let the consoles take what has come to their sockets."""
        for console, connection_id in self._ids.items():
            inbox = self.sockets.inboxes.get(connection_id, [])
            while inbox:
                console.take(json.loads(inbox.pop(0)))

    def sweep(self) -> None:
        self.clock.pass_seconds(11)
        sweeper = sweeper_of(self.membership, self.platform, self.sockets)  # type: ignore[arg-type]
        with suppress(Died, MembershipUnavailable):
            sweeper.sweep(TEN_SECONDS)

    def _come(self, session: SessionRef) -> None:
        self._number += 1
        connection_id = f"c{self._number}"
        self.sockets.inboxes[connection_id] = []
        who = identity(f"customer_{self._number}", session)
        if self.membership.admit(connection_id, who).is_in:
            self._people.append((connection_id, session))
            self._announce(self.membership.open(connection_id, session).batch)

    def _go(self, place: int) -> None:
        connection_id, session = self._people.pop(place)
        self.sockets.inboxes.pop(connection_id, None)
        self.platform.gone.add(connection_id)
        self._announce(self.membership.leave(connection_id, session, CLOSED).batch)

    def _announce(self, batch: Batch | None) -> None:
        self.announcer.announce(batch, TEN_SECONDS)

    def _close(self, connection_id: str) -> None:
        self.sockets.inboxes.pop(connection_id, None)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    with primary_and_replica(tmp_path, durable=False) as both:
        yield both


def fail_over(name: OneName, primary: Server, replica: Server) -> None:
    """The replica takes over, without what it has not heard."""
    primary.kill()
    replica.go_on()
    wait_until(lambda: replica.info("server", "redis_version") != "")
    replica.ask("REPLICAOF", "NO", "ONE")
    name.lead_to(replica.port)
    name.cut()


@pytest.mark.timeout(600)
def test_every_table_equals_redis_in_the_end(servers: tuple[Server, Server]) -> None:
    primary, replica = servers
    name = OneName(primary.port)
    client = connect(name.url)
    clock = Clock()
    town = Town(Membership(client, clock=clock), clock, seed=13)
    town.fill()
    consoles = [town.add_console() for _ in range(WATCHERS)]
    town.deliver()
    town.sockets.trouble = 0.05

    for number in range(STEPS):
        if number == STEPS // 2:
            replica.pause()
            primary.ask("CLIENT", "KILL", "TYPE", "replica")
        if number == STEPS * 5 // 8:
            clock.pass_seconds(5)
            fail_over(name, primary, replica)
        town.step()
        if number % 10 == 0:
            town.deliver()
        if number % 40 == 0:
            town.beat(town.chance.choice(consoles))
        if number % 100 == 0:
            console = town.chance.choice(consoles)
            town.cut(console)
            town.connect(console)
        if number % 100 == 0:
            town.sweep()

    town.sockets.trouble = 0.0
    for _ in range(3):
        town.sweep()
        for console in consoles:
            town.beat(console)
        town.deliver()
    known = truth(town.membership, [*(f"s{number}" for number in range(SESSIONS)), "desk"])
    assert len(known) > SESSIONS / 2
    for console in consoles:
        assert console.occupied() == known
    name.stop()
    client.close()
