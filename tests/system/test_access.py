"""Nobody gets in where they don't belong: real sockets and requests against the whole system.

Secrets Manager is moto's server, since there is no other here; keys, tokens and sockets are real.
"""

import asyncio
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import jwt
import pytest
from moto.server import ThreadedMotoServer
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from apigw_local.pytest_plugin import StartGateway
from apigw_local.testing import LocalGateway
from local.embedded_redis import embedded_redis
from tests.aws import aws
from tests.conftest import PATH_FORM
from tests.system.people import Socket, new_session
from tests.tokens import (
    PUBLIC_PEM,
    SECRET,
    Issuer,
    claims,
    public_token,
    raw_token,
    running_issuer,
    token,
)

ORIGIN = "https://app.example.com"
WAIT = 20
GRACE = 5  # s, for clocks


BAD = {
    "none": None,
    "forged": token("f" * 40),
    "expired": token(exp=time.time() - 60),
    "not yet valid": token(nbf=time.time() + 600),
    "audience": token(aud="another"),
    "alg none": raw_token({"alg": "none"}, claims()),
    "key confusion": raw_token({"alg": "HS256", "kid": "k1"}, claims(), PUBLIC_PEM),
    "unknown key": public_token("unknown"),
    "HS512": jwt.encode(claims(), SECRET, "HS512"),
    "nonsense": "a.b.c",
    "long": "x" * 3000,
}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def secrets_manager() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def redis() -> Iterator[str]:
    """A Redis of its own: the sweep of another Hadir would end the sockets of this one."""
    with embedded_redis() as url:
        yield url


@pytest.fixture(scope="module")
def guarded(
    redis: str, start_gateway: StartGateway, secrets_manager: str, issuer: Issuer
) -> LocalGateway:
    """Hadir as it is deployed: nobody gets in without a token."""
    manager = aws("secretsmanager", secrets_manager)
    arn = manager.create_secret(Name="hadir", SecretString=SECRET)["ARN"]
    here = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets_manager}
    return start_gateway(
        "template.yaml",
        parameters={
            "RedisUrl": redis,
            "AllowedOrigins": ORIGIN,
            "TokenSecretArn": arn,
            "JwksUrl": issuer.url,
            "ConnectionsPerUser": "3",
        },
        env_vars={"AuthorizeFunction": here, "DefaultFunction": here},
        path=PATH_FORM,
        region="eu-west-1",
    )


def offer(token: str | None) -> list[Subprotocol] | None:
    return [Subprotocol("hadir.v1"), Subprotocol(f"token.{token}")] if token else None


@asynccontextmanager
async def socket(guarded: LocalGateway, token: str, query: str = "") -> AsyncIterator[Socket]:
    """A socket as the browser client opens it: the token is a subprotocol."""
    url = f"{guarded.ws}/live?{query}"
    async with connect(url, subprotocols=offer(token), open_timeout=WAIT) as client:
        assert client.subprotocol == "hadir.v1"
        yield Socket(client)


async def until_closed(person: Socket) -> list[dict[str, Any]]:
    """The frames until the socket is closed."""
    frames = []
    with suppress(ConnectionClosed):
        while True:
            frames.append(await person.receive())
    return frames


@asynccontextmanager
async def both(guarded: LocalGateway, session: str) -> AsyncIterator[tuple[Socket, Socket]]:
    """An admin and a customer, each of whom knows that the other is there."""
    async with socket(guarded, token(session=session, user="admin_1", type="admin")) as admin:
        await admin.told()
        async with socket(guarded, token(session=session)) as customer:
            await admin.told()
            await customer.told()
            yield admin, customer


def refusal(guarded: LocalGateway, token: str | None, query: str = "", **options: Any) -> int:
    """The status that a socket is refused with."""

    async def run() -> int:
        url = f"{guarded.ws}/live?{query}"
        with pytest.raises(InvalidStatus) as refused:
            async with connect(url, subprotocols=offer(token), open_timeout=WAIT, **options):
                pass
        return refused.value.response.status_code

    return asyncio.run(run())


def rest(
    guarded: LocalGateway, path: str, token: str | None, method: str = "GET"
) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"{guarded.http}{path}", headers=headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            body = answer.read()
            return answer.status, json.loads(body) if body else None
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


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
    def test_a_bad_one_does_not(self, guarded: LocalGateway, bad: str | None) -> None:
        assert refusal(guarded, bad, "session_id=s1&user_id=u1&user_type=admin") == 403

    @pytest.mark.parametrize("claim", ["s2", "s", "s1-*", ["s2", "s3"]])
    def test_nor_does_one_for_another_session(self, guarded: LocalGateway, claim: Any) -> None:
        assert refusal(guarded, token(session=claim), "session_id=s1") == 403

    @pytest.mark.parametrize(
        "name",
        ["%7B1%7D", "a%0Ab", "a%00", "%D1%95", "%EF%BD%93", "..%2Fs", "x" * 4_000, "*", ""],
        ids=["braces", "newline", "nul", "cyrillic", "fullwidth", "slash", "long", "star", "empty"],
    )
    def test_nor_into_what_is_no_session(self, guarded: LocalGateway, name: str) -> None:
        everything = token(session="*", type="admin")
        assert refusal(guarded, everything, f"session_id={name}") == 403

    def test_nor_with_an_id_of_10_kilobytes(self, guarded: LocalGateway) -> None:
        """More than API Gateway takes: it never comes to a function."""
        url = f"{guarded.http}/api/session/{'x' * 10_000}/events"
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
            async with (
                socket(guarded, mine) as first,
                socket(guarded, mine),
                socket(guarded, mine),
            ):
                await first.told()
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
                assert where == (200, {"user_id": "acme-admin", "sessions": []})
                _, mine = await asyncio.to_thread(rest, guarded, "/api/sessions", of("acme"))
                assert mine["sessions"] == [
                    {"session_id": session, "total_customer": 0, "total_agent": 1}
                ]
                assert await acme.quiet()

        asyncio.run(run())


class TestRest:
    @pytest.mark.parametrize("bad", [None, "a.b.c", token("f" * 40), token(exp=1)])
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/api/session/s1/connection-status"),
            ("GET", "/api/session/s1/events"),
            ("DELETE", "/api/session/s1/users/u1"),
            ("GET", "/api/sessions"),
            ("GET", "/api/user/u1/sessions"),
        ],
    )
    def test_nothing_without_a_good_token(
        self, guarded: LocalGateway, method: str, path: str, bad: str | None
    ) -> None:
        assert rest(guarded, path, bad, method) == (403, {"message": "Forbidden"})

    @pytest.mark.parametrize("kind", ["customer", "agent"])
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("DELETE", "/api/session/s1/users/u1"),
            ("GET", "/api/sessions"),
            ("GET", "/api/user/u1/sessions"),
        ],
    )
    def test_what_is_for_admins_is_for_nobody_else(
        self, guarded: LocalGateway, method: str, path: str, kind: str
    ) -> None:
        status, body = rest(guarded, path, token(type=kind), method)
        assert (status, body["error"]["code"]) == (403, "forbidden")
        assert body["error"]["message"].endswith("is for admins only")
        assert body["error"]["request_id"]

    @pytest.mark.parametrize("path", ["connection-status", "events"])
    def test_only_ones_own_sessions(self, guarded: LocalGateway, path: str) -> None:
        assert rest(guarded, f"/api/session/s1/{path}", token())[0] == 200
        status, body = rest(guarded, f"/api/session/s2/{path}", token())
        assert (status, body["error"]["code"]) == (403, "forbidden")
        assert rest(guarded, f"/api/session/s2/{path}", token(session="s*"))[0] == 200

    @pytest.mark.parametrize(
        "path",
        [
            "/api/session/%7B%7D/connection-status",
            "/api/session/s1/events?since=-1",
            "/api/session/s1/events?since=x",
            "/api/session/s1/events?limit=201",
            "/api/session/s1/events?limit=%D9%A3",
            "/api/sessions?limit=101",
            "/api/sessions?limit=0",
            "/api/session/s1/events?limit=0",
            "/api/sessions?cursor=256.a",
            "/api/sessions?cursor=%7B",
            "/api/user/%7B%7D/sessions",
        ],
    )
    def test_what_cannot_be_is_named(self, guarded: LocalGateway, path: str) -> None:
        status, body = rest(guarded, path, token(session="*", type="admin"))
        assert (status, body["error"]["code"]) == (400, "invalid_request")

    @pytest.mark.parametrize("path", ["/api/session/a%0Ab/events", "/api/session/a%2Fb/events"])
    def test_what_is_nowhere_is_not_found(self, guarded: LocalGateway, path: str) -> None:
        status, body = rest(guarded, path, token(session="*", type="admin"))
        assert status == 404
        assert "error" in body or body == {"message": "Not Found"}

    def test_health_is_for_everybody(self, guarded: LocalGateway) -> None:
        assert rest(guarded, "/api/health", None) == (200, {"status": "ok"})

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
        _, history = rest(guarded, f"/api/session/{session}/events", admin)
        kinds = [(event["version"], event["event_type"]) for event in history["events"]]
        assert kinds == [(1, "user_connected"), (2, "user_disconnected")]
        assert history["events"][1]["reason"] == "kicked"
        _, rest_of_it = rest(guarded, f"/api/session/{session}/events?since=1&limit=1", admin)
        assert [event["version"] for event in rest_of_it["events"]] == [2]


class TestIssuer:
    def test_only_the_issuer_and_audience_of_the_parameters_are_taken(
        self, redis: str, start_gateway: StartGateway, issuer: Issuer
    ) -> None:
        strict = start_gateway(
            "template.yaml",
            parameters={
                "RedisUrl": redis,
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


def test_neither_tokens_nor_texts_are_in_any_log(guarded: LocalGateway) -> None:
    """The functions' lines and the gateway's, of all that has happened above and here."""
    mine = token(session=new_session(), user="admin_1", type="admin")

    async def run() -> None:
        async with socket(guarded, mine) as admin:
            await admin.told()
            await admin.ask('{"action":"message","text":"my card is 4711-0815"}')
            await admin.ask(json.dumps({"action": "reauthorize", "token": mine}))
            await admin.ask(json.dumps({"action": "reauthorize", "token": mine + "x"}))
        async with connect(f"{guarded.ws}/live?token={mine}", open_timeout=WAIT) as client:
            await client.recv()
        with pytest.raises(InvalidStatus):  # a good one, from where it may not be used
            await connect(f"{guarded.ws}/live?token={mine}", origin=Origin("https://evil.example"))

    asyncio.run(run())
    written = guarded.output
    assert "WebSocket client connected: admin_1" in written
    assert "4711-0815" not in written
    assert "Connection refused: sockets from this origin" in written
    assert mine.rpartition(".")[2] not in written
    assert re.search(r"eyJ[\w-]{8,}", written) is None, "nothing looks like a token"
