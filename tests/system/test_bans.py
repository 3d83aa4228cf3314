"""An admin keeps somebody out for a while, by REST."""

import asyncio
from typing import Any

import pytest
from redis import Redis

from apigw_local.testing import LocalGateway
from tests.system.guarded import both, refusal, rest, socket, until_closed
from tests.system.people import new_session
from tests.tokens import token


def admin_token() -> str:
    return token(session="*", user="admin_9", type="admin")


def ban(guarded: LocalGateway, **fields: Any) -> dict[str, Any]:
    asked = {"user_type": "customer", "user_id": "customer_1", "seconds": 600, **fields}
    status, answer = rest(guarded, "/api/bans", admin_token(), "POST", asked)
    assert status == 201, answer
    made: dict[str, Any] = answer
    return made


def lift(guarded: LocalGateway, query: str = "") -> int:
    return rest(guarded, f"/api/bans/customer/customer_1{query}", admin_token(), "DELETE")[0]


def test_who_is_there_is_put_out_at_once_and_cannot_come_back(guarded: LocalGateway) -> None:
    session, other = new_session(), new_session()

    async def run() -> None:
        async with both(guarded, session) as (admin, customer):
            made = await asyncio.to_thread(ban, guarded, session_id=session, reason="abuse")
            assert made.pop("until").endswith("Z")
            assert made == {
                "user_type": "customer",
                "user_id": "customer_1",
                "session_id": session,
                "reason": "abuse",
                "by": "admin_9",
            }
            (closing,) = await until_closed(customer)
            assert closing["data"] == {
                "reason": "kicked",
                "reconnect_after_ms": 0,
                "message": "abuse",
            }
            told = await admin.told()
            assert (told["event_type"], told["reason"]) == ("user_disconnected", "kicked")
            mine = token(session=session)
            assert await asyncio.to_thread(refusal, guarded, mine) == 403
            async with socket(guarded, token(session=other)) as elsewhere:
                await elsewhere.told()
            assert await asyncio.to_thread(lift, guarded, f"?session_id={session}") == 204
            async with socket(guarded, mine) as again:
                await again.told()
                assert (await admin.told())["event_type"] == "user_connected"

    asyncio.run(run())
    assert lift(guarded, f"?session_id={session}") == 404
    guarded.wait_for_line("ConnectFunction .*Connection refused: the user is banned")


def test_of_a_whole_tenant_they_are_put_out_of_every_session(guarded: LocalGateway) -> None:
    sessions = new_session(), new_session()

    async def run() -> None:
        async with (
            both(guarded, sessions[0]) as (_, first),
            both(guarded, sessions[1]) as (_, second),
        ):
            await asyncio.to_thread(ban, guarded)
            for each in (first, second):
                assert (await until_closed(each))[-1]["data"]["reason"] == "kicked"

    asyncio.run(run())
    assert refusal(guarded, token(session=new_session())) == 403
    assert lift(guarded) == 204


def test_bans_are_listed_page_by_page_to_those_whose_sessions_they_are(
    guarded: LocalGateway,
) -> None:
    sessions = [f"list-{new_session()}" for _ in range(3)]
    for place, session in enumerate(sessions):
        ban(guarded, session_id=session, seconds=60 + place)

    listed: list[str] = []
    path = "/api/bans?limit=2"
    while path:
        status, page = rest(guarded, path, admin_token())
        assert status == 200
        assert len(page["bans"]) <= 2
        listed += [each["session_id"] for each in page["bans"]]
        cursor = page["cursor"] and page["cursor"].replace(" ", "%20")
        path = f"/api/bans?limit=2&cursor={cursor}" if cursor else ""
    assert listed == sessions
    narrow = token(session=sessions[1], user="admin_2", type="admin")
    _, theirs = rest(guarded, "/api/bans", narrow)
    assert [each["session_id"] for each in theirs["bans"]] == [sessions[1]]
    for session in sessions:
        assert lift(guarded, f"?session_id={session}") == 204


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        (b"\xff", 400),
        (b"{", 400),
        ({"user_type": "customer", "user_id": "c1"}, 400),
        ({"user_type": "customer", "user_id": "c1", "until": "soon"}, 400),
        ({"user_type": "customer", "user_id": "c 1", "seconds": 1}, 400),
    ],
)
def test_what_no_ban_can_be_is_named(guarded: LocalGateway, body: Any, status: int) -> None:
    code, answer = rest(guarded, "/api/bans", admin_token(), "POST", body)
    assert (code, answer["error"]["code"]) == (status, "invalid_request")


@pytest.mark.parametrize("where", [{}, {"session_id": "s2"}])
def test_nobody_bans_where_their_token_is_not_for(
    guarded: LocalGateway, where: dict[str, str]
) -> None:
    body = {"user_type": "customer", "user_id": "c1", "seconds": 60, **where}
    query = f"?session_id={where['session_id']}" if where else ""
    for kind in ("admin", "agent", "customer"):
        narrow = token(session="s1", type=kind)
        status, answer = rest(guarded, "/api/bans", narrow, "POST", body)
        assert (status, answer["error"]["code"]) == (403, "forbidden")
        assert rest(guarded, f"/api/bans/customer/c1{query}", narrow, "DELETE")[0] == 403


def test_bans_of_one_tenant_are_none_of_another(guarded: LocalGateway, own_redis: str) -> None:
    session = new_session()
    ban(guarded, session_id=session)

    theirs = token(session=session, tenant="acme", type="admin", user="admin_1")
    assert rest(guarded, "/api/bans", theirs)[1] == {"bans": [], "cursor": None}
    assert (
        rest(guarded, f"/api/bans/customer/customer_1?session_id={session}", theirs, "DELETE")[0]
        == 404
    )
    with Redis.from_url(own_redis, decode_responses=True) as redis:
        assert [*redis.scan_iter("hadir2:{bans:*")]
    assert lift(guarded, f"?session_id={session}") == 204
