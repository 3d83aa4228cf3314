"""The names and avatars that tokens say, on real Redis."""

from hadir.domain.identity import Person, UserType
from hadir.domain.limits import Limits, Price
from hadir.membership.keys import session_key
from hadir.membership.membership import Membership
from hadir.membership.scripts import AnyRedis
from tests.conftest import Clock
from tests.redis.test_membership import SESSION, events, identity
from tests.redis.test_state import leave, shown, told_states

CUSTOMER = Person(UserType.CUSTOMER, "customer_1")
AVATAR = "https://img.example.com/anna.png"


class TestNames:
    def come(
        self, membership: Membership, connection_id: str, name: str, avatar: str = ""
    ) -> list[tuple[int, str, str]]:
        assert membership.admit(connection_id, identity("customer_1")).is_in
        batch = membership.open(connection_id, SESSION, name=name, avatar=avatar).batch
        if not batch:
            return []
        membership.settle(batch, more=True)
        return events(batch)

    def test_they_are_shown(self, membership: Membership) -> None:
        self.come(membership, "c1", "Anna B. 漢", AVATAR)

        assert (shown(membership).name, shown(membership).avatar) == ("Anna B. 漢", AVATAR)

    def test_a_second_tab_with_the_same_makes_no_event(self, membership: Membership) -> None:
        self.come(membership, "c1", "Anna", AVATAR)

        assert self.come(membership, "c2", "Anna", AVATAR) == []
        assert self.come(membership, "c3", "") == [], "it says nothing of it"

        assert shown(membership).name == "Anna"

    def test_the_newest_token_counts(self, membership: Membership) -> None:
        self.come(membership, "c1", "Anna", AVATAR)

        assert self.come(membership, "c2", "Anna Berg") == [(2, "state", "customer_1")]

        assert (shown(membership).name, shown(membership).avatar) == ("Anna Berg", "")

    def test_a_fresh_token_changes_it_and_messages_with_the_old_one_do_not(
        self, membership: Membership, clock: Clock
    ) -> None:
        self.come(membership, "c1", "Anna")
        later = clock.now // 1000 + 600

        renewed = membership.open("c1", SESSION, heard=True, expires_at=later, name="Anna Berg")

        assert events(renewed.batch) == [(2, "state", "customer_1")]
        assert membership.open("c1", SESSION, heard=True, beat=True, name="Anna").batch is None
        assert shown(membership).name == "Anna Berg"

    def test_a_message_puts_it_right_where_it_is_lost(
        self, membership: Membership, redis: AnyRedis
    ) -> None:
        self.come(membership, "c1", "Anna")
        redis.delete(session_key(SESSION, "people"))

        membership.open("c1", SESSION, heard=True, name="Anna")

        assert shown(membership).name == "Anna"

    def test_a_token_that_a_limit_refuses_changes_nothing(
        self, redis: AnyRedis, clock: Clock
    ) -> None:
        membership = Membership(redis, limits=Limits(burst=1), clock=clock)
        self.come(membership, "c1", "Anna")
        later = clock.now // 1000 + 600
        membership.open("c1", SESSION, heard=True)

        refused = membership.open("c1", SESSION, heard=True, expires_at=later, name="Anna Berg")

        assert refused.is_limited
        assert shown(membership).name == "Anna"

    def test_to_change_it_all_the_time_is_as_dear_as_what_is_posted_to_everyone(
        self, redis: AnyRedis, clock: Clock
    ) -> None:
        limits = Limits(1000, 1000)
        membership = Membership(redis, limits=limits, clock=clock)
        self.come(membership, "c1", "Anna")
        membership.open("c1", SESSION, heard=True, price=Price(once=limits.posts_burst - 2 - 2))

        for name in ("Berg", "Anna", "Berg"):
            renewed = membership.open("c1", SESSION, heard=True, expires_at=9**11, name=name)
            assert not renewed.is_limited, "the token is good all the same"

        assert shown(membership).name == "Berg"
        assert len(told_states(membership)) == 1

    def test_they_end_with_the_leave(self, membership: Membership) -> None:
        self.come(membership, "c1", "Anna")
        leave(membership, "c1")

        self.come(membership, "c2", "")

        assert shown(membership).name == ""
