"""One side of ``benchmarks.crowd``: the handlers of one checkout, in a process of its own.

Events go in as API Gateway sends them. Whatever is counted is read right before and right after;
reading it is not counted.
"""

import importlib
import importlib.util
import json
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from redis import Redis

from benchmarks.crowd_platform import STAGE, Asked

ROOT = Path(__file__).resolve().parent.parent
FUNCTIONS = ("connect", "announce", "default", "disconnect")
TEXT = "Is anybody there? :)"  # 20 characters
BEHIND = 50


class Sample(NamedTuple):
    """What one action cost.

    Attributes:
        processor_ms: of the handlers' process, all its threads.
        redis_ms: of Redis's main thread.
        redis_bytes: that Redis sent.
        posts, posted_bytes: to sockets; frames alone, without HTTP.
    """

    processor_ms: float
    redis_ms: float
    redis_bytes: float
    posts: float
    posted_bytes: float


class Refused(Exception):
    """A handler did not do what it was asked to, so what it cost means nothing."""


@dataclass(frozen=True)
class Person:
    session_id: str
    user_id: str
    user_type: str
    connection_id: str


class Context:
    """Lambda's, with time enough."""

    function_name = "hadir"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:hadir"
    aws_request_id = "00000000-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


def environment(redis_url: str, port: int) -> dict[str, str]:
    """What Lambda and the template give the functions, with limits that nobody meets."""
    platform = f"http://127.0.0.1:{port}"
    return {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "a token",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": f"{platform}/{STAGE}",
        "AWS_ENDPOINT_URL_LAMBDA": platform,
        "NO_PROXY": "127.0.0.1",
        "ALLOWED_ORIGINS": "*",
        "ANNOUNCE_FUNCTION": "announce",
        "AUTH_MODE": "open",
        "CONNECTIONS_PER_USER": "1000",
        "DISCONNECT_GRACE_SECONDS": "0",
        "HEARTBEAT_TIMEOUT_SECONDS": "3600",
        "MESSAGES_PER_SECOND": "1000",
        "PEOPLE_PER_SESSION": "10000",
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "POWERTOOLS_SERVICE_NAME": "hadir",
        "REDIS_IAM_CACHE": "",
        "REDIS_IAM_USER": "",
        "REDIS_URL": redis_url,
    }


def serve(
    orders: Connection, make: Callable[[], Any], variables: dict[str, str], log: Path
) -> None:
    """Answer each order with what it found, or with the ``Refused`` that it met.

    Args:
        orders: (name of a method of the side, its arguments), until it is closed.
        make: the side, once the environment is as it should be.
        variables: the environment.
        log: where what the handlers print goes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us ends us
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    os.environ.update(variables)
    side = make()
    while True:
        try:
            method, *arguments = orders.recv()
        except EOFError:
            return
        try:
            orders.send(getattr(side, method)(*arguments))
        except Refused as refused:
            sys.stdout.flush()
            lines = [line for line in log.read_text().splitlines() if '"level"' in line]
            said = lines[-1] if lines else "nothing"
            orders.send(Refused(f"{refused}\nthe handlers' log says last: {said}"))


class Side:
    """The handlers, and the sessions they are tried in.

    Of each size there are two sessions: a quiet one for heartbeats and syncs, where nothing
    happens, and a busy one. So a sync always brings the same, and whoever joins leaves again before
    the next joins.
    """

    def __init__(self, checkout: Path, port: int) -> None:
        self._handlers = load(checkout, FUNCTIONS)
        self._asked = Asked(port)
        self._redis = RedisMeter(os.environ["REDIS_URL"])
        self._samples = {
            kind: json.loads((ROOT / "events" / f"{kind}.json").read_text())
            for kind in ("connect", "default", "disconnect")
        }
        self._positions: dict[int, dict[str, Any]] = {}
        self._used = 0.0
        self._newcomers = 0

    def server(self) -> str:
        """Name and version of the Redis in use."""
        return self._redis.server

    def prepare(self, people: int) -> bool:
        """Fill the sessions of that size, and do everything once."""
        for kind in ("busy", "quiet"):
            fill([_person(f"{kind}-{people}", number) for number in range(people)])
        quiet = f"quiet-{people}"
        if people < BEHIND:
            for _ in range(BEHIND // 2):
                newcomer = self._newcomer(quiet)
                self._join(newcomer)
                self._leave(newcomer)
        epoch, version = position(quiet)
        self._positions[people] = {"epoch": epoch, "version": version - BEHIND}
        self.measure(people)
        return True

    def measure(self, people: int) -> dict[str, Sample]:
        """Do everything once, in sessions of that size; what it cost.

        Raises:
            Refused: something was not done.
        """
        quiet, busy = _person(f"quiet-{people}", 1), _person(f"busy-{people}", 1)
        newcomer = self._newcomer(f"busy-{people}")
        heartbeat = {"action": "heartbeat"}
        message = {"action": "message", "text": TEXT, "client_id": newcomer.user_id}
        sync = {"action": "sync", "since": self._positions[people]}
        actions: dict[str, tuple[int, Callable[[], None]]] = {
            "heartbeat": (1, partial(self._say, quiet, heartbeat)),
            "join": (people + 1, partial(self._join, newcomer)),
            "leave": (people, partial(self._leave, newcomer)),
            "message": (people, partial(self._say, busy, message)),
            "sync": (1, partial(self._say, quiet, sync)),
        }
        found = {
            action: self._cost(f"{action}, {people} people", posts, do)
            for action, (posts, do) in actions.items()
        }
        if self._asked.last()["data"].get("recovered") is False:
            raise Refused(f"sync, {people} people: what was missed was not sent again")
        return found

    def _cost(self, what: str, least_posts: int, do: Callable[[], None]) -> Sample:
        before = self._asked.counts()
        self._used = 0.0
        self._redis.begin()
        do()
        redis_ms, redis_bytes = self._redis.end()
        after = self._asked.counts()
        posts = after["posts"] - before["posts"]
        if after["refusals"] > before["refusals"]:
            raise Refused(f"{what}: a socket was sent {after['refusal']}")
        if posts < least_posts:
            raise Refused(f"{what}: {posts} posts instead of {least_posts}")
        posted_bytes = after["bytes"] - before["bytes"]
        return Sample(self._used * 1000, redis_ms, redis_bytes, posts, posted_bytes)

    def _join(self, who: Person) -> None:
        self._call("connect", self._event("connect", who))
        for event in self._asked.invoked():
            self._call("announce", event)

    def _leave(self, who: Person) -> None:
        self._call("disconnect", self._event("disconnect", who))

    def _say(self, who: Person, message: dict[str, Any]) -> None:
        self._call("default", {**self._event("default", who), "body": json.dumps(message)})

    def _call(self, name: str, event: dict[str, Any]) -> None:
        started = time.process_time()
        answer = self._handlers[name](event, Context())
        self._used += time.process_time() - started
        if (answer or {}).get("statusCode", 200) != 200:
            raise Refused(f"{name} answered {answer}")

    def _event(self, kind: str, who: Person) -> dict[str, Any]:
        sample = self._samples[kind]
        now = time.time_ns() // 1_000_000
        authorizer = {
            **sample["requestContext"]["authorizer"],
            "session_id": who.session_id,
            "user_id": who.user_id,
            "user_type": who.user_type,
            "principalId": who.user_id,
        }
        context = {
            **sample["requestContext"],
            "authorizer": authorizer,
            "connectionId": who.connection_id,
            "connectedAt": now - 60_000,
            "requestTimeEpoch": now,
        }
        return {**sample, "requestContext": context}

    def _newcomer(self, session_id: str) -> Person:
        self._newcomers += 1
        return _person(session_id, 100_000 + self._newcomers)


class RedisMeter:
    """What a Redis did between ``begin`` and ``end``, without what asking it takes."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url, protocol=2)  # whose replies have a length we know
        info = self._redis.info()
        valkey = info.get("valkey_version")
        self.server = f"Valkey {valkey}" if valkey else f"Redis {info['redis_version']}"
        self._redis.config_set("hz", 1)  # its housekeeping is nobody's cost
        self._redis.set_response_callback("INFO", lambda reply, **_: reply)
        self._asking_ms = 0.0
        costs = []
        for _ in range(50):
            self.begin()
            redis_ms, sent = self.end()
            assert sent == 0, sent
            costs.append(redis_ms)
        self._asking_ms = statistics.median(costs)

    def begin(self) -> None:
        self._sent, asked = self._read("stats", "total_net_output_bytes")
        self._used_ms, too = self._used()
        self._asked = asked + too

    def end(self) -> tuple[float, float]:
        """Milliseconds of its processor, and bytes that it sent."""
        used_ms, asked = self._used()
        sent, _ = self._read("stats", "total_net_output_bytes")
        redis_ms = used_ms - self._used_ms - self._asking_ms
        return redis_ms, sent - self._sent - self._asked - asked

    def _used(self) -> tuple[float, int]:
        fields = (f"used_cpu_{each}_main_thread" for each in ("user", "sys"))
        seconds, asked = self._read("cpu", *fields)
        return seconds * 1000, asked

    def _read(self, section: str, *fields: str) -> tuple[float, int]:
        """The sum of the fields, and the bytes that it took to say so."""
        reply: Any = self._redis.info(section)  # unread
        lines = dict(line.split(b":", 1) for line in reply.splitlines() if b":" in line)
        total = sum(float(lines[field.encode()]) for field in fields)
        return total, len(b"$%d\r\n%s\r\n" % (len(reply), reply))


def load(checkout: Path, names: Sequence[str]) -> dict[str, Callable[[dict[str, Any], Any], Any]]:
    """Handlers of a checkout, by their function's name.

    Unlike in Lambda, they share a process.
    """
    layer = checkout / "layers" / "hadir" / "python"
    sys.path[:0] = [str(layer), *(str(checkout / "functions" / name) for name in names)]
    hadir = importlib.import_module("hadir")
    if layer not in Path(hadir.__file__ or "").resolve().parents:
        raise ImportError(f"hadir is {hadir.__file__}, not that of {checkout}")
    handlers = {}
    for name in names:
        path = checkout / "functions" / name / "app.py"
        spec = importlib.util.spec_from_file_location(f"{name}_app", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        handlers[name] = module.handler
    return handlers


def fill(people: Sequence[Person]) -> None:
    """Make them present and post nothing: by the handlers it would take a post for every pair.

    This, ``position`` and ``sweeping_side`` alone know more of a checkout than its handlers.

    Raises:
        Refused: somebody was not let in.
    """
    membership = importlib.import_module("hadir.bootstrap").membership()
    identity = importlib.import_module("hadir.domain.identity")
    batch = None
    for number, person in enumerate(people, 1):
        who = identity.Identity(
            person.session_id, person.user_id, identity.UserType(person.user_type)
        )
        admitted = membership.admit(person.connection_id, who)
        if not admitted.is_in:
            raise Refused(f"of {len(people)} people number {number} was not let in: {admitted}")
        opened = membership.open(person.connection_id, who.session)
        batch = batch or opened.batch
        if number % 100 == 0 or number == len(people):  # the announcer has 10 s
            while batch:
                batch = membership.settle(batch, more=True)


def position(session_id: str) -> tuple[str, int]:
    """Epoch and version of a session."""
    membership = importlib.import_module("hadir.bootstrap").membership()
    identity = importlib.import_module("hadir.domain.identity")
    session = membership.session(identity.SessionRef(identity.DEFAULT_TENANT, session_id))
    return session.epoch, session.version


def _person(session_id: str, number: int) -> Person:
    user_type = "customer" if number % 10 else "admin"
    connection_id = f"{session_id[0]}jHAm{number:06}C8w="
    return Person(session_id, f"{user_type}_{number:06}", user_type, connection_id)
