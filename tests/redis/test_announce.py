"""The function that opens sockets, on real membership."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from hadir import bootstrap
from hadir.announcer import Announcer
from hadir.domain.deadline import Deadline
from hadir.domain.delivery import Delivery
from hadir.doorman import Doorman
from hadir.membership.membership import Membership
from tests.conftest import Clock
from tests.redis.closing import one_by_one
from tests.redis.handlers import load
from tests.redis.test_announcer import RecordingPoster
from tests.redis.test_membership import CLOSED, SESSION, identity, join


class SlowPoster(RecordingPoster):
    """All its time goes by with each post."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def post(self, mail: Mapping[str, Sequence[bytes]], seconds: float) -> dict[str, Delivery]:
        self.clock.pass_seconds(seconds)
        return super().post(mail, seconds)


@pytest.mark.parametrize("has_left", [True, False])
def test_a_newcomer_who_reads_slowly_does_not_use_up_the_announcing_lease(
    membership: Membership, clock: Clock, monkeypatch: pytest.MonkeyPatch, has_left: bool
) -> None:
    poster = SlowPoster(clock)
    announcer = Announcer(membership, poster)

    def close_slowly(_: str) -> None:
        clock.pass_seconds(3)

    doorman = Doorman(membership, announcer, one_by_one(close_slowly), lambda *_: None)
    join(membership, "a1", "admin_1")
    join(membership, "c1", "customer_1")
    join(membership, "a2", "admin_2")
    who = identity("customer_1", expires_at=clock.now // 1000 if has_left else 0)
    membership.admit("c2", who)
    membership.leave("a2", SESSION, CLOSED, claim=False)

    class Open:
        def wait_until_open(self, *_: object) -> bool:
            return True

    def start() -> Deadline:
        began = clock.now
        return Deadline(29.0, lambda: (clock.now - began) / 1000)

    monkeypatch.setattr(bootstrap, "membership", lambda: membership)
    monkeypatch.setattr(bootstrap, "announcer", lambda _: announcer)
    monkeypatch.setattr(bootstrap, "doorman", lambda *_: doorman)
    monkeypatch.setattr(bootstrap, "sockets", Open)
    monkeypatch.setattr(bootstrap, "deadline", lambda _: start())
    settled_after: list[int] = []
    claimed_at = clock.now
    settle = membership.settle

    def settle_in_time(*args: Any, **kwargs: Any) -> Any:
        settled_after.append(clock.now - claimed_at)
        return settle(*args, **kwargs)

    monkeypatch.setattr(membership, "settle", settle_in_time)
    app = load("announce")
    authorizer = {
        "session_id": SESSION.session_id,
        "user_id": who.user_id,
        "user_type": who.user_type.value,
    }

    app.handler({"requestContext": {"connectionId": "c2", "authorizer": authorizer}}, None)

    assert settled_after
    assert settled_after[0] < 9000
