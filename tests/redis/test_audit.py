"""What is looked at when Redis has evicted keys."""

import pytest

from hadir.domain.identity import Identity, UserType
from hadir.membership.audit import Audit
from hadir.membership.membership import Membership
from hadir.membership.scripts import AnyRedis


@pytest.mark.parametrize("session_id", ["s1", "a:people:b", "a:connections:b", "é|[*]?\\"])
def test_a_session_is_found_whatever_it_is_called(
    redis: AnyRedis, membership: Membership, session_id: str
) -> None:
    who = Identity(session_id, ":people:", UserType.CUSTOMER)
    membership.admit("c1", who)
    membership.open("c1", who.session)

    assert set(Audit(redis).sessions()) == {who.session}
