"""What is written down of all that has been tried; run after the other tests of access."""

import asyncio
import json
import re

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from apigw_local.testing import LocalGateway
from tests.system.guarded import WAIT, socket
from tests.system.people import new_session
from tests.tokens import token


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
