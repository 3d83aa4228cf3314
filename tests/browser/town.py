"""Customers of many sessions, of whom a desk is told: they come, go, write and look away.

They are recorded and announced as the functions do it, by the same code on the same Redis; only
their sockets are none, since two thousand browsers do not fit on one machine. What is posted to a
desk goes through the gateway. It all runs in a process of its own.
"""

import multiprocessing
import random
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.synchronize import Event

from awscrt.auth import AwsCredentialsProvider
from redis import Redis

from hadir.announcer import Announcer
from hadir.connections.management import ManagementApi
from hadir.connections.poster import Poster
from hadir.domain.delivery import Delivery, Outcome
from hadir.domain.identity import DEFAULT_TENANT, Identity, SessionRef, UserType
from hadir.domain.session import Batch
from hadir.membership.membership import Membership
from tests.redis.talking import conversation_of, said
from tests.redis.test_announcer import TEN_SECONDS
from tests.redis.test_membership import CLOSED

PREFIX = "many"
_SOCKET = f"{PREFIX}-socket-"
_PAGES = ("/", "/kopi", "/checkout", "/help")


class _OnlyDesks:
    """Posts to the sockets that are there, and takes what is for the customers'."""

    def __init__(self, endpoint: str) -> None:
        credentials = AwsCredentialsProvider.new_static("key", "a secret")
        self._poster = Poster(ManagementApi(endpoint, "eu-west-1", credentials))

    def post(self, mail: Mapping[str, Sequence[bytes]], seconds: float) -> Mapping[str, Delivery]:
        desks = {to: frames for to, frames in mail.items() if not to.startswith(_SOCKET)}
        taken = {
            to: Delivery(Outcome.DELIVERED, len(frames), 200, 0)
            for to, frames in mail.items()
            if to not in desks
        }
        return {**taken, **self._poster.post(desks, seconds)} if desks else taken


class _Town:
    def __init__(self, redis_url: str, endpoint: str, sessions: int) -> None:
        self.membership = Membership(Redis.from_url(redis_url, decode_responses=True))
        self.announcer = Announcer(self.membership, _OnlyDesks(endpoint))
        self.conversation = conversation_of(self.membership, self.announcer, lambda _: None)
        self.names = [f"{PREFIX}-{number}" for number in range(sessions)]
        self.here: dict[str, str] = {}
        self.sockets = 0

    def _who(self, name: str) -> Identity:
        return Identity(name, f"visitor-{name}", UserType.CUSTOMER)

    def join(self, name: str) -> None:
        self.sockets += 1
        socket, who = f"{_SOCKET}{self.sockets}", self._who(name)
        self.here[name] = socket
        assert self.membership.admit(socket, who).is_in
        self._announce(self.membership.open(socket, who.session).batch)

    def leave(self, name: str) -> None:
        session = SessionRef(DEFAULT_TENANT, name)
        self._announce(self.membership.leave(self.here.pop(name), session, CLOSED).batch)

    def say(self, name: str, **request: object) -> None:
        socket, now = self.here[name], int(time.time() * 1000)
        self.conversation.answer(said(socket, request), self._who(name), now, TEN_SECONDS)

    def happen(self, chance: random.Random) -> None:
        """Something that a desk is told of."""
        name = chance.choice(self.names)
        if name not in self.here:
            self.join(name)
        elif chance.random() < 0.2:
            self.leave(name)
        elif chance.random() < 0.4:
            self.say(name, action="message", text="Is anybody there?")
        else:
            state = {"page": chance.choice(_PAGES), "name": name, "away": chance.random() < 0.3}
            self.say(name, action="set_state", state=state)

    def _announce(self, batch: Batch | None) -> None:
        self.announcer.announce(batch, TEN_SECONDS)


def _run(
    redis_url: str,
    endpoint: str,
    sessions: int,
    each_second: int,
    told: Event,
    go: Event,
    end: Event,
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us ends us
    town = _Town(redis_url, endpoint, sessions)
    for name in town.names:
        town.join(name)
    told.set()
    go.wait()
    chance = random.Random(1)
    due = time.monotonic()
    while not end.is_set():
        due += 1 / each_second
        time.sleep(max(due - time.monotonic(), 0))
        town.happen(chance)


@contextmanager
def town(
    redis_url: str, endpoint: str, *, sessions: int, each_second: int
) -> Iterator[tuple[Event, Event]]:
    """Sessions with a customer each.

    Yields two events: set the first, and so many things happen each second; set the second, and no
    more do, by the time that the block is left.
    """
    context = multiprocessing.get_context("spawn")
    told, go, end = context.Event(), context.Event(), context.Event()
    process = context.Process(
        target=_run, args=(redis_url, endpoint, sessions, each_second, told, go, end), daemon=True
    )
    process.start()
    try:
        while not told.wait(0.1):
            assert process.is_alive(), "the town has died"
        yield go, end
        end.set()
        process.join(30)
        assert process.exitcode == 0
    finally:
        go.set()
        end.set()
        process.join(10)
        process.kill()
