"""An agent watches all sessions of a tenant on one socket: with tokens, over real sockets."""

import asyncio
import json
import uuid

from apigw_local.testing import LocalGateway
from tests.system.guarded import socket
from tests.system.people import new_session
from tests.tokens import token

WATCH = json.dumps({"action": "watch", "all": True})


def test_what_happens_in_all_sessions_of_the_tenant_and_in_no_other(guarded: LocalGateway) -> None:
    tenant = uuid.uuid4().hex
    desk, session, other = (new_session() for _ in range(3))
    agents = token(session="*", user="amy", type="agent", tenant=tenant)

    async def run() -> None:
        async with socket(guarded, agents, f"session_id={desk}") as agent:
            await agent.told()
            page = await agent.ask(WATCH)
            assert page["type"] == "watching"
            assert [each["session_id"] for each in page["data"]["sessions"]] == [desk]

            customers = token(session=session, tenant=tenant)
            async with (
                socket(guarded, token(session=other)) as stranger,
                socket(guarded, customers) as customer,
            ):
                await stranger.told()
                joined = await customer.receive()
                assert joined["data"]["connection_status"]["total_agent"] == 0
                feed = await agent.receive()
                assert feed["type"] == "feed"
                assert feed["data"]["events"] == [joined]
                taken = await agent.ask(
                    json.dumps({"action": "assign", "session_id": session, "user_id": "amy"})
                )
                assert (taken["type"], await customer.receive()) == ("assignment", taken)
                assert (await agent.receive())["data"]["events"] == [taken]
            left = await agent.receive()
            (update,) = left["data"]["events"]
            assert update["data"]["event_type"] == "user_disconnected"
            assert update["data"]["session_id"] == session
            assert update["data"]["assignment"]["user_id"] == "amy"
            ack = await agent.ask('{"action": "heartbeat"}')
            known = {**page["data"]["position"], **feed["data"]["position"]}
            known |= left["data"]["position"]
            told = ack["data"]["feed"]
            assert told.keys() == known.keys()
            # What was posted a moment ago may not be settled yet.
            assert all(told[each] <= serial for each, serial in known.items())

    asyncio.run(run())
