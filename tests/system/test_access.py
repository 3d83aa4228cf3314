"""Nobody gets in where they don't belong: real sockets against the whole system."""

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import jwt
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from apigw_local.pytest_plugin import StartGateway
from apigw_local.testing import LocalGateway
from gateway.tests.aws import aws
from tests.system.guarded import ORIGIN, WAIT, both, refusal, rest, socket, until_closed
from tests.system.people import Socket, new_session
from tests.tokens import (
    PUBLIC_PEM,
    SECRET,
    Issuer,
    claims,
    public_token,
    raw_token,
    token,
)

GRACE = 5  # s, for clocks


BAD: dict[str, Callable[[], str | None]] = {
    "none": lambda: None,
    "forged": lambda: token("f" * 40),
    "expired": lambda: token(exp=time.time() - 60),
    "not yet valid": lambda: token(nbf=time.time() + 600),
    "audience": lambda: token(aud="another"),
    "alg none": lambda: raw_token({"alg": "none"}, claims()),
    "key confusion": lambda: raw_token({"alg": "HS256", "kid": "k1"}, claims(), PUBLIC_PEM),
    "unknown key": lambda: public_token("unknown"),
    "HS512": lambda: jwt.encode(claims(), SECRET, "HS512"),
    "nonsense": lambda: "a.b.c",
    "long": lambda: "x" * 3000,
}


class TestSockets:
    @pytest.mark.parametrize("made", [token, public_token])
    def test_a_good_token_opens_one(self, guarded: LocalGateway, made: Any) -> None:
        session = new_session()

        async def run() -> None:
            async with socket(guarded, made(session=session)) as customer:
                told = await customer.told()
                assert (told["session_id"], told["event_user_id"]) == (session, "customer_1")

        asyncio.run(run())

    def test_in_the_old_path_form_too_and_it_wins_over_the_path(
        self, guarded: LocalGateway
    ) -> None:
        session = new_session()

        async def run() -> None:
            url = f"{guarded.ws}/ws/{session}/boss/admin?token={token(session=session)}"
            async with connect(url, open_timeout=WAIT) as client:
                told = await Socket(client).told()
                assert told["event_user_type"] == "customer"
                assert told["connection_status"]["users"].keys() == {"customer_1"}

        asyncio.run(run())

    @pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
    def test_a_bad_one_does_not(self, guarded: LocalGateway, bad: Callable[[], str | None]) -> None:
        assert refusal(guarded, bad(), "session_id=s1&user_id=u1&user_type=admin") == 403

    @pytest.mark.parametrize("claim", ["s2", "s", "s1-*", ["s2", "s3"]])
    def test_nor_does_one_for_another_session(self, guarded: LocalGateway, claim: Any) -> None:
        assert refusal(guarded, token(session=claim), "session_id=s1") == 403

    @pytest.mark.parametrize(
        "name",
        ["%7B1%7D", "a%0Ab", "a%00", "a%C2%A0", "a%E2%80%8B", "a%E2%80%AEb", "x" * 4_000, "*", ""],
        ids=["braces", "newline", "nul", "nbsp", "unseen", "reversed", "long", "star", "empty"],
    )
    def test_nor_into_what_is_no_session(self, guarded: LocalGateway, name: str) -> None:
        everything = token(session="*", type="admin")
        assert refusal(guarded, everything, f"session_id={name}") == 403

    def test_nor_with_an_id_of_10_kilobytes(self, guarded: LocalGateway) -> None:
        """More than API Gateway takes: it never comes to a function."""
        url = f"{guarded.http}/api/session/{'x' * 10_240}/events"
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url)
        refused.value.close()
        assert refused.value.code in (400, 414, 431)

    @pytest.mark.parametrize(
        ("origin", "status"),
        [("https://evil.example", 403), ("null", 403), (f"{ORIGIN}.evil.example", 403)],
    )
    def test_nor_from_another_origin(self, guarded: LocalGateway, origin: str, status: int) -> None:
        assert refusal(guarded, token(), origin=Origin(origin)) == status

    def test_a_fourth_socket_of_one_person_is_too_many(self, guarded: LocalGateway) -> None:
        mine = token(session=new_session())

        async def run() -> None:
            async with AsyncExitStack() as opened:
                for _ in range(3):  # until it is open a socket does not count
                    await (await opened.enter_async_context(socket(guarded, mine))).told()
                with pytest.raises(InvalidStatus) as refused:
                    async with socket(guarded, mine):
                        pass
                assert refused.value.response.status_code == 429

        asyncio.run(run())


class TestMessages:
    def test_who_floods_is_warned_and_then_out(self, guarded: LocalGateway) -> None:
        session = new_session()

        async def run() -> None:
            async with both(guarded, session) as (admin, customer):
                with suppress(ConnectionClosed):
                    for _ in range(300):
                        await customer.client.send("nonsense")
                frames = await until_closed(customer)
                codes = {f["data"]["code"] for f in frames if f["type"] == "error"}
                assert codes == {"invalid_json", "rate_limited"}
                assert "rate_limited" in [f["data"].get("reason") for f in frames]
                told = await admin.told()
                assert (told["event_user_id"], told["reason"]) == ("customer_1", "rate_limited")

        asyncio.run(run())

    @pytest.mark.parametrize(
        "text",
        [
            "[" * 30_000,
            '{"a":' * 6_000,
            '{"action":"message","text":' + "[" * 20_000,
            '{"action":"message","text":"\\ud800"}',
            '{"action":"message","text":' + "9" * 20_000 + "}",
            '{"action":"sync","since":{"epoch":"e","version":' + "9" * 20_000 + "}}",
            '{"action":"sync","since":{"epoch":["e"],"version":1}}',
            '{"action":{"$ne":1}}',
            '{"action":"typing","on":1}',
            '{"action":"kick","user_id":{"a":1}}',
            '{"action":"reauthorize","token":null}',
            '{"action":"__proto__"}',
            "\x00",
        ],
        ids=range(13),
    )
    def test_bombs_and_wrong_types_get_an_error_and_change_nothing(
        self, guarded: LocalGateway, text: str
    ) -> None:
        session = new_session()

        async def run() -> None:
            async with socket(guarded, token(session=session, type="admin")) as admin:
                before = await admin.told()
                answer = await admin.ask(text)
                assert answer["type"] == "error"
                assert answer["data"]["request_id"]
                again = await admin.ask('{"action":"sync"}')
                kept = ("connection_status", "status_version", "epoch")
                assert [again["data"][key] for key in kept] == [before[key] for key in kept]

        asyncio.run(run())

    def test_a_binary_frame_closes_its_own_socket_alone(self, guarded: LocalGateway) -> None:
        session = new_session()

        async def run() -> None:
            async with both(guarded, session) as (admin, customer):
                await customer.client.send(b"\x00\xff")
                await until_closed(customer)
                assert (await admin.told())["event_type"] == "user_disconnected"

        asyncio.run(run())


class TestExpiry:
    def test_who_proves_anew_stays_and_who_does_not_goes(self, guarded: LocalGateway) -> None:
        session = new_session()
        functions = aws("lambda", guarded.invoke, read_timeout=70)

        async def prove(person: Socket, **claims: Any) -> None:
            request = {"action": "reauthorize", "token": token(session=session, **claims)}
            assert (await person.ask(json.dumps(request)))["type"] == "reauthorized"

        async def run() -> None:
            async with both(guarded, session) as (admin, customer):
                soon = int(time.time()) + 6
                await prove(customer, exp=soon - GRACE)
                await prove(admin, user="admin_1", type="admin", exp=soon - GRACE)
                await prove(admin, user="admin_1", type="admin")
                await asyncio.sleep(max(soon - time.time(), 0) + 0.1)
                await asyncio.to_thread(
                    functions.invoke, FunctionName="SweepFunction", Payload=b"{}"
                )
                closing = (await until_closed(customer))[-1]
                assert (closing["type"], closing["data"]["reason"]) == ("closing", "token_expired")
                assert closing["data"]["reconnect_after_ms"] > 0
                told = await admin.told()
                assert (told["event_user_id"], told["reason"]) == ("customer_1", "token_expired")
                assert await admin.quiet()

        asyncio.run(run())

    def test_a_token_of_somebody_else_proves_nothing(self, guarded: LocalGateway) -> None:
        session = new_session()

        async def run() -> None:
            async with socket(guarded, token(session=session)) as customer:
                await customer.told()
                for changes in (
                    {"user": "x"},
                    {"type": "admin"},
                    {"tenant": "acme"},
                    {"session": "y"},
                ):
                    other = token(**{"session": session, **changes})
                    answer = await customer.ask(
                        json.dumps({"action": "reauthorize", "token": other})
                    )
                    assert answer["data"]["code"] == "forbidden"

        asyncio.run(run())


class TestTenants:
    def test_nothing_of_one_is_seen_by_the_other(self, guarded: LocalGateway) -> None:
        session = new_session()

        def of(tenant: str) -> str:
            return token(session=session, tenant=tenant, user=f"{tenant}-admin", type="admin")

        async def run() -> None:
            async with socket(guarded, of("acme")) as acme, socket(guarded, of("bolt")) as bolt:
                for tenant, each in (("acme", acme), ("bolt", bolt)):
                    told = await each.told()
                    assert told["connection_status"]["users"].keys() == {f"{tenant}-admin"}
                    assert told["version"] == 1
                await acme.ask('{"action":"message","text":"between us"}')
                assert await bolt.quiet()
                status = f"/api/session/{session}/connection-status"
                _, seen = await asyncio.to_thread(rest, guarded, status, of("bolt"))
                assert seen["users"].keys() == {"bolt-admin"}
                _, history = await asyncio.to_thread(
                    rest, guarded, f"/api/session/{session}/events", of("bolt")
                )
                assert len(history["events"]) == 1
                answer = await bolt.ask('{"action":"kick","user_id":"acme-admin"}')
                assert answer["data"]["code"] == "invalid_payload"
                kick = f"/api/session/{session}/users/acme-admin"
                code, _ = await asyncio.to_thread(rest, guarded, kick, of("bolt"), "DELETE")
                assert code == 404
                where = await asyncio.to_thread(
                    rest, guarded, "/api/user/acme-admin/sessions", of("bolt")
                )
                nowhere = {"user_id": "acme-admin", "sessions": [], "last_seen": {}}
                assert where == (200, nowhere)
                _, mine = await asyncio.to_thread(rest, guarded, "/api/sessions", of("acme"))
                assert mine["sessions"] == [
                    {"session_id": session, "total_customer": 0, "total_agent": 1}
                ]
                assert await acme.quiet()

        asyncio.run(run())


class TestIssuer:
    def test_only_the_issuer_and_audience_of_the_parameters_are_taken(
        self, own_redis: str, start_gateway: StartGateway, issuer: Issuer
    ) -> None:
        strict = start_gateway(
            "template.yaml",
            parameters={
                "RedisUrl": own_redis,
                "AllowedOrigins": ORIGIN,
                "JwksUrl": issuer.url,
                "TokenAudience": "support",
                "TokenIssuer": "https://id.example.com",
            },
        )

        async def enters(**changes: object) -> bool:
            ours = {"aud": "support", "iss": "https://id.example.com", **changes}
            try:
                async with socket(strict, public_token("k1", **ours)):
                    return True
            except InvalidStatus:
                return False

        async def run() -> None:
            assert await enters()
            assert not await enters(iss="https://evil.example.com")
            assert not await enters(iss=None)
            assert not await enters(aud="hadir")

        asyncio.run(run())
