"""An admin has what was said taken out of the history, by REST."""

import asyncio

import pytest

from apigw_local.testing import LocalGateway
from tests.system.guarded import both, rest
from tests.system.people import new_session
from tests.tokens import token


def admin_token() -> str:
    return token(session="*", user="admin_9", type="admin")


def test_what_a_person_said_and_then_all_that_happened(guarded: LocalGateway) -> None:
    session = new_session()
    theirs = f"/api/user/customer_1/history?user_type=customer&session_id={session}"

    async def run() -> None:
        async with both(guarded, session) as (admin, customer):
            await customer.ask('{"action":"message","text":"my address"}')
            epoch = (await admin.receive())["data"]["epoch"]
            assert await asyncio.to_thread(rest, guarded, theirs, admin_token(), "DELETE") == (
                200,
                {"erased": 1},
            )
            sync = f'{{"action":"sync","since":{{"epoch":"{epoch}","version":2}}}}'
            missed = (await admin.ask(sync))["data"]
            assert (missed["text"], missed["version"], missed["erased"]) == ("", 3, True)
            assert (await admin.told())["recovered"] is True
            clear = f"/api/session/{session}/history"
            assert (await asyncio.to_thread(rest, guarded, clear, admin_token(), "DELETE"))[
                0
            ] == 200
            assert (await admin.ask(sync))["data"]["recovered"] is False

    asyncio.run(run())


@pytest.mark.parametrize("query", ["", "?user_type=customer", "?session_id=s1"])
def test_whose_and_where_must_be_said(guarded: LocalGateway, query: str) -> None:
    status, answer = rest(guarded, f"/api/user/u1/history{query}", admin_token(), "DELETE")
    assert (status, answer["error"]["code"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "path", ["/api/session/s2/history", "/api/user/u1/history?user_type=agent&session_id=s2"]
)
def test_nobody_erases_where_their_token_is_not_for(guarded: LocalGateway, path: str) -> None:
    for mine in (token(type="admin"), token(session="s2", type="agent")):
        status, answer = rest(guarded, path, mine, "DELETE")
        assert (status, answer["error"]["code"]) == (403, "forbidden")
