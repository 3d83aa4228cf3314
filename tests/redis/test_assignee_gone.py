"""An agent who has a session has gone for good: everyone is told, so that nobody waits unseen."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from redis import Redis

from hadir.attendance import Attendance, Attended
from hadir.domain.deadline import Deadline
from hadir.domain.errors import MembershipUnavailable
from hadir.domain.identity import Identity, Person, SessionRef, UserType
from hadir.domain.session import AssignmentEvent, UnknownEvent
from hadir.membership import scripts
from hadir.membership.client import connect
from hadir.membership.healing import ask_each
from hadir.membership.keys import assigned_key, partition_of, session_key
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Assigned, Assigning, Attending
from hadir.membership.scripts import AnyRedis
from hadir.sweeper import Sweeper
from hadir.wire.updates import history, status_answer, totals
from tests.conftest import Clock
from tests.redis.consoles import Desk, agent
from tests.redis.sweeping import Platform, sweeper_of
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_assign import AMY, BEN, BOSS, comes, staff, take
from tests.redis.test_failover import session_on
from tests.redis.test_membership import CLOSED, SESSION, join, ref
from tests.redis_cluster import Cluster

DESK = ref("desk")
GONE = {"user_id": "amy", "user_type": "agent", "gone": True}
HERE = {"user_id": "amy", "user_type": "agent"}
DAY = 86_400

HEARTBEAT = 31
"""Commands, as without assignments."""

FIELDS = 7
"""Of a session's hash: likewise."""

Sweep = Callable[[], Attended]


@pytest.fixture
def sweep(membership: Membership, sweeper: Sweeper) -> Sweep:
    """What the sweep function does: look after assigned sessions, and tell what is pending."""

    def sweep() -> Attended:
        attended = Attendance(membership.assignments).note(TEN_SECONDS)
        sweeper.sweep(TEN_SECONDS)
        return attended

    return sweep


def goes(membership: Membership, who: Person, session: SessionRef = SESSION) -> None:
    batch = membership.leave(who.user_id, session, CLOSED).batch
    while batch:
        batch = membership.settle(batch, more=True)


def returns(membership: Membership, who: Person, session: SessionRef = SESSION) -> None:
    """On another socket."""
    comes(membership, staff(who, session), f"{who.user_id}-again")


@pytest.fixture
def session(membership: Membership) -> SessionRef:
    """With a customer and two agents in it, one of whom has it: four events."""
    join(membership, "c1", "customer_1")
    for each in (AMY, BEN):
        comes(membership, staff(each))
    settled(membership, take(membership, AMY))
    return SESSION


def settled(membership: Membership, assigned: Assigned) -> Assigned:
    batch = assigned.batch
    while batch:
        batch = membership.settle(batch, more=True)
    return assigned


def told(poster: RecordingPoster, connection_id: str) -> list[dict[str, Any]]:
    """The assignments that a socket was told of."""
    frames = poster.frames.get(connection_id, [])
    return [frame["data"] for frame in frames if frame["type"] == "assignment"]


@pytest.fixture
def gone(session: SessionRef, membership: Membership, clock: Clock, sweep: Sweep) -> SessionRef:
    """The same, where she has gone for good, as everyone knows: six events."""
    goes(membership, AMY)
    clock.pass_seconds(31)
    assert sweep().told == 1
    return session


@pytest.mark.usefixtures("session")
class TestGone:
    def test_everyone_inside_is_told_once_after_the_reconnect_window(
        self, membership: Membership, poster: RecordingPoster, clock: Clock, sweep: Sweep
    ) -> None:
        goes(membership, AMY)
        clock.pass_seconds(30)
        assert sweep() == Attended(sessions=1)
        assert told(poster, "c1") == []
        clock.pass_seconds(1)

        assert sweep() == Attended(sessions=1, unattended=1, told=1)
        assert sweep() == Attended(sessions=1, unattended=1)

        assert (
            told(poster, "c1")
            == told(poster, "ben")
            == [
                {
                    "session_id": SESSION.session_id,
                    "epoch": membership.session(SESSION).epoch,
                    "version": 6,
                    "timestamp": "2025-01-24T10:30:31Z",
                    "user_id": "amy",
                    "user_type": "agent",
                    "assignment": GONE,
                }
            ]
        )
        assert membership.claim(SESSION) is None

    def test_not_of_who_is_there(self, clock: Clock, sweep: Sweep) -> None:
        clock.pass_seconds(60)
        assert sweep() == Attended(sessions=1)

    def test_nor_of_who_is_elsewhere_until_they_leave_there_too(
        self, membership: Membership, poster: RecordingPoster, clock: Clock, sweep: Sweep
    ) -> None:
        membership.admit("a2", staff(AMY, DESK))
        membership.open("a2", DESK)
        goes(membership, AMY)
        clock.pass_seconds(40)
        assert sweep() == Attended(sessions=1)

        membership.leave("a2", DESK, CLOSED)
        clock.pass_seconds(20)
        assert sweep() == Attended(sessions=1)
        clock.pass_seconds(11)
        assert sweep().told == 1
        assert [each["assignment"] for each in told(poster, "c1")] == [GONE]

    @pytest.mark.parametrize(
        "other",
        [
            Identity(DESK.session_id, "amy", UserType.CUSTOMER),
            Identity(DESK.session_id, "amy", UserType.ADMIN),
            Identity(DESK.session_id, "amy", UserType.AGENT, "acme"),
            Identity(DESK.session_id, "am", UserType.AGENT),
            Identity(DESK.session_id, "amyx", UserType.AGENT),
        ],
    )
    def test_somebody_else_who_is_there_is_not_her(
        self, membership: Membership, clock: Clock, sweep: Sweep, other: Identity
    ) -> None:
        membership.admit("o1", other)
        membership.open("o1", other.session)
        goes(membership, AMY)
        clock.pass_seconds(31)

        assert sweep().told == 1

    def test_who_was_never_there_has_as_long_to_come(
        self, membership: Membership, clock: Clock, sweep: Sweep
    ) -> None:
        membership.assignments.assign(SESSION, "zoe", None, by=AMY)
        clock.pass_seconds(29)
        assert sweep().unattended == 0
        clock.pass_seconds(1)
        assert sweep().told == 1

    def test_who_may_be_back_within_a_grace_has_not_gone(
        self, redis: AnyRedis, clock: Clock, platform: Platform, poster: RecordingPoster
    ) -> None:
        membership = Membership(redis, grace_seconds=300, clock=clock)
        sweeper = sweeper_of(membership, platform, poster)
        attendance = Attendance(membership.assignments)
        goes(membership, AMY)
        clock.pass_seconds(290)
        assert attendance.note(TEN_SECONDS) == Attended(sessions=1)
        clock.pass_seconds(11)
        sweeper.sweep(TEN_SECONDS)

        assert attendance.note(TEN_SECONDS).told == 1

    def test_the_status_says_so_and_so_does_the_history(
        self, membership: Membership, clock: Clock, gone: SessionRef
    ) -> None:
        session = membership.session(gone)

        assert (session.holder, session.is_holder_gone) == (AMY, True)
        assert membership.sessions([gone, DESK]) == [session, membership.session(DESK)]
        assert status_answer(session)["assignment"] == totals(session)["assignment"] == GONE
        page = membership.history.page(gone, 1, since=5)
        assert page.events == (AssignmentEvent(6, AMY, clock.now, None, is_gone=True),)
        (entry,) = history(gone.session_id, page)["events"]
        assert (entry["assignment"], "by_user_id" in entry) == (GONE, False)

    def test_those_who_watch_all_sessions_are_told(
        self,
        membership: Membership,
        poster: RecordingPoster,
        platform: Platform,
        clock: Clock,
    ) -> None:
        desk, dewi = Desk(membership, poster), agent("dewi")
        sweeper = sweeper_of(membership, platform, poster)
        desk.open("d1", dewi)
        console = desk.console("d1")
        console.start()
        desk.deliver(console, "d1")
        desk.leave("amy", SESSION)
        clock.pass_seconds(31)
        poster.frames.clear()

        Attendance(membership.assignments).note(TEN_SECONDS)
        sweeper.sweep(TEN_SECONDS)

        (frame,) = poster.frames["d1"]
        assert frame["type"] == "feed"
        (told,) = frame["data"]["events"]
        assert (told["type"], told["data"]["session_id"]) == ("assignment", SESSION.session_id)
        assert told["data"]["assignment"] == GONE


class TestBack:
    @pytest.mark.parametrize("where", [SESSION, DESK])
    def test_who_is_back_is_told_by_the_next_sweep(
        self,
        membership: Membership,
        poster: RecordingPoster,
        sweep: Sweep,
        gone: SessionRef,
        where: SessionRef,
    ) -> None:
        returns(membership, AMY, where)

        assert sweep() == Attended(sessions=1, told=1)
        assert sweep() == Attended(sessions=1)

        back = told(poster, "c1")[-1]
        assert (back["assignment"], "by_user_id" in back) == (HERE, False)
        assert not membership.session(gone).is_holder_gone

    def test_she_may_say_so_herself_at_once(
        self, membership: Membership, gone: SessionRef, sweep: Sweep
    ) -> None:
        returns(membership, AMY)

        again = settled(membership, take(membership, AMY))

        assert again.outcome is Assigning.ASSIGNED
        assert again.event
        assert (again.event.by, again.event.is_gone, again.is_gone) == (AMY, False, False)
        assert not membership.session(gone).is_holder_gone
        assert settled(membership, take(membership, AMY)).outcome is Assigning.UNCHANGED
        assert sweep() == Attended(sessions=1)

    def test_nobody_else_can_say_so(self, membership: Membership, gone: SessionRef) -> None:
        same = membership.assignments.assign(gone, "amy", None, by=BOSS)

        assert (same.outcome, same.is_gone) == (Assigning.UNCHANGED, True)
        assert membership.session(gone).is_holder_gone

    def test_who_takes_it_needs_to_expect_nobody(
        self, membership: Membership, gone: SessionRef, clock: Clock, sweep: Sweep
    ) -> None:
        assert take(membership, BEN, expected="").outcome is Assigning.CONFLICT

        taken = settled(membership, take(membership, BEN))

        assert (taken.outcome, taken.holder) == (Assigning.ASSIGNED, BEN)
        session = membership.session(gone)
        assert (session.holder, session.is_holder_gone) == (BEN, False)
        clock.pass_seconds(60)
        assert sweep() == Attended(sessions=1)

    def test_before_that_it_is_not_free(
        self, membership: Membership, session: SessionRef, clock: Clock, sweep: Sweep
    ) -> None:
        goes(membership, AMY)
        clock.pass_seconds(29)
        sweep()

        assert take(membership, BEN).outcome is Assigning.CONFLICT
        assert membership.session(session).holder == AMY


class TestNobodyThere:
    def test_an_empty_session_is_marked_without_an_event_and_kept_no_longer(
        self, membership: Membership, redis: AnyRedis, session: SessionRef, clock: Clock
    ) -> None:
        for each in ("c1", "amy", "ben"):
            membership.leave(each, session, CLOSED, claim=False)
        key, version = session_key(session, "session"), membership.session(session).version
        redis.pexpire(key, 5000)
        clock.pass_seconds(31)

        attended = Attendance(membership.assignments).note(TEN_SECONDS)

        assert attended == Attended(sessions=1, unattended=1)
        assert membership.session(session).version == version
        assert redis.pttl(key) <= 5000
        assert Attendance(membership.assignments).note(TEN_SECONDS) == attended
        join(membership, "c2", "customer_1")
        assert status_answer(membership.session(session))["assignment"] == GONE

    @pytest.mark.parametrize("is_back", [True, False])
    def test_one_that_is_forgotten_is_listed_for_a_day_at_most(
        self,
        membership: Membership,
        redis: AnyRedis,
        session: SessionRef,
        clock: Clock,
        *,
        is_back: bool,
    ) -> None:
        listed = assigned_key(partition_of(session))
        for kind in ("session", "connections", "people"):
            redis.delete(session_key(session, kind))
        if not is_back:
            membership.admit("a2", staff(AMY, DESK))
            membership.open("a2", DESK)
        clock.pass_seconds(DAY + 1)

        assert Attendance(membership.assignments).note(TEN_SECONDS).told == 0
        assert not redis.exists(listed)
        assert not redis.exists(session_key(session, "session"))

    def test_one_that_is_not_is_looked_after_once_a_day_and_lives_no_longer(
        self, membership: Membership, redis: AnyRedis, session: SessionRef, clock: Clock
    ) -> None:
        key, listed = session_key(session, "session"), assigned_key(partition_of(session))
        redis.pexpire(key, 5000)
        before = redis.hget(listed, str(session))
        clock.pass_seconds(DAY)

        Attendance(membership.assignments).note(TEN_SECONDS)

        assert redis.hget(listed, str(session)) == f"agent/amy {clock.now}" != before
        assert redis.pttl(key) <= 5000

    def test_one_that_nobody_has_is_not_listed(
        self, membership: Membership, redis: AnyRedis, session: SessionRef
    ) -> None:
        membership.assignments.assign(session, None, None, by=AMY)
        join(membership, "c2", "customer_2")

        assert not redis.exists(assigned_key(partition_of(session)))
        assert Attendance(membership.assignments).note(TEN_SECONDS) == Attended()


class TestDying:
    def test_what_a_sweep_that_died_has_recorded_is_told_by_the_next(
        self,
        membership: Membership,
        poster: RecordingPoster,
        session: SessionRef,
        clock: Clock,
        sweep: Sweep,
    ) -> None:
        goes(membership, AMY)
        clock.pass_seconds(31)
        Attendance(membership.assignments).note(TEN_SECONDS)  # dies here
        clock.pass_seconds(60)

        assert sweep() == Attended(sessions=1, unattended=1)

        assert [each["version"] for each in told(poster, "c1")] == [6]
        assert membership.session(session).version == 6

    def test_what_two_sweeps_have_seen_is_recorded_once(
        self, membership: Membership, session: SessionRef, clock: Clock
    ) -> None:
        goes(membership, AMY)
        clock.pass_seconds(31)
        (listing,) = membership.assignments.listed()

        twice = [membership.assignments.attend([(listing, True)]) for _ in range(2)]

        assert twice == [[Attending.TOLD], [Attending.CHANGED]]
        assert membership.session(session).version == 6

    def test_one_that_has_changed_hands_meanwhile_is_left_alone(
        self, membership: Membership, session: SessionRef, clock: Clock
    ) -> None:
        clock.pass_seconds(60)
        (listing,) = membership.assignments.listed()
        membership.assignments.assign(session, "ben", None, by=AMY)

        assert membership.assignments.attend([(listing, True)]) == [Attending.CHANGED]
        assert not membership.session(session).is_holder_gone

    def test_without_time_nothing_is_begun_and_the_next_goes_on(
        self, membership: Membership, session: SessionRef, clock: Clock
    ) -> None:
        attendance, late = Attendance(membership.assignments), Deadline(5.0, lambda: 0.0)
        goes(membership, AMY)
        clock.pass_seconds(31)

        assert attendance.note(late).unfinished == 1
        assert not membership.session(session).is_holder_gone
        assert attendance.note(TEN_SECONDS).told == 1


class TestLost:
    def test_an_evicted_list_is_written_anew_by_what_happens_next(
        self, membership: Membership, redis: AnyRedis, gone: SessionRef, sweep: Sweep
    ) -> None:
        heals: tuple[Callable[[], object], ...] = (
            lambda: join(membership, "c2", "customer_2"),
            lambda: repair(membership),
        )
        for heal in heals:
            redis.delete(assigned_key(partition_of(gone)))
            assert sweep() == Attended()
            heal()
            assert sweep() == Attended(sessions=1, unattended=1)

        returns(membership, AMY, DESK)
        assert sweep().told == 1
        assert not membership.session(gone).is_holder_gone

    def test_what_is_left_of_an_evicted_session_is_not_marked(
        self, membership: Membership, redis: AnyRedis, session: SessionRef, clock: Clock
    ) -> None:
        goes(membership, AMY)
        redis.delete(session_key(session, "session"))
        clock.pass_seconds(31)

        assert Attendance(membership.assignments).note(TEN_SECONDS).told == 0
        assert Attendance(membership.assignments).note(TEN_SECONDS) == Attended()
        assert membership.session(session).holder is None

    def test_while_not_all_of_redis_answers_nobody_has_gone(
        self, cluster: Cluster, clock: Clock
    ) -> None:
        client = connect(cluster.url)
        client.flushall()
        membership = Membership(client, clock=clock)
        primary, replica = cluster.pair()
        away = next(node for node in cluster.nodes if node not in (primary, replica))
        here, there = session_on(cluster, primary), session_on(cluster, away)
        join(membership, "c1", "customer_1", here)
        comes(membership, staff(AMY, there))
        membership.assignments.assign(here, "amy", None, by=AMY)
        clock.pass_seconds(60)
        attendance = Attendance(membership.assignments)
        try:
            away.kill()
            assert attendance.note(TEN_SECONDS) == Attended(sessions=1, failed=1)
        finally:
            away.restart()
            cluster.wait_until_whole()
        assert not membership.session(here).is_holder_gone
        client.close()

    def test_without_redis_it_fails(self) -> None:
        membership = Membership(Redis.from_url("redis://127.0.0.1:1"))
        with pytest.raises(MembershipUnavailable):
            Attendance(membership.assignments).note(TEN_SECONDS)


class TestOtherVersions:
    """Older code keeps no list, and does not know who has gone."""

    def test_what_it_assigned_is_listed_by_what_happens_next(
        self, membership: Membership, redis: AnyRedis, session: SessionRef, sweep: Sweep
    ) -> None:
        redis.delete(assigned_key(partition_of(session)))
        redis.hset(session_key(session, "session"), "assigned", "agent/ben")

        join(membership, "c2", "customer_2")

        assert sweep() == Attended(sessions=1)
        (listing,) = membership.assignments.listed()
        assert listing.name == "agent/ben"

    def test_whom_it_assigned_instead_has_not_gone(
        self, membership: Membership, redis: AnyRedis, gone: SessionRef, sweep: Sweep
    ) -> None:
        redis.hset(session_key(gone, "session"), "assigned", "agent/ben")

        assert not membership.session(gone).is_holder_gone
        assert take(membership, AMY).outcome is Assigning.CONFLICT
        assert sweep() == Attended(sessions=1)

    def test_what_it_made_of_an_assignment_meanwhile_is_found_when_its_agent_goes(
        self, membership: Membership, redis: AnyRedis, session: SessionRef, clock: Clock
    ) -> None:
        goes(membership, AMY)
        goes(membership, BEN)
        redis.hset(session_key(session, "session"), "assigned", "agent/ben")
        attendance, told = Attendance(membership.assignments), []
        for _ in range(3):
            clock.pass_seconds(31)
            told.append(attendance.note(TEN_SECONDS).told)

        assert told == [0, 1, 0]
        assert membership.session(session).is_holder_gone

    def test_somebody_of_an_unknown_type_has_gone_or_is_there(
        self, membership: Membership, redis: AnyRedis, session: SessionRef, clock: Clock
    ) -> None:
        redis.hset(session_key(session, "session"), "assigned", "co_bot/7")
        join(membership, "c2", "customer_2")
        clock.pass_seconds(31)

        assert Attendance(membership.assignments).note(TEN_SECONDS).told == 1
        version = membership.session(session).version
        assert membership.history.page(session, 10).events[-1] == UnknownEvent(version, clock.now)
        assert "assignment" not in status_answer(membership.session(session))


class TestCost:
    @pytest.fixture
    def round_trips(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
        trips = count()

        def counted(*args: Any) -> list[Any]:
            next(trips)
            return ask_each(*args)

        monkeypatch.setattr(scripts, "ask_each", counted)
        return lambda: next(trips)

    def test_many_sessions_of_few_agents_take_few_round_trips(
        self, redis: AnyRedis, clock: Clock, round_trips: Callable[[], int]
    ) -> None:
        membership = Membership(redis, clock=clock)
        agents = [Person(UserType.AGENT, f"agent-{number}") for number in range(20)]
        for each in agents:
            comes(membership, staff(each, ref(f"desk-{each.user_id}")))
        refs = [ref(f"s{number}") for number in range(2000)]
        for number, session in enumerate(refs):
            membership.admit(
                f"c{number}", replace(staff(BEN, session), user_type=UserType.CUSTOMER)
            )
            membership.open(f"c{number}", session)
            who = agents[number % 20]
            membership.assignments.assign(session, who.user_id, None, by=who)
        clock.pass_seconds(60)
        attendance, before = Attendance(membership.assignments), round_trips()

        assert attendance.note(TEN_SECONDS) == Attended(sessions=2000)
        assert round_trips() - before <= 2 + 6  # these load the scripts into three nodes
        goes(membership, agents[0], ref("desk-agent-0"))
        clock.pass_seconds(31)
        assert attendance.note(TEN_SECONDS) == Attended(sessions=2000, unattended=100, told=100)
        assert attendance.note(TEN_SECONDS).told == 0
        assert round_trips() - before <= 8 + 2 + 1 + 3 + 2

    def test_who_has_no_session_costs_nothing(self, node: Redis, clock: Clock) -> None:
        membership = Membership(node, clock=clock)
        join(membership, "c1", "customer_1")
        before = node.info("commandstats")
        membership.open("c1", SESSION, beat=True)
        after = node.info("commandstats")

        def calls(stats: Any) -> dict[str, int]:
            return {name: each["calls"] for name, each in stats.items() if name != "cmdstat_info"}

        heartbeat = sum(calls(after).values()) - sum(calls(before).values())
        assert heartbeat == HEARTBEAT
        assert not node.exists(assigned_key(partition_of(SESSION)))
        assert node.hlen(session_key(SESSION, "session")) == FIELDS


def repair(membership: Membership) -> None:
    batch = membership.repair(SESSION)
    while batch:
        batch = membership.settle(batch, more=True)
