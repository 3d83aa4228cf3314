"""Every order of everything, on the real scripts: two people, three connections, one crash.

From each state every step that could come next is taken: admit, open, leave, an open or a leave
that comes twice, a leave before its admit, posting, posting that does not reach one of the sockets,
settling, the sweep's claim, an announcer's death before posting or before settling, a socket that
says that its user is away, Redis being full (`noeviction`) for a while, and the promotion of a
replica that knows all that was written. States that are alike are visited once. After each step the
status must be the model's, people must be what a count of their sockets says, leases and indexes
must name who is there and nobody else, and what each connection was told must be in order, twice
only as recovered, or a status in its place; whenever nobody is left who would tell anything,
nothing may be missing, and nothing be due.

A repetition, a death, a person who is away, a post that is missed, and what happens to Redis each
have runs of their own, with a connection less. `make soak` takes all three, and more together.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from redis import Redis

from hadir.domain.errors import MembershipUnavailable
from hadir.domain.session import Batch, PresenceEvent, StateEvent
from hadir.membership.keys import session_keys, tombstone_key
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Admission
from local.embedded_redis import embedded_redis
from tests.conftest import Clock
from tests.redis.test_membership import CLOSED, SESSION, identity
from tests.redis.visiting import visit_all, visit_side_by_side
from tests.soak import SOAK

USERS = {"c1": "customer_1", "c2": "customer_1", "c3": "admin_1"}
KEYS = [*session_keys(SESSION), *(tombstone_key(SESSION, connection) for connection in USERS)]
NEW, ADMITTED, OPEN, LEFT = "new", "admitted", "open", "left"

AWAYS = 8
"""Which word of a person's record lists their sockets that are away."""

REFUSED_WHEN_FULL = ("admit", "open", "away")
"""What may fail then: who was refused comes or says it again, who could not be opened speaks."""


@dataclass(frozen=True)
class Announcer:
    """Somebody who holds a batch, and in which of the session's lives they got it."""

    batch: Batch
    life: int
    posted: bool = False
    missed: str = ""


@dataclass(frozen=True)
class State:
    """The world between two steps; ``redis`` holds what Redis holds.

    A connection knows of everything from ``since`` to ``known``, and no longer takes what is told
    in a life of the session before ``told_in``. ``aways``: which sockets say that they are away.
    """

    phases: tuple[str, ...] = (NEW, NEW, NEW)
    since: tuple[int, ...] = (0, 0, 0)
    known: tuple[int, ...] = (0, 0, 0)
    told_in: tuple[int, ...] = (0, 0, 0)
    aways: frozenset[str] = frozenset()
    announcers: tuple[Announcer, ...] = ()
    aways_left: int = 0
    repeats_left: int = 0
    crashes_left: int = 0
    misses_left: int = 0
    fillings_left: int = 0
    promotions_left: int = 0
    orphaned: bool = False
    full: bool = False
    life: int = 0
    redis: tuple[bytes | None, ...] = field(default=(None,) * len(KEYS), compare=False)

    @property
    def is_busy(self) -> bool:
        """Whether somebody is about to tell something, or will have to look."""
        return bool(self.announcers) or self.orphaned


# Half the time of as many commands from Python.
SAVE = """
local found = {}
for i, key in ipairs(KEYS) do found[i] = redis.call('DUMP', key) end
table.insert(found, redis.call('HGETALL', KEYS[1]))
table.insert(found, redis.call('HGETALL', KEYS[2]))
local announced = redis.call('HGET', KEYS[1], 'announced') or '0'
table.insert(found, redis.call('XRANGE', KEYS[4], '(' .. announced, '+'))
table.insert(found, redis.call('HGETALL', KEYS[3]))
for i = 9, 13 do table.insert(found, redis.call('ZRANGE', KEYS[i], 0, -1)) end
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
        self._is_full = False

    def enter(self, state: State) -> None:
        self._fill(False)
        self._restore(KEYS, [dump or b"" for dump in state.redis])
        self._fill(state.full)
        # Time matters to one thing here: whether a dead announcer's lease has run out.
        self.clock.now = self.start

    def look(self, state: State) -> tuple[State, Any]:
        """The state with what Redis holds now, checked, and what tells it from others."""
        *dumps, session, members, pending, present, leases, failing, agenda, occupied, there = (
            self._save(KEYS)
        )
        fields, connections, people = (
            dict(zip(flat[::2], flat[1::2], strict=True)) for flat in (session, members, present)
        )
        if not any(each.life < state.life for each in state.announcers):
            state = replace(state, told_in=(state.life,) * len(USERS))
        self.check(state, fields, connections, people)
        assert leases == [f"{SESSION} {each.decode()}".encode() for each in sorted(connections)]
        assert [len(occupied), len(there), failing] == [bool(people), len(people), []]
        assert state.is_busy or agenda == []
        for random in (b"token", b"epoch", b"until"):
            if random in fields:
                fields[random] = b"?"
        fields[b"lineage"] = b"another" if fields.get(b"lineage") == b"another" else b""
        fields.pop(b"earlier", None)
        held = tuple(
            (
                each.batch.events,
                each.batch.recovered_up_to,
                each.posted,
                each.missed,
                each.life,
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
            frozenset(people.items()),
            tuple((entry_id, tuple(entry)) for entry_id, entry in pending),
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
            if phase == OPEN and state.aways_left and connection not in state.aways:
                names.append(("away", connection))
            if phase in (OPEN, LEFT) and state.repeats_left:
                names.append(("repeat", connection))
        for index, announcer in enumerate(state.announcers):
            names.append(("settle" if announcer.posted else "post", str(index)))
            if state.misses_left and not announcer.posted:
                sockets = (socket.connection_id for socket in announcer.batch.sockets)
                names += [("miss", f"{index} {each}") for each in sockets]
            if state.crashes_left:
                names.append(("die", str(index)))
        if state.orphaned and not any(each.life == state.life for each in state.announcers):
            names.append(("claim", ""))
        return names + self._steps_of_redis(state)

    def _steps_of_redis(self, state: State) -> list[tuple[str, str]]:
        names = []
        if state.full:
            names.append(("make room", ""))
        elif state.fillings_left:
            names.append(("fill", ""))
        if state.promotions_left and state.announcers:
            names.append(("promote", ""))
        return names

    def take(self, state: State, what: str, whom: str) -> State:
        """Do one step; the state after it, without what Redis holds."""
        try:
            return self._take(state, what, whom)
        except MembershipUnavailable:
            assert state.full
            assert what in REFUSED_WHEN_FULL
            return state

    def _take(self, state: State, what: str, whom: str) -> State:
        if what in ("fill", "make room"):
            full = what == "fill"
            self._fill(full)
            return replace(state, full=full, fillings_left=state.fillings_left - full)
        if what == "promote":
            return self._promote(state)
        if what in ("admit", "open", "leave", "overtake", "repeat", "away"):
            return getattr(self, f"_{what}")(state, whom, list(USERS).index(whom))  # type: ignore[no-any-return]
        if what == "claim":
            # By now whoever held the announcing lease has lost it, and what is owed is due.
            self.clock.now = int(self.raw.hget(KEYS[0], "until") or self.start) + 11_000
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
                self._post(state, announcer, missed),
                announcers=(*others, posted),
                misses_left=state.misses_left - bool(missed),
            )
        missing = [announcer.missed] if announcer.missed else []
        batch = self.membership.settle(announcer.batch, missed=missing, more=True)
        # Whoever missed something is owed the status: somebody will claim.
        state = replace(state, announcers=others, orphaned=state.orphaned or bool(missing))
        return self._announced_by(state, batch)

    def _fill(self, full: bool) -> None:
        if full != self._is_full:
            self.raw.config_set("maxmemory", int(full))
            self._is_full = full

    def _promote(self, state: State) -> State:
        """The data are another node's from now on; who announces does not know."""
        self._fill(False)
        if self.raw.exists(KEYS[0]):
            self.raw.hset(KEYS[0], "lineage", "another")
        self._fill(state.full)
        return replace(
            state,
            life=state.life + 1,
            promotions_left=state.promotions_left - 1,
            orphaned=state.orphaned or bool(state.announcers),
        )

    def _admit(self, state: State, connection: str, index: int) -> State:
        admitted = self.membership.admit(connection, identity(USERS[connection]))
        assert admitted is Admission.ADMITTED
        return replace(state, phases=_with(state.phases, index, ADMITTED))

    def _overtake(self, state: State, connection: str, index: int) -> State:
        """``$disconnect`` before ``$connect``, which then finds the tombstone."""
        left = self.membership.leave(connection, SESSION, CLOSED)
        try:
            admitted = self.membership.admit(connection, identity(USERS[connection]))
            assert admitted is Admission.LEFT
        except MembershipUnavailable:
            assert state.full
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
            known=_with(state.known, index, since - 1),
        )
        return self._announced_by(state, batch)

    def _leave(self, state: State, connection: str, index: int) -> State:
        left = self.membership.leave(connection, SESSION, CLOSED)
        state = replace(
            state,
            phases=_with(state.phases, index, LEFT),
            known=_with(state.known, index, 0),
            told_in=_with(state.told_in, index, 0),
            since=_with(state.since, index, 0),
            aways=state.aways - {connection},
        )
        return self._announced_by(state, left.batch)

    def _away(self, state: State, connection: str, _: int) -> State:
        done = self.membership.states.set(connection, SESSION, {"away": True})
        state = replace(state, aways=state.aways | {connection}, aways_left=state.aways_left - 1)
        return self._announced_by(state, done.batch)

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
        assert not any(each.life == state.life for each in state.announcers), "two announcers"
        return replace(state, announcers=(*state.announcers, Announcer(batch, state.life)))

    def _post(self, state: State, announcer: Announcer, missed: str) -> State:
        batch, known, told_in = announcer.batch, list(state.known), list(state.told_in)
        for member in batch.sockets:
            index = list(USERS).index(member.connection_id)
            if state.phases[index] == LEFT or member.connection_id == missed:
                continue  # 410: it cannot be told any more; or it was not reached in time
            if announcer.life < told_in[index]:
                continue
            told_in[index] = announcer.life
            if member.connection_id in batch.behind:
                known[index] = max(known[index], batch.session.version)
                continue
            for event in batch.events:
                assert isinstance(event, PresenceEvent | StateEvent)
                if event.version < member.since:
                    continue
                is_new = event.version == known[index] + 1
                assert is_new or event.version <= min(known[index], batch.recovered_up_to)
                known[index] = max(known[index], event.version)
        return replace(state, known=tuple(known), told_in=tuple(told_in))

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
        listed = (each.decode().split()[AWAYS:] for each in people.values())
        aways = [away for words in listed for word in words for away in word.split(",") if away]
        assert sorted(aways) == sorted(state.aways), "not those who said so, or not once"
        for each in self.membership.session(SESSION).people:
            theirs = {away for away in state.aways if USERS[away] == each.person.user_id}
            is_away = bool(theirs) and len(theirs) == each.sockets
            assert each.state.get("away", False) == is_away
        assert int(fields.get(b"open", 0)) == counted.total()
        assert counted == Counter(
            str(identity(user).person)
            for user, phase in zip(USERS.values(), state.phases, strict=True)
            if phase == OPEN
        )
        if state.is_busy:
            return
        # Nobody is about to tell anything: all has been told to everybody who is there.
        version = int(fields.get(b"version", 0))
        assert int(fields.get(b"announced", 0)) == version
        for phase, known in zip(state.phases, state.known, strict=True):
            assert known == version or phase != OPEN


def _with(values: tuple[Any, ...], index: int, value: Any) -> tuple[Any, ...]:
    return (*values[:index], value, *values[index + 1 :])


ONE_TAB, TWO_TABS = (NEW, LEFT, NEW), (NEW, NEW, LEFT)
EVERY_DAY: tuple[dict[str, Any], ...] = (
    {"repeats_left": 1, "phases": TWO_TABS},
    {"crashes_left": 1, "phases": ONE_TAB},
    {"crashes_left": 1, "phases": TWO_TABS},
    {"aways_left": 2, "phases": TWO_TABS},
    {"misses_left": 1, "phases": ONE_TAB},
    {"fillings_left": 1, "repeats_left": 1, "phases": ONE_TAB},
    {"fillings_left": 1, "crashes_left": 1, "phases": ONE_TAB},
    {"promotions_left": 1, "phases": ONE_TAB},
)
"""What may happen, and how often, each in a run of its own."""

BEFORE_A_RELEASE: tuple[dict[str, Any], ...] = (
    {"crashes_left": 1},
    {"repeats_left": 1, "crashes_left": 1, "misses_left": 1},
    {"crashes_left": 1, "fillings_left": 1},
    {"aways_left": 2, "crashes_left": 1, "fillings_left": 1, "phases": TWO_TABS},
    {"aways_left": 2, "repeats_left": 1, "phases": TWO_TABS},
    {"misses_left": 1, "fillings_left": 1, "promotions_left": 1, "phases": ONE_TAB},
)


def test_every_interleaving() -> None:
    """Each run in a process, and on a Redis, of its own."""
    visit_side_by_side(explore, BEFORE_A_RELEASE if SOAK else EVERY_DAY, least=100)


def explore(budget: dict[str, Any]) -> tuple[int, int]:
    """Visit every state; how many there are, and steps between them."""
    with embedded_redis() as url:
        return visit_all(World(url), replace(State(), **budget))
