"""Several events in one frame: bursts, and the answer to ``sync`` (contract, "Bursts")."""

from collections.abc import Sequence
from typing import Any, TypeGuard

from hadir.domain.session import Event, MessageEvent, PresenceEvent, Session
from hadir.wire.frames import timestamp, write_frame, write_json
from hadir.wire.updates import current_fields, entry_data, event_data, event_frames, snapshot

MAX_FRAME = 125_000
"""Bytes in a frame; a little under API Gateway's 128 KB."""

_FEW = 10
"""Up to so many events are sent one by one in answer to ``sync``."""

_FEW_BYTES = 65_536

_MOST_FRAMES = 10
"""Frames in answer to ``sync``."""


class Bursts:
    """Frames that carry several events at once, with the current status.

    The fields of the frame itself are those of the newest join or leave (contract, "Bursts").

    Args:
        own: the events, with the messages as their senders see them; None if all see the same.
    """

    def __init__(
        self,
        session: Session,
        events: Sequence[Event],
        recovered_up_to: int,
        own: Sequence[Event] | None = None,
    ) -> None:
        self._session = session
        self._events = events
        self._own = events if own is None else own
        self._recovered_up_to = recovered_up_to
        self._current = current_fields(session)

    def frame(self, skip: int, reader: str | None = None) -> bytes:
        """The frame of all events but the first ``skip``.

        Args:
            reader: the connection that the copy is for, if it has sent one of the messages.
        """
        told = self._events[skip:]
        newest = [event for event in told if isinstance(event, PresenceEvent)][-1:]
        recovered = self._recovered_up_to
        data = dict(self._current)
        for event in newest:
            data.update(event_data(event, recovered))
        if not newest:
            data["timestamp"] = timestamp(told[-1].at)
        data["events"] = [
            _entry(own if _is_from(own, reader) else event, recovered, reader)
            for event, own in zip(told, self._own[skip:], strict=True)
        ]
        return write_frame("connection_status_update", data)


def missed_frames(session: Session, events: Sequence[Event], at: int) -> list[bytes] | None:
    """The answer to ``sync``: the missed events, in order, and the status.

    A few events come one by one, then the snapshot. Many come together in the snapshot; those that
    do not fit come before it, in frames of type ``events``.

    Returns:
        The frames; None if they would be too many.
    """
    if len(events) <= _FEW:
        frames = [copy for _, copy in event_frames(session, events, session.version)]
        frames.append(snapshot(session, at, recovered=True))
        if sum(map(len, frames)) <= _FEW_BYTES:
            return frames
    room = MAX_FRAME - len(snapshot(session, at, recovered=True))
    parts: list[list[dict[str, Any]]] = [[]]
    size = 0
    for event in reversed(events):  # the last part goes with the snapshot
        one = _entry(event, session.version)
        size += len(write_json(one)) + 1
        if size > room and parts[-1]:
            parts.append([])
            size, room = len(write_json(one)) + 1, MAX_FRAME - 1000
        parts[-1].append(one)
    last, *earlier = [part[::-1] for part in parts]
    if len(parts) > _MOST_FRAMES:
        return None
    head = {"session_id": session.session_id, "epoch": session.epoch}
    return [
        *(write_frame("events", {**head, "events": part}) for part in reversed(earlier)),
        snapshot(session, at, recovered=True, events=last),
    ]


def _entry(event: Event, recovered_up_to: int, reader: str | None = None) -> dict[str, Any]:
    """An event as one of several in a frame.

    Args:
        reader: as for ``Bursts.frame``.
    """
    data = entry_data(event, recovered_up_to)
    if _is_from(event, reader) and event.client_id:
        data["client_id"] = event.client_id
    return data


def _is_from(event: Event, reader: str | None) -> TypeGuard[MessageEvent]:
    return isinstance(event, MessageEvent) and event.connection_id == reader
