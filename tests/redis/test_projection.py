"""Nothing tells a customer of another, by any way, where a deployment does not want that."""

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast
from unittest.mock import patch

import pytest
from redis import Redis

from hadir import bootstrap
from hadir.announcer import Announcer
from hadir.domain.delivery import Delivery, Outcome
from hadir.domain.grant import Grant
from hadir.domain.identity import DEFAULT_TENANT, Identity, UserType
from hadir.domain.limits import Limits
from hadir.domain.roles import CustomersSee
from hadir.domain.session import Batch
from hadir.doorman import Doorman
from hadir.membership.membership import Membership
from hadir.sweeper import Sweeper
from tests.conftest import Clock
from tests.redis.closing import one_by_one
from tests.redis.handlers import load
from tests.redis.sweeping import Platform
from tests.redis.talking import conversation_of, said
from tests.redis.test_announcer import TEN_SECONDS
from tests.redis.test_membership import CLOSED, SESSION
from tests.redis.test_rest import Api

CUSTOMERS = ("anna", "bert", "carl")
STAFF = {"amy": UserType.AGENT, "dora": UserType.AGENT, "boss": UserType.ADMIN}
TYPES = {**dict.fromkeys(CUSTOMERS, UserType.CUSTOMER), **STAFF}
HIDING = (CustomersSee.AGENTS, CustomersSee.COUNTS)
WIDE = Limits(1000, 5000, 1000, 10_000)
STEPS = 120


def who(name: str) -> Identity:
    """Somebody whose name is in all that is theirs."""
    return Identity(
        SESSION.session_id,
        f"{name}|id",
        TYPES[name],
        name=f"{name} of Ur",
        avatar=f"https://img.example/{name}.png",
    )


class Mail:
    """Everything posted, as bytes; refuses now and then."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.refuses = 0.0
        self.refused: set[str] = set()
        self.posted: dict[str, list[bytes]] = {}
        self.missed: set[str] = set()

    def post(self, mail: Mapping[str, Sequence[bytes]], _seconds: float) -> dict[str, Delivery]:
        made = {}
        for to, frames in mail.items():
            if to in self.refused or self.chance.random() < self.refuses:
                self.missed.add(to)
                made[to] = Delivery(Outcome.FAILED, 0, 429)
            else:
                self.posted.setdefault(to, []).extend(frames)
                made[to] = Delivery(Outcome.DELIVERED, len(frames), 200)
        return made

    def data(self, connection_id: str) -> list[dict[str, Any]]:
        return [json.loads(frame)["data"] for frame in self.posted.get(connection_id, [])]


class World:
    """A session in which everybody comes, speaks and goes."""

    def __init__(self, node: Redis, clock: Clock, sees: CustomersSee, seed: int = 0) -> None:
        self.chance = random.Random(seed)
        self.clock = clock
        grace = self.chance.choice([0, 5])
        self.membership = Membership(node, clock=clock, limits=WIDE, grace_seconds=grace)
        self.mail = Mail(random.Random(seed))
        self.announcer = Announcer(self.membership, self.mail, sees)
        self.platform = Platform()
        self.doorman = Doorman(
            self.membership, self.announcer, one_by_one(self._closed), lambda *_: None
        )
        self.conversation = conversation_of(self.membership, self.announcer, self._closed)
        self.sweeper = Sweeper(
            self.membership,
            self.platform,
            self.announcer,
            self.doorman,
            lambda: True,
            lambda _: None,
        )
        self.refusals = (0, 0, 0.3)
        self.sweep: Callable[[], object] = lambda: self.sweeper.sweep(TEN_SECONDS)
        self.sockets: dict[str, str] = {}
        self.owners: dict[str, str] = {}
        self.api = Api(node, clock)
        self.api.membership, self.api.customers_see = self.membership, sees
        self.answers: list[tuple[str, str]] = []

    def connect(self, name: str) -> str:
        connection_id = f"c{len(self.owners)}"
        assert self.membership.admit(connection_id, who(name)).is_in
        self.sockets[connection_id] = self.owners[connection_id] = name
        return connection_id

    def enter(self, name: str) -> str:
        """Connect, and open."""
        connection_id = self.connect(name)
        known = who(name)
        opened = self.membership.open(connection_id, SESSION, name=known.name, avatar=known.avatar)
        self.announce(opened.batch)
        return connection_id

    def say(self, connection_id: str, **request: object) -> None:
        name = self.sockets[connection_id]
        message = said(connection_id, request)
        self.conversation.answer(message, who(name), self.clock(), TEN_SECONDS)

    def announce(self, batch: Batch | None) -> None:
        self.announcer.announce(batch, TEN_SECONDS)

    def leave(self, connection_id: str) -> None:
        self.sockets.pop(connection_id, None)
        self.announce(self.membership.leave(connection_id, SESSION, CLOSED).batch)

    def ask(self, name: str, route: str, query: dict[str, str] | None = None) -> Any:
        """What somebody is answered by REST."""
        self.api.grant = Grant(
            DEFAULT_TENANT, who(name).user_id, TYPES[name], (SESSION.session_id,), 0
        )
        form = f"GET /api/session/{{session_id}}/{route}"
        _, answer = self.api.request(form, query, session_id=SESSION.session_id)
        self.answers.append((name, json.dumps(answer)))
        return answer

    def step(self) -> None:
        """Something happens."""
        chance = self.chance
        self.clock.pass_seconds(chance.choice([1, 1, 1, 6, 30]))
        self.mail.refuses = chance.choice(self.refusals)
        if len(self.sockets) < 4 or chance.random() < 0.15:
            chance.choice([self.connect, self.enter])(chance.choice([*TYPES]))
            return
        connection_id = chance.choice([*self.sockets])
        happens = chance.random()
        if happens < 0.1:
            self.leave(connection_id)
        elif happens < 0.2:
            self.sweep()
        elif happens < 0.25:
            self.look(chance.choice(["anna", "bert", "amy"]))
        else:
            self.say(connection_id, **self.request(self.sockets[connection_id]))

    def request(self, name: str) -> dict[str, Any]:
        """What somebody's client may send, with their name wherever it may put one."""
        chance, mine = self.chance, f"{name}-{self.chance.randrange(3)}"
        other, on = f"{chance.choice([*TYPES])}|id", chance.random() < 0.5
        epoch = self.membership.session(SESSION).epoch
        since = {"epoch": epoch, "version": max(chance.randrange(-5, STEPS), 0)}
        state = chance.choice([{"page": mine}, {"away": True}, {}])
        asked: dict[str, Any] = chance.choice(
            [
                {"action": "message", "text": "Hi", "client_id": mine},
                {"action": "message", "text": "Hello"},
                {"action": "typing", "on": on},
                *[{"action": "set_state", "state": state}] * 2,
                {"action": "assign", "user_id": f"{chance.choice([*STAFF])}|id"},
                {"action": "kick", "user_id": other, "reason": "Out"},
                *[{"action": "sync", "since": since}] * 2,
                {"action": "sync"},
                {"action": "heartbeat"},
                {"action": "nothing"},
            ]
        )
        return asked

    def look(self, name: str) -> None:
        """Somebody asks for all they can by REST."""
        version = str(max(self.chance.randrange(-5, STEPS), 0))
        self.ask(name, "connection-status")
        self.ask(name, "connection-status", {"at": version})
        self.ask(name, "events", {"since": version})

    def _closed(self, connection_id: str) -> None:
        self.sockets.pop(connection_id, None)
        self.announce(self.membership.leave(connection_id, SESSION, CLOSED).batch)


def hidden_from(name: str, sees: CustomersSee) -> set[str]:
    """Whose names must not be in anything that somebody is told."""
    if name in STAFF or sees is CustomersSee.EVERYBODY:
        return set()
    return (set(CUSTOMERS) if sees is CustomersSee.AGENTS else set(TYPES)) - {name}


def named_in(text: str) -> set[str]:
    return {name for name in TYPES if name in text}


@pytest.fixture
def world(node: Redis, clock: Clock, sees: CustomersSee) -> World:
    return World(node, clock, sees)


class TestRandomLives:
    """Whatever happens in a session."""

    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize("sees", HIDING)
    def test_nothing_names_another_customer(
        self, node: Redis, clock: Clock, sees: CustomersSee, seed: int
    ) -> None:
        world = World(node, clock, sees, seed)
        for _ in range(STEPS):
            world.step()

        staff_told: set[str] = set()
        for connection_id, frames in world.mail.posted.items():
            name = world.owners[connection_id]
            for frame in frames:
                text = frame.decode()
                assert not named_in(text) & hidden_from(name, sees), text
                staff_told |= named_in(text) if name in STAFF else set()
        for name, text in world.answers:
            assert not named_in(text) & hidden_from(name, sees), text
        assert len(staff_told & set(CUSTOMERS)) > 1, "there was nothing to hide"
        self.check_order(world)

    @pytest.mark.parametrize("seed", range(2))
    def test_agents_are_told_the_same_whatever_customers_see(self, node: Redis, seed: int) -> None:
        kinds = {sees: self.told_agents(node, sees, seed) for sees in CustomersSee}
        assert kinds[CustomersSee.AGENTS] == kinds[CustomersSee.EVERYBODY]
        assert kinds[CustomersSee.COUNTS] == kinds[CustomersSee.EVERYBODY]

    def told_agents(self, node: Redis, sees: CustomersSee, seed: int) -> dict[str, list[str]]:
        node.flushall()
        world = World(node, Clock(), sees, seed)
        world.refusals, world.sweep = (0, 0, 0), lambda: None  # which do not repeat themselves
        with patch.object(random, "randrange", lambda *_: 7):  # when to come back
            for _ in range(STEPS):
                world.step()
        epoch = world.membership.session(SESSION).epoch
        return {
            connection_id: [frame.decode().replace(epoch, "e") for frame in frames]
            for connection_id, frames in world.mail.posted.items()
            if world.owners[connection_id] in STAFF
        }

    def check_order(self, world: World) -> None:
        """Whoever missed nothing was told of every version, in order, with the true totals."""
        totals: dict[tuple[str, int], Any] = {}
        for connection_id, name in world.owners.items():
            frames = world.mail.data(connection_id)
            for data in frames:
                if status := data.get("connection_status"):
                    counted = {key: each for key, each in status.items() if key != "users"}
                    place = (data["epoch"], data["status_version"])
                    assert totals.setdefault(place, counted) == counted, name
            if connection_id in world.mail.missed:
                continue
            seen: list[int] = []
            for data in frames:
                events = data.get("events", [] if "server_time" in data else [data])
                told = [each["version"] for each in events if "version" in each]
                seen += [each for each in told if not seen or each > seen[-1]]
            assert seen == [*range(seen[0], seen[0] + len(seen))] if seen else name


@pytest.mark.parametrize("sees", HIDING)
class TestWays:
    """Each way by which something could be told."""

    def test_a_join_is_an_update_with_its_version_and_the_totals(self, world: World) -> None:
        anna = world.enter("anna")
        world.enter("bert")

        joined = world.mail.data(anna)[-1]
        assert (joined["version"], joined["status_version"]) == (2, 2)
        assert joined["connection_status"]["users"] == {}
        assert joined["connection_status"]["total_customer"] == 2
        assert not {"event_type", "event_user_id", "event_user_type"} & set(joined)

    def test_customers_are_told_alike_and_of_their_own_joins_no_more(self, world: World) -> None:
        anna, bert = world.enter("anna"), world.enter("bert")
        world.enter("carl")
        assert world.mail.posted[anna][-1] is world.mail.posted[bert][-1]
        assert "anna" not in str(world.mail.posted[anna])

    def test_a_message_keeps_its_text_and_its_sender_sees_their_own_copy(
        self, world: World, sees: CustomersSee
    ) -> None:
        anna, bert, amy = (world.enter(each) for each in ("anna", "bert", "amy"))
        world.say(anna, action="message", text="Hi", client_id="m1")

        own, others, staffs = (world.mail.data(each)[-1] for each in (anna, bert, amy))
        assert (own["user_id"], own["client_id"]) == ("anna|id", "m1")
        assert others == {key: own[key] for key in own if key not in ("user_id", "client_id")}
        assert staffs == {**others, "user_id": "anna|id"}

        world.say(amy, action="message", text="Hello")
        seen = world.mail.data(bert)[-1]
        assert seen.get("user_id") == ("amy|id" if sees is CustomersSee.AGENTS else None)
        assert seen["user_type"] == "agent"

    def test_of_typing_customers_learn_only_that_of_agents(
        self, world: World, sees: CustomersSee
    ) -> None:
        sockets = {name: world.enter(name) for name in ("anna", "bert", "amy")}
        again = world.enter("anna")
        world.mail.posted.clear()

        world.say(sockets["anna"], action="typing", on=True)
        assert set(world.mail.posted) == {sockets["amy"], again}
        world.mail.posted.clear()

        world.say(sockets["amy"], action="typing", on=True)
        assert set(world.mail.posted) == {sockets["anna"], sockets["bert"], again}
        seen = world.mail.data(again)[-1]
        assert seen.get("user_id") == ("amy|id" if sees is CustomersSee.AGENTS else None)

    def test_what_somebody_missed_names_only_themselves(self, world: World) -> None:
        anna, bert = world.enter("anna"), world.enter("bert")
        world.say(anna, action="message", text="Mine")
        world.say(bert, action="message", text="Yours")
        epoch = world.membership.session(SESSION).epoch
        for few in (True, False):
            world.mail.posted.clear()
            world.say(anna, action="sync", since={"epoch": epoch, "version": 1})
            frames = world.mail.data(anna)
            told = [each for data in frames for each in data.get("events", [data])]
            authors = {each["text"]: each.get("user_id") for each in told if "text" in each}
            assert (authors["Mine"], authors["Yours"]) == ("anna|id", None)
            assert ("events" in frames[-1]) is not few
            assert frames[-1]["connection_status"]["users"] == {}
            for _ in range(12):
                world.say(bert, action="set_state", state={"n": world.chance.random()})
                world.clock.pass_seconds(1)

    def test_a_burst_names_nobody_else(self, world: World) -> None:
        sockets = {
            world.enter(name): name for name in ("anna", "bert", "carl", "amy") for _ in range(15)
        }
        anna, bert = next(iter(sockets)), [*sockets][15]
        world.mail.posted.clear()
        told = self.pending(world, anna, bert)
        world.announce(told)

        for connection_id, name in sockets.items():
            (data,) = world.mail.data(connection_id)
            assert [each["version"] for each in data["events"]] == list(range(5, 15))
            authors = [each.get("user_id") for each in data["events"]]
            known = {"anna": ["anna|id"] + [None] * 9, "amy": ["anna|id"] * 5 + ["bert|id"] * 5}
            own = known["amy"] if name == "amy" else [None] * 10
            if connection_id == anna:
                own = ["anna|id"] * 5 + [None] * 5
            elif connection_id == bert:
                own = [None] * 5 + ["bert|id"] * 5
            assert authors == own

    def pending(self, world: World, first: str, second: str) -> Batch | None:
        """Five messages of each, not announced yet."""
        batch = None
        for connection_id in (first, second):
            name = who(world.sockets[connection_id])
            for number in range(5):
                done = world.membership.say(connection_id, name, "Hi", f"m{number}")
                batch = batch or done.batch
        assert batch
        world.membership.give_back(batch)
        return world.membership.claim(SESSION)

    def test_the_status_that_somebody_is_owed(self, world: World, clock: Clock) -> None:
        anna, amy = world.enter("anna"), world.enter("amy")
        world.mail.refused = {anna}
        bert = world.connect("bert")
        world.announce(world.membership.open(bert, SESSION).batch)
        world.mail.refused = set()
        clock.pass_seconds(11)
        world.announce(world.membership.claim(SESSION))

        assert "bert" in str(world.mail.posted[amy])
        owed = world.mail.data(anna)[-1]
        assert "version" not in owed
        assert owed["connection_status"]["total_customer"] == 2
        assert not named_in(str(world.mail.posted[anna])) & set(CUSTOMERS)

    @pytest.mark.parametrize("name", ["anna", "amy"])
    def test_a_second_tab_is_shown_what_its_person_may_see(
        self, world: World, sees: CustomersSee, name: str
    ) -> None:
        world.enter("bert")
        world.enter(name)
        second = world.connect(name)
        known = who(name)
        context = {
            "session_id": known.session_id,
            "user_id": known.user_id,
            "user_type": known.user_type.value,
        }
        built = {
            "membership": lambda: world.membership,
            "announcer": lambda _: world.announcer,
            "doorman": lambda *_: world.doorman,
            "sockets": Open,
            "deadline": lambda _: TEN_SECONDS,
        }
        with patch.multiple(bootstrap, **cast("dict[str, Any]", built)):
            event = {"requestContext": {"connectionId": second, "authorizer": context}}
            load("announce").handler(event, None)
        self.check_shown(world, second, name, sees)

    @pytest.mark.parametrize("name", ["anna", "amy"])
    def test_or_when_a_message_opens_it(self, world: World, sees: CustomersSee, name: str) -> None:
        world.enter("bert")
        world.enter(name)
        second = world.connect(name)
        world.say(second, action="heartbeat")
        world.mail.posted[second].pop()
        self.check_shown(world, second, name, sees)

    @pytest.mark.parametrize("name", ["anna", "amy"])
    def test_or_the_sweep(self, world: World, clock: Clock, sees: CustomersSee, name: str) -> None:
        world.membership.leases.due(1)
        world.enter("bert")
        world.enter(name)
        second = world.connect(name)
        for _ in range(3):
            clock.pass_seconds(60)
            world.sweeper.sweep(TEN_SECONDS)
        self.check_shown(world, second, name, sees)

    def check_shown(self, world: World, second: str, name: str, sees: CustomersSee) -> None:
        shown = world.mail.data(second)[0]
        assert "version" not in shown
        assert named_in(str(shown)) == ({"bert", "amy"} if name in STAFF else set()), sees

    def test_the_same_state_again(self, world: World) -> None:
        anna = world.enter("anna")
        world.enter("bert")
        world.say(anna, action="set_state", state={})
        shown = world.mail.data(anna)[-1]
        assert "version" not in shown
        assert shown["connection_status"]["users"] == {}

    def test_by_rest_somebody_finds_themselves(self, world: World, sees: CustomersSee) -> None:
        for name in ("anna", "bert", "amy"):
            world.say(world.enter(name), action="message", text="Hi")
        staff = {"amy|id"} if sees is CustomersSee.AGENTS else set()
        own = {"anna|id"} if sees is CustomersSee.AGENTS else set()

        for query in (None, {"at": "6"}, {"at": "2025-01-24T10:30:00Z"}):
            status = world.ask("anna", "connection-status", query)
            assert set(status["users"]) == staff | own
            assert (status["total_customer"], status["total_agent"]) == (2, 1)
        page = world.ask("anna", "events")["events"]
        assert [each["version"] for each in page] == [1, 2, 3, 4, 5, 6]
        named = {each.get("user_id", each.get("event_user_id")) for each in page}
        assert named == {"anna|id", None} | staff
        assert len(world.ask("amy", "connection-status")["users"]) == 3
        assert {each.get("user_id") for each in world.ask("amy", "events")["events"]} == {
            *("anna|id", "bert|id", "amy|id"),
            None,
        }


class Open:
    def wait_until_open(self, *_: object) -> bool:
        return True


@pytest.mark.parametrize("sees", [CustomersSee.EVERYBODY])
def test_where_customers_see_everybody_all_are_told_the_same_bytes(world: World) -> None:
    sockets = [world.enter(name) for name in TYPES]
    world.mail.posted.clear()
    world.say(sockets[-1], action="message", text="Hi")
    world.say(sockets[0], action="set_state", state={"page": "/"})
    world.say(sockets[-1], action="assign", user_id="amy|id")
    world.leave(sockets.pop())

    first, *others = (world.mail.posted[each] for each in sockets)
    assert len(first) >= 3
    assert all(each is mine for theirs in others for each, mine in zip(theirs, first, strict=True))
    assert all(re.search("boss|anna|amy", frame.decode()) for frame in first)
