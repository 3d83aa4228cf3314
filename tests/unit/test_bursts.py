"""Several events in one frame: what was missed, and what comes all at once."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from hadir.announcer import Announcer
from hadir.domain.deadline import Deadline
from hadir.domain.delivery import Delivery, Outcome
from hadir.domain.identity import DEFAULT_TENANT, Person, SessionRef, UserType
from hadir.domain.session import (
    AssignmentEvent,
    Batch,
    Event,
    EventType,
    MessageEvent,
    Presence,
    PresenceEvent,
    Session,
    Socket,
    StateEvent,
    UnknownEvent,
)
from hadir.wire.bursts import MAX_FRAME, Bursts, missed_frames
from hadir.wire.updates import event_frames, snapshot

AT = 1_737_714_540_000
CUSTOMER = Person(UserType.CUSTOMER, "customer_1")
AGENT = Person(UserType.AGENT, "agent_1")
CROWD = tuple(
    Presence(Person(UserType.CUSTOMER, f"{n:04}" + '"\\' * 62), AT + n, 20) for n in range(1000)
)
"""People whose names are as long as can be."""


def session(version: int, *people: Presence) -> Session:
    ref = SessionRef(DEFAULT_TENANT, "s1")
    return Session(ref, "e1", version, people or (Presence(AGENT, AT, 1),))


def joined(version: int) -> PresenceEvent:
    return PresenceEvent(version, EventType.USER_CONNECTED, CUSTOMER, AT + 1000 * version)


def said(version: int, text: str = "hi", connection_id: str = "c1") -> MessageEvent:
    at = AT + 1000 * version
    return MessageEvent(version, CUSTOMER, at, "e1", text, connection_id, f"m{version}")


def assigned(version: int, person: Person | None = AGENT) -> AssignmentEvent:
    return AssignmentEvent(version, person, AT + 1000 * version, AGENT)


def read(frame: bytes) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(frame)
    return parsed


def entries(frames: Sequence[bytes]) -> list[dict[str, Any]]:
    return [entry for each in frames for entry in read(each)["data"].get("events", ())]


def test_a_burst_is_an_update_of_its_newest_event_that_is_no_message() -> None:
    events: list[Event] = [joined(5), joined(6), said(7)]

    whole = read(Bursts(session(7), events, recovered_up_to=5).frame(0))

    assert whole["type"] == "connection_status_update"
    data = whole["data"]
    ((_, alone),) = event_frames(session(7), [joined(6)], 0)
    assert {**data, "events": None} == {**read(alone)["data"], "events": None}
    first, second, third = data["events"]
    assert (first["version"], first["recovered"]) == (5, True)
    assert second == {
        "event_type": "user_connected",
        "event_user_id": "customer_1",
        "event_user_type": "customer",
        "timestamp": "2025-01-24T10:29:06Z",
        "version": 6,
    }
    assert third == {
        "id": "e1-7",
        "user_id": "customer_1",
        "user_type": "customer",
        "text": "hi",
        "version": 7,
        "timestamp": "2025-01-24T10:29:07Z",
    }


def test_a_burst_of_messages_has_no_event_of_its_own() -> None:
    data = read(Bursts(session(7), [said(6), said(7)], 0).frame(0))["data"]

    assert not {"event_type", "event_user_id", "version", "reason"} & set(data)
    assert (data["status_version"], data["timestamp"]) == (7, "2025-01-24T10:29:07Z")
    assert [each["version"] for each in data["events"]] == [6, 7]


def test_an_assignment_in_a_burst_is_told_from_the_others() -> None:
    events: list[Event] = [joined(5), assigned(6), assigned(7, None)]

    data = read(Bursts(session(7), events, recovered_up_to=6).frame(0))["data"]

    assert (data["event_type"], data["version"]) == ("user_connected", 5)
    _, taken, given_back = data["events"]
    assert taken == {
        "user_id": "agent_1",
        "user_type": "agent",
        "assignment": {"user_id": "agent_1", "user_type": "agent"},
        "by_user_id": "agent_1",
        "by_user_type": "agent",
        "timestamp": "2025-01-24T10:29:06Z",
        "version": 6,
        "recovered": True,
    }
    assert (given_back["user_id"], given_back["assignment"]) == (None, None)
    assert not {"user_type", "recovered", "text", "event_type"} & set(given_back)


def test_a_burst_of_assignments_has_no_event_of_its_own() -> None:
    data = read(Bursts(session(7), [assigned(6), assigned(7)], 0).frame(0))["data"]

    assert not {"event_type", "version", "user_id", "by_user_id"} & set(data)
    assert data["timestamp"] == "2025-01-24T10:29:07Z"


def test_missed_assignments_come_alone_or_among_many() -> None:
    few = [*map(read, missed_frames(session(7), [said(6), assigned(7)], AT) or ())]
    many = missed_frames(session(20), [*map(assigned, range(1, 21))], AT) or ()

    assert [frame["type"] for frame in few] == ["message", "assignment", "connection_status_update"]
    assert few[1]["data"]["recovered"] is True
    assert [entry["version"] for entry in entries(many)] == [*range(1, 21)]
    assert all(entry["recovered"] and "session_id" not in entry for entry in entries(many))


def test_who_came_meanwhile_is_told_of_what_came_after() -> None:
    data = read(Bursts(session(7), [joined(5), said(6), said(7)], 0).frame(1))["data"]

    assert "event_type" not in data
    assert [each["version"] for each in data["events"]] == [6, 7]


def test_what_is_not_known_has_its_place_in_a_burst() -> None:
    events: list[Event] = [joined(5), UnknownEvent(6, AT)]

    data = read(Bursts(session(6), events, recovered_up_to=6).frame(0))["data"]

    assert (data["event_type"], data["version"]) == ("user_connected", 5)
    assert data["events"][1] == {"timestamp": "2025-01-24T10:29:00Z", "version": 6}


def test_a_state_in_a_burst_says_whose_it_is() -> None:
    events: list[Event] = [joined(5), StateEvent(6, CUSTOMER, AT, {"page": "/"})]

    data = read(Bursts(session(6), events, recovered_up_to=6).frame(0))["data"]

    assert (data["event_type"], data["version"]) == ("user_connected", 5)
    assert data["events"][1] == {
        "user_id": CUSTOMER.user_id,
        "user_type": "customer",
        "state": {"page": "/"},
        "version": 6,
        "timestamp": "2025-01-24T10:29:00Z",
        "recovered": True,
    }


def test_only_the_socket_that_sent_a_message_reads_its_own_name_for_it() -> None:
    bursts = Bursts(session(7), [said(5), said(6, connection_id="c2"), said(7)], 0)

    def named(reader: str | None) -> list[str | None]:
        events = read(bursts.frame(0, reader))["data"]["events"]
        return [each.get("client_id") for each in events]

    assert named(None) == [None, None, None]
    assert named("c1") == ["m5", None, "m7"]
    assert named("c2") == [None, "m6", None]


def test_a_few_missed_events_come_one_by_one_and_then_the_status() -> None:
    events: list[Event] = [joined(1), *(said(version) for version in range(2, 11))]

    frames = missed_frames(session(10), events, AT)

    assert frames
    assert [read(each)["data"]["version"] for each in frames[:-1]] == list(range(1, 11))
    assert {read(each)["data"]["recovered"] for each in frames} == {True}
    assert frames[-1] == snapshot(session(10), AT, recovered=True)


def test_nothing_missed_is_the_status_alone() -> None:
    assert missed_frames(session(3), [], AT) == [snapshot(session(3), AT, recovered=True)]
    crowded = session(3, *CROWD)
    assert missed_frames(crowded, [], AT) == [snapshot(crowded, AT, recovered=True)]


def test_many_missed_events_come_in_the_frame_of_the_status() -> None:
    events: list[Event] = [
        said(version) if version % 2 else joined(version) for version in range(1, 201)
    ]

    frames = missed_frames(session(200), events, AT)

    assert frames
    (frame,) = frames
    data = read(frame)["data"]
    assert "event_type" not in data
    assert (data["recovered"], data["status_version"]) == (True, 200)
    assert [each["version"] for each in data["events"]] == list(range(1, 201))
    assert all(each["recovered"] for each in data["events"])
    assert {each.get("client_id") for each in data["events"]} == {None}


def test_a_few_events_in_a_crowd_do_not_repeat_the_crowd() -> None:
    frames = missed_frames(session(10, *CROWD), [joined(n) for n in range(1, 11)], AT)

    assert frames
    (frame,) = frames
    assert len(frame) <= MAX_FRAME
    assert [each["version"] for each in entries(frames)] == list(range(1, 11))


@pytest.mark.parametrize("people", [(), CROWD])
def test_what_is_too_much_for_one_frame_comes_in_several(people: tuple[Presence, ...]) -> None:
    events = [said(version, "x" * 4000) for version in range(1, 201)]

    frames = missed_frames(session(200, *people), events, AT)

    assert frames
    assert 2 <= len(frames) <= 10
    assert max(map(len, frames)) <= MAX_FRAME
    assert [each["version"] for each in entries(frames)] == list(range(1, 201))
    *earlier, last = map(read, frames)
    assert {each["type"] for each in earlier} == {"events"}
    for each in earlier:
        assert set(each["data"]) == {"session_id", "epoch", "events"}
        assert (each["data"]["session_id"], each["data"]["epoch"]) == ("s1", "e1")
    assert last["type"] == "connection_status_update"
    assert last["data"]["recovered"] is True


def test_more_than_ten_frames_are_too_many() -> None:
    """The status alone then says that not all that was missed comes with it."""
    events = [said(version, "😀" * 4000) for version in range(1, 201)]

    assert missed_frames(session(200), events, AT) is None
    assert missed_frames(session(200), events[150:], AT)


@pytest.mark.parametrize("text", ["\x01" * 4000, "😀" * 4000, '"' * 4000])
def test_the_longest_message_in_a_crowd_fits(text: str) -> None:
    """A control character is six bytes of JSON."""
    frames = missed_frames(session(20, *CROWD), [said(n, text) for n in range(1, 21)], AT)

    assert frames
    assert max(map(len, frames)) <= MAX_FRAME
    assert [each["version"] for each in entries(frames)] == list(range(1, 21))


class Post:
    """Everything that would have been posted, by connection."""

    def __init__(self) -> None:
        self.frames: dict[str, list[dict[str, Any]]] = {}

    def post(self, mail: Mapping[str, Sequence[bytes]], seconds: float) -> Mapping[str, Delivery]:
        for to, frames in mail.items():
            self.frames.setdefault(to, []).extend(map(read, frames))
        return {to: Delivery(Outcome.DELIVERED, len(mail[to]), 200) for to in mail}


class Settling:
    """Membership in which nothing more happens."""

    def settle(self, batch: Batch, **_: object) -> None:
        assert batch.token


def announce(events: Sequence[Event], sockets: int) -> Post:
    """Announce to so many sockets, of which the last opened with the last event."""
    last = events[-1].version
    opened = [Socket(f"c{n}", CUSTOMER, last if n == sockets else 1) for n in range(1, sockets + 1)]
    batch = Batch("t", session(last), tuple(opened), tuple(events), {}, 0)
    membership: Any = Settling()
    post = Post()
    broadcasts = Announcer(membership, post).announce(batch, Deadline.after(3600, time.monotonic))
    assert [each.event for each in broadcasts] == list(events)
    assert [(each.received, each.untold) for each in broadcasts[:-1]] == (
        [(sockets - 1, 0)] * (len(events) - 1)
    )
    assert broadcasts[-1].received == sockets
    return post


def test_a_burst_is_announced_in_one_frame_to_each_socket() -> None:
    post = announce([joined(1), *(said(version) for version in range(2, 11))], sockets=100)

    assert len(post.frames) == 100
    for to, frames in post.frames.items():
        (frame,) = frames
        told = frame["data"]["events"]
        assert [each["version"] for each in told] == ([10] if to == "c100" else [*range(1, 11)])
        assert all(("client_id" in each) == (to == "c1") for each in told[1:])


def test_few_posts_are_made_one_by_one() -> None:
    post = announce([joined(1), said(2), said(3)], sockets=3)

    assert {to: len(frames) for to, frames in post.frames.items()} == {"c1": 3, "c2": 3, "c3": 1}
    assert all("events" not in each["data"] for frames in post.frames.values() for each in frames)


def test_a_burst_that_fits_in_no_frame_is_announced_one_by_one() -> None:
    post = announce([said(version, "\x01" * 4000) for version in range(1, 11)], sockets=100)

    assert len(post.frames["c1"]) == 10
    assert {each["type"] for each in post.frames["c1"]} == {"message"}
