"""When somebody who is nowhere was last seen: asked by REST, on real scripts."""

from typing import Any

import pytest
from redis import Redis

from hadir.domain.identity import Identity, SessionRef, UserType
from hadir.domain.reasons import KICKED, Departure
from hadir.membership.directory import Directory
from hadir.membership.keys import left_key, partition_of, session_key
from hadir.membership.membership import Membership
from hadir.membership.scripts import AnyRedis
from tests.conftest import Clock
from tests.redis.test_membership import CLOSED, SESSION, join, ref
from tests.redis.test_rest import Api

HERE = SESSION.session_id


@pytest.fixture
def api(node: Redis, clock: Clock) -> Api:
    return Api(node, clock)


def asked(api: Api, user_id: str, user_type: str | None = None) -> Any:
    query = {"user_type": user_type} if user_type else None
    status, body = api.request("GET /api/user/{user_id}/sessions", query, user_id=user_id)
    assert status == 200
    assert body["user_id"] == user_id
    return body


def last_seen(api: Api, user_id: str, user_type: str | None = None) -> Any:
    found = asked(api, user_id, user_type)
    assert found["sessions"] == []
    return found["last_seen"]


def visit(api: Api, who: Identity, departure: Departure = CLOSED) -> None:
    """Somebody comes and leaves, and everybody is told."""
    connection_id = f"{who.person}-{who.session_id}-{api.clock()}"
    assert api.membership.admit(connection_id, who).is_in
    batch = api.membership.open(connection_id, who.session).batch
    while batch:
        batch = api.membership.settle(batch, more=True)
    leave(api, connection_id, who.session, departure)


def leave(api: Api, connection_id: str, session: SessionRef, departure: Departure) -> None:
    batch = api.membership.leave(connection_id, session, departure).batch
    while batch:
        batch = api.membership.settle(batch, more=True)


def person(
    user_id: str, user_type: UserType = UserType.CUSTOMER, session_id: str = HERE
) -> Identity:
    return Identity(session_id, user_id, user_type)


def test_it_is_where_and_when_and_why_they_last_left(api: Api, clock: Clock) -> None:
    for session_id in ("s1", "s2", "s3"):
        clock.pass_seconds(60)
        visit(api, person("u1", session_id=session_id), KICKED)
    clock.pass_seconds(60)
    visit(api, person("u1", session_id="s2"))

    left = {"at": "2025-01-24T10:34:00Z", "session_id": "s2", "reason": "client_closed"}
    assert last_seen(api, "u1") == {"customer": left}


def test_of_who_is_somewhere_nothing_is_said(api: Api) -> None:
    visit(api, person("customer_1"))
    join(api.membership, "c1", "customer_1", ref("s2"))

    assert asked(api, "customer_1") == {"user_id": "customer_1", "sessions": ["s2"]}


def test_who_is_back_has_not_left(api: Api, node: Redis) -> None:
    visit(api, person("customer_1"))
    join(api.membership, "c1", "customer_1")

    assert node.zcard(left_key(partition_of(SESSION))) == 0


def test_whoever_was_never_there_was_never_seen(api: Api) -> None:
    visit(api, person("u1"))

    assert last_seen(api, "u2") == last_seen(api, "u") == last_seen(api, "u1", "agent") == {}


def test_each_type_is_a_person_of_its_own(api: Api, clock: Clock) -> None:
    visit(api, person("42", UserType.AGENT))
    clock.pass_seconds(1)
    visit(api, person("42", session_id="s2"))

    assert {kind: each["session_id"] for kind, each in last_seen(api, "42").items()} == {
        "agent": HERE,
        "customer": "s2",
    }
    assert set(last_seen(api, "42", "agent")) == {"agent"}


@pytest.mark.parametrize("user_id", ["a*", "a?c", "[ab]c", "\\", "a\\*", "auth0|5f^-é"])
def test_an_id_is_no_pattern(api: Api, user_id: str) -> None:
    visit(api, person("abc"))
    assert last_seen(api, user_id) == {}

    visit(api, person(user_id))
    assert set(last_seen(api, user_id)) == {"customer"}


def test_it_is_known_for_a_day(api: Api, clock: Clock) -> None:
    visit(api, person("u1"))
    clock.pass_seconds(24 * 3600)
    visit(api, person("u2"))
    assert set(last_seen(api, "u1")) == {"customer"}

    clock.pass_seconds(1)
    assert last_seen(api, "u1") == {}


def test_why_is_null_where_the_event_is_no_longer_kept(api: Api, node: Redis) -> None:
    visit(api, person("u1"))
    node.xtrim(session_key(SESSION, "events"), maxlen=0, approximate=False)

    assert last_seen(api, "u1")["customer"]["reason"] is None


def test_in_grace_they_are_still_there(api: Api, node: Redis, clock: Clock) -> None:
    api.membership = Membership(node, clock=clock, grace_seconds=60)
    visit(api, person("u1"))
    assert asked(api, "u1") == {"user_id": "u1", "sessions": [HERE]}

    clock.pass_seconds(61)
    api.membership.claim(SESSION)
    assert last_seen(api, "u1")["customer"]["at"] == "2025-01-24T10:30:00Z"


class TestErasing:
    @pytest.fixture(autouse=True)
    def both_left_two_sessions(self, api: Api) -> None:
        for session_id in (HERE, "s2"):
            for user_id in ("u1", "u2"):
                visit(api, person(user_id, session_id=session_id))

    def where(self, api: Api, user_id: str) -> set[str]:
        seen = Directory(api.node, api.clock).sightings("default", user_id)
        return {each.session.session_id for each in seen}

    def test_erasing_what_somebody_said_forgets_when_they_left(self, api: Api) -> None:
        api.request(
            "DELETE /api/user/{user_id}/history",
            {"user_type": "customer", "session_id": HERE},
            user_id="u1",
        )

        assert self.where(api, "u1") == {"s2"}
        assert self.where(api, "u2") == {HERE, "s2"}

    def test_deleting_the_history_of_a_session_forgets_who_left_it(self, api: Api) -> None:
        api.request("DELETE /api/session/{session_id}/history", session_id=HERE)

        assert self.where(api, "u1") == self.where(api, "u2") == {"s2"}


def test_it_goes_through_everybody_who_left(membership: Membership, redis: AnyRedis) -> None:
    """On a cluster too; what newer code has written is left out."""
    join(membership, "c1", "customer_1")
    membership.leave("c1", SESSION, CLOSED)
    many = {f"default u{n} customer {HERE}": 1_737_714_600_000 for n in range(30_000)}
    key = left_key(partition_of(SESSION))
    redis.zadd(key, {**many, f"default customer_1 co_bot {HERE}": 1_737_714_600_000})

    seen = Directory(redis, lambda: 1_737_714_600_000).sightings("default", "customer_1")

    assert [(each.session, each.until) for each in seen] == [(SESSION, 1_737_714_600_000)]
    assert len(Directory(redis, lambda: 1_737_714_600_000).sightings("default", "u29999")) == 1
