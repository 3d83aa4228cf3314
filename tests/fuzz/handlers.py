"""The handlers of ``$connect``, ``$disconnect`` and ``$default``, given what a client may send.

Run as a program: ``python -m tests.fuzz.handlers REDIS_URL CORPUS -runs=10000``; libFuzzer finds
the inputs, guided by which lines of Hadir they reach. ``inputs.py`` says what an input is. What was
reached is printed now and then, as JSON.

Redis is real. Only two things are not: what would be posted to sockets is kept and looked at, and
time passes only when an input says so.
"""

import importlib.util
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any
from unicodedata import normalize

import atheris

with atheris.instrument_imports(include=["hadir"]):
    from hadir import bootstrap, conversation, doorman  # noqa: F401 (watched, too)
    from hadir.access.keys import SecretKeys
    from hadir.access.tokens import Tokens
    from hadir.announcer import Announcer
    from hadir.domain.delivery import Delivery, Outcome
    from hadir.domain.identity import Identity, Person, SessionRef, UserType
    from hadir.domain.limits import Limits
    from hadir.domain.reasons import GONE
    from hadir.domain.session import Batch
    from hadir.membership.client import connect
    from hadir.membership.keys import session_keys
    from hadir.membership.membership import Membership
    from hadir.membership.outcomes import Admission, Opened
    from hadir.membership.scripts import AnyRedis

from tests import tokens
from tests.fuzz.answers import (
    Said,
    View,
    covers,
    good_until,
    ids,
    named,
    parsed,
    told_of_leave,
    versions,
    without,
)
from tests.fuzz.inputs import Choices, body, claims, token
from tests.running_gateway import ROOT

CUSTOMER = Person(UserType.CUSTOMER, "auth0|5f+é")
AGENT = Person(UserType.AGENT, "42")
ADMIN = Person(UserType.ADMIN, "o'brien/漢@x.id")
NAMESAKE = Person(UserType.CUSTOMER, "42")

PEOPLE = (CUSTOMER, CUSTOMER, AGENT, ADMIN, NAMESAKE)
"""Who is there: one of them twice, and two of one id."""

SESSIONS = (SessionRef("default", "s1"), SessionRef("default", "s2|é"))

WIDE = Limits(1000, 5000, 1000, 10_000)
NARROW = Limits(messages_per_second=0.2, burst=3, connections_per_user=2, people_per_session=4)
RENEW_EVERY = 40
"""Inputs after which who has left is back."""

EXPIRES = 3
"""Which word of a connection's record says until when what it proved is good."""

PROVED_SECONDS = 60
"""How long the proof of a customer and an agent is good."""

REPORT_EVERY = 1000


class Sockets:
    """Everything that would have been posted, by connection."""

    def __init__(self) -> None:
        self.frames: dict[str, list[Any]] = {}

    def post(self, mail: Mapping[str, Sequence[bytes]], seconds: float) -> dict[str, Delivery]:
        for to, frames in mail.items():
            self.frames.setdefault(to, []).extend(map(read, frames))
        return {to: Delivery(Outcome.DELIVERED, len(mail[to]), 200) for to in mail}


class Context:
    """Lambda's, with time enough."""

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


class Clock:
    """Milliseconds that pass only when told to; it begins now, as tokens are read by real time."""

    def __init__(self) -> None:
        self.now = time.time_ns() // 1_000_000

    def __call__(self) -> int:
        return self.now


class Counting(Membership):
    """Counts what the scripts found."""

    def __init__(self, redis: AnyRedis, limits: Limits, clock: Clock, seen: Counter[str]) -> None:
        super().__init__(redis, limits=limits, clock=clock)
        self._seen = seen
        self.admitted = Admission.ADMITTED

    def admit(self, connection_id: str, identity: Identity) -> Admission:
        self.admitted = super().admit(connection_id, identity)
        self._seen[self.admitted] += 1
        return self.admitted

    def open(self, *args: Any, **options: Any) -> Opened:
        opened = super().open(*args, **options)
        self._seen[opened.outcome] += 1
        return opened


class Deployment:
    """The functions as Lambda loads them, and a session in which everybody of ``PEOPLE`` is."""

    def __init__(
        self, redis: AnyRedis, session: SessionRef, limits: Limits, seen: Counter[str]
    ) -> None:
        self.seen = seen
        self.clock = Clock()
        self.limits = limits
        self.session = session
        self.sockets = Sockets()
        self.redis: Any = redis
        self.membership = Counting(redis, limits, self.clock, seen)
        made: Any = bootstrap
        made.membership = lambda: self.membership
        made.announcer = lambda membership: Announcer(membership, self.sockets)
        self.connect = load("connect")
        self.authorize = load("authorize")
        self.default = load("default")
        self.disconnect = load("disconnect")
        self.count = 0
        self.people: dict[str, Identity] = {}
        self.known = self.view(self.session)

    def view(self, ref: SessionRef) -> View:
        return View.of(self.membership, ref)

    def give(self, choices: Choices) -> None:
        """One input."""
        if self.count % RENEW_EVERY == 0 or not self.people:
            self._renew()
        self.count += 1
        self.clock.now += 1000 * choices.of(0, 0, 0, 0, 0, 1, 4, 20)
        self.sockets.frames.clear()
        choices.of(*[self._say] * 5, self._enter, self._leave)(choices)

    def _renew(self) -> None:
        """Everybody is there, and nobody else; who has left comes on a new socket."""
        assert self.view(self.session) == self.known, (
            "an input for another session changed this one"
        )
        missing = list(PEOPLE)
        there = ids(self.known.open_sockets())
        for connection_id, who in list(self.people.items()):
            if connection_id in there and who.person in missing:
                missing.remove(who.person)
                continue
            self._settle(self.membership.leave(connection_id, self.session, GONE).batch)
            del self.people[connection_id]
        for number, person in enumerate(missing):
            connection_id = f"{self.session.session_id}-{self.count}-{number}"
            who = self._identity(person)
            while self.membership.admit(connection_id, who) is Admission.HASTY:
                self.clock.now += 1000
            assert self.membership.admitted is Admission.ADMITTED
            self._settle(self.membership.open(connection_id, self.session).batch)
            self.people[connection_id] = who
        self.known = self.view(self.session)

    def _settle(self, batch: Batch | None) -> None:
        while batch:
            batch = self.membership.settle(batch, more=True)

    def _identity(self, person: Person) -> Identity:
        is_admin = person.user_type is UserType.ADMIN
        expires_at = 0 if is_admin else self.clock.now // 1000 + PROVED_SECONDS
        sessions = (self.session.session_id, "t*") if is_admin else ()  # there is nobody in those
        return Identity(
            self.session.session_id,
            person.user_id,
            person.user_type,
            expires_at=expires_at,
            sessions=sessions,
        )

    def _somebody(self, choices: Choices) -> str:
        """A socket: one of the people's, or one that nobody has seen before."""
        newcomer = f"{self.session.session_id}-{self.count}-new"
        connection_id: str = choices.of(*self.people, newcomer)
        if connection_id == newcomer:
            person = choices.of(CUSTOMER, AGENT, ADMIN, NAMESAKE)
            self.people[newcomer] = self._identity(person)
        return connection_id

    def _context(self, connection_id: str, route: str, kind: str) -> dict[str, Any]:
        who = self.people[connection_id]
        return {
            "routeKey": route,
            "eventType": kind,
            "requestId": "r1",
            "connectionId": connection_id,
            "connectedAt": 1,
            "requestTimeEpoch": 2,
            "authorizer": {
                "principalId": who.user_id,
                "tenant": who.tenant,
                "session_id": who.session_id,
                "user_id": who.user_id,
                "user_type": who.user_type.value,
                "expires_at": str(who.expires_at),
                "sessions": " ".join(who.sessions),
            },
        }

    def _say(self, choices: Choices) -> None:
        """A message; one of four without the authorizer's context."""
        connection_id = self._somebody(choices)
        request_context = self._context(connection_id, "$default", "MESSAGE")
        who = self.people[connection_id]
        if choices.of(False, False, False, True):
            del request_context["authorizer"]
            who = replace(who, sessions=())  # only the context says which others their token is for
        text = body(choices, who, self.known, self.clock.now // 1000)
        said = Said(connection_id, who, parsed(text), self.known)
        proved = self._proved(said)
        event = {"requestContext": request_context, "body": text}
        assert self.default(event, Context()) == {"statusCode": 200}
        self._look(said.before, connection_id, who)
        outcome = said.outcome(self.known, self.sockets.frames)
        said.check_proof(outcome, proved, self._proved(said))
        self.seen.update((f"parsed {said.action}", outcome))

    def _proved(self, said: Said) -> int | None:
        """Until when its sender has proved who they are (ms), if that is what it is about."""
        if said.action != "reauthorize":
            return None
        record = self.redis.hget(session_keys(self.session)[1], said.connection_id)
        return int(record.split(" ")[EXPIRES]) if record else None

    def _look(self, before: View, speaker: str, who: Identity | None = None) -> None:
        """Look what has happened: all who are in were told of it, once, in order; nobody else."""
        after = self.known = self.view(self.session)
        if speaker not in ids(before.sockets) | ids(after.sockets):
            del self.people[speaker]
        frames = self.sockets.frames
        assert set(frames) <= {*ids(before.sockets), *ids(after.sockets), speaker}
        for to, frame in ((to, each) for to, sent in frames.items() for each in sent):
            session_id = self.session.session_id
            told_of = frame["data"].get("session_id", session_id)
            assert told_of == session_id or (to == speaker and who and who.covers(told_of))
        for socket in after.open_sockets():
            first = max(before.version + 1, socket.since)
            if socket.connection_id != speaker:
                told = versions(frames.get(socket.connection_id, []))
                assert told == list(range(first, after.version + 1)), "not told of every event"

    def _enter(self, choices: Choices) -> None:
        """A socket, with a token in its query string or among its subprotocols."""
        connection_id = choices.of(*self.people)
        person = choices.of(CUSTOMER, AGENT, ADMIN, NAMESAKE)
        said = claims(choices, self._identity(person), self.clock.now // 1000)
        signed, is_ours = token(choices, said)
        query = {
            "session_id": choices.value(self.session.session_id),
            "token": choices.value(signed),
        }
        query = {name: str(value) for name, value in query.items() if value is not None}
        offered = choices.of("", "hadir.v1", f"hadir.v1, token.{signed}", choices.text())
        headers = {"Sec-WebSocket-Protocol": offered}
        headers |= choices.of({}, {"Origin": str(choices.value("https://app.example.com"))})
        query = choices.of(query, query, query, {})
        event = {
            "methodArn": "arn:aws:execute-api:eu-west-1:123456789012:abc/live/$connect",
            "headers": headers,
            "queryStringParameters": query or None,
            "requestContext": self._context(connection_id, "$connect", "CONNECT"),
        }
        policy = self.authorize(event, None)
        (statement,) = policy["policyDocument"]["Statement"]
        if statement["Effect"] == "Allow":
            assert is_ours, "a token was believed that is not signed with our key"
            self._let_in(event, policy["context"], said, query.get("session_id"))
            return
        self.seen["denied"] += 1
        assert statement["Effect"] == "Deny"
        assert not policy["context"]
        assert self.connect(event, None)["statusCode"] == 200
        assert self.view(self.session) == self.known, "a socket known already changed something"

    def _let_in(
        self, event: Any, granted: dict[str, str], said: dict[str, Any], asked: str | None
    ) -> None:
        """A new socket of whom ``authorize`` allowed: they are whom their token says, and there.

        Unless there is no room, or what was proved is good no longer.
        """
        assert (granted["user_id"], granted["user_type"], granted["tenant"]) == named(said)
        assert granted["expires_at"] == str(good_until(said))
        if asked is not None:
            assert granted["session_id"] == normalize("NFC", asked)
        assert covers(said["session"], granted["session_id"])
        self.seen["let in"] += 1
        ref = SessionRef(granted["tenant"], granted["session_id"])
        if ref != self.session and ref in SESSIONS:
            return  # rightly so, but what happens there is the other deployment's to know
        connection_id = f"{self.session.session_id}-{self.count}-in"
        event["requestContext"] |= {"connectionId": connection_id, "authorizer": granted}
        before = self.known if ref == self.session else self.view(ref)
        person = Person(UserType(granted["user_type"]), granted["user_id"])
        own = next((each.sockets for each in before.people if each.person == person), 0)
        is_room = (
            own < self.limits.connections_per_user
            if own
            else len(before.people) < self.limits.people_per_session
        )
        status = self.connect(event, None)["statusCode"]
        is_hasty = self.membership.admitted is Admission.HASTY
        assert not is_hasty or self.limits is NARROW
        assert status == (200 if is_room and not is_hasty else 429)
        if status == 200:
            opened = self.membership.open(connection_id, ref)
            self._settle(opened.batch)
            new = self.view(ref).sockets - before.sockets
            in_time = int(granted["expires_at"]) * 1000 > self.clock.now
            assert opened.outcome.has_left != in_time
            assert [(each.connection_id, each.person) for each in new] == (
                [(connection_id, person)] if in_time else []
            )
            self._settle(self.membership.leave(connection_id, ref, GONE).batch)
        after = self.view(ref)
        assert after.sockets == before.sockets
        if ref == self.session:
            self.known = after

    def _leave(self, choices: Choices) -> None:
        """A close code and a reason that the client chose."""
        connection_id = self._somebody(choices)
        request_context = self._context(connection_id, "$disconnect", "DISCONNECT")
        if choices.of(False, True):
            del request_context["authorizer"]
        code = choices.of(1000, 1001, 1005, 1006, 4999, -1, None, "x")
        request_context["disconnectStatusCode"] = code
        request_context["disconnectReason"] = choices.of("", "Going away", choices.text())
        before = self.known
        assert self.disconnect({"requestContext": request_context}, Context()) == {
            "statusCode": 200
        }
        self._look(before, connection_id)
        assert without(self.known, connection_id) == without(before, connection_id)
        assert connection_id not in ids(self.known.sockets)
        told = told_of_leave(before, self.known, connection_id)
        assert self.known.version == before.version + told
        self.seen["left by itself"] += connection_id in ids(before.sockets)


class Functions:
    """Lambda, which is not asked to announce anything."""

    def invoke_later(self, name: str, payload: bytes) -> None:
        assert name == "announce"
        assert set(json.loads(payload)) == {"requestContext"}, "a token goes no further"


class Handlers:
    """Two deployments, one of them with limits that are soon reached."""

    def __init__(self, redis_url: str) -> None:
        os.environ |= {
            "REDIS_URL": redis_url,
            "AWS_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": "http://127.0.0.1:9",
            "ANNOUNCE_FUNCTION": "announce",
            "ALLOWED_ORIGINS": "https://app.example.com",
            "TOKEN_SECRET_ID": "hadir",
            "POWERTOOLS_LOG_LEVEL": "CRITICAL",
            "POWERTOOLS_METRICS_DISABLED": "true",
        }
        reader = Tokens("hadir", secret=SecretKeys({"AWSCURRENT": tokens.SECRET}.get))
        made: Any = bootstrap
        made.tokens = lambda: reader
        made.close_sockets = lambda ids, _: dict.fromkeys(ids, True)
        made.functions = Functions
        self.seen: Counter[str] = Counter()
        redis = connect(redis_url)
        self.wide = Deployment(redis, SESSIONS[0], WIDE, self.seen)
        self.narrow = Deployment(redis, SESSIONS[1], NARROW, self.seen)
        self.count = 0

    def give(self, data: bytes) -> None:
        """One input."""
        choices = Choices(data)
        choices.of(self.wide, self.wide, self.narrow).give(choices)
        self.count += 1
        if self.count % REPORT_EVERY == 0:
            print(f"reached {json.dumps(self.seen)}", file=sys.stderr)


@lru_cache(1000)
def read(frame: bytes) -> Any:
    """A frame; most go to several sockets."""
    return json.loads(frame)


def load(function: str) -> Any:
    """A function's handler, loaded as a module of its own name."""
    path = ROOT / "functions" / function / "app.py"
    spec = importlib.util.spec_from_file_location(f"{function}_app", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.handler


def main() -> None:
    redis_url = sys.argv.pop(1)
    atheris.Setup(sys.argv, Handlers(redis_url).give)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
