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


def test_of_two_who_take_it_at_once_one_gets_it_and_the_other_is_told_who(
    guarded: LocalGateway,
) -> None:
    async def run() -> None:
        for _ in range(5):
            session = new_session()
            agents = [token(session=session, user=each, type="agent") for each in ("amy", "ben")]
            async with (
                socket(guarded, token(session=session)) as customer,
                socket(guarded, agents[0]) as amy,
                socket(guarded, agents[1]) as ben,
            ):
                for each, joins in ((customer, 3), (amy, 2), (ben, 1)):
                    for _ in range(joins):
                        await each.receive()
                answers = await asyncio.gather(
                    amy.ask(asking(user_id="amy")), ben.ask(asking(user_id="ben"))
                )
                told = await customer.receive()
                winner = told["data"]["user_id"]
                assert told["type"] == "assignment"
                won, lost = answers if winner == "amy" else answers[::-1]
                assert won == told
                if lost["type"] == "assignment":  # told of the winner before the answer
                    assert lost == told
                    lost = await (ben if winner == "amy" else amy).receive()
                assert lost["data"]["code"] == "conflict"
                assert lost["data"]["assigned"]["user_id"] == winner
                assert await customer.quiet()

    asyncio.run(run())
