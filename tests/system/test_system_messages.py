"""A backend says something to everyone in a session, by REST."""

import asyncio
import urllib.request
from typing import Any

import pytest

from apigw_local.testing import LocalGateway
from tests.system.guarded import both, rest
from tests.system.people import new_session
from tests.tokens import token


def backend_token() -> str:
    return token(session="*", user="billing", type="admin")


def post(guarded: LocalGateway, session: str, body: Any, who: str | None = None) -> tuple[int, Any]:
    return rest(guarded, f"/api/session/{session}/messages", who or backend_token(), "POST", body)


def test_everyone_gets_it_once_and_nobody_comes_by_it(guarded: LocalGateway) -> None:
    session = new_session()
    body = {"text": "Your order has shipped: ✓", "client_id": "order-7"}

    async def run() -> None:
        async with both(guarded, session) as people:
            status, made = await asyncio.to_thread(post, guarded, session, body)
            assert (status, made["version"]) == (201, 3)
            for each in people:
                told = await each.receive()
                assert told["type"] == "message"
                data = told["data"]
                assert (data["id"], data["system"]) == (made["id"], True)
                assert (data["user_id"], data["text"]) == ("billing", body["text"])
                assert "client_id" not in data
            assert await asyncio.to_thread(post, guarded, session, body) == (200, made)
            path = f"/api/session/{session}/connection-status"
            _, status_now = await asyncio.to_thread(rest, guarded, path, backend_token())
            assert status_now["version"] == 3
            assert set(status_now["users"]) == {"admin_1", "customer_1"}

    asyncio.run(run())
    _, history = rest(guarded, f"/api/session/{session}/events?since=2&limit=1", backend_token())
    assert history["events"][0]["system"] is True


def test_where_nobody_is_nothing_is_said(guarded: LocalGateway) -> None:
    status, answer = post(guarded, new_session(), {"text": "hello"})
    assert (status, answer["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "body",
    [
        *[{}, {"text": ""}, {"text": 1}, {"text": "x" * 4001}, {"text": "\ud800"}, []],
        {"text": "x", "client_id": "a b"},
    ],
)
def test_what_no_message_can_be_is_named(guarded: LocalGateway, body: Any) -> None:
    status, answer = post(guarded, "s1", body)
    assert (status, answer["error"]["code"]) == (400, "invalid_request")


def test_only_admins_speak_so_and_only_in_their_sessions(guarded: LocalGateway) -> None:
    for who in (token(session="s1", type="agent"), token(session="s2", type="admin")):
        status, answer = post(guarded, "s1", {"text": "hello"}, who)
        assert (status, answer["error"]["code"]) == (403, "forbidden")


def test_what_was_said_is_answered_in_utf_8_without_escapes(guarded: LocalGateway) -> None:
    session, text = new_session(), "😀" * 100

    async def run() -> None:
        async with both(guarded, session):
            assert (await asyncio.to_thread(post, guarded, session, {"text": text}))[0] == 201

    asyncio.run(run())
    request = urllib.request.Request(
        f"{guarded.http}/api/session/{session}/events?since=2",
        headers={"Authorization": f"Bearer {backend_token()}"},
    )
    with urllib.request.urlopen(request) as answer:
        body = answer.read()

    assert f'"text":"{text}",'.encode() in body
