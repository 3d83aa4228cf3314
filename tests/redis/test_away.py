"""A person is away while all their sockets say so, on real Redis."""

import pytest

from hadir.domain.identity import Person, UserType
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Opening, Setting
from hadir.membership.scripts import AnyRedis
from tests.conftest import Clock
from tests.redis.test_membership import SESSION, events, identity, join
from tests.redis.test_state import leave, set_state, shown

CUSTOMER = Person(UserType.CUSTOMER, "customer_1")


class TestAway:
    def test_all_sockets_must_say_so(self, membership: Membership) -> None:
        join(membership, "c1", "customer_1")
        join(membership, "c2", "customer_1")

        assert set_state(membership, "c1", away=True, page="/") is Setting.SET
        assert shown(membership).state == {"away": False, "page": "/"}
        assert set_state(membership, "c2", away=True, page="/") is Setting.SET
        assert shown(membership).state == {"away": True, "page": "/"}
        assert set_state(membership, "c1", away=False, page="/") is Setting.SET
        assert shown(membership).state == {"away": False, "page": "/"}

    def test_one_of_two_who_says_so_changes_nothing_for_the_others(
        self, membership: Membership
    ) -> None:
        join(membership, "c1", "customer_1")
        join(membership, "c2", "customer_1")
        set_state(membership, "c2", away=False)

        assert set_state(membership, "c1", away=True) is Setting.SAME

        assert leave(membership, "c2") == [(3, "state", "customer_1")]
        assert shown(membership).state == {"away": True}

    def test_a_socket_that_joins_is_not_away(self, membership: Membership) -> None:
        join(membership, "c1", "customer_1")
        set_state(membership, "c1", away=True, page="/")
        membership.admit("c2", identity("customer_1"))

        opened = membership.open("c2", SESSION)

        assert opened.outcome is Opening.ADDED
        assert events(opened.batch) == [(3, "state", "customer_1")]
        assert opened.session is not None
        assert opened.session.version == 3
        (told,) = (socket for socket in membership.sockets(SESSION) if socket.connection_id == "c2")
        assert told.since == 3, "it is told of the event too"
        assert shown(membership).state == {"away": False, "page": "/"}

    def test_who_is_left_may_be_away(self, membership: Membership) -> None:
        for tab in ("c1", "c2", "c3"):
            join(membership, tab, "customer_1")
        set_state(membership, "c1", away=True)
        set_state(membership, "c2", page="/")

        assert leave(membership, "c3") == []
        assert leave(membership, "c2") == [(4, "state", "customer_1")]

        assert shown(membership).state == {"away": True, "page": "/"}

    def test_who_was_away_and_leaves_is_counted_no_longer(self, membership: Membership) -> None:
        join(membership, "c1", "customer_1")
        join(membership, "c2", "customer_1")
        set_state(membership, "c1", away=True)

        assert leave(membership, "c1") == []

        assert shown(membership).state == {"away": False}

    @pytest.mark.parametrize("back", [True, False])
    def test_in_grace_they_are_what_they_were(
        self, redis: AnyRedis, clock: Clock, back: bool
    ) -> None:
        membership = Membership(redis, grace_seconds=10, clock=clock)
        join(membership, "a1", "admin_1")
        join(membership, "c1", "customer_1")
        set_state(membership, "c1", away=True, page="/")
        leave(membership, "c1")
        version = membership.session(SESSION).version
        assert shown(membership).state == {"away": True, "page": "/"}

        if back:
            assert events(join(membership, "c2", "customer_1")) == [
                (version + 1, "state", "customer_1")
            ]
            assert shown(membership).state == {"away": False, "page": "/"}
        else:
            clock.pass_seconds(10)
            join(membership, "c2", "customer_1")
            assert shown(membership).state == {}

    def test_who_was_not_away_is_back_without_an_event(self, redis: AnyRedis, clock: Clock) -> None:
        membership = Membership(redis, grace_seconds=10, clock=clock)
        join(membership, "c1", "customer_1")
        set_state(membership, "c1", page="/")
        leave(membership, "c1")

        assert join(membership, "c2", "customer_1") is None

        assert shown(membership).state == {"page": "/"}
