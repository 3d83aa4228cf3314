"""Every order of everything, on the real scripts: two people, three connections, one crash.

From each state every step that could come next is taken: admit, open, leave, an open or a leave
that comes twice, a leave before its admit, posting, posting that does not reach one of the sockets,
settling, the sweep's claim, and an announcer's death before posting or before settling. States that
are alike are visited once. After each step the status must be the model's, people must be what a
count of their sockets says, and what each connection was told must be in order, twice only as
recovered, or a status in its place; whenever nobody is left who would tell anything, nothing may be
missing.

A repetition, a death and a post that is missed each have a run of their own; `make soak` takes all
of them together.
"""

import multiprocessing
import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from redis import Redis

from hadir.domain.session import Batch, PresenceEvent
from hadir.membership.keys import session_keys, tombstone_key
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Admission
from tests.conftest import Clock
from tests.redis.test_membership import CLOSED, SESSION, identity

USERS = {"c1": "customer_1", "c2": "customer_1", "c3": "admin_1"}
KEYS = [*session_keys(SESSION), *(tombstone_key(SESSION, connection) for connection in USERS)]
NEW, ADMITTED, OPEN, LEFT = "new", "admitted", "open", "left"

Told = tuple[tuple[int, str], ...]
"""Versions, and how each was told: ``event``, ``recovered``, or a ``status`` that reflects it."""


@dataclass(frozen=True)
class Announcer:
    """Somebody who holds a batch."""

    batch: Batch
    posted: bool = False
    missed: str = ""


@dataclass(frozen=True)
class State:
    """The world between two steps; ``redis`` holds what Redis holds."""

    phases: tuple[str, ...] = (NEW, NEW, NEW)
    since: tuple[int, ...] = (0, 0, 0)
    told: tuple[Told, ...] = ((), (), ())
    announcers: tuple[Announcer, ...] = ()
    repeats_left: int = 1
    crashes_left: int = 1
    misses_left: int = 1
    orphaned: bool = False
    redis: tuple[bytes | None, ...] = field(default=(None,) * len(KEYS), compare=False)


# Half the time of as many commands from Python.
SAVE = """
local found = {}
for i, key in ipairs(KEYS) do found[i] = redis.call('DUMP', key) end
table.insert(found, redis.call('HGETALL', KEYS[1]))
table.insert(found, redis.call('HGETALL', KEYS[2]))
table.insert(found, redis.call('XRANGE', KEYS[4], '-', '+'))
table.insert(found, redis.call('HGETALL', KEYS[3]))
return found
"""
RESTORE = """
redis.call('DEL', unpack(KEYS))
for i, key in ipairs(KEYS) do
    if ARGV[i] ~= '' then redis.call('RESTORE', key, 3600000, ARGV[i]) end
end
"""


class World:
    """Takes steps on real Redis."""

    def __init__(self, url: str) -> None:
        self.clock = Clock()
        self.raw = Redis.from_url(url)
        self.membership = Membership(Redis.from_url(url, decode_responses=True), clock=self.clock)
        self.start = self.clock.now
        self._save = self.raw.register_script(SAVE)
        self._restore = self.raw.register_script(RESTORE)

    def enter(self, state: State) -> None:
        self._restore(KEYS, [dump or b"" for dump in state.redis])
        # Time matters to one thing here: whether a dead announcer's lease has run out.
        self.clock.now = self.start

    def look(self, state: State) -> tuple[State, Any]:
        """The state with what Redis holds now, checked, and what tells it from others."""
        *dumps, session, members, events, present = self._save(KEYS)
        fields, connections, people = (
            dict(zip(flat[::2], flat[1::2], strict=True)) for flat in (session, members, present)
        )
        self.check(state, fields, connections, people)
        for random in (b"token", b"epoch", b"lineage", b"until"):
            if random in fields:
                fields[random] = b"?"
        held = tuple(
            (
                each.batch.events,
                each.batch.recovered_up_to,
                each.posted,
                each.missed,
                each.batch.sockets,
                frozenset(each.batch.behind),
            )
            for each in state.announcers
        )
        mark = (
            replace(state, announcers=()),
            held,
            frozenset(fields.items()),
            frozenset(connections.items()),
            tuple((entry_id, tuple(entry)) for entry_id, entry in events),
        )
        return replace(state, redis=tuple(dumps)), mark

    def steps(self, state: State) -> list[tuple[str, str]]:
        names = []
        for connection, phase in zip(USERS, state.phases, strict=True):
            # The two of one person are interchangeable: the first to come is called c1.
            if phase == NEW and not (connection == "c2" and state.phases[0] == NEW):
                names.append(("admit", connection))
                if state.repeats_left:
                    names.append(("overtake", connection))
            if phase == ADMITTED:
                names.append(("open", connection))
            if phase in (ADMITTED, OPEN):
                names.append(("leave", connection))
            if phase in (OPEN, LEFT) and state.repeats_left:
                names.append(("repeat", connection))
        for index, announcer in enumerate(state.announcers):
            names.append(("settle" if announcer.posted else "post", str(index)))
            if state.misses_left and not announcer.posted:
                sockets = (socket.connection_id for socket in announcer.batch.sockets)
                names += [("miss", f"{index} {each}") for each in sockets]
            if state.crashes_left:
                names.append(("die", str(index)))
        if state.orphaned and not state.announcers:
            names.append(("claim", ""))
        return names

    def take(self, state: State, what: str, whom: str) -> State:
        """Do one step; the state after it, without what Redis holds."""
        if what in ("admit", "open", "leave", "overtake", "repeat"):
            return getattr(self, f"_{what}")(state, whom, list(USERS).index(whom))  # type: ignore[no-any-return]
        if what == "claim":
            self.clock.pass_seconds(11)
            return self._announced_by(
                replace(state, orphaned=False), self.membership.claim(SESSION)
            )
        index, _, missed = whom.partition(" ")
        return self._announce(state, what, int(index), missed)

    def _announce(self, state: State, what: str, index: int, missed: str) -> State:
        announcer = state.announcers[index]
        others = state.announcers[:index] + state.announcers[index + 1 :]
        if what == "die":
            crashes = state.crashes_left - 1
            return replace(state, announcers=others, crashes_left=crashes, orphaned=True)
        if what in ("post", "miss"):
            posted = replace(announcer, posted=True, missed=missed)
            return replace(
                state,
                told=self._post(state, announcer.batch, missed),
                announcers=(*others, posted),
                misses_left=state.misses_left - bool(missed),
            )
        missing = [announcer.missed] if announcer.missed else []
        batch = self.membership.settle(announcer.batch, missed=missing, more=True)
        # Whoever missed something is owed the status: somebody will claim.
        state = replace(state, announcers=others, orphaned=state.orphaned or bool(missing))
        return self._announced_by(state, batch)

    def _admit(self, state: State, connection: str, index: int) -> State:
        admitted = self.membership.admit(connection, identity(USERS[connection]))
        assert admitted is Admission.ADMITTED
        return replace(state, phases=_with(state.phases, index, ADMITTED))

    def _overtake(self, state: State, connection: str, index: int) -> State:
        """``$disconnect`` before ``$connect``, which then finds the tombstone."""
        left = self.membership.leave(connection, SESSION, CLOSED)
        admitted = self.membership.admit(connection, identity(USERS[connection]))
        assert admitted is Admission.LEFT
        state = replace(
            state,
            phases=_with(state.phases, index, LEFT),
            repeats_left=state.repeats_left - 1,
        )
        return self._announced_by(state, left.batch)

    def _open(self, state: State, connection: str, index: int) -> State:
        batch = self.membership.open(connection, SESSION).batch
        (since,) = (
            m.since for m in self.membership.sockets(SESSION) if m.connection_id == connection
        )
        state = replace(
            state,
            phases=_with(state.phases, index, OPEN),
            since=_with(state.since, index, since),
        )
        return self._announced_by(state, batch)

    def _leave(self, state: State, connection: str, index: int) -> State:
        left = self.membership.leave(connection, SESSION, CLOSED)
        # What it was told was checked as it was told, and matters no more.
        state = replace(
            state,
            phases=_with(state.phases, index, LEFT),
            told=_with(state.told, index, ()),
            since=_with(state.since, index, 0),
        )
        return self._announced_by(state, left.batch)

    def _repeat(self, state: State, connection: str, index: int) -> State:
        """The last thing that happened to the connection happens again."""
        state = replace(state, repeats_left=state.repeats_left - 1)
        if state.phases[index] == OPEN:
            return self._announced_by(state, self.membership.open(connection, SESSION).batch)
        left = self.membership.leave(connection, SESSION, CLOSED)
        return self._announced_by(state, left.batch)

    def _announced_by(self, state: State, batch: Batch | None) -> State:
        if batch is None:
            return state
        assert not state.announcers, "two announcers in one session"
        return replace(state, announcers=(Announcer(batch),))

    def _post(self, state: State, batch: Batch, missed: str) -> tuple[Told, ...]:
        told = list(state.told)
        for member in batch.sockets:
            index = list(USERS).index(member.connection_id)
            if state.phases[index] == LEFT or member.connection_id == missed:
                continue  # 410: it cannot be told any more; or it was not reached in time
            if member.connection_id in batch.behind:
                told[index] += ((batch.session.version, "status"),)
                continue
            for event in batch.events:
                assert isinstance(event, PresenceEvent)
                if event.version >= member.since:
                    how = "recovered" if event.version <= batch.recovered_up_to else "event"
                    told[index] += ((event.version, how),)
        return tuple(told)

    def check(
        self,
        state: State,
        fields: dict[bytes, bytes],
        connections: dict[bytes, bytes],
        people: dict[bytes, bytes],
    ) -> None:
        records = (record.decode().split() for record in connections.values())
        counted = Counter(person for person, since, *_ in records if since != "0")
        kept = {name.decode(): int(each.split()[1]) for name, each in people.items()}
        assert kept == counted, "people are not what a count of their sockets says"
        assert counted == Counter(
            str(identity(user).person)
            for user, phase in zip(USERS.values(), state.phases, strict=True)
            if phase == OPEN
        )
        for told, since in zip(state.told, state.since, strict=True):
            seen = since - 1
            for version, how in told:
                if how != "status":
                    assert version >= since
                    assert version == seen + 1 or (how == "recovered" and version <= seen)
                seen = max(seen, version)
        if state.announcers or state.orphaned:
            return
        # Nobody is about to tell anything: all has been told to everybody who is there.
        version = int(fields.get(b"version", 0))
        assert int(fields.get(b"announced", 0)) == version
        for phase, told, since in zip(state.phases, state.told, state.since, strict=True):
            if phase == OPEN:
                reflected = max((v for v, how in told if how == "status"), default=0)
                versions = {v for v, _ in told} | set(range(since, reflected + 1))
                assert versions - {0} >= set(range(since, version + 1))
                assert max(versions, default=0) <= version


def _with(values: tuple[Any, ...], index: int, value: Any) -> tuple[Any, ...]:
    return (*values[:index], value, *values[index + 1 :])


SOAK = bool(os.environ.get("HADIR_SOAK"))
BUDGETS = [(1, 1, 1)] if SOAK else [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
"""Repetitions, deaths and posts that are missed, each in a run of its own."""


def test_every_interleaving(redis_url: str) -> None:
    """Each budget in a process, and a database, of its own."""
    context = multiprocessing.get_context("spawn")
    urls = [f"{redis_url}/{number}" for number in range(1, len(BUDGETS) + 1)]
    with ProcessPoolExecutor(len(BUDGETS), mp_context=context) as pool:
        for states, steps in pool.map(explore, urls, *zip(*BUDGETS, strict=True)):
            print(f"\n{states:,} states, {steps:,} steps between them")
            assert states > 5_000


def explore(redis_url: str, repeats: int, crashes: int, misses: int) -> tuple[int, int]:
    """Visit every state; how many there are, and steps between them."""
    world = World(redis_url)
    world.raw.flushdb()
    first, mark = world.look(State(repeats_left=repeats, crashes_left=crashes, misses_left=misses))
    todo, visited, steps = [first], {mark}, 0
    while todo:
        state = todo.pop()
        for what, whom in world.steps(state):
            world.enter(state)
            after, mark = world.look(world.take(state, what, whom))
            steps += 1
            if mark not in visited:
                visited.add(mark)
                todo.append(after)
    return len(visited), steps
