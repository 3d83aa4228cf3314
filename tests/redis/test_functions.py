"""The functions' handlers on real membership; what they call besides is remembered."""

import json
import math
from dataclasses import dataclass, field, replace
from typing import Any, cast
from unittest.mock import patch

import pytest
from redis import Redis

from hadir import bootstrap, metrics
from hadir.access.gate import Gate
from hadir.announcer import Announcer
from hadir.attendance import Attended
from hadir.domain.bans import Ban, Banned
from hadir.domain.errors import FunctionsUnavailable, MembershipUnavailable, SocketsUnavailable
from hadir.domain.grant import Grant
from hadir.domain.identity import DEFAULT_TENANT, Identity, UserType
from hadir.doorman import Doorman
from hadir.membership.audit import Audit
from hadir.membership.bans import Bans
from hadir.membership.directory import Directory
from hadir.membership.keys import session_key
from hadir.membership.membership import Membership
from hadir.membership.server import UNKNOWN, Memory
from hadir.wire.events import PROBE, read_socket_event
from hadir.wire.sessions import write_session
from tests.conftest import Clock
from tests.redis.closing import one_by_one
from tests.redis.consoles import leftovers
from tests.redis.handlers import load
from tests.redis.sweeping import Platform
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_membership import CLOSED, SESSION, identity, join, present, ref
from tests.running_gateway import ROOT

HEARTBEAT = '{"action": "heartbeat"}'
HEARS = b'{"statusCode": 200}'


class Sockets(Platform):
    """The sockets of the stage."""

    opens = True

    def wait_until_open(self, _connection_id: str, _seconds: float) -> bool:
        return self.opens


@dataclass
class Functions:
    """Other functions."""

    invoked: list[tuple[str, bytes]] = field(default_factory=list)
    answer: bytes | FunctionsUnavailable = HEARS

    def invoke_later(self, name: str, payload: bytes) -> None:
        self.invoked.append((name, payload))

    def invoke_and_wait(self, name: str, payload: bytes) -> bytes:
        self.invoked.append((name, payload))
        if isinstance(self.answer, FunctionsUnavailable):
            raise self.answer
        return self.answer


@dataclass
class Queue:
    """The queue of graces."""

    sent: list[tuple[str, float]] = field(default_factory=list)

    def send(self, body: str, seconds: float) -> None:
        self.sent.append((body, seconds))


class Deployment:
    """What functions are built of."""

    def __init__(self, node: Redis, clock: Clock) -> None:
        self.membership = Membership(node, clock=clock)
        self.poster = RecordingPoster()
        self.sockets = Sockets()
        self.functions = Functions()
        self.queue = Queue()
        self.audit = Audit(node)
        self.directory = Directory(node)

    def redis_memory(self) -> Memory:
        return UNKNOWN

    def call(self, function: str, event: dict[str, Any]) -> Any:
        """What a function returns, built with what stands here now."""
        announcer = Announcer(self.membership, self.poster)
        doorman = Doorman(
            self.membership, announcer, one_by_one(self.sockets.close), lambda *_: None
        )
        built = {
            "membership": lambda: self.membership,
            "announcer": lambda _: announcer,
            "doorman": lambda *_: doorman,
            "sockets": lambda: self.sockets,
            "functions": lambda *_: self.functions,
            "announce_function": lambda: "announce",
            "message_function": lambda: "default",
            "grace_queue": lambda: self.queue,
            "grace_seconds": lambda: 10.0,
            "audit": lambda: self.audit,
            "directory": lambda: self.directory,
            "redis_memory": self.redis_memory,
            "deadline": lambda _: TEN_SECONDS,
        }
        with patch.multiple(bootstrap, **cast("dict[str, Any]", built)):
            return load(function).handler(event, None)


@pytest.fixture
def deployment(node: Redis, clock: Clock) -> Deployment:
    return Deployment(node, clock)


@pytest.fixture
def away() -> Membership:
    """On a Redis that does not answer."""
    return Membership(Redis.from_url("redis://127.0.0.1:1"))


def event(
    connection_id: str, who: Identity | None = None, body: str | None = None, **context: object
) -> dict[str, Any]:
    """As API Gateway hands it over; without ``who`` it does not repeat the authorizer's context."""
    said = {"requestId": "request-1", "connectionId": connection_id, **context}
    if who:
        said["authorizer"] = {
            "session_id": who.session_id,
            "user_id": who.user_id,
            "user_type": who.user_type.value,
            "name": who.name,
            "sessions": " ".join(who.sessions),
        }
    return {"requestContext": said, "body": body}


class TestAuthorize:
    def test_what_the_token_proves_and_until_when_goes_on_with_the_socket(self) -> None:
        grant = Grant("acme", "u1", UserType.AGENT, ("s1",), expires_at=99)
        asked = {"methodArn": "arn:live/$connect", "queryStringParameters": {"token": "t"}}

        with patch.object(bootstrap, "gate", lambda: Gate(lambda _: grant, frozenset())):
            answer = load("authorize").handler(asked, None)

        assert answer["policyDocument"]["Statement"][0]["Effect"] == "Allow"
        assert answer["context"] == {
            "tenant": "acme",
            "session_id": "s1",
            "user_id": "u1",
            "user_type": "agent",
            "expires_at": "99",
        }

    def test_so_does_what_it_says_of_them(self) -> None:
        picture = "https://img.example.com/a.png"
        grant = Grant("acme", "u1", UserType.AGENT, ("s1",), 0, "Anna Berg", picture)
        asked = {"methodArn": "arn:live/$connect", "queryStringParameters": {"token": "t"}}

        with patch.object(bootstrap, "gate", lambda: Gate(lambda _: grant, frozenset())):
            context = load("authorize").handler(asked, None)["context"]

        assert (context["name"], context["avatar"]) == ("Anna Berg", picture)
        read = read_socket_event(
            {"requestContext": {"connectionId": "c1", "authorizer": context}}
        ).identity
        assert read == grant.identity("s1")

    def test_so_do_the_sessions_that_an_agents_token_is_for(self) -> None:
        grant = Grant("acme", "u1", UserType.AGENT, ("s1", "team-*"), expires_at=99)
        query = {"token": "t", "session_id": "s1"}
        asked = {"methodArn": "arn:live/$connect", "queryStringParameters": query}

        with patch.object(bootstrap, "gate", lambda: Gate(lambda _: grant, frozenset())):
            context = load("authorize").handler(asked, None)["context"]

        assert context["sessions"] == "s1 team-*"
        read = read_socket_event({"requestContext": {"connectionId": "c1", "authorizer": context}})
        assert read.identity == grant.identity("s1")


class TestConnect:
    def test_the_token_goes_no_further(self, deployment: Deployment) -> None:
        asked = event("c1", identity("customer_1"))
        asked["queryStringParameters"] = {"token": "my.secret.token"}
        asked["headers"] = {"Sec-WebSocket-Protocol": "hadir.v1, token.my.secret.token"}

        answer = deployment.call("connect", asked)

        assert answer["statusCode"] == 200
        ((name, payload),) = deployment.functions.invoked
        assert name == "announce"
        assert json.loads(payload) == {"requestContext": asked["requestContext"]}


class TestAnnounce:
    def test_everyone_is_shown_the_name_that_the_token_says(self, deployment: Deployment) -> None:
        who = replace(identity("customer_1"), name="Anna Berg")
        deployment.membership.admit("c1", who)

        deployment.call("announce", event("c1", who))

        (told,) = deployment.poster.received["c1"]
        assert told["connection_status"]["users"]["customer_1"]["name"] == "Anna Berg"

    def test_a_socket_that_expired_before_it_opened_is_told_and_closed(
        self, deployment: Deployment, clock: Clock
    ) -> None:
        who = identity("customer_1", expires_at=clock.now // 1000)
        deployment.membership.admit("c1", who)

        deployment.call("announce", event("c1", who))

        assert deployment.sockets.closed == ["c1"]
        (farewell,) = deployment.poster.frames["c1"]
        assert (farewell["type"], farewell["data"]["reason"]) == ("closing", "token_expired")

    def test_who_was_banned_meanwhile_is_put_out(
        self, deployment: Deployment, node: Redis, clock: Clock
    ) -> None:
        who = identity("customer_1")
        deployment.membership.admit("c1", who)
        ban = Ban(Banned(who.person), clock.now + 60_000, identity("admin_1").person)
        Bans(node, clock=clock).ban(DEFAULT_TENANT, ban)

        deployment.call("announce", event("c1", who))

        assert deployment.sockets.closed == ["c1"]
        assert present(deployment.membership) == set()

    def test_a_socket_that_never_opened_is_nobodys_presence(self, deployment: Deployment) -> None:
        deployment.membership.admit("c1", identity("customer_1"))
        deployment.sockets.opens = False

        deployment.call("announce", event("c1", identity("customer_1")))

        assert present(deployment.membership) == set()

    def test_a_second_tab_is_shown_the_session(self, deployment: Deployment) -> None:
        join(deployment.membership, "c1", "customer_1")
        deployment.membership.admit("c2", identity("customer_1"))

        deployment.call("announce", event("c2", identity("customer_1")))

        (shown,) = deployment.poster.received["c2"]
        assert shown["connection_status"]["users"]["customer_1"]["connections"] == 2


class TestDefault:
    def test_whose_socket_it_is_is_known_without_the_context(self, deployment: Deployment) -> None:
        join(deployment.membership, "c1", "customer_1")

        for connection_id in ("c1", "nobodys"):
            assert deployment.call("default", event(connection_id, body=HEARTBEAT))

        assert deployment.poster.frames["c1"][-1]["type"] == "heartbeat_ack"
        assert deployment.poster.frames["nobodys"][-1]["data"]["code"] == "forbidden"

    def test_without_redis_it_is_answered_all_the_same(
        self, deployment: Deployment, away: Membership
    ) -> None:
        deployment.membership = away

        for who in (identity("customer_1"), None):
            deployment.call("default", event("c1", who, HEARTBEAT))

        codes = [frame["data"]["code"] for frame in deployment.poster.frames["c1"]]
        assert codes == ["unavailable", "unavailable"]

    def test_it_hears_the_probe(self, deployment: Deployment) -> None:
        assert deployment.call("default", PROBE) == {"statusCode": 200}
        assert deployment.poster.frames == {}


class TestDisconnect:
    def test_whose_socket_it_was_is_known_without_the_context(self, deployment: Deployment) -> None:
        join(deployment.membership, "a1", "admin_1")
        join(deployment.membership, "c1", "customer_1")

        for connection_id in ("c1", "nobodys"):
            assert deployment.call("disconnect", event(connection_id)) == {"statusCode": 200}

        assert present(deployment.membership) == {"admin_1"}
        assert deployment.poster.events("a1") == [(3, "user_disconnected", "customer_1")]

    def test_what_the_socket_watched_ends_with_it(
        self, deployment: Deployment, node: Redis
    ) -> None:
        join(deployment.membership, "a1", "admin_1")
        who = replace(identity("admin_1"), sessions=("*",))
        for asked in ({"all": True}, {"session_id": "another"}):
            body = json.dumps({"action": "watch", **asked})
            deployment.call("default", {**event("a1", who), "body": body})
        assert {frame["type"] for frame in deployment.poster.frames["a1"]} == {
            "watching",
            "connection_status_update",
        }

        deployment.call("disconnect", event("a1", who))

        assert leftovers(node) == []

    @pytest.mark.parametrize(("hours", "reason"), [(2, "duration_limit"), (1, "idle_timeout")])
    def test_why_it_was_cut_depends_on_how_old_it_was(
        self, deployment: Deployment, hours: int, reason: str
    ) -> None:
        join(deployment.membership, "a1", "admin_1")
        join(deployment.membership, "c1", "customer_1")
        sample = json.loads((ROOT / "events" / "disconnect.json").read_text())["requestContext"]
        times = {
            "connectedAt": sample["connectedAt"],
            "requestTimeEpoch": sample["connectedAt"] + hours * 3600_000,
        }

        deployment.call(
            "disconnect",
            event(
                *("c1", identity("customer_1")),
                disconnectStatusCode=1001,
                disconnectReason="Going away",
                **times,
            ),
        )

        assert [told["reason"] for told in deployment.poster.received["a1"]] == [reason]

    def test_what_waits_is_announced_before_the_queue_is_asked(
        self, deployment: Deployment, node: Redis, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deployment.membership = Membership(node, grace_seconds=10, clock=clock)
        join(deployment.membership, "a1", "admin_1")
        join(deployment.membership, "c1", "customer_1")
        deployment.membership.say("a1", identity("admin_1"), "hello", "")  # dies here
        clock.pass_seconds(11)
        told: list[object] = []
        monkeypatch.setattr(
            deployment.queue, "send", lambda *_: told.extend(deployment.poster.received["a1"])
        )

        deployment.call("disconnect", event("c1", identity("customer_1")))

        assert [each["text"] for each in cast("list[dict[str, str]]", told)] == ["hello"]

    def test_a_grace_comes_back_by_the_queue(
        self, deployment: Deployment, node: Redis, clock: Clock
    ) -> None:
        deployment.membership = Membership(node, grace_seconds=10, clock=clock)
        join(deployment.membership, "a1", "admin_1")
        join(deployment.membership, "c1", "customer_1")
        deployment.call("disconnect", event("c1", identity("customer_1")))
        assert present(deployment.membership) == {"admin_1", "customer_1"}
        ((body, seconds),) = deployment.queue.sent
        clock.pass_seconds(math.ceil(seconds))  # SQS delays by whole seconds

        done = deployment.call("end_grace", {"Records": [{"messageId": "m1", "body": body}]})

        assert done == {"batchItemFailures": []}
        assert deployment.poster.events("a1") == [(3, "user_disconnected", "customer_1")]


def test_a_grace_comes_again_if_redis_was_away_and_nonsense_does_not(
    deployment: Deployment, away: Membership
) -> None:
    deployment.membership = away
    records = [
        {"messageId": "m1", "body": "nonsense"},
        {"messageId": "m2", "body": write_session(SESSION)},
    ]

    done = deployment.call("end_grace", {"Records": records})

    assert done == {"batchItemFailures": [{"itemIdentifier": "m2"}]}


class TestSweep:
    @pytest.mark.parametrize(
        ("answer", "left"),
        [
            (HEARS, set()),
            (b'{"statusCode": 500}', {"customer_1"}),
            (b"", {"customer_1"}),
            (FunctionsUnavailable("throttled"), {"customer_1"}),
        ],
    )
    def test_nobody_is_silent_where_clients_may_not_be_heard(
        self,
        deployment: Deployment,
        clock: Clock,
        answer: bytes | FunctionsUnavailable,
        left: set[str],
    ) -> None:
        deployment.membership.leases.due(1)
        join(deployment.membership, "c1", "customer_1")
        deployment.membership.open("c1", SESSION, beat=True)
        clock.pass_seconds(60)
        deployment.membership.leases.due(1)
        clock.pass_seconds(31)
        deployment.functions.answer = answer

        deployment.call("sweep", {})

        assert [json.loads(payload) for _, payload in deployment.functions.invoked] == [PROBE]
        assert present(deployment.membership) == left

    def test_what_redis_has_evicted_is_written_anew_once(
        self, deployment: Deployment, node: Redis
    ) -> None:
        join(deployment.membership, "c1", "customer_1")
        people = session_key(SESSION, "people")
        with patch.object(deployment.audit, "_stats", lambda: [{"evicted_keys": 3}]):
            for is_seen_to in (True, False):
                node.delete(people)
                deployment.call("sweep", {})
                assert bool(node.exists(people)) == is_seen_to

    def test_a_session_that_cannot_be_repaired_keeps_no_other_from_it(
        self, deployment: Deployment, node: Redis
    ) -> None:
        join(deployment.membership, "c1", "customer_1")
        broken = ref("broken")
        deployment.membership.admit("c2", identity("customer_2", broken))
        node.hset(session_key(broken, "connections"), "c2", "nonsense")
        node.hdel(session_key(broken, "session"), "sizes")
        people = session_key(SESSION, "people")
        with patch.object(deployment.audit, "_stats", lambda: [{"evicted_keys": 3}]):
            node.delete(people)
            deployment.call("sweep", {})

            assert node.exists(people)
            assert deployment.audit.begin() is None

    def test_what_was_swept_is_counted_whatever_becomes_of_the_repair(
        self, deployment: Deployment
    ) -> None:
        for failure in (SocketsUnavailable("throttled"), MembershipUnavailable("away")):
            with (
                patch.object(deployment.audit, "begin", side_effect=failure),
                patch.object(metrics, "swept") as counted,
            ):
                assert deployment.call("sweep", {}) == {}
            assert counted.called

    @pytest.mark.parametrize("away", ["presence", "memory", "latency"])
    def test_what_cannot_be_measured_hides_nothing_else(
        self, deployment: Deployment, away: str
    ) -> None:
        failure = MembershipUnavailable("a shard is away")
        fails = {
            "presence": patch.object(deployment.directory, "totals", side_effect=failure),
            "memory": patch.object(deployment, "redis_memory", side_effect=failure),
            "latency": patch.object(deployment.membership, "ping", side_effect=failure),
        }
        with (
            patch.object(metrics, "present") as presence,
            patch.object(metrics, "redis_memory") as memory,
            patch.object(metrics, "redis_latency") as latency,
            fails[away],
        ):
            deployment.call("sweep", {})

        counted = {"presence": presence, "memory": memory, "latency": latency}
        assert {what for what, each in counted.items() if not each.called} == {away}

    def test_who_has_gone_for_good_is_told_in_the_same_sweep(
        self, deployment: Deployment, clock: Clock
    ) -> None:
        join(deployment.membership, "a1", "admin_1")
        who = identity("admin_1").person
        deployment.membership.assignments.assign(SESSION, "zoe", None, by=who)
        clock.pass_seconds(31)

        with patch.object(metrics, "attended") as counted:
            deployment.call("sweep", {})

        frames = [frame for frame in deployment.poster.frames["a1"] if "version" in frame["data"]]
        assert [frame["data"]["assignment"].get("gone") for frame in frames] == [None, True]
        counted.assert_called_once_with(Attended(sessions=1, unattended=1, told=1))

    def test_what_keeps_it_from_looking_for_them_keeps_it_from_nothing_else(
        self, deployment: Deployment
    ) -> None:
        failure = MembershipUnavailable("away")
        assignments = deployment.membership.assignments
        with (
            patch.object(assignments, "listed", side_effect=failure),
            patch.object(metrics, "attended") as attended,
            patch.object(metrics, "swept") as swept,
        ):
            deployment.call("sweep", {})
        assert swept.called
        assert not attended.called

    def test_even_if_it_is_broken(self, deployment: Deployment) -> None:
        with (
            patch.object(deployment.audit, "begin", side_effect=ZeroDivisionError),
            patch.object(metrics, "swept") as counted,
            pytest.raises(ZeroDivisionError),
        ):
            deployment.call("sweep", {})
        assert counted.called


def test_a_leave_is_told_when_the_function_that_recorded_it_has_died(
    deployment: Deployment, clock: Clock
) -> None:
    join(deployment.membership, "a1", "admin_1")
    join(deployment.membership, "c1", "customer_1")
    deployment.membership.leave("c1", SESSION, CLOSED)  # dies here
    clock.pass_seconds(11)

    swept = deployment.call("sweep", {})

    assert swept["announced"] == 1
    assert deployment.poster.events("a1") == [(3, "user_disconnected", "customer_1")]
