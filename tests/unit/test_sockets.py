"""What the management API says of sockets, from a real HTTP server that answers as it is told."""

import json

import pytest
from moto.server import ThreadedMotoServer

from hadir.connections.sockets import Sockets
from hadir.domain.errors import HadirError, SocketsUnavailable
from hadir.domain.sockets import Seen, State
from tests.scripted_http import CUT, HANG, Answer, ScriptedHttp
from tests.unit.conftest import management_api

CONNECTED = 1_795_417_200_000


def active(at: object) -> Answer:
    """As API Gateway answers GetConnection."""
    body = {"connectedAt": "2026-11-23T07:00:00Z", "identity": {}, "lastActiveAt": at}
    return Answer(200, json.dumps(body).encode())


class TestLooking:
    def test_many_sockets_at_once(self, api: ScriptedHttp, sockets: Sockets) -> None:
        api.usual = active("2026-11-23T07:03:07Z")
        api.scripts = {"c7": [410], "c8": [403], "c9": [400]}

        seen = sockets.look([f"c{n}" for n in range(100)], 5)

        assert seen.pop("c7") == Seen(State.GONE, None, 410)
        assert seen.pop("c8") == Seen(State.FAILED, None, 403)
        assert seen.pop("c9") == Seen(State.FAILED, None, 400)
        assert len(seen) == 97
        assert set(seen.values()) == {Seen(State.OPEN, 1_795_417_387_000, 200, CONNECTED)}
        assert len(api.requests) == 100

    def test_what_is_asked(self, api: ScriptedHttp, sockets: Sockets) -> None:
        sockets.look(["ejHAm_tb4qkCHlw=", "ejHAm_tb4qkCHlw="], 5)

        (request,) = api.requests
        assert (request.method, request.body) == ("GET", b"")
        assert request.path == "/live/@connections/ejHAm_tb4qkCHlw%3D"

    def test_nobody_to_ask_for(self, api: ScriptedHttp, sockets: Sockets) -> None:
        assert sockets.look([], 5) == {}
        assert sockets.close_each([], 5) == {}
        assert api.requests == []

    @pytest.mark.parametrize(
        ("at", "ms"),
        [
            ("2026-11-23T07:03:07Z", 1_795_417_387_000),
            ("2026-11-23T07:03:07.5Z", 1_795_417_387_500),
            ("2026-11-23T07:03:07.123Z", 1_795_417_387_123),
            ("2026-11-23T07:03:07.123456789Z", 1_795_417_387_123),
            ("2026-11-23T14:03:07.120+07:00", 1_795_417_387_120),
            ("2026-11-23T07:03:07+0000", 1_795_417_387_000),
            ("2026-11-23T07:03:07", None),
            ("yesterday", None),
            ("", None),
            (1_795_417_387, None),
            (None, None),
        ],
    )
    def test_when_it_was_last_active(
        self, api: ScriptedHttp, sockets: Sockets, at: object, ms: int | None
    ) -> None:
        api.scripts = {"c1": [active(at)]}

        assert sockets.look(["c1"], 5) == {"c1": Seen(State.OPEN, ms, 200, CONNECTED)}

    @pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"{", b"\xff"])
    def test_a_body_that_does_not_say(
        self, api: ScriptedHttp, sockets: Sockets, body: bytes
    ) -> None:
        api.scripts = {"c1": [Answer(200, body)]}

        assert sockets.look(["c1"], 5) == {"c1": Seen(State.OPEN, None, 200)}

    @pytest.mark.parametrize("trouble", [429, 500, 503, CUT, HANG])
    def test_passing_trouble_is_waited_out(
        self, api: ScriptedHttp, sockets: Sockets, trouble: int
    ) -> None:
        failed = Answer(trouble, b'{"lastActiveAt": "not of this answer"') if trouble > 0 else 0
        api.scripts = {"c1": [failed or trouble, active("2026-11-23T07:03:07Z")]}

        assert sockets.look(["c1"], 10) == {
            "c1": Seen(State.OPEN, 1_795_417_387_000, 200, CONNECTED)
        }

    def test_trouble_that_stays(self, api: ScriptedHttp, sockets: Sockets) -> None:
        api.scripts = {"c1": [503] * 1000}

        assert sockets.look(["c1"], 2) == {"c1": Seen(State.FAILED, None, 503)}

    def test_nobody_listens(self) -> None:
        nobody = Sockets(management_api("http://127.0.0.1:1/live"))

        assert nobody.look(["c1"], 0.3) == {"c1": Seen(State.FAILED, None, 0)}

    def test_http_connections_are_kept(self, api: ScriptedHttp, sockets: Sockets) -> None:
        for _ in range(10):
            sockets.look(["c1"], 5)
            sockets.close_each(["c1"], 5)

        assert api.connections == 1

    def test_http_connections_that_the_server_closes_are_replaced(
        self, api: ScriptedHttp, sockets: Sockets
    ) -> None:
        api.usual = Answer(200, b"{}", {"Connection": "close"})

        seen = sockets.look([f"c{n}" for n in range(100)], 10)

        assert {each.state for each in seen.values()} == {State.OPEN}


class TestClosing:
    def test_what_is_gone_is_closed(self, api: ScriptedHttp, sockets: Sockets) -> None:
        api.usual = 204
        api.scripts = {"c2": [410], "c3": [403], "c4": [429, 204], "c5": [200], "c6": [500] * 99}

        closed = sockets.close_each(["c1", "c2", "c3", "c4", "c5", "c6"], 3)

        assert [to for to, is_closed in closed.items() if not is_closed] == ["c3", "c6"]
        assert {request.method for request in api.requests} == {"DELETE"}


class TestWaiting:
    def test_a_socket_is_asked_for_until_it_is_open(
        self, api: ScriptedHttp, sockets: Sockets
    ) -> None:
        api.scripts = {"c1": [410, 410, 200]}

        assert sockets.wait_until_open("c1", 30)
        assert len(api.requests) == 3

    def test_waiting_ends(self, api: ScriptedHttp, sockets: Sockets) -> None:
        api.usual = 410

        assert not sockets.wait_until_open("c1", 2)

    def test_without_time_for_the_first_question_it_is_not_open(
        self, api: ScriptedHttp, sockets: Sockets
    ) -> None:
        assert not sockets.wait_until_open("c1", 0.01)
        assert api.requests == []

    def test_an_answer_that_is_late_is_none(self, api: ScriptedHttp, sockets: Sockets) -> None:
        api.scripts, api.usual = {"c1": [410]}, HANG

        assert not sockets.wait_until_open("c1", 3)

    @pytest.mark.parametrize("statuses", [[403], [410, 403]])
    def test_a_refusal_is_an_error(
        self, api: ScriptedHttp, sockets: Sockets, statuses: list[int]
    ) -> None:
        api.scripts = {"c1": [*statuses]}

        with pytest.raises(SocketsUnavailable, match="answered with 403"):
            sockets.wait_until_open("c1", 30)
        assert len(api.requests) == len(statuses)

    @pytest.mark.parametrize("trouble", [500, 429])
    def test_trouble_all_the_time_is_an_error(
        self, api: ScriptedHttp, sockets: Sockets, trouble: int
    ) -> None:
        api.usual = trouble

        with pytest.raises(SocketsUnavailable, match=f"answered with {trouble}"):
            sockets.wait_until_open("c1", 2)

    def test_nobody_listens(self) -> None:
        nobody = Sockets(management_api("http://127.0.0.1:1/live"))

        with pytest.raises(HadirError, match="not answered"):
            nobody.wait_until_open("c1", 0.3)


def test_a_socket_moto_knows_is_open() -> None:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        sockets = Sockets(management_api(f"http://{host}:{port}"))
        assert sockets.look(["c1"], 5)["c1"].state is State.OPEN
        assert sockets.close_each(["c1"], 5) == {"c1": True}
    finally:
        server.stop()
