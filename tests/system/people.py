"""People with real sockets, and the checks that hold for everything they are told."""

import asyncio
import json
import urllib.request
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.running_gateway import AnyGateway

_ANSWERING_SECONDS = 20


class Socket:
    """One socket of a person, and every update it was told, in order."""

    def __init__(self, client: ClientConnection) -> None:
        self.client = client

    async def receive(self) -> dict[str, Any]:
        """The next frame, whole."""
        frame: dict[str, Any] = json.loads(
            await asyncio.wait_for(self.client.recv(), _ANSWERING_SECONDS)
        )
        return frame

    async def told(self) -> dict[str, Any]:
        """The next frame's data, which must be an update."""
        frame = await self.receive()
        assert frame["type"] == "connection_status_update", frame
        data: dict[str, Any] = frame["data"]
        if "event_type" in data:
            check_event(data)
        return data

    async def ask(self, text: str) -> dict[str, Any]:
        """Send a text; the next frame, whole."""
        await self.client.send(text)
        return await self.receive()

    async def quiet(self, seconds: float = 0.3) -> bool:
        """Whether nothing comes for so long."""
        try:
            await asyncio.wait_for(self.client.recv(), seconds)
        except TimeoutError:
            return True
        return False

    def cut(self) -> None:
        """Vanish without a close frame."""
        self.client.transport.abort()


def check_event(data: dict[str, Any]) -> None:
    """What must hold for every event anybody is ever told (contract, sections 2 and 3)."""
    status = data["connection_status"]
    users = status["users"]
    assert data["event_type"] in ("user_connected", "user_disconnected")
    assert data["status_version"] >= data["version"] >= 1
    if data["status_version"] == data["version"]:
        named = {(user.get("user_id", name), user["user_type"]) for name, user in users.items()}
        present = (data["event_user_id"], data["event_user_type"]) in named
        assert present == (data["event_type"] == "user_connected"), data
    customers = sum(user["user_type"] == "customer" for user in users.values())
    assert status["total_customer"] == customers
    assert status["total_agent"] == len(users) - customers
    assert status["customer_connected"] == (customers > 0)
    assert status["agent_connected"] == (len(users) > customers)


@asynccontextmanager
async def person(
    hadir: AnyGateway, session_id: str, user_id: str, user_type: str = ""
) -> AsyncIterator[Socket]:
    """Connect by the old path form; the type defaults to what the id begins with."""
    user_type = user_type or user_id.partition("_")[0]
    url = f"{hadir.ws}/ws/{session_id}/{user_id}/{user_type}"
    async with connect(url, open_timeout=_ANSWERING_SECONDS) as client:
        yield Socket(client)


def status_of(hadir: AnyGateway, session_id: str) -> dict[str, Any]:
    """What REST says."""
    url = f"{hadir.http}/api/session/{session_id}/connection-status"
    with urllib.request.urlopen(url) as answer:
        status: dict[str, Any] = json.load(answer)
        return status


def new_session() -> str:
    return str(uuid.uuid4())
