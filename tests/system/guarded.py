"""Hadir as it is deployed, and who tries to get in."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from apigw_local.testing import LocalGateway
from tests.system.people import Socket
from tests.tokens import token as made

ORIGIN = "https://app.example.com"
WAIT = 20


def offer(token: str | None) -> list[Subprotocol] | None:
    return [Subprotocol("hadir.v1"), Subprotocol(f"token.{token}")] if token else None


@asynccontextmanager
async def socket(guarded: LocalGateway, token: str, query: str = "") -> AsyncIterator[Socket]:
    """A socket as the browser client opens it: the token is a subprotocol."""
    url = f"{guarded.ws}/live?{query}"
    async with connect(url, subprotocols=offer(token), open_timeout=WAIT) as client:
        assert client.subprotocol == "hadir.v1"
        yield Socket(client)


async def until_closed(person: Socket) -> list[dict[str, Any]]:
    """The frames until the socket is closed."""
    frames = []
    with suppress(ConnectionClosed):
        while True:
            frames.append(await person.receive())
    return frames


@asynccontextmanager
async def both(guarded: LocalGateway, session: str) -> AsyncIterator[tuple[Socket, Socket]]:
    """An admin and a customer, each of whom knows that the other is there."""
    async with socket(guarded, made(session=session, user="admin_1", type="admin")) as admin:
        await admin.told()
        async with socket(guarded, made(session=session)) as customer:
            await admin.told()
            await customer.told()
            yield admin, customer


def refusal(guarded: LocalGateway, token: str | None, query: str = "", **options: Any) -> int:
    """The status that a socket is refused with."""

    async def run() -> int:
        url = f"{guarded.ws}/live?{query}"
        with pytest.raises(InvalidStatus) as refused:
            async with connect(url, subprotocols=offer(token), open_timeout=WAIT, **options):
                pass
        return refused.value.response.status_code

    return asyncio.run(run())


def rest(
    guarded: LocalGateway,
    path: str,
    token: str | None,
    method: str = "GET",
    body: object = None,
) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
    url = f"{guarded.http}{path}"
    request = urllib.request.Request(url, data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
