"""Nobody reads or ends what is not theirs: requests against the whole system."""

import asyncio
import json
import unicodedata
import urllib.request
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import quote

import pytest
from websockets.exceptions import ConnectionClosed

from apigw_local.testing import LocalGateway
from tests.system.guarded import ORIGIN, rest, socket
from tests.system.people import new_session
from tests.tokens import token

FOR_ADMINS = [
    ("DELETE", "/api/session/s1/users/u1"),
    ("GET", "/api/sessions"),
    ("GET", "/api/user/u1/sessions"),
    ("POST", "/api/bans"),
    ("GET", "/api/bans"),
    ("DELETE", "/api/bans/customer/u1"),
    ("DELETE", "/api/session/s1/history"),
    ("POST", "/api/session/s1/messages"),
    ("DELETE", "/api/user/u1/history?user_type=customer&session_id=s1"),
]


class TestRest:
    @pytest.mark.parametrize(
        "bad", [lambda: None, lambda: "a.b.c", lambda: token("f" * 40), lambda: token(exp=1)]
    )
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/api/session/s1/connection-status"),
            ("GET", "/api/session/s1/events"),
            ("GET", "/api/session/s1/explain"),
            *FOR_ADMINS,
        ],
    )
    def test_nothing_without_a_good_token(
        self, guarded: LocalGateway, method: str, path: str, bad: Callable[[], str | None]
    ) -> None:
        assert rest(guarded, path, bad(), method) == (403, {"message": "Forbidden"})

    @pytest.mark.parametrize("kind", ["customer", "agent"])
    @pytest.mark.parametrize(("method", "path"), FOR_ADMINS)
    def test_what_is_for_admins_is_for_nobody_else(
        self, guarded: LocalGateway, method: str, path: str, kind: str
    ) -> None:
        status, body = rest(guarded, path, token(type=kind), method)
        assert (status, body["error"]["code"]) == (403, "forbidden")
        assert body["error"]["message"].endswith("is for admins only")
        assert body["error"]["request_id"]

    def test_why_somebody_is_there_is_for_agents_and_admins(self, guarded: LocalGateway) -> None:
        session = new_session()
        path = f"/api/session/{session}/explain"
        status, body = rest(guarded, path, token(session=session))
        assert (status, body["error"]["code"]) == (403, "forbidden")
        assert body["error"]["message"] == "explain is for agents and admins only"
        assert rest(guarded, path, token(session="elsewhere", type="admin"))[0] == 403

        async def run() -> None:
            async with socket(guarded, token(session=session)) as customer:
                await customer.told()
                agent = token(session=session, user="agent_1", type="agent")
                status, why = await asyncio.to_thread(rest, guarded, path, agent)
                assert status == 200
                (person,) = why["people"]
                (theirs,) = person["sockets"]
                assert theirs["api_gateway"]["state"] == "open"
                assert theirs["connected_at"] <= person["since"]
                assert theirs["token_expires_at"] > person["since"]
                earlier = f"/api/session/{session}/connection-status?at={person['since']}"
                status, past = await asyncio.to_thread(rest, guarded, earlier, agent)
                assert (status, past["version"], past["total_customer"]) == (200, 1, 1)

        asyncio.run(run())

    @pytest.mark.parametrize("path", ["connection-status", "events"])
    def test_only_ones_own_sessions(self, guarded: LocalGateway, path: str) -> None:
        assert rest(guarded, f"/api/session/s1/{path}", token())[0] == 200
        status, body = rest(guarded, f"/api/session/s2/{path}", token())
        assert (status, body["error"]["code"]) == (403, "forbidden")
        assert rest(guarded, f"/api/session/s2/{path}", token(session="s*"))[0] == 200

    def test_where_somebody_is_in_ones_own_sessions_alone(self, guarded: LocalGateway) -> None:
        sessions = sorted((new_session(), new_session()))
        user = f"u-{new_session()}"

        def found(session: str) -> Any:
            asker = token(session=session, type="admin", tenant="acme")
            return rest(guarded, f"/api/user/{user}/sessions", asker)[1]["sessions"]

        async def run() -> None:
            async with AsyncExitStack() as opened:
                for session in sessions:
                    mine = token(session=session, user=user, tenant="acme")
                    await (await opened.enter_async_context(socket(guarded, mine))).told()
                assert await asyncio.to_thread(found, "*") == sessions
                assert await asyncio.to_thread(found, sessions[0]) == sessions[:1]
                assert await asyncio.to_thread(found, "elsewhere") == []
            await asyncio.to_thread(left)

        def left() -> None:
            """They have left both, of which each asker is told only the one that is theirs."""
            for session in sessions:
                while found(session):
                    pass
                asker = token(session=session, type="admin", tenant="acme")
                _, answer = rest(guarded, f"/api/user/{user}/sessions", asker)
                assert answer["last_seen"]["customer"]["session_id"] == session
            asker = token(session="elsewhere", type="admin", tenant="acme")
            assert rest(guarded, f"/api/user/{user}/sessions", asker)[1]["last_seen"] == {}

        asyncio.run(run())

    @pytest.mark.parametrize(
        "path",
        [
            "/api/session/%7B%7D/connection-status",
            "/api/session/a%0Ab/events",
            "/api/session/s1/connection-status?at=yesterday",
            "/api/session/s1/events?since=-1",
            "/api/session/s1/events?since=x",
            "/api/session/s1/events?limit=201",
            "/api/session/s1/events?limit=%D9%A3",
            "/api/session/s1/events?before=0",
            "/api/session/s1/events?since=1&before=3",
            "/api/sessions?limit=101",
            "/api/sessions?limit=0",
            "/api/session/s1/events?limit=0",
            "/api/sessions?cursor=256.a",
            "/api/sessions?cursor=%7B",
            "/api/user/%7B%7D/sessions",
            "/api/bans?limit=0",
            "/api/bans?cursor=1.x",
        ],
    )
    def test_what_cannot_be_is_named(self, guarded: LocalGateway, path: str) -> None:
        status, body = rest(guarded, path, token(session="*", type="admin"))
        assert (status, body["error"]["code"]) == (400, "invalid_request")

    @pytest.mark.parametrize("path", ["/api/nothing", "/api/session/a%2Fb/events"])
    def test_what_is_nowhere_is_not_found(self, guarded: LocalGateway, path: str) -> None:
        """API Gateway decodes a path before it looks for a route: ``a%2Fb`` is two segments."""
        status, body = rest(guarded, path, token(session="*", type="admin"))
        assert (status, body) == (404, {"message": "Not Found"})

    @pytest.mark.parametrize("user", ['a"b', "a`b", "a\\b", "a#b", "😀", "a\u0301"])
    def test_whoever_may_connect_is_found(self, guarded: LocalGateway, user: str) -> None:
        session = new_session()

        async def run() -> None:
            async with socket(guarded, token(session=session, user=user)) as customer:
                await customer.told()
                path = f"/api/user/{quote(user, safe='')}/sessions"
                admin = token(session=session, type="admin")
                status, found = await asyncio.to_thread(rest, guarded, path, admin)
                normal = unicodedata.normalize("NFC", user)
                assert (status, found) == (200, {"user_id": normal, "sessions": [session]})

        asyncio.run(run())

    def test_health_is_for_everybody(self, guarded: LocalGateway) -> None:
        status, body = rest(guarded, "/api/health", None)

        assert (status, body["status"]) == (200, "ok")
        assert body["redis"] == {"eviction": "noeviction", "memory_used": None}

    def test_browsers_of_allowed_origins_may_ask(self, guarded: LocalGateway) -> None:
        def preflight(origin: str) -> Any:
            headers = {"Origin": origin, "Access-Control-Request-Method": "DELETE"}
            url = f"{guarded.http}/api/session/s1/users/u1"
            request = urllib.request.Request(url, headers=headers, method="OPTIONS")
            with urllib.request.urlopen(request) as answer:
                return answer.headers["Access-Control-Allow-Origin"]

        assert preflight(ORIGIN) == ORIGIN
        assert preflight("https://evil.example") is None

    def test_an_admin_puts_somebody_out_and_reads_what_happened(
        self, guarded: LocalGateway
    ) -> None:
        session = new_session()
        admin = token(session="*", user="admin_1", type="admin")

        async def run() -> None:
            async with socket(guarded, token(session=session)) as customer:
                await customer.told()
                kick = f"/api/session/{session}/users/customer_1"
                answer = await asyncio.to_thread(rest, guarded, kick, admin, "DELETE")
                assert answer == (204, None)
                closing = await customer.receive()
                assert closing["data"] == {"reason": "kicked", "reconnect_after_ms": 0}
                with pytest.raises(ConnectionClosed):
                    await customer.receive()

        asyncio.run(run())
        guarded.wait_for_line(rf"\[Kick\] User customer_1 put out of session {session} by admin_1")
        _, history = rest(guarded, f"/api/session/{session}/events", admin)
        kinds = [(event["version"], event["event_type"]) for event in history["events"]]
        assert kinds == [(1, "user_connected"), (2, "user_disconnected")]
        assert history["events"][1]["reason"] == "kicked"
        _, rest_of_it = rest(guarded, f"/api/session/{session}/events?since=1&limit=1", admin)
        assert [event["version"] for event in rest_of_it["events"]] == [2]
        _, before = rest(guarded, f"/api/session/{session}/events?before=2&limit=5", admin)
        assert before == {**history, "events": history["events"][:1]}
        assert (history["session_id"], history["version"]) == (session, 2)
        _, status = rest(guarded, f"/api/session/{session}/connection-status", admin)
        assert history["epoch"] == status["epoch"]


class TestAvailability:
    """A widget asks before there is a session, and so before there is a token."""

    def ask(
        self, guarded: LocalGateway, query: str = "", method: str = "GET", **headers: str
    ) -> tuple[int, Any, Any]:
        request = urllib.request.Request(
            f"{guarded.http}/api/availability{query}", headers=headers, method=method
        )
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
            return answer.status, answer.headers, json.loads(text) if text else None

    def test_it_is_one_word_for_everybody(self, guarded: LocalGateway) -> None:
        tenant = new_session()
        status, headers, body = self.ask(guarded, f"?tenant={tenant}")
        assert (status, body) == (200, {"agents": "offline"})
        assert headers["Cache-Control"] == "public, max-age=10"
        assert headers["Access-Control-Allow-Origin"] is None

        tenant = new_session()  # of which nobody has asked yet

        async def run() -> None:
            agent = token(session="s1", user="agent_1", type="agent", tenant=tenant)
            async with socket(guarded, agent) as there:
                await there.told()
                assert (await there.ask('{"action": "heartbeat"}'))["type"] == "heartbeat_ack"
                found = await asyncio.to_thread(self.ask, guarded, f"?tenant={tenant}")
                assert found[2] == {"agents": "live"}

        asyncio.run(run())

    def test_pages_that_may_open_sockets_may_ask(self, guarded: LocalGateway) -> None:
        asked = {"Access-Control-Request-Method": "GET"}
        for origin, allowed in ((ORIGIN, ORIGIN), ("https://evil.example", None)):
            status, headers, _ = self.ask(guarded, method="OPTIONS", Origin=origin, **asked)
            assert (status, headers["Access-Control-Allow-Origin"]) == (204, allowed)
            _, headers, _ = self.ask(guarded, Origin=origin)
            assert headers["Access-Control-Allow-Origin"] == allowed

    def test_a_tenant_must_be_an_id(self, guarded: LocalGateway) -> None:
        status, body = rest(guarded, "/api/availability?tenant=a%20b", None)
        assert (status, body["error"]["code"]) == (400, "invalid_request")
