"""The canary's steps, with sockets that bring what a test says, by a clock that it moves."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from hadir.access.keys import SecretKeys
from hadir.access.tokens import Signer, Tokens
from hadir.canary import Canary, Run, Step
from hadir.domain.deadline import Deadline
from hadir.domain.errors import KeysUnavailable, SocketFailed
from hadir.domain.identity import Identity
from tests.tokens import SECRET

URL = "wss://x.example.com/live"
TOLD_AFTER = 0.25
"""Seconds until anything is told."""


def update(kind: str, user_type: str, *, customer: bool, agent: bool = True) -> dict[str, Any]:
    status = {"customer_connected": customer, "agent_connected": agent}
    told = {"event_type": kind, "event_user_type": user_type, "connection_status": status}
    return {"type": "connection_status_update", "data": told}


ADMIN_CAME = update("user_connected", "admin", customer=False)
CUSTOMER_CAME = update("user_connected", "customer", customer=True)
CUSTOMER_WENT = update("user_disconnected", "customer", customer=False)
EVERYTHING = [ADMIN_CAME, CUSTOMER_CAME, CUSTOMER_WENT]


@dataclass
class World:
    """What the admin and the customer are told, and what was done with their sockets."""

    frames: list[dict[str, Any]] = field(default_factory=lambda: list(EVERYTHING))
    customers: list[dict[str, Any]] = field(default_factory=lambda: [CUSTOMER_CAME])
    refused: str = ""
    grace: float = 0.0
    delay: float = TOLD_AFTER
    handshake: float = 0.0
    now: float = 100.0
    opened: list[tuple[str, str, float]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)

    def open_socket(self, url: str, subprotocols: str, seconds: float) -> "Socket":
        query = dict(parse_qsl(urlsplit(url).query))
        self.opened.append((url, subprotocols, seconds))
        self.now += self.handshake
        if query["user_type"] == self.refused:
            raise SocketFailed("refused with 403")
        is_admin = query["user_type"] == "admin"
        return Socket(self, query["user_type"], self.frames if is_admin else self.customers)

    def run(self, sign: Callable[[Identity], str] | None = None, seconds: float = 44) -> Run:
        canary = Canary(self.open_socket, URL, sign, self.grace)
        return canary.run(Deadline.after(seconds, lambda: self.now))


class Socket:
    """A socket that is told each frame after a while, and then nothing."""

    def __init__(self, world: World, user_type: str, frames: list[dict[str, Any]]) -> None:
        self._world = world
        self._user_type = user_type
        self._frames = frames

    def receive(self, seconds: float) -> bytes:
        world = self._world
        world.waited.append(seconds)
        delay = world.delay + (world.grace if self._frames[:1] == [CUSTOMER_WENT] else 0)
        if not self._frames or delay > seconds:
            world.now += seconds
            raise SocketFailed("nothing came in time")
        world.now += delay
        return json.dumps(self._frames.pop(0)).encode()

    def close(self) -> None:
        if self._user_type not in self._world.closed:
            self._world.closed.append(self._user_type)


@pytest.mark.parametrize("grace", [0, 5, 300])
def test_the_join_and_the_leave_are_timed_without_the_grace(grace: float) -> None:
    world = World(grace=grace)

    run = world.run(seconds=1000)

    assert (run.error, run.join_ms, run.leave_ms) == (None, 250, 250)
    assert world.waited == [10, 10, 10, grace + 10]
    assert world.closed == ["customer", "admin"]


def test_a_customer_may_not_see_what_their_own_join_is() -> None:
    status = {"customer_connected": True, "agent_connected": True}
    snapshot = {"connection_status": {**status, "customer_connected": False}, "status_version": 1}
    join = {"connection_status": status, "version": 2, "status_version": 2}
    kind = "connection_status_update"
    told: list[dict[str, Any]] = [{"type": kind, "data": snapshot}, {"type": kind, "data": join}]

    run = World(customers=told).run()

    assert (run.error, run.leave_ms) == (None, 250)
    assert told == []


def test_each_run_is_in_a_session_of_its_own() -> None:
    world = World(frames=[*EVERYTHING, *EVERYTHING], customers=[CUSTOMER_CAME] * 2)
    runs = [world.run(), world.run()]

    assert len({run.session_id for run in runs}) == 2
    asked = [dict(parse_qsl(urlsplit(url).query)) for url, *_ in world.opened]
    assert [each["session_id"] for each in asked] == [
        run.session_id for run in runs for _ in range(2)
    ]
    for each, user_type in zip(asked, ["admin", "customer"] * 2, strict=True):
        assert re.fullmatch("hadir-canary-[0-9a-f-]{36}", each["session_id"])
        assert each["user_type"] == user_type
        assert each["user_id"] == f"hadir-canary-{user_type}"
    assert {url.partition("?")[0] for url, *_ in world.opened} == {URL}


def test_where_no_token_is_needed_none_is_shown() -> None:
    world = World()
    world.run()

    assert [subprotocols for _, subprotocols, _ in world.opened] == ["hadir.v1", "hadir.v1"]


@pytest.mark.parametrize("issuer", ["", "us"])
def test_its_tokens_are_read_as_everybodys_and_are_good_for_its_run_alone(issuer: str) -> None:
    keys = SecretKeys(lambda stage: SECRET if stage == "AWSCURRENT" else None)
    world = World()
    run = world.run(Signer(keys, "hadir", issuer).sign)

    assert run.error is None
    reader = Tokens("hadir", issuer, secret=keys)
    for (_, subprotocols, _), user_type in zip(world.opened, ["admin", "customer"], strict=True):
        protocol, token = subprotocols.split(", token.")
        assert protocol == "hadir.v1"
        grant = reader.read(token)
        assert (grant.tenant, grant.sessions) == ("hadir-canary", (run.session_id,))
        assert str(grant.person) == f"{user_type}/hadir-canary-{user_type}"


def test_its_tokens_are_good_until_its_run_must_be_over() -> None:
    shown: list[Identity] = []

    def sign(who: Identity) -> str:
        shown.append(who)
        return "token"

    before = time.time()
    World().run(sign, seconds=44)
    after = time.time()

    assert len(shown) == 2
    for who in shown:
        assert before + 43 <= who.expires_at <= after + 45


def test_what_it_cannot_sign_is_a_failure() -> None:
    def sign(_: Identity) -> str:
        raise KeysUnavailable("the token secret could not be read")

    world = World()
    run = world.run(sign)

    assert (run.step, str(run.error)) == (
        Step.ADMIN_CONNECTS,
        "the token secret could not be read",
    )
    assert world.opened == []


@pytest.mark.parametrize(
    ("world", "step", "error", "closed"),
    [
        (World(refused="admin"), Step.ADMIN_CONNECTS, "refused with 403", []),
        (World(frames=[]), Step.ADMIN_IS_TOLD, "nothing came in time", ["admin"]),
        (
            World(refused="customer"),
            Step.CUSTOMER_CONNECTS,
            "refused with 403",
            ["admin"],
        ),
        (
            World(frames=[ADMIN_CAME]),
            Step.JOIN_IS_TOLD,
            "nothing came in time",
            ["customer", "admin"],
        ),
        (
            World(customers=[]),
            Step.CUSTOMER_IS_TOLD,
            "nothing came in time",
            ["customer", "admin"],
        ),
        (
            World(frames=[ADMIN_CAME, CUSTOMER_CAME]),
            Step.LEAVE_IS_TOLD,
            "nothing came in time",
            ["customer", "admin"],
        ),
    ],
    ids=[step.name for step in Step],
)
def test_a_step_that_fails_is_named_and_nothing_stays_open(
    world: World, step: Step, error: str, closed: list[str]
) -> None:
    run = world.run()

    assert (run.step, str(run.error)) == (step, error)
    joined = (Step.CUSTOMER_IS_TOLD, Step.LEAVE_IS_TOLD)
    assert run.join_ms == (250 if step in joined else None)
    assert run.leave_ms is None
    assert world.closed == closed


def test_what_else_is_told_is_passed_over() -> None:
    snapshot = {"customer_connected": False, "agent_connected": True}
    others = [
        {"type": "connection_status_update", "data": {"connection_status": snapshot}},
        {"type": "closing", "data": {"reason": "kicked"}},
    ]
    world = World(frames=[frame for each in EVERYTHING for frame in (*others, each)])

    run = world.run()

    assert (run.error, run.join_ms, run.leave_ms) == (None, 750, 750)


@pytest.mark.parametrize(
    ("frames", "step"),
    [
        ([update("user_connected", "admin", customer=False, agent=False)], Step.ADMIN_IS_TOLD),
        ([ADMIN_CAME, update("user_connected", "customer", customer=False)], Step.JOIN_IS_TOLD),
        (
            [ADMIN_CAME, CUSTOMER_CAME, update("user_disconnected", "customer", customer=True)],
            Step.LEAVE_IS_TOLD,
        ),
    ],
)
def test_a_status_from_before_the_event_is_a_failure(
    frames: list[dict[str, Any]], step: Step
) -> None:
    """The admin is told of somebody, and shown them as they were."""
    run = World(frames=frames).run()

    assert run.step is step
    assert "with a status from before it" in str(run.error)


def test_what_is_told_in_another_form_is_a_failure_too() -> None:
    run = World(frames=[{"message": "Internal server error"}]).run()

    assert (run.step, repr(run.error)) == (Step.ADMIN_IS_TOLD, "KeyError('data')")


@pytest.mark.parametrize("grace", [0, 5, 300])
def test_all_steps_together_have_44_seconds_beyond_the_grace(grace: float) -> None:
    world = World(grace=grace, delay=9.0, handshake=9.0)
    run = world.run(seconds=1000)

    assert run.step is (Step.LEAVE_IS_TOLD if grace else Step.CUSTOMER_IS_TOLD)
    assert world.now == 100 + grace + 44


def test_no_step_takes_longer_than_is_left() -> None:
    world = World(grace=300)
    run = world.run(seconds=6)

    assert run.step is Step.LEAVE_IS_TOLD
    assert [seconds for *_, seconds in world.opened] == [6, 5.75]
    assert world.waited == [6, 5.75, 5.5, 5.25]
    assert world.now == 106
