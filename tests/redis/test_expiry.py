"""What a token proved is good until it expires, unless it is proved anew."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from hadir.announcer import Announcer
from hadir.domain.errors import InvalidToken, KeysUnavailable
from hadir.domain.grant import Grant
from hadir.domain.identity import UserType
from hadir.domain.reasons import Departure, Evidence, Reason
from hadir.domain.session import PresenceEvent
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Lease, Opening
from hadir.wire.frames import timestamp
from tests.conftest import Clock
from tests.redis.talking import conversation_of, said
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_membership import SESSION, identity, join, present

CUSTOMER = Grant("default", "customer_1", UserType.CUSTOMER, (SESSION.session_id,), 9**10)


@pytest.fixture
def expiring(membership: Membership, clock: Clock) -> int:
    """A customer whose token expires in 30 s, and an admin whose does not; when it expires."""
    join(membership, "a1", "admin_1")
    expires_at = clock.now // 1000 + 30
    assert membership.admit("c1", identity("customer_1", expires_at=expires_at)).is_in
    batch = membership.open("c1", SESSION).batch
    assert batch
    membership.settle(batch, more=True)
    return expires_at


def test_the_sweep_looks_when_it_expires(
    membership: Membership, clock: Clock, expiring: int
) -> None:
    clock.pass_seconds(29.9)
    assert membership.leases.due(10).leases == ()
    clock.pass_seconds(0.1)
    assert membership.leases.due(10).leases == (Lease(SESSION, "c1", deaf=True),)
    found = membership.leases.lapse("c1", SESSION)
    assert found.outcome is Opening.EXPIRED
    assert found.batch
    (event,) = found.batch.events
    assert isinstance(event, PresenceEvent)
    assert event.departure == Departure(Reason.TOKEN_EXPIRED, Evidence.SERVER)
    assert present(membership) == {"admin_1"}
    assert membership.leases.lapse("c1", SESSION).outcome is Opening.UNKNOWN


def test_a_heartbeat_does_not_prolong_it(
    membership: Membership, clock: Clock, expiring: int
) -> None:
    clock.pass_seconds(20)
    membership.open("c1", SESSION, heard=True)
    clock.pass_seconds(10)
    assert membership.open("c1", SESSION, heard=True).outcome is Opening.EXPIRED
    assert present(membership) == {"admin_1"}


def test_a_fresh_one_does(membership: Membership, clock: Clock, expiring: int) -> None:
    clock.pass_seconds(20)
    membership.open("c1", SESSION, heard=True, expires_at=expiring + 3600)
    clock.pass_seconds(60)
    assert membership.open("c1", SESSION, heard=True).outcome is Opening.OPEN


def test_a_fresh_one_that_comes_before_the_sweep_is_in_time(
    membership: Membership, clock: Clock, expiring: int
) -> None:
    clock.pass_seconds(40)
    renewed = membership.open("c1", SESSION, heard=True, expires_at=expiring + 3600)
    assert renewed.outcome is Opening.OPEN


def test_one_that_expires_before_its_socket_opens_is_not_present(
    membership: Membership, clock: Clock
) -> None:
    membership.admit("c1", identity("customer_1", expires_at=clock.now // 1000 + 1))
    clock.pass_seconds(2)
    opened = membership.open("c1", SESSION)
    assert (opened.outcome, opened.batch) == (Opening.EXPIRED, None)
    assert opened.left_for is Reason.TOKEN_EXPIRED
    assert present(membership) == set()


@dataclass
class Talk:
    """A customer's client: what it is told, and whether its socket is closed."""

    membership: Membership
    clock: Clock
    poster: RecordingPoster = field(default_factory=RecordingPoster)
    closed: list[str] = field(default_factory=list)

    def say(self, request: object, grant: Grant | Exception = CUSTOMER) -> dict[str, Any]:
        def read(_: str) -> Grant:
            if isinstance(grant, Exception):
                raise grant
            return grant

        announcer = Announcer(self.membership, self.poster)
        conversation = conversation_of(self.membership, announcer, self.closed.append, read)
        who = identity("customer_1")
        conversation.answer(said("c1", request), who, self.clock(), TEN_SECONDS)
        frame: dict[str, Any] = self.poster.frames["c1"][-1]
        return frame

    def reauthorize(self, grant: Grant | Exception, token: object = "t") -> dict[str, Any]:
        return self.say({"action": "reauthorize", "token": token}, grant)


@pytest.fixture
def talk(membership: Membership, clock: Clock, expiring: int) -> Talk:
    return Talk(membership, clock)


class TestReauthorize:
    def test_until_when(self, talk: Talk, clock: Clock, expiring: int) -> None:
        fresh = replace(CUSTOMER, sessions=("550e*",), expires_at=expiring + 60)
        assert talk.reauthorize(fresh) == {
            "type": "reauthorized",
            "data": {"expires_at": timestamp((expiring + 60) * 1000)},
        }
        clock.pass_seconds(31)
        assert talk.say({"action": "heartbeat"})["type"] == "heartbeat_ack"

    @pytest.mark.parametrize(
        ("grant", "code"),
        [
            (InvalidToken("the token has expired"), "forbidden"),
            (KeysUnavailable("away"), "unavailable"),
            (replace(CUSTOMER, user_id="customer_2"), "forbidden"),
            (replace(CUSTOMER, user_type=UserType.ADMIN), "forbidden"),
            (replace(CUSTOMER, tenant="acme"), "forbidden"),
            (replace(CUSTOMER, sessions=("s2",)), "forbidden"),
        ],
    )
    def test_what_proves_nothing_changes_nothing(
        self, talk: Talk, membership: Membership, clock: Clock, grant: Grant | Exception, code: str
    ) -> None:
        frame = talk.reauthorize(grant)
        assert (frame["type"], frame["data"]["code"]) == ("error", code)
        clock.pass_seconds(31)
        assert membership.leases.lapse("c1", SESSION).outcome is Opening.EXPIRED

    def test_another_name_is_told_to_everyone(self, talk: Talk, membership: Membership) -> None:
        told = talk.reauthorize(replace(CUSTOMER, name="Anna Berg"))

        assert told == talk.poster.frames["a1"][-1]
        assert [frame["type"] for frame in talk.poster.frames["c1"]] == [
            "reauthorized",
            told["type"],
        ]
        assert told["data"]["connection_status"]["users"]["customer_1"]["name"] == "Anna Berg"
        assert "event_type" not in told["data"]
        version = membership.session(SESSION).version
        talk.reauthorize(replace(CUSTOMER, name="Anna Berg"))
        assert membership.session(SESSION).version == version

    @pytest.mark.parametrize(
        ("patterns", "is_taken"),
        [
            (("*",), True),
            (("550e*", "team-*", "s2", "more"), True),
            (("550e*", "team-1*", "s2"), False),
            (("550e*", "team-*"), False),
            ((SESSION.session_id,), False),
        ],
    )
    def test_one_for_fewer_sessions_than_its_socket_is_for(
        self,
        membership: Membership,
        poster: RecordingPoster,
        clock: Clock,
        patterns: tuple[str, ...],
        *,
        is_taken: bool,
    ) -> None:
        join(membership, "a1", "admin_1")
        who = replace(identity("admin_1"), sessions=("550e*", "team-*", "s2"))
        grant = Grant("default", "admin_1", UserType.ADMIN, patterns, 9**10)
        announcer = Announcer(membership, poster)
        conversation = conversation_of(membership, announcer, print, lambda _: grant)

        request = said("a1", {"action": "reauthorize", "token": "t"})
        conversation.answer(request, who, clock(), TEN_SECONDS)

        (frame,) = poster.frames["a1"]
        assert frame["type"] == ("reauthorized" if is_taken else "error")
        assert is_taken or "fewer sessions; connect again" in frame["data"]["message"]

    def test_who_has_gone_is_told_and_closed(
        self, talk: Talk, membership: Membership, clock: Clock
    ) -> None:
        clock.pass_seconds(31)
        membership.leases.lapse("c1", SESSION)
        assert talk.reauthorize(CUSTOMER)["type"] == "closing"
        assert talk.closed == ["c1"]

    @pytest.mark.parametrize("token", ["", None, 7, ["t"], "t" * 4097])
    def test_what_is_no_token(self, talk: Talk, token: object) -> None:
        assert talk.reauthorize(CUSTOMER, token)["data"]["code"] in ("invalid_payload", "too_large")


def test_the_client_is_told_why_and_to_come_back(talk: Talk, clock: Clock) -> None:
    clock.pass_seconds(31)
    told = talk.say({"action": "heartbeat"})
    assert (told["type"], told["data"]["reason"]) == ("closing", "token_expired")
    assert told["data"]["reconnect_after_ms"] > 0
    assert talk.closed == ["c1"]
    assert talk.poster.frames["a1"][-1]["data"]["reason"] == "token_expired"
