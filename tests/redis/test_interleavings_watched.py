"""Every order of what a watched, assigned session goes through, on the real scripts.

A customer comes and leaves; two admins, one of them inside, take the session and give it back; the
other watches all sessions, and may vanish. Whoever records an event announces it to those inside
and then in the feed, step by step: post, settle, claim the feed, read what it points to, post,
settle the feed. In between anybody else may take a step, the announcer may die, and a frame to the
watcher may be lost. From each state every step that could come next is taken; states that are alike
are visited once.

After each step, whoever has the session is whom the model says, and who came second is told so.
Whenever nobody is left who would tell anything, nothing is due, and the watcher, once it has sent a
heartbeat, knows what Redis knows; without it, unless a frame was lost or it has just begun.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from redis import Redis

from hadir.domain.feeds import FeedBatch
from hadir.domain.identity import Identity
from hadir.domain.session import Batch, Session
from hadir.membership.keys import session_keys, tombstone_key
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Assigning
from local.embedded_redis import embedded_redis
from tests.conftest import Clock
from tests.redis.consoles import feed_of
from tests.redis.test_membership import CLOSED, SESSION, identity, join, ref
from tests.redis.visiting import visit_all, visit_side_by_side
from tests.soak import SOAK

AMY, BEN = identity("amy"), identity("ben", ref("desk"))
ADMINS = {"amy": AMY, "ben": BEN}
KEYS = [*session_keys(SESSION), tombstone_key(SESSION, "c1")]
AGENDA, WATCH, FEED = KEYS[10], KEYS[15], KEYS[16]
PARTITION = feed_of(SESSION).partition
ABSENT, PRESENT, LEFT = "absent", "present", "left"
NOT_YET, ASKED, WATCHING, GONE = "not yet", "asked", "watching", "gone"

Row = tuple[int, frozenset[str], str]
"""What the watcher knows of the session: version, who is there, who has it."""


@dataclass(frozen=True)
class Announcer:
    """Somebody who has something to tell, and how far they are."""

    batch: Batch | None
    is_posted: bool = False
    feed: bool = False
    pending: FeedBatch | None = None
    row: Row | None = None
    is_fed: bool = False


@dataclass(frozen=True)
class State:
    """The world between two steps; ``redis`` holds what Redis holds."""

    customer: str = ABSENT
    holder: str = ""
    watcher: str = NOT_YET
    position: int = 0
    row: Row = (0, frozenset(), "")
    may_be_behind: bool = False
    announcers: tuple[Announcer, ...] = ()
    assigns_left: int = 0
    comes_left: int = 0
    leaves_left: int = 0
    vanishings_left: int = 0
    crashes_left: int = 0
    losses_left: int = 0
    orphaned: bool = False
    sweeps: int = 0
    redis: tuple[bytes | None, ...] = field(default=(), compare=False)


class World:
    """Takes steps on real Redis."""

    def __init__(self, url: str) -> None:
        self.clock = Clock()
        self.raw = Redis.from_url(url)
        self.membership = Membership(Redis.from_url(url, decode_responses=True), clock=self.clock)
        self.feeds = self.membership.watching.feeds
        self.start = self.clock.now
        join(self.membership, "a1", "amy")

    def enter(self, state: State) -> None:
        pipeline = self.raw.pipeline(transaction=False)
        pipeline.delete(*KEYS)
        for key, dump in zip(KEYS, state.redis, strict=True):
            if dump:
                pipeline.restore(key, 3_600_000, dump)
        pipeline.execute()
        self.clock.now = self.start + state.sweeps * 11_000

    def look(self, state: State) -> tuple[State, Any]:
        """The state with what Redis holds now, checked, and what tells it from others."""
        pipeline = self.raw.pipeline(transaction=False)
        for key in KEYS:
            pipeline.dump(key)
        for key in (*KEYS[:3], WATCH):
            pipeline.hgetall(key)
        pipeline.zrange(AGENDA, 0, -1)
        *dumps, session, connections, people, watch, agenda = pipeline.execute()
        self.check(state, session, agenda)
        for fields in (session, watch):
            for random in (b"token", b"until", b"epoch"):
                if random in fields:
                    fields[random] = b"?"
        known = (session, connections, people, watch)
        held = tuple(
            (
                each.batch and (each.batch.events, each.batch.recovered_up_to),
                each.pending and (each.pending.pointers, each.pending.watchers),
                replace(each, batch=None, pending=None),
            )
            for each in state.announcers
        )
        mark = (
            replace(state, announcers=()),
            held,
            *(frozenset(each.items()) for each in known),
        )
        return replace(state, redis=tuple(dumps)), mark

    def check(self, state: State, fields: dict[bytes, bytes], agenda: list[bytes]) -> None:
        assert fields.get(b"assigned", b"").decode().partition("/")[2] == state.holder
        if state.announcers or state.orphaned:
            return
        assert agenda == []
        assert fields[b"announced"] == fields[b"version"]
        if state.watcher != WATCHING:
            return
        serial = int(self.raw.hget(WATCH, "serial") or 0)
        assert state.may_be_behind or state.position == serial
        assert self._beat(state).row == _row(self.membership.session(SESSION))

    def steps(self, state: State) -> list[tuple[str, str]]:
        names = [("come", "")] * (state.customer == ABSENT and state.comes_left)
        names += [("leave", "")] * (state.customer == PRESENT and state.leaves_left)
        names += [("watch", "")] * (state.watcher == NOT_YET)
        names += [("read the first page", "")] * (state.watcher == ASKED)
        names += [("vanish", "")] * (state.watcher == WATCHING and state.vanishings_left)
        if state.assigns_left:
            names += [("take", who) for who in ADMINS]
            names += [("give back", state.holder)] * bool(state.holder)
        for index, announcer in enumerate(state.announcers):
            names.append(("go on", str(index)))
            if state.losses_left and announcer.row and not announcer.is_fed:
                names.append(("lose", str(index)))
            if state.crashes_left:
                names.append(("die", str(index)))
        if state.orphaned and not state.announcers:
            names.append(("sweep", ""))
        return names

    def take(self, state: State, what: str, whom: str) -> State:
        match what:
            case "come":
                self.membership.admit("c1", identity("customer_1"))
                batch = self.membership.open("c1", SESSION).batch
                return self._told_by(replace(state, customer=PRESENT), batch)
            case "leave":
                batch = self.membership.leave("c1", SESSION, CLOSED).batch
                return self._told_by(replace(state, customer=LEFT, leaves_left=0), batch)
            case "take" | "give back":
                return self._assign(state, ADMINS[whom], what == "take")
            case "watch":
                _, places, _ = self.feeds.watch("w1", BEN, {PARTITION: 0})
                is_announcing = any(each.pending for each in state.announcers)
                return replace(
                    state,
                    watcher=ASKED,
                    position=places[PARTITION][0],
                    may_be_behind=is_announcing or state.orphaned,
                )
            case "read the first page":
                row = _row(self.membership.session(SESSION))
                return replace(state, watcher=WATCHING, row=max(row, state.row, key=_version))
            case "vanish":
                return replace(state, watcher=GONE, vanishings_left=0)
            case "sweep":
                self.clock.now += 11_000  # whoever held a lease has lost it
                batch = self.membership.claim(SESSION)
                told = Announcer(batch, feed=True)
                return replace(state, orphaned=False, sweeps=state.sweeps + 1, announcers=(told,))
        index = int(whom)
        others = state.announcers[:index] + state.announcers[index + 1 :]
        if what == "die":
            left = state.crashes_left - 1
            return replace(state, announcers=others, crashes_left=left, orphaned=True)
        announcer = state.announcers[index]
        if what == "lose":
            state = replace(state, losses_left=state.losses_left - 1, may_be_behind=True)
            after: Announcer | None = replace(announcer, is_fed=True)
        else:
            state, after = self._go_on(state, announcer)
        return replace(state, announcers=(*others, after) if after else others)

    def _assign(self, state: State, by: Identity, is_taken: bool) -> State:
        done = self.membership.assignments.assign(
            SESSION, by.user_id if is_taken else None, None, by=by.person
        )
        if state.holder and state.holder != by.user_id:
            assert done.outcome is Assigning.CONFLICT
            assert (done.holder and done.holder.user_id) == state.holder
            return state
        is_same = state.holder == (by.user_id if is_taken else "")
        assert done.outcome is (Assigning.UNCHANGED if is_same else Assigning.ASSIGNED)
        holder = by.user_id if is_taken else ""
        state = replace(state, holder=holder, assigns_left=state.assigns_left - 1)
        return self._told_by(state, done.batch)

    def _told_by(self, state: State, batch: Batch | None) -> State:
        if batch is None:
            return state
        announcer = Announcer(batch if batch.token else None, feed=batch.feed is not None)
        return replace(state, announcers=(*state.announcers, announcer))

    def _go_on(self, state: State, told: Announcer) -> tuple[State, Announcer | None]:
        """The announcer takes its next step; None: it has told everything."""
        if told.batch and not told.is_posted:
            return state, replace(told, is_posted=True)
        if told.batch:
            batch = self.membership.settle(told.batch, more=True)
            feed = told.feed or bool(batch and batch.feed)
            batch = batch if batch and batch.token else None
            done = Announcer(batch, feed=feed)
            return state, done if batch or feed else None
        if told.pending is None:
            pending = self.feeds.claim(feed_of(SESSION))
            return state, replace(told, pending=pending) if pending else None
        if told.row is None:
            found = self.feeds.read(SESSION.tenant, told.pending.pointers)
            session, _ = found[SESSION.session_id]
            return state, replace(told, row=_row(session))
        if not told.is_fed:
            return self._deliver(state, told.pending, told.row), replace(told, is_fed=True)
        gone = ["w1"] if state.watcher == GONE and "w1" in told.pending.watchers else []
        pending = self.feeds.settle(told.pending, gone=gone, more=True)
        return state, Announcer(None, feed=True, pending=pending) if pending else None

    def _deliver(self, state: State, pending: FeedBatch, row: Row) -> State:
        """The frame reaches the watcher, if it was known when the batch was handed out."""
        if "w1" not in pending.watchers or state.watcher not in (ASKED, WATCHING):
            return state
        state = replace(state, row=max(row, state.row, key=_version))
        if state.position < pending.before:
            assert state.may_be_behind, "a gap that nothing explains"
            return self._beat(state)
        return replace(state, position=max(state.position, pending.announced))

    def _beat(self, state: State) -> State:
        """The watcher finds at a heartbeat what it has missed."""
        known = {PARTITION: state.position}
        _, _, (missed,) = self.feeds.watch("w1", BEN, known)
        if missed.pointers is None:
            row = _row(self.membership.session(SESSION))
        elif missed.pointers:
            session, _ = self.feeds.read(SESSION.tenant, missed.pointers)[SESSION.session_id]
            row = _row(session)
        else:
            row = state.row
        return replace(state, row=max(row, state.row, key=_version), position=missed.serial)


def _row(session: Session) -> Row:
    people = frozenset(str(each.person) for each in session.people)
    return session.version, people, session.holder.user_id if session.holder else ""


def _version(row: Row) -> int:
    return row[0]


COMES_AND_GOES = {"comes_left": 1, "leaves_left": 1}
EVERY_DAY: tuple[dict[str, Any], ...] = (
    {**COMES_AND_GOES, "crashes_left": 1},
    {**COMES_AND_GOES, "vanishings_left": 1},
    {"comes_left": 1, "assigns_left": 1, "losses_left": 1},
    {"assigns_left": 1, "crashes_left": 1},
    {"assigns_left": 2},
)
"""What may happen, and how often, each in a run of its own."""

BEFORE_A_RELEASE: tuple[dict[str, Any], ...] = (
    {"comes_left": 1, "assigns_left": 1, "crashes_left": 1},
    {**COMES_AND_GOES, "crashes_left": 1, "losses_left": 1, "vanishings_left": 1},
    {"comes_left": 1, "assigns_left": 2},
    {"assigns_left": 2, "crashes_left": 2},
)


def test_every_interleaving_while_somebody_watches() -> None:
    """Each run in a process, and on a Redis, of its own."""
    visit_side_by_side(explore, BEFORE_A_RELEASE if SOAK else EVERY_DAY, least=200)


def explore(budget: dict[str, Any]) -> tuple[int, int]:
    """Visit every state; how many there are, and steps between them."""
    with embedded_redis() as url:
        return visit_all(World(url), State(**budget))
