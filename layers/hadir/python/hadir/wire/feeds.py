"""Frames for sockets that watch sessions: what happened in all of them, and the list of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hadir.domain.feeds import FeedBatch, Missed, Pointer
from hadir.domain.session import Event, Session
from hadir.wire.bursts import MAX_FRAME, Bursts
from hadir.wire.frames import write_frame, write_json
from hadir.wire.updates import current_fields, event_frames, snapshot

_ROOM = MAX_FRAME - 15_000
"""Bytes for events or sessions in a frame; the rest is for the positions of 256 feeds."""


Found = Mapping[str, tuple[Session, tuple[Event, ...]]]
"""By its id, a session as it is now, and those of its events that are still kept."""


@dataclass(frozen=True, slots=True)
class Told:
    """A part of a feed, to be told to its watchers.

    Attributes:
        partition: the feed's.
        before, serial: the part lies between these serials; it begins after the first.
        pointers: to its events, in order.
        found: at least the events that they point to.
        at: milliseconds since the Unix epoch.
        recovered: whether watchers may have got it already.
    """

    partition: int
    before: int
    serial: int
    pointers: tuple[Pointer, ...]
    found: Found
    at: int
    recovered: bool

    def halves(self) -> tuple["Told", "Told"]:
        """Two parts of it, one after the other; only of one with several pointers."""
        middle = len(self.pointers) // 2
        cut = self.pointers[middle - 1].serial
        return (
            replace(self, serial=cut, pointers=self.pointers[:middle]),
            replace(self, before=cut, pointers=self.pointers[middle:]),
        )

    def frames(self) -> list[bytes]:
        """The events as those inside get them; several of one session in one frame."""
        versions: dict[str, set[int]] = {}
        for pointer in self.pointers:
            versions.setdefault(pointer.session_id, set()).add(pointer.version)
        return [
            _frame(session, [each for each in events if each.version in told], self.at)
            for (session, events), told in (
                (self.found[session_id], told) for session_id, told in versions.items()
            )
        ]


def told_of(part: FeedBatch | Missed, found: Found, at: int) -> Told:
    """What a batch, or the answer to a watcher that missed something, tells.

    Args:
        found: the events, from ``Feeds.read``.
        at: milliseconds since the Unix epoch.
    """
    if isinstance(part, FeedBatch):
        serial, recovered = part.announced, part.before < part.recovered_up_to
    else:
        serial, recovered = part.serial, True
    pointers = part.pointers or ()
    return Told(part.ref.partition, part.before, serial, pointers, found, at, recovered)


def feed_frames(parts: Sequence[Told]) -> list[bytes]:
    """Frames of type ``feed``, as few as fit; each tells of whole parts of feeds, in order."""
    frames: list[bytes] = []
    held: list[tuple[Told, list[bytes]]] = []
    size = 0
    for part, events in _fitting(parts):
        length = sum(map(len, events))
        # A feed stands once in a frame, so that the frame's positions are unambiguous.
        is_there = any(each.partition == part.partition for each, _ in held)
        if held and (size + length > _ROOM or is_there):
            frames.append(_feed(held))
            held, size = [], 0
        held.append((part, events))
        size += length
    return [*frames, _feed(held)] if held else frames


def watching(
    sessions: Sequence[Session],
    places: Mapping[int, int],
    following: str | None,
    *,
    recovered: bool | None = None,
) -> bytes:
    """A page of the sessions in which somebody is, for a socket that watches all of them.

    Args:
        places: by partition, the serial up to which the page, and those after it, know everything.
        following: the cursor of the next page; None at the end.
        recovered: if the watcher asked for what it missed, whether it has been told all of that;
            if not, this is the first page of all sessions.
    """
    data: dict[str, Any] = {
        "position": {str(partition): serial for partition, serial in places.items()},
        "sessions": [current_fields(each) for each in sessions],
        "next": following,
    }
    if recovered is not None:
        data["recovered"] = recovered
    return write_frame("watching", data)


def fitting(sessions: Sequence[Session]) -> int:
    """How many of the first sessions fit on a page; at least one, if there is one."""
    size = 0
    for count, session in enumerate(sessions):
        size += len(write_json(current_fields(session))) + 1
        if size > _ROOM and count:
            return count
    return len(sessions)


def _frame(session: Session, events: Sequence[Event], at: int) -> bytes:
    if not events:  # they are no longer kept
        return snapshot(session, at)
    if len(events) > 1:
        return Bursts(session, events, 0).frame(0)
    ((_, frame),) = event_frames(session, events, 0)
    return frame


def _fitting(parts: Sequence[Told]) -> Iterator[tuple[Told, list[bytes]]]:
    for part in parts:
        events = part.frames()
        if sum(map(len, events)) > _ROOM and len(part.pointers) > 1:
            yield from _fitting(part.halves())
        else:
            yield part, events


def _feed(held: Sequence[tuple[Told, list[bytes]]]) -> bytes:
    head: dict[str, Any] = {
        "previous": {str(part.partition): part.before for part, _ in held},
        "position": {str(part.partition): part.serial for part, _ in held},
    }
    if any(part.recovered for part, _ in held):
        head["recovered"] = True
    events = b",".join(event for _, events in held for event in events)
    # The events are JSON already.
    return b'{"type":"feed","data":' + write_json(head)[:-1] + b',"events":[' + events + b"]}}"
