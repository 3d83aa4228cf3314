"""A deployment whose customers see only agents, over real sockets."""

import asyncio

from tests.conftest import running_hadir
from tests.system.people import new_session, person


def test_customers_are_told_of_agents_and_of_customers_how_many(hadir_redis_url: str) -> None:
    session = new_session()

    async def run() -> None:
        with running_hadir(hadir_redis_url, "CustomersSee=agents") as hadir:
            async with (
                person(hadir, session, "customer_1") as first,
                person(hadir, session, "agent_1") as agent,
            ):
                own, joined, seen = [
                    (await each.receive())["data"] for each in (first, first, agent)
                ]
                assert (own["version"], own["connection_status"]["users"]) == (1, {})
                assert (joined["event_user_id"], seen["event_user_id"]) == ("agent_1", "agent_1")
                assert set(joined["connection_status"]["users"]) == {"agent_1"}
                assert set(seen["connection_status"]["users"]) == {"agent_1", "customer_1"}

                async with person(hadir, session, "customer_2") as second:
                    told = [await each.receive() for each in (first, second)]
                    assert told[0] == told[1]
                    data = told[0]["data"]
                    assert (data["version"], data["connection_status"]["total_customer"]) == (3, 2)
                    assert "customer_2" not in str(data)
                    assert (await agent.told())["event_user_id"] == "customer_2"
                left = (await first.receive())["data"]
                assert (left["version"], left["connection_status"]["total_customer"]) == (4, 1)
                assert not {"event_type", "reason", "evidence", "close_code"} & set(left)
                assert (await agent.told())["reason"] == "client_closed"

    asyncio.run(run())
