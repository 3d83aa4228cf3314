"""Many people in many sessions, who come and go while nothing works as it should.

A fifth of all `$disconnect` events is never delivered, sockets are cut without a close frame, and
function processes are killed at random.
"""

import asyncio
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from gateway.tests.aws import aws
from tests.conftest import OPEN, PATH_FORM
from tests.running_gateway import ROOT, RunningGateway, running_gateway
from tests.system.people import new_session, status_of

SESSIONS = 40
LEASE_SECONDS = 5
SWEEP_SECONDS = 60
"""The schedule's; here the sweep is called more often, so that the test is over sooner."""

_BEAT_SECONDS = 2
_ANSWERING_SECONDS = 10
_DEPARTURES = 45
_SETTLING_SECONDS = 150


class Person:
    """A client as `web/hadir.js` is one: it beats, comes back, and asks for what it missed.

    Attributes:
        known: the epoch and version up to which it was told everything.
        lost_history: once it came back too late to be told what it missed.
        answers: to its beats, so many.
    """

    def __init__(self, hadir: RunningGateway, session: str, user_id: str) -> None:
        self.user_id = user_id
        self.status: dict[str, Any] | None = None
        self.known: tuple[str, int] = ("", 0)
        self.has_come_back = False
        self.lost_history = False
        self.answers = 0
        self.told: dict[tuple[str, int], dict[str, Any]] = {}
        self.told_twice: list[dict[str, Any]] = []
        self.left_told_at: dict[str, float] = {}
        self._told_once: set[tuple[str, int]] = set()
        self._position: tuple[str, int] = ("", -1)
        self._asked_at = -float("inf")
        self._url = f"{hadir.ws}/ws/{session}/{user_id}/{user_id.partition('_')[0]}"
        self._socket: ClientConnection | None = None
        self._life = asyncio.create_task(self._live())

    async def leave(self, *, cut: bool) -> None:
        self._life.cancel()
        with suppress(asyncio.CancelledError):
            await self._life
        if self._socket and cut:
            self._socket.transport.abort()
        elif self._socket:
            await self._socket.close()

    async def _live(self) -> None:
        while True:
            try:
                self._socket = await connect(self._url, open_timeout=60, ping_interval=None)
            except (InvalidHandshake, OSError, TimeoutError):
                await asyncio.sleep(random.uniform(0, 1))
                continue
            beating = asyncio.create_task(self._beat(self._socket))
            self._asked_at = -float("inf")
            try:
                if self.status:
                    self.has_come_back = True
                    await self._sync(self._socket)
                async for frame in self._socket:
                    if self._take(json.loads(frame)):
                        await self._sync(self._socket)
            finally:
                beating.cancel()

    async def _beat(self, socket: ClientConnection) -> None:
        await asyncio.sleep(random.uniform(0, _BEAT_SECONDS))
        with suppress(ConnectionClosed):
            while True:
                await socket.send('{"action":"heartbeat"}')
                await asyncio.sleep(_BEAT_SECONDS)

    async def _sync(self, socket: ClientConnection) -> None:
        """Ask for what did not come, unless that is being answered."""
        if time.monotonic() < self._asked_at + _ANSWERING_SECONDS:
            return
        self._asked_at = time.monotonic()
        epoch, version = self.known
        since = {"epoch": epoch, "version": version}
        with suppress(ConnectionClosed):
            await socket.send(json.dumps({"action": "sync", "since": since}))

    def _take(self, frame: dict[str, Any]) -> bool:
        """Remember what a frame says; whether it shows that something has not come."""
        data = frame.get("data", {})
        if frame.get("type") == "heartbeat_ack":
            self.answers += 1
            latest = (data.get("epoch", ""), data.get("version", 0))
            return bool(self.status) and latest > self.known
        if frame.get("type") not in ("connection_status_update", "events"):
            return False
        is_answer = "recovered" in data and "event_type" not in data
        if is_answer:
            self._asked_at = -float("inf")
            self.lost_history |= self.has_come_back and not data["recovered"]
        if frame["type"] == "connection_status_update":
            position = (data["epoch"], data["status_version"])
            if position >= self._position:
                self._position, self.status = position, data["connection_status"]
        told = data.get("events") or ([data] if "event_type" in data else [])
        if any(self._hear(data["epoch"], event) for event in told):
            return True  # and what is sent again begins with what is missing
        if is_answer or not self.known[0]:
            self.known = max(self.known, self._position)
        return False

    def _hear(self, epoch: str, event: dict[str, Any]) -> bool:
        """Remember what has happened; whether something has not come before it."""
        key = (epoch, event["version"])
        if self.known[0] and key > self.known and key[1] > self.known[1] + 1:
            return True
        self.known = max(self.known, key)
        # The answer to `sync` may overtake the first telling.
        if not event.get("recovered"):
            self.told_twice += [event] if key in self._told_once else []
            self._told_once.add(key)
        self.told.setdefault(key, event)
        if event["event_type"] == "user_disconnected":
            self.left_told_at.setdefault(event["event_user_id"], time.monotonic())
        return False


@dataclass
class Departure:
    """Somebody has left; ``stayed`` are those who must be told."""

    session: str
    user_id: str
    at: float
    stayed: list[Person]


class Crowd:
    """Everybody who is there, and everybody who has left."""

    def __init__(self, hadir: RunningGateway) -> None:
        self.hadir = hadir
        self.present: dict[str, list[Person]] = {new_session(): [] for _ in range(SESSIONS)}
        self.departures: list[Departure] = []
        self._coming = 0

    def come(self, session: str, kind: str = "customer") -> None:
        self._coming += 1
        self.present[session].append(Person(self.hadir, session, f"{kind}_{self._coming}"))

    async def come_or_leave(self) -> None:
        """Somebody does, somewhere; nobody leaves who is alone."""
        session = random.choice(list(self.present))
        here = self.present[session]
        if len(here) == 1 or random.random() < 0.4:
            self.come(session)
            return
        person = here.pop(random.randrange(len(here)))
        had_come = person.status is not None
        await person.leave(cut=random.random() < 0.5)
        # Of who had not come yet, nobody need be told that they left; nor need they be told.
        stayed = [other for other in here if other.status and had_come]
        self.departures.append(Departure(session, person.user_id, time.monotonic(), stayed))

    async def go_home(self) -> None:
        await asyncio.gather(*(p.leave(cut=False) for here in self.present.values() for p in here))

    async def all_are_answered(self) -> None:
        """Wait until everybody who is there was answered once more, or has left."""
        before = {p: p.answers for here in self.present.values() for p in here if p.status}
        await self._wait_until(
            "are answered",
            lambda _, person: person not in before or person.answers > before[person],
        )

    async def settle(self) -> None:
        """Wait until everybody knows who is there, and all that has happened."""
        users = {
            session: {person.user_id for person in here} for session, here in self.present.items()
        }
        await self._wait_until(
            "know who is there",
            lambda session, person: bool(
                person.status and set(person.status["users"]) == users[session]
            ),
        )
        truth = {session: status_of(self.hadir, session) for session in users}
        places = {session: (said["epoch"], said["version"]) for session, said in truth.items()}
        await self._wait_until(
            "know what has happened", lambda session, person: person.known == places[session]
        )

    async def _wait_until(self, what: str, reached: Callable[[str, Person], bool]) -> None:
        """Wait until all have reached it."""
        deadline = time.monotonic() + _SETTLING_SECONDS
        while True:
            await asyncio.sleep(0.1)
            others = [
                f"{person.user_id} in {session}"
                for session, here in self.present.items()
                for person in here
                if not reached(session, person)
            ]
            if not others:
                return
            assert time.monotonic() < deadline, f"not all {what}: {len(others)}, {others[:5]}"

    def check(self) -> None:
        """Everybody was told of every departure, once, and of none that was not."""
        longest, recovered, lost = 0.0, 0, 0
        reasons = Counter[str]()
        departed: dict[str, list[Departure]] = defaultdict(list)
        for departure in self.departures:
            departed[departure.session].append(departure)
        for session, here in self.present.items():
            truth = {person.user_id for person in here}
            assert set(status_of(self.hadir, session)["users"]) == truth
            for person in here:
                assert person.told_twice == []
                lost += person.lost_history
                left = [d for d in person.told.values() if d["event_type"] == "user_disconnected"]
                for data in left:
                    assert data["reason"]
                    assert data["evidence"]
                    recovered += "recovered" in data
                    reasons[data["reason"]] += 1
                    gone = data["event_user_id"]
                    assert gone not in truth, f"{gone} has not left ({data['reason']})"
                for departure in departed[session]:
                    told_at = person.left_told_at.get(departure.user_id)
                    if person in departure.stayed and not person.lost_history:
                        assert told_at, f"{person.user_id} was not told of {departure.user_id}"
                    if told_at:
                        longest = max(longest, told_at - departure.at)
        print(
            f"\n{len(self.departures)} departures, told as {dict(reasons)}, {recovered} of them "
            f"recovered; {lost} people came back too late to be told what they had missed; "
            f"the longest that anyone believed a ghost: {longest:.1f} s"
        )
        assert "heartbeat_timeout" not in reasons, "everybody beats as long as they are there"
        assert longest <= LEASE_SECONDS + SWEEP_SECONDS


async def _every(seconds: float, action: Callable[[], object]) -> None:
    while True:
        await asyncio.sleep(seconds)
        await asyncio.to_thread(action)


def _kill_some_function(hadir: RunningGateway) -> None:
    workers = psutil.Process(hadir.process.pid).children()
    with suppress(psutil.NoSuchProcess):
        random.choice(workers).kill()


async def _run(hadir: RunningGateway, what: Callable[[Crowd], Awaitable[None]]) -> None:
    functions = aws("lambda", hadir.invoke, read_timeout=70)
    sweeping = asyncio.create_task(
        _every(1, lambda: functions.invoke(FunctionName="SweepFunction", Payload=b"{}"))
    )
    crowd = Crowd(hadir)
    try:
        for session in crowd.present:
            for kind in ("customer", "agent", "admin"):
                crowd.come(session, kind)
            await asyncio.sleep(0.05)
        await crowd.settle()

        killing = asyncio.create_task(_every(0.3, lambda: _kill_some_function(hadir)))
        happening: asyncio.Future[None] | None = None
        while not (happening and happening.done()) or len(crowd.departures) < _DEPARTURES:
            if happening is None and len(crowd.departures) > _DEPARTURES / 3:
                happening = asyncio.ensure_future(what(crowd))
            await crowd.come_or_leave()
            await asyncio.sleep(random.uniform(0, 0.2))
        await happening
        killing.cancel()

        await crowd.settle()
        sweeping.cancel()
        crowd.check()
    finally:
        await crowd.go_home()


def amid_unrest(redis_url: str, what: Callable[[Crowd], Awaitable[None]]) -> None:
    """Let something happen in the middle of it all; in the end everybody must know the truth."""
    with running_gateway(
        ROOT / "template.yaml",
        *("--path", PATH_FORM),
        *("--fault", "lose-disconnect=0.2", "--max-workers", "4"),
        *("--parameter-overrides", *(f"{name}={value}" for name, value in OPEN.items())),
        f"RedisUrl={redis_url}",
        f"HeartbeatTimeoutSeconds={LEASE_SECONDS}",
        "LogLevel=WARNING",
    ) as hadir:
        asyncio.run(_run(hadir, what))
