"""Every line that a handler writes says which invocation, request and socket it is of."""

import asyncio
from typing import Any

from apigw_local.testing import LocalGateway
from tests.system.guarded import both, refusal, rest
from tests.system.people import new_session

OF_SOCKETS = {"AnnounceFunction", "DefaultFunction", "DisconnectFunction"}


def written(gateway: LocalGateway) -> list[tuple[str, dict[str, Any]]]:
    """The lines that functions have logged, and which function each is of."""
    return [
        (record.source, record.fields["record"])
        for record in list(gateway.records)
        if record.kind == "output" and "message" in record.fields.get("record", {})
    ]


def test_each_line_says_what_it_is_of(guarded: LocalGateway) -> None:
    session = new_session()

    async def run() -> None:
        async with both(guarded, session) as (first, customer):
            await customer.ask('{"action":"message","text":"hello"}')
            await first.receive()
            await customer.client.close()
            assert (await first.told())["event_type"] == "user_disconnected"

    asyncio.run(run())
    assert refusal(guarded, "x.y.z") == 403
    assert rest(guarded, f"/api/session/{session}/events", "x.y.z")[0] == 403
    guarded.wait_for_line(rf"disconnected: customer_1 .* {session}")
    guarded.wait_for_line(rf"disconnected: admin_1 .* {session}")
    guarded.wait_for_line(rf"Broadcasted message to session {session}")
    guarded.wait_for_line("AuthorizeFunction .*Connection refused")

    lines = written(guarded)
    assert {*OF_SOCKETS, "AuthorizeFunction"} <= {function for function, _ in lines}
    for function, line in lines:
        assert line.get("request_id"), (function, line)
        if function in OF_SOCKETS:
            assert line["connection_id"], line
            assert line["gateway_request_id"], line
    mine = [line for _, line in lines if line.get("session_id") == session]
    sockets = {
        user: {line["connection_id"] for line in mine if line.get("user_id") == user}
        for user in ("admin_1", "customer_1")
    }
    assert {len(each) for each in sockets.values()} == {1}, "a join and a leave of one socket"
    assert not sockets["admin_1"] & sockets["customer_1"]
