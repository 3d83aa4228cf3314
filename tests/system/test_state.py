"""Who somebody is, and what they say of themselves: with tokens, over real sockets."""

import asyncio
import json
from typing import Any

from apigw_local.testing import LocalGateway
from tests.system.guarded import rest, socket
from tests.system.people import new_session
from tests.tokens import token

AVATAR = "https://example.com/anna.png"


def user(frame: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = frame["data"]["connection_status"]["users"][name]
    return found


def state(**fields: object) -> str:
    return json.dumps({"action": "set_state", "state": fields})


def test_both_see_a_name_and_a_state_and_that_everybody_is_away(guarded: LocalGateway) -> None:
    session = new_session()
    named = token(session=session, user="anna", name="Anna B.", avatar=AVATAR)
    agents = token(session=session, user="amy", type="agent")

    async def run() -> None:
        async with socket(guarded, agents) as agent:
            await agent.told()
            async with socket(guarded, named) as customer, socket(guarded, named) as second:
                joined = await agent.receive()
                assert joined["data"]["event_type"] == "user_connected"
                assert (user(joined, "anna")["name"], user(joined, "anna")["avatar"]) == (
                    "Anna B.",
                    AVATAR,
                )
                await customer.told()
                await second.told()

                changed = await customer.ask(state(page="/prices", away=True))
                assert await agent.receive() == await second.receive() == changed
                assert "event_type" not in changed["data"]
                assert user(changed, "anna")["state"] == {"page": "/prices", "away": False}

                away = await second.ask(state(page="/prices", away=True))
                assert await agent.receive() == await customer.receive() == away
                assert user(away, "anna")["state"] == {"page": "/prices", "away": True}
                assert away["data"]["version"] == changed["data"]["version"] + 1

                refused = await customer.ask(state(page=["/"]))
                assert refused["data"]["code"] == "invalid_payload"
                assert await agent.quiet()
            left = await agent.receive()
            assert left["data"]["event_type"] == "user_disconnected"
            path = f"/api/session/{session}/events"
            _, kept = await asyncio.to_thread(rest, guarded, path, agents)
            states = [each["state"] for each in kept["events"] if "state" in each]
            assert states == [
                {"page": "/prices", "away": False},
                {"page": "/prices", "away": True},
            ]

    asyncio.run(run())
