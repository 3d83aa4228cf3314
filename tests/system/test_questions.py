"""What one can ask by REST while people are there, and when they have gone: over real sockets."""

import asyncio
import json
import urllib.request
import uuid
from typing import Any

from apigw_local.testing import LocalGateway
from tests.system.guarded import rest, socket
from tests.system.people import new_session
from tests.tokens import token


def test_whether_agents_would_answer_why_people_are_here_and_who_was(guarded: LocalGateway) -> None:
    tenant, session = uuid.uuid4().hex, new_session()
    of_customer = token(session=session, user="anna", tenant=tenant)
    of_agent = token(session=session, user="amy", type="agent", tenant=tenant)
    boss = token(session="*", user="boss", type="admin", tenant=tenant)

    async def ask(path: str, who: str = boss) -> Any:
        status, answer = await asyncio.to_thread(rest, guarded, f"/api/{path}", who)
        assert status == 200, answer
        return answer

    async def run() -> None:
        assert await asyncio.to_thread(availability, guarded, uuid.uuid4().hex) == "offline"
        async with socket(guarded, of_agent) as agent:
            await agent.told()
            async with socket(guarded, of_customer) as customer:
                await customer.told()
                assert (await agent.receive())["data"]["event_user_id"] == "anna"
                for each in (agent, customer):
                    assert (await each.ask('{"action": "heartbeat"}'))["type"] == "heartbeat_ack"
                assert await asyncio.to_thread(availability, guarded, tenant) == "live"

                why = await ask(f"session/{session}/explain", of_agent)
                people = {each["user_id"]: each for each in why["people"]}
                assert people.keys() == {"amy", "anna"}
                (line,) = people["anna"]["sockets"]
                assert line["api_gateway"]["state"] == "open"
                assert line["sends_heartbeats"]
                assert 0 < line["lease_left_ms"] <= 90_000
                assert line["owed_status_since"] is None
                path = f"/api/session/{session}/explain"
                status, _ = await asyncio.to_thread(rest, guarded, path, of_customer)
                assert status == 403
            assert (await agent.receive())["data"]["event_user_id"] == "anna"
        while (why := await ask(f"session/{session}/explain"))["people"]:
            await asyncio.sleep(0.1)
        assert {each["user_id"]: each["reason"] for each in why["left"]} == {
            "amy": "client_closed",
            "anna": "client_closed",
        }
        first = await ask(f"session/{session}/connection-status?at=1")
        second = await ask(f"session/{session}/connection-status?at=2")
        assert (len(first["users"]), set(second["users"])) == (1, {"amy", "anna"})
        seen = await ask("user/anna/sessions")
        assert seen["sessions"] == []
        assert seen["last_seen"]["customer"]["session_id"] == session

    asyncio.run(run())


def availability(guarded: LocalGateway, tenant: str) -> str:
    """As a widget asks: without a token."""
    url = f"{guarded.http}/api/availability?tenant={tenant}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        found: dict[str, str] = json.load(answer)
    return found["agents"]
