"""The REST API is as ``docs/openapi.json`` says: its routes, its parameters and every answer."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from redis import Redis

from apigw_local.template.document import read
from hadir import bootstrap
from hadir.domain.availability import Agents
from hadir.domain.bans import LONGEST_BAN_SECONDS, Ban, Banned
from hadir.domain.circumstances import Circumstances, Line
from hadir.domain.grant import Grant
from hadir.domain.identity import DEFAULT_TENANT, Identity, Person, UserType
from hadir.domain.past import Chronicle
from hadir.domain.reasons import KICKED, Departure, Evidence, Reason
from hadir.domain.roles import CustomersSee
from hadir.domain.session import Presence, Session, Socket
from hadir.domain.sockets import State
from hadir.membership.availability import Availability, RecentAvailability
from hadir.membership.membership import Membership
from hadir.membership.server import read_memory
from hadir.wire.circumstances import MOST_SHOWN, explanation
from hadir.wire.past import last_seen
from hadir.wire.updates import MAX_USERS, ban_fields, status_answer
from tests.conftest import Clock
from tests.redis.handlers import load
from tests.redis.test_membership import CLOSED, SESSION, ref
from tests.redis.test_rest import Api
from tests.running_gateway import ROOT
from tests.specs import OPENAPI, properties, rest_problems

HERE = {"session_id": SESSION.session_id}
THEM = {"user_type": "customer", "user_id": "anna"}
KICK = "DELETE /api/session/{session_id}/users/{user_id}"
BAN = {**THEM, "session_id": SESSION.session_id, "seconds": 60, "reason": "spam"}
OPERATIONS = {
    f"{method.upper()} {path}": {
        **operation,
        "parameters": [*item.get("parameters", ()), *operation.get("parameters", ())],
    }
    for path, item in OPENAPI["paths"].items()
    for method, operation in item.items()
    if method != "parameters"
}
Bodies = tuple[tuple[str, dict[str, Any]], ...]
PUBLIC = {"GET /api/health", "GET /api/availability"}


def component(found: dict[str, Any]) -> dict[str, Any]:
    """What a reference names."""
    while "$ref" in found:
        _, _, kind, name = found["$ref"].split("/")
        found = OPENAPI["components"][kind][name]
    return found


def parameters(route: str, place: str) -> dict[str, dict[str, Any]]:
    """Of a route, by their names, the parameters in the path or in the query."""
    found = map(component, OPERATIONS[route]["parameters"])
    return {each["name"]: each for each in found if each["in"] == place}


class Described(Api):
    """Requests whose answers are held against the document.

    Attributes:
        seen: by route, the statuses of the answers.
    """

    def __init__(self, node: Redis, clock: Clock) -> None:
        super().__init__(node, clock)
        self.seen: dict[str, set[str]] = defaultdict(set)

    def ask(
        self, route: str, query: dict[str, str] | None = None, body: object = None, **path: str
    ) -> Any:
        """The body of the answer, which is as described."""
        with patch.object(bootstrap, "redis_memory", lambda: read_memory(self.node)):
            answer = self.answer(route, query, body, **{**HERE, **THEM, **path})
        status = str(answer["statusCode"])
        self.seen[route].add(status)
        described = component(OPERATIONS[route]["responses"][status])
        if "content" not in described:
            assert not answer.get("body")
            return None
        found = json.loads(answer["body"])
        (kind,) = described["content"]
        assert answer["headers"]["Content-Type"] == kind
        problems = rest_problems(described["content"][kind]["schema"], found)
        assert problems == [], (route, found)
        return found

    def comes(self, connection_id: str, who: Identity, *, beat: bool = False) -> None:
        assert self.membership.admit(connection_id, who).is_in
        shown = partial(self.membership.open, name=who.name, avatar=who.avatar)
        self._settle(shown(connection_id, who.session, heard=beat, beat=beat).batch)

    def leaves(self, connection_id: str, departure: Departure = CLOSED) -> None:
        self._settle(self.membership.leave(connection_id, SESSION, departure).batch)


def anna() -> Identity:
    shown = {"name": "Anna", "avatar": "https://img.example/a.png"}
    return Identity.parse(SESSION.session_id, "anna", "customer", **shown)


def amy(user_id: str = "amy") -> Identity:
    return Identity(SESSION.session_id, user_id, UserType.AGENT)


@pytest.fixture
def api(node: Redis, clock: Clock) -> Described:
    return Described(node, clock)


@pytest.fixture
def busy(api: Described, clock: Clock) -> Described:
    """A session in which everything has happened that may."""
    api.comes("g1", amy("gone"))
    clock.pass_seconds(1)
    api.leaves("g1", Departure(Reason.UNKNOWN, Evidence.NONE))
    api.comes("k1", amy("kicked"))
    api.leaves("k1", KICKED)
    api.comes("c0", anna())
    api.leaves("c0")
    clock.pass_seconds(2)
    api.comes("c1", anna(), beat=True)
    api.comes("a1", amy(), beat=True)
    api.comes("a2", amy("anna"))
    api.membership.admit("c2", Identity(SESSION.session_id, "late", UserType.CUSTOMER))
    api.say("c1", anna())
    said = api.membership.say_as_system(SESSION, Person(UserType.ADMIN, "boss"), "Hello", "m1")
    api._settle(said.batch)
    api._settle(api.membership.states.set("c1", SESSION, {"page": "/cart", "away": False}).batch)
    taken = api.membership.assignments.assign(SESSION, "amy", None, by=amy().person)
    api._settle(taken.batch)
    clock.pass_seconds(5)
    return api


class TestRoutes:
    def test_they_are_those_that_are_answered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for part in ("membership", "directory", "customers_see", "bans", "availability"):
            monkeypatch.setattr(bootstrap, part, lambda: None)
        app = load("rest").app
        routes = [*app._static_routes, *app._dynamic_routes]
        answered = {re.sub("<(.*?)>", r"{\1}", f"{each.method} {each.path}") for each in routes}
        assert answered == OPERATIONS.keys()

    def test_they_are_those_that_are_deployed_with_the_same_security(self) -> None:
        function = read(ROOT / "template.yaml")["Resources"]["RestFunction"]["Properties"]
        deployed = [each["Properties"] for each in function["Events"].values()]
        assert {f"{each['Method']} {each['Path']}" for each in deployed} == OPERATIONS.keys()
        public = {f"{each['Method']} {each['Path']}" for each in deployed if "Auth" in each}
        assert {name for name, each in OPERATIONS.items() if each.get("security") == []} == public
        assert public == PUBLIC

    @pytest.mark.parametrize("route", OPERATIONS)
    def test_what_is_in_the_path_is_described(self, route: str) -> None:
        assert parameters(route, "path").keys() == set(re.findall(r"{(\w+)}", route))


class TestParameters:
    """What a parameter may be: the schemas' limits are those of the server."""

    @pytest.mark.parametrize(
        ("route", "name"),
        [
            (route, name)
            for route in OPERATIONS
            for name, each in parameters(route, "query").items()
            if component(each["schema"]).get("type") == "integer"
        ],
    )
    def test_a_number_has_limits(self, api: Described, route: str, name: str) -> None:
        schema = component(parameters(route, "query")[name]["schema"])
        for value in (schema["minimum"], schema["maximum"], schema.get("default")):
            assert "error" not in api.ask(route, None if value is None else {name: str(value)})
        for value in (schema["minimum"] - 1, schema["maximum"] + 1):
            assert "error" in api.ask(route, {name: str(value)})

    @pytest.mark.parametrize("route", [each for each in OPERATIONS if each not in PUBLIC])
    @pytest.mark.parametrize("name", ["session_id", "user_id", "user_type"])
    def test_what_is_no_id_and_no_type_is_refused(
        self, api: Described, route: str, name: str
    ) -> None:
        if name in parameters(route, "path"):
            api.ask(route, {**THEM, **HERE}, BAN, **{name: "a b"})
        elif name in parameters(route, "query"):
            api.ask(route, {**THEM, **HERE, name: "a b"}, BAN)
        else:
            return
        assert api.seen[route] == {"400"}

    def test_those_that_must_be_there_must(self, api: Described) -> None:
        route = "DELETE /api/user/{user_id}/history"
        needed = {name for name, each in parameters(route, "query").items() if each["required"]}
        assert needed == {"user_type", "session_id"}
        for name in needed:
            rest = {key: value for key, value in {**THEM, **HERE}.items() if key != name}
            assert "error" in api.ask(route, rest)

    def test_all_that_are_read_are_described(self) -> None:
        read_in = (ROOT / "functions/rest").glob("*.py")
        names = re.findall(r'query\("(\w+)"\)', "".join(map(Path.read_text, read_in)))
        assert set(names) == {name for each in OPERATIONS for name in parameters(each, "query")}

    GOOD: Bodies = (
        ("POST /api/bans", {**THEM, "until": "2027-01-24T10:30:00+01:00"}),
        ("POST /api/bans", {**THEM, "seconds": LONGEST_BAN_SECONDS, "reason": "x" * 200}),
        ("POST /api/bans", {**THEM, "seconds": 1, "session_id": "s" * 128}),
        ("POST /api/session/{session_id}/messages", {"text": "x"}),
        ("POST /api/session/{session_id}/messages", {"text": "x" * 4000, "client_id": "m"}),
    )
    BAD: Bodies = (
        ("POST /api/bans", {**THEM}),
        ("POST /api/bans", {**THEM, "seconds": 1, "until": "2027-01-24T10:30:00Z"}),
        ("POST /api/bans", {**THEM, "seconds": LONGEST_BAN_SECONDS + 1}),
        ("POST /api/bans", {**THEM, "seconds": 0}),
        ("POST /api/bans", {**THEM, "seconds": 1, "reason": "x" * 201}),
        ("POST /api/bans", {**THEM, "seconds": 1, "reason": ""}),
        ("POST /api/bans", {**THEM, "seconds": 1, "session_id": "a b"}),
        ("POST /api/bans", {**THEM, "seconds": 1, "user_type": "boss"}),
        ("POST /api/bans", {"user_type": "customer", "seconds": 1}),
        ("POST /api/bans", {"user_id": "anna", "seconds": 1}),
        ("POST /api/session/{session_id}/messages", {}),
        ("POST /api/session/{session_id}/messages", {"text": ""}),
        ("POST /api/session/{session_id}/messages", {"text": "x" * 4001}),
        ("POST /api/session/{session_id}/messages", {"text": "x", "client_id": "a b"}),
    )

    @pytest.mark.parametrize(("route", "body"), [*GOOD, *BAD])
    def test_bodies_are_read_as_they_are_described(
        self, busy: Described, clock: Clock, route: str, body: dict[str, Any]
    ) -> None:
        described = OPERATIONS[route]["requestBody"]["content"]["application/json"]["schema"]
        is_good = (route, body) in self.GOOD
        with patch("time.time_ns", lambda: clock.now * 1_000_000):
            answer = busy.ask(route, None, body)
        assert (rest_problems(described, body) == []) is is_good
        assert ("error" not in answer) is is_good


class TestAnswers:
    """Each is held against its description as it comes (``Described.ask``)."""

    def answers(self, api: Described) -> Iterator[tuple[str, Any]]:
        """Of a busy session, all that can be asked for; in the end it is empty."""
        requests: list[tuple[Any, ...]] = [
            ("GET /api/health",),
            ("GET /api/availability",),
            ("GET /api/session/{session_id}/connection-status",),
            ("GET /api/session/{session_id}/connection-status", {"at": "9"}),
            ("GET /api/session/{session_id}/connection-status", {"at": "0"}),
            ("GET /api/session/{session_id}/connection-status", {"at": "99"}),
            ("GET /api/session/{session_id}/events",),
            ("GET /api/session/{session_id}/explain",),
            ("GET /api/sessions",),
            ("GET /api/user/{user_id}/sessions",),
            ("POST /api/session/{session_id}/messages", None, {"text": "Hi", "client_id": "m2"}),
            ("POST /api/session/{session_id}/messages", None, {"text": "Hi", "client_id": "m2"}),
            ("DELETE /api/user/{user_id}/history", {**HERE, "user_type": "customer"}),
            ("GET /api/session/{session_id}/events",),
            (KICK,),  # two people have that id
            (KICK, {"user_type": "agent"}),
            ("POST /api/bans", None, BAN),
            ("POST /api/bans", None, {**THEM, "seconds": 60}),
            ("GET /api/bans",),
            ("DELETE /api/bans/{user_type}/{user_id}", HERE),
            ("DELETE /api/bans/{user_type}/{user_id}", HERE),
            (KICK,),
            ("GET /api/user/{user_id}/sessions",),
            (KICK, None, None, "amy"),
            ("POST /api/session/{session_id}/messages", None, {"text": "Hi"}),
            ("DELETE /api/session/{session_id}/history",),
            ("GET /api/user/{user_id}/sessions",),
        ]
        for route, *rest in requests:
            query, body, user_id = [*rest, None, None, None][:3]
            yield route, api.ask(route, query, body, **({"user_id": user_id} if user_id else {}))

    def test_of_a_busy_session(self, busy: Described) -> None:
        found: dict[str, list[Any]] = defaultdict(list)
        for route, answer in self.answers(busy):
            found[route].append(answer)

        status, past, *_ = found["GET /api/session/{session_id}/connection-status"]
        history = found["GET /api/session/{session_id}/events"]
        explained = found["GET /api/session/{session_id}/explain"][0]
        lost, gone = found["GET /api/user/{user_id}/sessions"][1:]
        shown = {
            "User": status["users"].values(),
            "PastStatus": [past],
            "PastUser": past["users"].values(),
            "History": history,
            "Explanation": [explained],
            "ExplainedPerson": explained["people"],
            "ExplainedSocket": [one for each in explained["people"] for one in each["sockets"]],
            "AdmittedSocket": explained["admitted"],
            "ExplainedLeave": explained["left"],
            "OccupiedSession": found["GET /api/sessions"][0]["sessions"],
            "SessionsOfUser": [lost, gone],
            "LastSeen": [each for one in (lost, gone) for each in one["last_seen"].values()],
            "Ban": [each for page in found["GET /api/bans"] for each in page["bans"]],
        }
        rare = {"PastStatus": {"users_truncated"}, "Explanation": {"truncated"}}
        for name, values in shown.items():
            fields = {field for each in values for field in each} | rare.get(name, set())
            assert fields == properties(OPENAPI, name).keys(), name
        kinds = [
            {name for name in ("event_type", "text", "state", "assignment") if name in each}
            for page in history
            for each in page["events"]
        ]
        assert set(map(len, kinds)) == {1}
        assert set.union(*kinds) == {"event_type", "text", "state", "assignment"}

    @pytest.mark.parametrize("sees", CustomersSee)
    def test_to_a_customer(self, busy: Described, sees: CustomersSee) -> None:
        busy.customers_see = sees
        for who in ("anna", "bert"):
            busy.grant = Grant(DEFAULT_TENANT, who, UserType.CUSTOMER, (SESSION.session_id,), 0)
            for route in ("connection-status", "events"):
                busy.ask(f"GET /api/session/{{session_id}}/{route}")
            busy.ask("GET /api/session/{session_id}/connection-status", {"at": "5"})

    def test_of_what_seldom_happens(self) -> None:
        anna = Person(UserType.CUSTOMER, "anna")
        crowd = tuple(
            Presence(Person(UserType.AGENT, f"a{number}"), 0, 1) for number in range(MAX_USERS + 1)
        )
        line = Line(Socket("c1", anna, 1), 0, 0, beats=False, leased_until=None, owed_since=None)
        present = Session(SESSION, "e1", 1, (Presence(anna, 0, 1),))
        found = Circumstances(Chronicle(0, present, ()), (line,) * (MOST_SHOWN + 1), {})
        for name, answer in (
            ("SessionStatus", status_answer(Session(SESSION, "e1", 501, crowd))),
            ("Explanation", explanation(found, {})),
            ("LastSeen", last_seen("s1", 0, None)),
            ("Ban", ban_fields(Ban(Banned(anna), 0, None))),
        ):
            assert rest_problems({"$ref": f"#/components/schemas/{name}"}, answer) == []

    def test_of_what_is_unknown(self, api: Described) -> None:
        for route in ("connection-status", "events", "explain"):
            found = api.ask(f"GET /api/session/{{session_id}}/{route}", session_id="unknown")
            assert (found["epoch"], found["version"]) == ("", 0)

    def test_pages_end(self, api: Described) -> None:
        for name in ("s1", "s2"):
            api.join(name, ref(name), "u1")
        first = api.ask("GET /api/sessions", {"limit": "1"})
        rest = api.ask("GET /api/sessions", {"cursor": first["cursor"]})
        assert rest["cursor"] is None

    def test_each_that_is_described_is_given(self, busy: Described) -> None:
        """But 429, which is API Gateway's."""
        list(self.answers(busy))
        for route in OPERATIONS:  # what is invalid
            if parameters(route, "path") or parameters(route, "query"):
                wrong = dict.fromkeys(parameters(route, "query"), "a b")
                busy.ask(route, wrong, None, session_id="a b", user_type="boss")
        busy.ask("POST /api/bans", None, {})
        busy.grant = Grant(DEFAULT_TENANT, "bert", UserType.CUSTOMER, ("another",), 0)
        for route in OPERATIONS.keys() - PUBLIC:
            busy.ask(route, {**THEM, **HERE}, BAN)
        busy.grant = Grant(DEFAULT_TENANT, "boss", UserType.ADMIN, ("*",), 0)
        away = Redis.from_url("redis://127.0.0.1:1", decode_responses=True)
        busy.node, busy.membership = away, Membership(away)
        busy.availability = RecentAvailability(Availability(away, 90))
        for route in OPERATIONS:
            body = {"text": "Hi"} if "messages" in route else BAN
            query = {**THEM, **HERE} if route.startswith("DELETE") else None
            busy.ask(route, query, body)

        described = {
            route: set(operation["responses"]) - {"429"} for route, operation in OPERATIONS.items()
        }
        assert busy.seen == described

    def test_values_are_those_that_there_are(self) -> None:
        states = properties(OPENAPI, "GatewayAnswer")["state"]["enum"]
        assert set(states) == {each.value for each in State} | {"not_asked"}
        words = properties(OPENAPI, "Availability")["agents"]["enum"]
        assert words == [each.value for each in Agents]

    def test_an_error_has_a_code_that_is_described(self) -> None:
        code = "".join(map(Path.read_text, (ROOT / "functions/rest").glob("*.py")))
        codes = set(re.findall(r'asking\.error\(\d+, "(\w+)"', code))
        error = OPENAPI["components"]["schemas"]["Error"]["properties"]["error"]
        assert set(error["properties"]["code"]["enum"]) == codes
