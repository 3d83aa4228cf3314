"""Asks API Gateway about sockets, and closes them."""

import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hadir.connections.calls import Call, make_all
from hadir.connections.management import ManagementApi
from hadir.domain.errors import SocketsUnavailable
from hadir.domain.sockets import Seen, State

_FIRST_PAUSE_SECONDS = 0.03
"""A socket opens about so long after its ``$connect`` has returned."""

_LONGEST_PAUSE_SECONDS = 0.25

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Sockets:
    """The sockets of one WebSocket API stage.

    Args:
        api: the stage's management API.
    """

    def __init__(self, api: ManagementApi) -> None:
        self._api = api

    def look(self, connection_ids: Iterable[str], seconds: float) -> dict[str, Seen]:
        """What API Gateway says about each socket; it is asked about all of them in parallel.

        Temporary failures are retried for ``seconds`` at most, as in ``Poster.post``.
        """
        calls = [
            Call("GET", connection_id, wants_body=True)
            for connection_id in dict.fromkeys(connection_ids)
        ]
        make_all(self._api, calls, seconds)
        return {call.connection_id: _seen(call) for call in calls}

    def close_each(self, connection_ids: Iterable[str], seconds: float) -> dict[str, bool]:
        """Close sockets in parallel; return for each whether it is closed or already gone.

        API Gateway closes with 1000 "Connection Closed Normally"; code and text cannot be chosen.
        """
        calls = [Call("DELETE", each) for each in dict.fromkeys(connection_ids)]
        make_all(self._api, calls, seconds)
        return {
            call.connection_id: call.final and (200 <= call.status < 300 or call.status == 410)
            for call in calls
        }

    def wait_until_open(self, connection_id: str, seconds: float) -> bool:
        """Ask until the socket is open, for ``seconds`` at most; return whether it opened.

        Raises:
            SocketsUnavailable: the management API refuses to say, or never answers.
        """
        deadline = time.monotonic() + seconds
        pause = _FIRST_PAUSE_SECONDS
        has_answered = False
        while time.monotonic() + pause < deadline:
            time.sleep(pause)
            seen = self._look_at(connection_id, deadline - time.monotonic())
            if seen.state is State.OPEN:
                return True
            if seen.state is State.FAILED:
                if has_answered and not seen.is_refused:
                    return False  # the last answer did not come in time
                raise _unavailable(seen)
            has_answered = True
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        return False

    def _look_at(self, connection_id: str, seconds: float) -> Seen:
        return self.look([connection_id], seconds)[connection_id]


def _unavailable(seen: Seen) -> SocketsUnavailable:
    how = f"answered with {seen.status}" if seen.status else "not answered"
    return SocketsUnavailable(f"GetConnection was {how}")


def _seen(call: Call) -> Seen:
    if call.final and call.status == 200:
        connected, active = (_ms(call.body, name) for name in ("connectedAt", "lastActiveAt"))
        return Seen(State.OPEN, active, 200, connected)
    if call.final and call.status == 410:
        return Seen(State.GONE, None, 410)
    return Seen(State.FAILED, None, call.status)


def _ms(body: bytes, name: str) -> int | None:
    """A time in GetConnection's answer, in ISO 8601; None if it cannot be read."""
    try:
        at = datetime.fromisoformat(json.loads(body)[name])
        return (at - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, TypeError, KeyError):
        return None  # also without an offset: nobody says whose time that would be
