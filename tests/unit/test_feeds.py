"""Frames for watchers."""

import json

from hadir.domain.feeds import FeedBatch, FeedRef, Missed, Pointer
from hadir.domain.identity import Person, SessionRef, UserType
from hadir.domain.session import Event, MessageEvent, Presence, Session
from hadir.wire.bursts import MAX_FRAME
from hadir.wire.feeds import feed_frames, fitting, told_of

FEED = FeedRef("default", 17)
AGENT = Person(UserType.AGENT, "dewi")


def session(name: str, people: int = 1, version: int = 1) -> Session:
    listed = (
        Presence(Person(UserType.CUSTOMER, f"customer_{number}"), 0, 1) for number in range(people)
    )
    return Session(SessionRef("default", name), "e1", version, tuple(listed))


def message(version: int, text: str = "hi") -> Event:
    return MessageEvent(version, AGENT, 0, "e1", text, "c1", "")


def batch(*pointers: Pointer, recovered_up_to: int = 0) -> FeedBatch:
    return FeedBatch(FEED, "t", pointers[0].serial - 1, pointers, ("w1",), recovered_up_to)


class TestFeedFrames:
    def test_a_batch_that_is_too_large_is_told_in_parts_one_after_the_other(self) -> None:
        """Each brings its sessions' whole status: 300 people are some 30 kB."""
        pointers = [Pointer(101 + number, f"s{number}", 1) for number in range(9)]
        found = {f"s{number}": (session(f"s{number}", 300), ()) for number in range(9)}

        frames = feed_frames([told_of(batch(*pointers), found, 0)])

        assert len(frames) > 1
        assert max(map(len, frames)) <= MAX_FRAME
        told = [json.loads(frame)["data"] for frame in frames]
        ends = [data["position"]["17"] for data in told]
        assert [data["previous"]["17"] for data in told] == [100, *ends[:-1]]
        assert ends[-1] == 109
        names = [event["data"]["session_id"] for data in told for event in data["events"]]
        assert names == [f"s{number}" for number in range(9)]

    def test_several_feeds_share_a_frame(self) -> None:
        parts = [
            told_of(
                Missed(FeedRef("default", number), 5, 6, (Pointer(6, f"s{number}", 1),)),
                {f"s{number}": (session(f"s{number}"), (message(1),))},
                0,
            )
            for number in range(30)
        ]

        (frame,) = feed_frames(parts)

        data = json.loads(frame)["data"]
        assert data["previous"] == {str(number): 5 for number in range(30)}
        assert data["position"] == {str(number): 6 for number in range(30)}
        assert data["recovered"]
        assert [event["type"] for event in data["events"]] == ["message"] * 30

    def test_events_that_are_not_pointed_to_are_not_told(self) -> None:
        said = (message(1, "a"), message(2, "b"), message(3, "c"))
        found = {"s1": (session("s1", version=3), said)}

        (frame,) = feed_frames([told_of(batch(Pointer(9, "s1", 2)), found, 0)])

        (event,) = json.loads(frame)["data"]["events"]
        assert event["data"]["text"] == "b"

    def test_an_event_that_is_no_longer_kept_is_told_as_the_status(self) -> None:
        (frame,) = feed_frames(
            [told_of(batch(Pointer(9, "s1", 1)), {"s1": (session("s1"), ())}, 0)]
        )

        (event,) = json.loads(frame)["data"]["events"]
        assert event["type"] == "connection_status_update"
        assert "event_type" not in event["data"]

    def test_what_a_dead_announcer_may_have_told_is_recovered(self) -> None:
        found = {"s1": (session("s1"), (message(1),))}

        (told,) = feed_frames([told_of(batch(Pointer(9, "s1", 1)), found, 0)])
        (again,) = feed_frames([told_of(batch(Pointer(9, "s1", 1), recovered_up_to=9), found, 0)])

        assert "recovered" not in json.loads(told)["data"]
        assert json.loads(again)["data"]["recovered"]

    def test_nothing_is_no_frame(self) -> None:
        assert feed_frames([]) == []


class TestPages:
    def test_a_page_has_what_fits_and_at_least_one(self) -> None:
        small, large = [session("s1")] * 100, [session("s1", 500)] * 5

        assert fitting(small) == 100
        assert 1 <= fitting(large) < 5
        assert fitting([]) == 0
