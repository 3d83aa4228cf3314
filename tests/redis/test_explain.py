"""Why people are in a session, and why others have left: asked by REST, on real scripts."""

from typing import Any

import pytest
from redis import Redis

from hadir.domain.deadline import Deadline
from hadir.domain.identity import DEFAULT_TENANT, Identity, Person, UserType
from hadir.domain.reasons import GONE, KICKED, Departure, Evidence, Reason
from hadir.membership.keys import session_key
from hadir.membership.membership import Membership
from hadir.membership.scripts import AnyRedis
from tests.conftest import Clock
from tests.redis.test_membership import CLOSED, SESSION, identity, join
from tests.redis.test_rest import Api

NOT_SEEN = {"state": "not_asked", "last_active_at": None, "status": 0}


@pytest.fixture
def api(node: Redis, clock: Clock) -> Api:
    return Api(node, clock)


def asked(api: Api, session_id: str = SESSION.session_id) -> Any:
    status, body = api.request("GET /api/session/{session_id}/explain", session_id=session_id)
    assert status == 200, body
    return body


def leave(api: Api, connection_id: str, departure: Departure = CLOSED) -> None:
    batch = api.membership.leave(connection_id, SESSION, departure).batch
    while batch:
        batch = api.membership.settle(batch, more=True)


def socket(connection_id: str, **fields: object) -> dict[str, object]:
    """A socket that is open, as its client has never said anything."""
    return {
        "connection_id": connection_id,
        "open": True,
        "connected_at": None,
        "last_heard": None,
        "sends_heartbeats": False,
        "lease_left_ms": 90_000,
        "token_expires_at": None,
        "owed_status_since": None,
        "api_gateway": {"state": "open", "last_active_at": None, "status": 200},
        **fields,
    }


def test_everything_that_is_known_of_a_socket_is_said(api: Api, clock: Clock) -> None:
    expires_at = clock.now // 1000 + 3600
    api.membership.admit("a1", identity("admin_1", expires_at=expires_at))
    batch = api.membership.open("a1", SESSION).batch
    assert batch
    api.membership.settle(batch, missed=["a1"], more=False)
    clock.pass_seconds(5)
    api.membership.open("a1", SESSION, heard=True, beat=True)
    clock.pass_seconds(30)
    api.platform.connected["a1"] = clock.now - 35_500
    api.platform.active["a1"] = clock.now - 1_000

    answer = asked(api)

    assert answer == {
        "session_id": SESSION.session_id,
        "epoch": api.membership.session(SESSION).epoch,
        "version": 1,
        "people": [
            {
                "user_id": "admin_1",
                "user_type": "admin",
                "since": "2025-01-24T10:30:00Z",
                "sockets": [
                    socket(
                        "a1",
                        connected_at="2025-01-24T10:29:59Z",
                        last_heard="2025-01-24T10:30:05Z",
                        sends_heartbeats=True,
                        lease_left_ms=60_000,
                        token_expires_at="2025-01-24T11:30:00Z",
                        owed_status_since="2025-01-24T10:30:00Z",
                        api_gateway={
                            "state": "open",
                            "last_active_at": "2025-01-24T10:30:34Z",
                            "status": 200,
                        },
                    )
                ],
                "in_grace_until": None,
            }
        ],
        "left": [],
        "admitted": [],
    }


def test_what_api_gateway_says_stands_beside_it(api: Api, clock: Clock) -> None:
    join(api.membership, "c1", "customer_1")
    join(api.membership, "c2", "customer_1")
    clock.pass_seconds(100)
    api.platform.gone.add("c1")
    api.platform.trouble.add("c2")

    (person,) = asked(api)["people"]

    assert person["sockets"] == [
        socket(
            "c1",
            lease_left_ms=-10_000,
            api_gateway={"state": "gone", "last_active_at": None, "status": 410},
        ),
        socket(
            "c2",
            lease_left_ms=-10_000,
            api_gateway={"state": "failed", "last_active_at": None, "status": 403},
        ),
    ]


def test_a_socket_that_is_only_admitted_makes_nobody_present(api: Api) -> None:
    join(api.membership, "a1", "admin_1")
    api.membership.admit("c1", identity("customer_1"))

    answer = asked(api)

    assert [each["user_id"] for each in answer["people"]] == ["admin_1"]
    theirs = {"user_id": "customer_1", "user_type": "customer"}
    assert answer["admitted"] == [{**theirs, **socket("c1", open=False)}]


def test_who_is_in_grace_is_there_without_a_socket(api: Api, node: Redis, clock: Clock) -> None:
    api.membership = Membership(node, clock=clock, grace_seconds=60)
    join(api.membership, "c1", "customer_1")
    clock.pass_seconds(10)
    leave(api, "c1")

    (person,) = asked(api)["people"]

    assert person["sockets"] == []
    assert person["in_grace_until"] == "2025-01-24T10:31:10Z"
    assert asked(api)["left"] == []


class TestLeft:
    def test_the_last_leave_of_each_who_is_not_here_the_latest_first(
        self, api: Api, clock: Clock
    ) -> None:
        for number, departure in enumerate((CLOSED, KICKED, GONE, CLOSED)):
            join(api.membership, f"c{number}", f"customer_{number % 3}")
            clock.pass_seconds(1)
            leave(api, f"c{number}", departure)
        join(api.membership, "c9", "customer_1")

        left = asked(api)["left"]

        assert left == [
            {
                "user_id": "customer_0",
                "user_type": "customer",
                "left_at": "2025-01-24T10:30:04Z",
                "reason": "client_closed",
                "evidence": "close_frame",
                "close_code": 1001,
            },
            {
                "user_id": "customer_2",
                "user_type": "customer",
                "left_at": "2025-01-24T10:30:03Z",
                "reason": "gone",
                "evidence": "platform",
                "close_code": None,
            },
        ]

    def test_what_is_not_known_of_it_is_null(self, api: Api) -> None:
        join(api.membership, "c1", "customer_1")
        leave(api, "c1", Departure(Reason.UNKNOWN, Evidence.NONE))

        (left,) = asked(api)["left"]

        assert (left["reason"], left["evidence"]) == ("unknown", None)

    def test_of_no_more_than_fifty(self, api: Api) -> None:
        for number in range(51):
            join(api.membership, f"c{number}", f"customer_{number}")
            leave(api, f"c{number}")

        left = asked(api)["left"]

        assert len(left) == 50
        assert left[0]["user_id"] == "customer_50"


class TestCrowds:
    def test_api_gateway_is_asked_about_two_hundred_sockets(self, api: Api) -> None:
        for number in range(201):
            join(api.membership, f"c{number}", f"customer_{number:03}")
        api.membership.admit("c999", identity("customer_999"))

        answer = asked(api)

        found = [each["sockets"][0]["api_gateway"] for each in answer["people"]]
        assert [each["state"] for each in found] == ["open"] * 200 + ["not_asked"]
        assert found[-1] == answer["admitted"][0]["api_gateway"] == NOT_SEEN
        assert len(api.platform.asked) == 200
        assert "truncated" not in answer

    def test_of_a_thousand_sockets_and_people_and_more_it_says_that_there_are_more(
        self, api: Api, node: Redis
    ) -> None:
        join(api.membership, "c0", "customer_0")
        connections, people = (session_key(SESSION, each) for each in ("connections", "people"))
        record, person = node.hget(connections, "c0"), node.hget(people, "customer/customer_0")
        more = range(1, 1001)
        several: dict[Any, Any] = {f"c{n}": record for n in more}
        node.hset(connections, mapping=several)

        answer = asked(api)

        (first,) = answer["people"]
        assert (len(first["sockets"]), answer["truncated"]) == (1000, True)
        node.hdel(connections, *several)
        node.hset(people, mapping={f"customer/customer_{n}": str(person) for n in more})
        answer = asked(api)
        assert (len(answer["people"]), answer["truncated"]) == (1000, True)

    def test_it_asks_no_longer_than_there_is_time(self, api: Api) -> None:
        join(api.membership, "c1", "customer_1")
        api.deadline = Deadline(7.5, lambda: 0.0)

        asked(api)

        assert api.platform.seconds == [7.5]


def test_a_session_that_nobody_knows_has_nobody(api: Api) -> None:
    assert asked(api, "s9") == {
        "session_id": "s9",
        "epoch": "",
        "version": 0,
        "people": [],
        "left": [],
        "admitted": [],
    }
    assert api.platform.seconds == []


def test_people_whom_older_code_does_not_know_are_left_out(
    membership: Membership, redis: AnyRedis
) -> None:
    """On a cluster too."""
    join(membership, "c1", "customer_1")
    record = str(redis.hget(session_key(SESSION, "connections"), "c1"))
    bots = record.replace("customer/customer_1", "co_bot/7") + " more"
    redis.hset(session_key(SESSION, "connections"), "b1", bots)
    redis.hset(session_key(SESSION, "connections"), "c2", record + " more")
    redis.zadd(session_key(SESSION, "leaving"), {"co_bot/7": 1})

    found = membership.inquiry.circumstances(SESSION)

    assert {line.socket.connection_id for line in found.lines} == {"c1", "c2"}
    assert found.graces == {}


def test_namesakes_are_kept_apart(api: Api) -> None:
    for kind in (UserType.AGENT, UserType.CUSTOMER):
        who = Identity(SESSION.session_id, "42", kind, DEFAULT_TENANT)
        api.membership.admit(f"{kind}-1", who)
        batch = api.membership.open(f"{kind}-1", SESSION).batch
        assert batch
        api.membership.settle(batch, more=False)
    leave(api, "agent-1")

    answer = asked(api)

    (person,), (left,) = answer["people"], answer["left"]
    assert Person(person["user_type"], person["user_id"]) == Person(UserType.CUSTOMER, "42")
    assert (left["user_type"], left["user_id"]) == ("agent", "42")
