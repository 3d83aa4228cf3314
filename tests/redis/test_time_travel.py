"""Who was in a session earlier: asked by REST, on real scripts."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from hadir.domain.identity import Identity, UserType
from hadir.domain.past import at_version
from hadir.domain.session import Batch
from hadir.membership.keys import session_key
from hadir.membership.membership import Membership
from hadir.membership.scripts import AnyRedis
from hadir.wire.frames import timestamp
from tests.conftest import Clock
from tests.redis.test_membership import CLOSED, SESSION, join
from tests.redis.test_rest import Api
from tests.redis.test_rolled_back import happens

STATUS = "GET /api/session/{session_id}/connection-status"
PEOPLE = [(kind, user_id) for kind in UserType for user_id in ("1", "2")]
"""Some of them have one id."""


class Visits:
    """People who come and go in one session, each on up to two sockets; time passes meanwhile."""

    def __init__(self, membership: Membership, clock: Clock, seed: int) -> None:
        self._membership = membership
        self._clock = clock
        self._random = random.Random(seed)
        self._sockets: dict[str, Identity] = {}
        self._count = 0

    def steps(self, most: int) -> Iterator[None]:
        """Something happens, so many times."""
        for _ in range(most):
            self._clock.pass_seconds(self._random.choice([0, 0.4, 1, 7]))
            self._random.choice([self._come, self._come, self._go, self._speak])()
            yield

    def _come(self) -> None:
        self._count += 1
        kind, user_id = self._random.choice(PEOPLE)
        who = Identity(SESSION.session_id, user_id, kind, SESSION.tenant)
        connection_id = f"c{self._count}"
        if self._membership.admit(connection_id, who).is_in:
            settle(self._membership, self._membership.open(connection_id, SESSION).batch)
            self._sockets[connection_id] = who

    def _go(self) -> None:
        if self._sockets:
            gone = self._random.choice(list(self._sockets))
            del self._sockets[gone]
            settle(self._membership, self._membership.leave(gone, SESSION, CLOSED).batch)

    def _speak(self) -> None:
        if self._sockets:
            connection_id, who = self._random.choice(list(self._sockets.items()))
            settle(self._membership, self._membership.say(connection_id, who, "Hi", "").batch)


def settle(membership: Membership, batch: Batch | None) -> None:
    while batch:
        batch = membership.settle(batch, more=True)


@pytest.fixture
def api(node: Redis, clock: Clock) -> Api:
    return Api(node, clock)


def asked(api: Api, at: object = None) -> Any:
    """What is answered, if it is an answer."""
    query = None if at is None else {"at": str(at)}
    status, body = api.request(STATUS, query, session_id=SESSION.session_id)
    assert status == 200, body
    return body


def refused(api: Api, at: object) -> tuple[int, str, str]:
    status, body = api.request(STATUS, {"at": str(at)}, session_id=SESSION.session_id)
    return status, body["error"]["code"], body["error"]["message"]


def without_connections(status: Any) -> Any:
    users = {
        name: {field: value for field, value in user.items() if field != "connections"}
        for name, user in status["users"].items()
    }
    return {**status, "users": users}


@pytest.mark.parametrize("seed", range(4))
def test_it_is_as_it_was(api: Api, clock: Clock, seed: int) -> None:
    """Of every version, and of every second, whatever came later."""
    versions: dict[int, Any] = {0: without_connections(asked(api))}
    seconds: dict[int, int] = {}
    for _ in Visits(api.membership, clock, seed).steps(50):
        now = asked(api)
        versions[now["version"]] = without_connections(now)
        seconds[clock.now // 1000] = now["version"]
    events = api.membership.history.page(SESSION, 1000).events
    times = {event.version: event.at for event in events}

    for version, then in versions.items():
        past = asked(api, version)
        at = past.pop("at", None)
        assert past == {**then, "epoch": past["epoch"]}
        assert (at is None) == (version == 0)
        if at:
            assert at == timestamp(times[version])
    first = min(times.values()) // 1000
    for second, version in seconds.items():
        if second >= first:
            assert asked(api, timestamp(second * 1000)) == asked(api, version)


class TestReach:
    """A history that begins with its third event: the admin's and the customer's joins are lost."""

    @pytest.fixture(autouse=True)
    def history(self, api: Api, clock: Clock, node: Redis) -> None:
        for number, user_id in enumerate(("admin_1", "customer_1", "customer_2"), 1):
            join(api.membership, f"c{number}", user_id)
            clock.pass_seconds(10)
        settle(api.membership, api.membership.leave("c2", SESSION, CLOSED).batch)
        settle(api.membership, api.membership.leave("c3", SESSION, CLOSED).batch)
        node.xtrim(session_key(SESSION, "events"), minid=3, approximate=False)

    def test_who_is_still_present_has_been_since_they_came(self, api: Api) -> None:
        users = asked(api, 2)["users"]

        assert users["admin_1"] == {"user_type": "admin", "connected_at": "2025-01-24T10:30:00Z"}

    def test_since_when_is_said_only_where_it_is_known(self, api: Api) -> None:
        users = asked(api, 3)["users"]

        assert set(users) == {"admin_1", "customer_1", "customer_2"}
        assert users["customer_1"] == {"user_type": "customer"}
        assert users["customer_2"]["connected_at"] == "2025-01-24T10:30:20Z"

    def test_the_version_before_the_first_event_is_known_but_not_its_time(self, api: Api) -> None:
        assert (asked(api, 2)["version"], asked(api, 2).get("at")) == (2, None)

    @pytest.mark.parametrize(
        ("at", "why"),
        [
            (1, "the history reaches back to version 2 only"),
            (6, "the session has come to version 5 only"),
            (2**53, "the session has come to version 5 only"),
            ("2025-01-24T10:30:19Z", "the history reaches back to 2025-01-24T10:30:20Z only"),
            ("0001-01-01T00:00:00Z", "the history reaches back to 2025-01-24T10:30:20Z only"),
            ("2025-01-24T10:30:31Z", "that time is still to come"),
        ],
    )
    def test_what_is_beyond_it_is_not_found(self, api: Api, at: object, why: str) -> None:
        assert refused(api, at) == (404, "not_found", why)

    @pytest.mark.parametrize(
        ("at", "version"),
        [
            ("2025-01-24T10:30:20Z", 3),
            ("2025-01-24T10:30:29.9Z", 3),
            ("2025-01-24T17:30:29+07:00", 3),
            ("2025-01-24T10:30:30Z", 5),
        ],
    )
    def test_a_time_is_that_of_the_last_event_by_then(
        self, api: Api, at: str, version: int
    ) -> None:
        assert asked(api, at) == asked(api, version)

    @pytest.mark.parametrize(
        "at", ["", "-1", "3.0", "now", "2025-01-24", "2025-01-24T10:30:20", "\u0663", 2**53 + 1]
    )
    def test_what_is_no_moment_is_refused(self, api: Api, at: object) -> None:
        assert refused(api, at)[:2] == (400, "invalid_request")

    def test_a_history_that_was_deleted_says_nothing_of_a_time(self, api: Api) -> None:
        api.membership.history.clear(SESSION)

        now = "2025-01-24T10:30:30Z"
        assert refused(api, now) == (404, "not_found", "the history holds no events")
        assert set(asked(api, 5)["users"]) == {"admin_1"}
        assert refused(api, 4)[2] == "the history reaches back to version 5 only"

    def test_an_event_that_is_missing_hides_all_before(self, api: Api, node: Redis) -> None:
        node.xdel(session_key(SESSION, "events"), "4-0")

        assert refused(api, 3)[2] == "the history reaches back to version 4 only"
        assert set(asked(api, 4)["users"]) == {"admin_1", "customer_2"}

    def test_what_newer_code_has_recorded_changes_nobody(self, api: Api, node: Redis) -> None:
        happens(node, "assignment", "admin/admin_1")
        happens(node, "state", "customer/customer_2")

        assert asked(api, 7)["users"] == asked(api, 5)["users"]
        assert set(asked(api, 3)["users"]) == {"admin_1", "customer_1", "customer_2"}


def test_of_a_session_that_nobody_knows_there_is_nothing(api: Api) -> None:
    assert asked(api, 0)["users"] == {}
    assert refused(api, 1)[0] == 404
    assert refused(api, "2025-01-24T10:30:00Z")[0] == 404


def test_a_leave_counts_from_when_it_happened_though_its_grace_was_still_running(
    api: Api, node: Redis, clock: Clock
) -> None:
    api.membership = Membership(node, clock=clock, grace_seconds=60)
    join(api.membership, "c1", "customer_1")
    join(api.membership, "a1", "admin_1")
    clock.pass_seconds(10)
    settle(api.membership, api.membership.leave("c1", SESSION, CLOSED).batch)
    clock.pass_seconds(20)
    join(api.membership, "a2", "admin_2")
    clock.pass_seconds(41)
    settle(api.membership, api.membership.claim(SESSION))

    assert set(asked(api, 3)["users"]) == {"customer_1", "admin_1", "admin_2"}
    then = asked(api, "2025-01-24T10:30:15Z")
    assert (set(then["users"]), then["version"]) == ({"admin_1"}, 2)
    assert set(asked(api, "2025-01-24T10:30:09Z")["users"]) == {"customer_1", "admin_1"}


def test_people_whom_older_code_does_not_know_are_left_out(
    membership: Membership, redis: AnyRedis
) -> None:
    """On a cluster too."""
    join(membership, "c1", "customer_1")
    redis.hset(session_key(SESSION, "people"), "co_bot/7", "1 1")

    past = at_version(membership.inquiry.chronicle(SESSION), 1)

    assert [person.user_id for person in past.people] == ["customer_1"]
