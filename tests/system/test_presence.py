"""The whole path: real sockets, the gateway, the real runtime client, real Redis."""

import asyncio
import json
import re
import urllib.error
import urllib.request
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gateway.tests.aws import aws
from hadir.domain.identity import DEFAULT_TENANT, Identity, SessionRef
from hadir.membership.membership import Membership
from local.embedded_redis import embedded_redis
from tests.conftest import running_hadir
from tests.running_gateway import AnyGateway, RunningGateway
from tests.system.people import new_session, person, status_of


def test_a_customer_leaves_and_the_admin_is_told(hadir: AnyGateway) -> None:
    """The old system's manual test."""
    session = new_session()

    async def run() -> None:
        async with person(hadir, session, "admin_456") as admin:
            first = await admin.told()
            assert first["event_user_id"] == "admin_456"
            async with person(hadir, session, "customer_123") as customer:
                own = await customer.told()
                assert (own["event_type"], own["event_user_id"]) == (
                    "user_connected",
                    "customer_123",
                )
                joined = await admin.told()
                assert joined == own
                assert joined["connection_status"]["customer_connected"] is True
                rest = status_of(hadir, session)
                assert rest["users"] == joined["connection_status"]["users"]
                assert rest["version"] == 2
                customer.cut()
            left = await admin.told()
            assert (left["event_type"], left["event_user_id"]) == (
                "user_disconnected",
                "customer_123",
            )
            status = left["connection_status"]
            assert status["customer_connected"] is False
            assert status["total_customer"] == 0
            assert status["agent_connected"] is True
            assert list(status["users"]) == ["admin_456"]
            assert [data["version"] for data in (first, joined, left)] == [1, 2, 3]
            rest = status_of(hadir, session)
            assert (rest["customer_connected"], rest["version"]) == (False, 3)
            assert rest["epoch"] == left["epoch"]
            assert rest["session_id"] == session

    asyncio.run(run())


def test_the_six_log_lines(hadir: AnyGateway) -> None:
    session = new_session()

    async def run() -> None:
        async with person(hadir, session, "admin_456") as admin:
            await admin.told()
            async with person(hadir, session, "customer_123") as customer:
                await customer.told()
            await admin.told()
            await admin.told()

    asyncio.run(run())
    for line in (
        f"[Connect] WebSocket client connected: customer_123 (customer) to session {session}",
        f"[Connect] Broadcasted connection status to session {session}: 2/2 clients received",
        f"[Disconnect] User customer_123 (customer) disconnecting from session {session}",
        (
            f"[Disconnect] Removed connection: customer_123 from session {session}. "
            "Remaining connections: 1"
        ),
        f"[Disconnect] Broadcasted connection status to session {session}: 1/1 clients received",
        (
            f"[Disconnect] WebSocket client disconnected: customer_123 (customer) "
            f"from session {session}"
        ),
    ):
        hadir.wait_for_line(re.escape(line) + '($|")')


def test_two_tabs_one_closes(hadir: AnyGateway) -> None:
    """Named after reverb#213: every tab fired joined and left."""
    session = new_session()

    async def run() -> None:
        async with person(hadir, session, "admin_1") as admin:
            await admin.told()
            async with person(hadir, session, "customer_1") as first:
                await first.told()
                await admin.told()
                async with person(hadir, session, "customer_1") as second:
                    snapshot = await second.told()
                    assert "event_type" not in snapshot
                    users = snapshot["connection_status"]["users"]
                    assert users["customer_1"]["connections"] == 2
                    assert snapshot["status_version"] == 2
                assert await admin.quiet()
                assert status_of(hadir, session)["users"]["customer_1"]["connections"] == 1
            left = await admin.told()
            assert (left["event_type"], left["version"]) == ("user_disconnected", 3)

    asyncio.run(run())


def test_the_query_form_and_the_path_form_meet(hadir: AnyGateway) -> None:
    session = new_session()

    async def run() -> None:
        async with person(hadir, session, "admin_1") as admin:
            await admin.told()
            query = f"session_id={session}&user_id=agent_1&user_type=agent"
            async with connect(f"{hadir.ws}/local?{query}"):
                joined = await admin.told()
                assert joined["connection_status"]["total_agent"] == 2

    asyncio.run(run())


def test_why_and_how_somebody_left_and_that_they_are_back(hadir: AnyGateway) -> None:
    session = new_session()

    async def run() -> list[dict[str, Any]]:
        told = []
        async with person(hadir, session, "admin_1") as admin:
            await admin.told()
            async with person(hadir, session, "customer_1") as customer:
                told.append(await admin.told())
                await customer.told()
            told.append(await admin.told())
            async with person(hadir, session, "customer_1") as customer:
                told.append(await admin.told())
                await customer.told()
                customer.cut()
            told.append(await admin.told())
        return told

    came, closed, back, cut = asyncio.run(run())
    assert "reconnected" not in came
    assert (closed["reason"], closed["close_code"]) == ("client_closed", 1000)
    assert closed["evidence"] == "close_frame"
    assert back["reconnected"] is True
    assert back["offline_seconds"] <= 30
    assert (cut["reason"], cut["close_code"]) == ("network_error", 1006)


def test_who_hangs_up_a_socket_that_did_not_answer_had_a_network_error(hadir: AnyGateway) -> None:
    session = new_session()

    async def run() -> list[dict[str, Any]]:
        told = []
        async with person(hadir, session, "admin_1") as admin:
            await admin.told()
            for code in (4408, 4001):
                async with person(hadir, session, f"customer_{code}") as customer:
                    await admin.told()
                    await customer.told()
                    await customer.client.close(code, "")
                told.append(await admin.told())
        return told

    gave_up, page_went = asyncio.run(run())
    assert (gave_up["reason"], gave_up["close_code"]) == ("network_error", 4408)
    assert gave_up["evidence"] == "close_frame"
    assert (page_went["reason"], page_went["close_code"]) == ("client_closed", 4001)


def test_a_message_a_word_that_somebody_types_and_what_was_missed(hadir: AnyGateway) -> None:
    session = new_session()

    async def run() -> None:
        async with person(hadir, session, "admin_1") as admin:
            epoch = (await admin.told())["epoch"]
            async with person(hadir, session, "customer_1") as customer:
                await customer.told()
                await admin.told()
                await customer.client.send('{"action":"typing","on":true}')
                assert (await admin.receive())["type"] == "typing"
                message = {"action": "message", "text": "hello", "client_id": "m1"}
                own = await customer.ask(json.dumps(message))
                theirs = await admin.receive()
                assert own["data"].pop("client_id") == "m1"
                assert own == theirs
                assert (theirs["data"]["text"], theirs["data"]["version"]) == ("hello", 3)
                again = await customer.ask(json.dumps(message))
                assert again["data"]["recovered"] is True
                assert await admin.quiet()
                position = {"epoch": epoch, "version": 1}
                await customer.client.send(json.dumps({"action": "sync", "since": position}))
                missed = [(await customer.receive())["data"] for _ in range(3)]
                assert [data.get("version") for data in missed] == [2, 3, None]
                assert all(data["recovered"] is True for data in missed)

    asyncio.run(run())


def test_a_text_never_appears_in_the_log(hadir: AnyGateway) -> None:
    session = new_session()

    async def run() -> None:
        async with person(hadir, session, "customer_1") as customer:
            await customer.told()
            await customer.ask('{"action":"message","text":"my secret is 4711"}')
            await customer.ask('{"action":"message","text":["my secret is 4711"]}')

    asyncio.run(run())
    hadir.wait_for_line(f"client disconnected: customer_1 .*{session}")
    assert "my secret" not in hadir.output


NOT_QUEUED = "The queue has not taken a grace"


class TestGrace:
    def test_a_reload_within_it_is_nobodys_business(self, hadir_redis_url: str) -> None:
        session = new_session()

        async def run(hadir: AnyGateway) -> None:
            async with person(hadir, session, "admin_1") as admin:
                await admin.told()
                async with person(hadir, session, "customer_1"):
                    await admin.told()
                async with person(hadir, session, "customer_1") as back:
                    assert "event_type" not in await back.told()
                    assert await admin.quiet(3)
                left = await admin.told()
                assert (left["event_type"], left["version"]) == ("user_disconnected", 3)

        with running_hadir(hadir_redis_url, "DisconnectGraceSeconds=2") as hadir:
            asyncio.run(run(hadir))

    def test_disconnect_has_ended_when_the_leave_is_told(self, hadir_redis_url: str) -> None:
        """By another function: none sleeps through the grace."""
        session = new_session()

        async def run(hadir: AnyGateway) -> None:
            async with person(hadir, session, "admin_1") as admin:
                await admin.told()
                async with person(hadir, session, "customer_1"):
                    await admin.told()
                left = await admin.told()
                assert (left["event_type"], left["version"]) == ("user_disconnected", 3)
                assert "recovered" not in left

        with running_hadir(hadir_redis_url, "DisconnectGraceSeconds=5") as hadir:
            asyncio.run(run(hadir))
            told = hadir.wait_for_line(rf"EndGraceFunction .*\[Disconnect\] Broad.*{session}")
            ended = hadir.wait_for_line("DisconnectFunction .*REPORT")
            lines = hadir.output.splitlines()
            assert lines.index(ended) < lines.index(told)

    @pytest.mark.parametrize(
        ("function", "variable", "value", "said"),
        [
            ("DisconnectFunction", "GRACE_QUEUE_URL", "http://localhost/1/None", NOT_QUEUED),
            ("EndGraceFunction", "REDIS_URL", "redis://127.0.0.1:1", "could not be ended"),
        ],
    )
    def test_the_sweep_ends_it_where_the_queue_or_its_function_fails(
        self,
        hadir_redis_url: str,
        tmp_path: Path,
        function: str,
        variable: str,
        value: str,
        said: str,
    ) -> None:
        session = new_session()
        wrong = tmp_path / "env.json"
        wrong.write_text(json.dumps({function: {variable: value}}))

        async def run(hadir: RunningGateway) -> None:
            functions = aws("lambda", hadir.invoke)
            sweep = partial(functions.invoke, FunctionName="SweepFunction", Payload=b"{}")
            async with person(hadir, session, "admin_1") as admin:
                await admin.told()
                async with person(hadir, session, "customer_1"):
                    await admin.told()
                await asyncio.to_thread(hadir.wait_for_line, f"{function} .*{said}")
                left = asyncio.create_task(admin.told())
                while not left.done():
                    await asyncio.to_thread(sweep)
                functions.close()
                assert left.result()["event_user_id"] == "customer_1"

        with running_hadir(
            hadir_redis_url, "DisconnectGraceSeconds=1", "--env-vars", str(wrong)
        ) as hadir:
            asyncio.run(run(hadir))
            assert "EndGraceFunction    [Disconnect] Broad" not in hadir.output


class TestRefusing:
    @pytest.mark.parametrize(
        ("session", "user", "kind"),
        [
            ("s", "u", "root"),
            ("s", "u", "Customer"),
            ("s%7B1%7D", "u", "customer"),
            ("s", "u%20", "customer"),
            ("s" * 129, "u", "customer"),
            ("s", "%E2%80%AEa", "customer"),
        ],
    )
    def test_whoever_does_not_fit_the_contract(
        self, hadir: AnyGateway, session: str, user: str, kind: str
    ) -> None:
        async def run() -> int:
            with pytest.raises(InvalidStatus) as refused:
                async with person(hadir, session, user, kind):
                    pass
            return refused.value.response.status_code

        assert asyncio.run(run()) == 403

    def test_rest_names_what_is_wrong(self, hadir: AnyGateway) -> None:
        status, body = rest_error(f"{hadir.http}/api/session/%7Bx%7D/connection-status")

        assert status == 400
        assert body["error"]["code"] == "invalid_request"
        assert body["error"]["message"].startswith("session_id must be")
        assert body["error"]["request_id"]

    def test_an_unknown_session_has_nobody_in_it(self, hadir: AnyGateway) -> None:
        status = status_of(hadir, "never-seen")
        assert (status["users"], status["version"], status["epoch"]) == ({}, 0, "")


class TestMessages:
    def test_a_heartbeat_is_acknowledged_and_told_to_nobody_else(self, hadir: AnyGateway) -> None:
        session = new_session()

        async def run() -> None:
            async with person(hadir, session, "admin_1") as admin:
                await admin.told()
                async with person(hadir, session, "customer_1") as customer:
                    await customer.told()
                    await admin.told()
                    ack = await customer.ask('{"action": "heartbeat"}')
                    assert ack["type"] == "heartbeat_ack"
                    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}Z", ack["data"]["server_time"])
                    assert await admin.quiet()

        asyncio.run(run())

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("hello", "invalid_json"),
            ("[1]", "invalid_payload"),
            ('{"action": "fly"}', "unknown_action"),
            ('{"action": "$disconnect"}', "unknown_action"),
        ],
    )
    def test_anything_else_gets_an_error_and_changes_nothing(
        self, hadir: AnyGateway, text: str, code: str
    ) -> None:
        session = new_session()

        async def run() -> dict[str, Any]:
            async with person(hadir, session, "customer_1") as customer:
                await customer.told()
                before = status_of(hadir, session)
                answer = await customer.ask(text)
                assert status_of(hadir, session) == before
                return answer

        answer = asyncio.run(run())
        assert answer["type"] == "error"
        assert answer["data"]["code"] == code
        assert answer["data"]["request_id"]

    def test_a_session_that_redis_forgot_heals_with_the_next_heartbeat(
        self, hadir: AnyGateway, hadir_redis: Redis
    ) -> None:
        session = new_session()

        async def run() -> None:
            async with person(hadir, session, "customer_1") as customer:
                before = await customer.told()
                hadir_redis.flushall()

                told = [await customer.ask('{"action": "heartbeat"}'), await customer.receive()]

                update, ack = sorted(told, key=lambda frame: str(frame["type"]))
                assert ack["type"] == "heartbeat_ack"
                assert update["data"]["event_user_id"] == "customer_1"
                assert update["data"]["version"] == 1
                assert update["data"]["epoch"] != before["epoch"]

        asyncio.run(run())

    def test_a_socket_whose_announcement_was_lost_opens_with_its_first_message(
        self, hadir: AnyGateway, hadir_redis: Redis
    ) -> None:
        session = new_session()
        membership = Membership(hadir_redis)

        async def run() -> None:
            async with person(hadir, session, "customer_1") as customer:
                await customer.told()
                (socket,) = membership.sockets(SessionRef(DEFAULT_TENANT, session))
                hadir_redis.flushall()
                membership.admit(
                    socket.connection_id, Identity.parse(session, "customer_1", "customer")
                )
                assert status_of(hadir, session)["users"] == {}

                told = await customer.ask('{"action": "heartbeat"}')

                assert told["data"]["event_type"] == "user_connected"
                assert list(status_of(hadir, session)["users"]) == ["customer_1"]

        asyncio.run(run())


class TestRedisUnavailable:
    @pytest.mark.parametrize("away", ["redis://127.0.0.1:1", "redis+cluster://127.0.0.1:1"])
    def test_who_comes_is_refused_and_told_to_try_again(self, away: str) -> None:
        async def attempt(hadir: AnyGateway) -> int:
            with pytest.raises(InvalidStatus) as refused:
                async with person(hadir, "s", "customer_1"):
                    pass
            return refused.value.response.status_code

        with running_hadir(away) as hadir:
            assert asyncio.run(attempt(hadir)) == 503
            for path in ("session/s/connection-status", "health"):
                status, body = rest_error(f"{hadir.http}/api/{path}")
                assert (status, body["error"]["code"]) == (503, "unavailable")

    def test_who_says_something_is_told_which_message_it_was(self) -> None:
        async def run(hadir: AnyGateway, redis: ExitStack) -> dict[str, Any]:
            async with person(hadir, "s", "customer_1") as customer:
                await customer.told()
                redis.close()
                return await customer.ask('{"action": "message", "text": "hi", "client_id": "m1"}')

        with ExitStack() as redis, running_hadir(redis.enter_context(embedded_redis())) as hadir:
            answer = asyncio.run(run(hadir, redis))
        assert answer["type"] == "error"
        assert (answer["data"]["code"], answer["data"]["client_id"]) == ("unavailable", "m1")


def rest_error(url: str) -> tuple[int, dict[str, Any]]:
    with pytest.raises(urllib.error.HTTPError) as answered:
        urllib.request.urlopen(url)
    with answered.value as error:
        return error.code, json.load(error)
