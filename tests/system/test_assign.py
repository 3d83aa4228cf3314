"""An agent takes a customer's session from another one: with tokens, over real sockets."""

import asyncio
import json

from apigw_local.testing import LocalGateway
from tests.system.guarded import rest, socket
from tests.system.people import new_session
from tests.tokens import token


def asking(**fields: object) -> str:
    return json.dumps({"action": "assign", **fields})


def test_an_agent_takes_a_session_that_the_token_is_for_and_no_other(guarded: LocalGateway) -> None:
    session, other, desk = (new_session() for _ in range(3))
    agents = token(session=[desk, f"{session[:8]}*"], user="amy", type="agent")
    taking = asking(session_id=session, user_id="amy")

    async def run() -> None:
        async with (
            socket(guarded, token(session=session)) as customer,
            socket(guarded, token(session=other, user="customer_2")) as stranger,
            socket(guarded, agents, f"session_id={desk}") as agent,
        ):
            for each in (customer, stranger, agent):
                await each.told()

            answer = await agent.ask(taking)
            assert answer["type"] == "assignment"
            assert await customer.receive() == answer
            assert answer["data"]["assignment"] == {"user_id": "amy", "user_type": "agent"}

            again = await agent.ask(taking)
            assert again["data"]["status_version"] == answer["data"]["version"] == 2
            refused = await agent.ask(asking(session_id=other, user_id="amy"))
            assert refused["data"]["code"] == "forbidden"
            assert await customer.quiet()
            assert await stranger.quiet()

            boss = token(session="*", user="boss", type="admin")
            path = f"/api/session/{session}/connection-status"
            _, status = await asyncio.to_thread(rest, guarded, path, boss)
            assert status["assignment"] == answer["data"]["assignment"]
            _, listed = await asyncio.to_thread(rest, guarded, "/api/sessions", boss)
            held = {each["session_id"]: each.get("assignment") for each in listed["sessions"]}
            assert (held[session], held[other]) == (status["assignment"], None)

    asyncio.run(run())
