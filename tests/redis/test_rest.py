"""The REST API's handler on real membership, with events as API Gateway makes them."""

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, cast
from unittest.mock import patch
from urllib.parse import urlencode

import pytest
from redis import Redis

from hadir import bootstrap
from hadir.announcer import Announcer
from hadir.domain.deadline import Deadline
from hadir.domain.errors import MembershipUnavailable, ScriptFailed
from hadir.domain.grant import Grant
from hadir.domain.identity import DEFAULT_TENANT, Identity, SessionRef, UserType
from hadir.domain.roles import CustomersSee
from hadir.domain.session import Batch
from hadir.doorman import Doorman
from hadir.membership.availability import Availability, RecentAvailability
from hadir.membership.bans import Bans
from hadir.membership.directory import Directory
from hadir.membership.membership import Membership
from hadir.wire.grants import write_grant
from tests.conftest import Clock
from tests.redis.closing import one_by_one
from tests.redis.handlers import load
from tests.redis.sweeping import Platform
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_membership import ref

IDS = [
    *("a/b", 'a"b', "a`b", "a\\b", "a#b", "a?b", "a%b", "a%2Fb", "100%", "a;b", ".."),
    *("😀", "日本", "a\u0301"),
]
"""All of them valid; the last is not in NFC."""


Query = Mapping[str, str | list[str]]


class Api:
    """Requests, answered by the function: those of an admin for the whole tenant, or another's.

    Attributes:
        grant: of whoever asks.
    """

    def __init__(self, node: Redis, clock: Clock) -> None:
        self.node = node
        self.clock = clock
        self.membership = Membership(node, clock=clock)
        self.closed: list[str] = []
        self.deadline = TEN_SECONDS
        self.platform = Platform()
        self.grant = Grant(DEFAULT_TENANT, "boss", UserType.ADMIN, ("*",), 0)
        self.customers_see = CustomersSee.EVERYBODY
        self.availability = RecentAvailability(Availability(node, 90, clock))

    def request(
        self, route: str, query: Query | None = None, body: object = None, **path: str
    ) -> tuple[int, Any]:
        """The status and body of the answer.

        Args:
            route: with the method, such as ``GET /api/sessions``.
            query: a parameter that has several values is there several times.
            path: the path's parameters.
        """
        answer = self.answer(route, query, body, **path)
        return answer["statusCode"], json.loads(answer["body"]) if answer.get("body") else None

    def answer(
        self, route: str, query: Query | None = None, body: object = None, **path: str
    ) -> dict[str, Any]:
        """The whole answer, likewise."""
        method, _, form = route.partition(" ")
        raw_path = re.sub(r"\{(\w+)\}", lambda found: path[found[1]], form)
        event = {
            "version": "2.0",
            "routeKey": route,
            "rawPath": raw_path,
            "rawQueryString": urlencode(query or {}, doseq=True),
            "headers": {},
            "queryStringParameters": query
            and {
                name: each if isinstance(each, str) else ",".join(each)
                for name, each in query.items()
            },
            "requestContext": {
                "http": {"method": method, "path": raw_path},
                "stage": "$default",
                "requestId": "request-1",
                "authorizer": {"lambda": write_grant(self.grant)},
            },
            "pathParameters": path,
            "body": None if body is None else json.dumps(body),
            "isBase64Encoded": False,
        }
        announcer = Announcer(self.membership, RecordingPoster())
        doorman = Doorman(
            self.membership, announcer, one_by_one(self.closed.append), lambda *_: None
        )
        built = {
            "membership": lambda: self.membership,
            "announcer": lambda _: announcer,
            "doorman": lambda *_: doorman,
            "directory": lambda: Directory(self.node, self.clock),
            "bans": lambda: Bans(self.node),
            "availability": lambda: self.availability,
            "deadline": lambda _: self.deadline,
            "sockets": lambda: self.platform,
            "customers_see": lambda: self.customers_see,
        }
        with patch.multiple(bootstrap, **cast("dict[str, Any]", built)):
            answer: dict[str, Any] = load("rest").handler(event, None)
        return answer

    def join(self, connection_id: str, session: SessionRef, user_id: str) -> None:
        self.membership.admit(
            connection_id, Identity(session.session_id, user_id, UserType.CUSTOMER)
        )
        self._settle(self.membership.open(connection_id, session).batch)

    def say(self, connection_id: str, who: Identity) -> None:
        self._settle(self.membership.say(connection_id, who, "Hi", "").batch)

    def _settle(self, batch: Batch | None) -> None:
        while batch:
            batch = self.membership.settle(batch, more=False)


@pytest.fixture
def api(node: Redis, clock: Clock) -> Api:
    return Api(node, clock)


class TestQueries:
    @pytest.mark.parametrize(
        ("route", "name"),
        [
            ("GET /api/availability", "tenant"),
            ("GET /api/sessions", "limit"),
            ("GET /api/sessions", "cursor"),
            ("GET /api/bans", "cursor"),
            ("GET /api/session/{session_id}/connection-status", "at"),
            ("GET /api/session/{session_id}/events", "since"),
            ("GET /api/session/{session_id}/events", "before"),
            ("GET /api/user/{user_id}/sessions", "user_type"),
            ("DELETE /api/session/{session_id}/users/{user_id}", "user_type"),
            ("DELETE /api/bans/{user_type}/{user_id}", "session_id"),
            ("DELETE /api/user/{user_id}/history", "session_id"),
        ],
    )
    @pytest.mark.parametrize("values", [["a", "b"], ["1", "1"], ["1", ""]])
    def test_what_is_given_twice_is_refused(
        self, api: Api, route: str, name: str, values: list[str]
    ) -> None:
        path = {
            each: "customer" for each in ("session_id", "user_id", "user_type") if each in route
        }

        status, body = api.request(route, {name: values, "other": ["1", "2"]}, **path)

        assert (status, body["error"]["code"]) == (400, "invalid_request")
        assert body["error"]["message"] == f"{name} must be given once"

    @pytest.mark.parametrize("what", ["connection-status", "events", "explain"])
    def test_of_an_unknown_session_there_is_no_epoch(self, api: Api, what: str) -> None:
        status, body = api.request(f"GET /api/session/{{session_id}}/{what}", session_id="nowhere")

        assert (status, body["epoch"], body["version"]) == (200, "", 0)

    @pytest.mark.parametrize(
        "at", ["\u0661", "\u00b2", "\uff11", "\u0662026-11-27T10:00:00Z", "-1"]
    )
    def test_a_moment_is_written_in_ascii(self, api: Api, at: str) -> None:
        route = "GET /api/session/{session_id}/connection-status"

        status, body = api.request(route, {"at": at}, session_id="s")

        assert (status, body["error"]["code"]) == (400, "invalid_request")
        assert body["error"]["message"].startswith("at must be a version, or a time")


@pytest.mark.parametrize("written", IDS)
class TestIds:
    """Whatever is valid can be asked for, as API Gateway has found it in the path."""

    def test_of_a_person(self, api: Api, written: str) -> None:
        user_id = unicodedata.normalize("NFC", written)
        api.join("c1", ref("s1"), user_id)

        found = api.request("GET /api/user/{user_id}/sessions", user_id=written)
        assert found == (200, {"user_id": user_id, "sessions": ["s1"]})
        erased = api.request(
            "DELETE /api/user/{user_id}/history",
            {"user_type": "customer", "session_id": "s1"},
            user_id=written,
        )
        assert erased == (200, {"erased": 0})
        kick = "DELETE /api/session/{session_id}/users/{user_id}"
        assert api.request(kick, session_id="s1", user_id=written) == (204, None)
        assert api.closed == ["c1"]
        ban = {"user_type": "customer", "user_id": written, "seconds": 60}
        assert api.request("POST /api/bans", body=ban)[0] == 201
        lift = "DELETE /api/bans/{user_type}/{user_id}"
        assert api.request(lift, user_type="customer", user_id=written) == (204, None)

    def test_of_a_session(self, api: Api, written: str) -> None:
        session_id = unicodedata.normalize("NFC", written)
        api.join("c1", ref(session_id), "u1")

        for what in ("connection-status", "events"):
            route = f"GET /api/session/{{session_id}}/{what}"
            status, answer = api.request(route, session_id=written)
            assert (status, answer["session_id"]) == (200, session_id)
        said = api.request(
            "POST /api/session/{session_id}/messages", body={"text": "Hi"}, session_id=written
        )
        assert said[0] == 201
        erased = api.request("DELETE /api/session/{session_id}/history", session_id=written)
        assert erased == (200, {"erased": 2})

    def test_in_a_query_it_is_as_it_stands(self, api: Api, written: str) -> None:
        session_id = unicodedata.normalize("NFC", written)
        api.join("c1", ref(session_id), "u1")
        api.say("c1", Identity(session_id, "u1", UserType.CUSTOMER))

        query = {"user_type": "customer", "session_id": written}
        erased = api.request("DELETE /api/user/{user_id}/history", query, user_id="u1")
        assert erased == (200, {"erased": 1})


class TestBanning:
    """Who is banned from the whole tenant is put out of every session."""

    @pytest.fixture
    def everywhere(self, api: Api) -> Api:
        """Somebody is in three sessions."""
        for index in range(3):
            api.join(f"c{index}", ref(f"s{index}"), "u1")
        return api

    def ban(self, api: Api) -> int:
        body = {"user_type": "customer", "user_id": "u1", "seconds": 60}
        return api.request("POST /api/bans", body=body)[0]

    def test_one_session_that_fails_keeps_them_in_no_other(self, everywhere: Api) -> None:
        real = everywhere.membership.sockets

        def sockets(session: SessionRef) -> Any:
            if session == ref("s0"):
                raise ScriptFailed("nonsense")
            return real(session)

        with patch.object(everywhere.membership, "sockets", sockets):
            assert self.ban(everywhere) == 503
        assert everywhere.closed == ["c1", "c2"]

        assert self.ban(everywhere) == 201
        assert everywhere.closed == ["c1", "c2", "c0"]

    def test_while_redis_is_away_it_gives_up_in_time(self, everywhere: Api) -> None:
        everywhere.deadline = Deadline(0.0, lambda: 0.0)
        away = MembershipUnavailable("away")
        with patch.object(everywhere.membership, "sockets", side_effect=away) as tried:
            assert self.ban(everywhere) == 503
        assert tried.call_count == 1


class TestAvailability:
    """Everybody may ask whether an agent would answer."""

    ROUTE = "GET /api/availability"

    def agent_is_live(self, api: Api, tenant: str) -> None:
        who = Identity("s1", "agent_1", UserType.AGENT, tenant)
        api.membership.admit("a1", who)
        api.membership.open("a1", who.session, heard=True, beat=True)

    def test_it_is_one_word_that_may_be_kept_for_a_moment(self, api: Api) -> None:
        self.agent_is_live(api, DEFAULT_TENANT)

        answer = api.answer(self.ROUTE)

        assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"agents": "live"})
        assert answer["headers"]["Cache-Control"] == "public, max-age=10"

    def test_it_is_that_of_the_tenant_asked_for(self, api: Api) -> None:
        self.agent_is_live(api, "acme")

        for tenant, word in (("acme", "live"), ("acm", "offline"), (DEFAULT_TENANT, "offline")):
            assert api.request(self.ROUTE, {"tenant": tenant}) == (200, {"agents": word})
        assert api.request(self.ROUTE) == (200, {"agents": "offline"})

    @pytest.mark.parametrize("tenant", ["", "a b", "a{b}", "a" * 129])
    def test_a_tenant_must_be_an_id(self, api: Api, tenant: str) -> None:
        answer = api.answer(self.ROUTE, {"tenant": tenant})

        assert (answer["statusCode"], answer["headers"]["Cache-Control"]) == (400, "no-store")
        assert json.loads(answer["body"])["error"]["code"] == "invalid_request"

    def test_while_redis_is_away_nothing_is_said_nor_kept(self, api: Api) -> None:
        working = api.availability
        away = Redis.from_url("redis://127.0.0.1:1")
        api.availability = RecentAvailability(Availability(away, 90))

        answer = api.answer(self.ROUTE)

        assert (answer["statusCode"], answer["headers"]["Cache-Control"]) == (503, "no-store")
        assert json.loads(answer["body"])["error"]["code"] == "unavailable"
        api.availability = working
        assert api.request(self.ROUTE) == (200, {"agents": "offline"})
