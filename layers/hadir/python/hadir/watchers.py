"""Answers those who watch sessions without being present in them."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from hadir.announcer import Announcer
from hadir.domain.deadline import Deadline
from hadir.domain.errors import InvalidIdentity, InvalidRequest, MembershipUnavailable
from hadir.domain.feeds import Missed
from hadir.domain.grant import Grant
from hadir.domain.identity import Identity, SessionRef
from hadir.domain.patterns import MANY
from hadir.membership.directory import Place
from hadir.membership.keys import partition_of
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Watch as Outcome
from hadir.membership.watching import ALL
from hadir.wire.bursts import missed_frames
from hadir.wire.feeds import feed_frames, fitting, told_of, watching
from hadir.wire.requests import Unwatch, Watch
from hadir.wire.updates import snapshot

_MOST_SESSIONS = 300
"""Sessions on a page."""

_MOST_MISSED = 200

_REFUSALS = {
    Outcome.CROWDED: "too many sockets watch this",
    Outcome.MANY: "this socket watches too many sessions; unwatch some, or watch all",
    Outcome.UNKNOWN: "this socket has left its session",
}


class Watchers:
    """Lets sockets watch sessions, and tells them what they missed.

    A socket that watches all sessions has a position: for each feed, the serial up to which it
    knows everything. It sees from each frame, and from each ``heartbeat_ack``, whether it has
    missed something, and asks for that with its position.
    """

    def __init__(self, membership: Membership, announcer: Announcer) -> None:
        self._membership = membership
        self._watching = membership.watching
        self._announcer = announcer

    def watch(
        self, connection_id: str, who: Identity, request: Watch, now: int, deadline: Deadline
    ) -> None:
        """Watch a session, or all of the tenant; tell what is there, or what was missed.

        Args:
            now: milliseconds since the Unix epoch.

        Raises:
            InvalidRequest: the token is for less, or too many watch.
            MembershipUnavailable: Redis does not answer.
        """
        if request.session_id is not None:
            frames = self._one(connection_id, who, request, request.session_id, now)
        elif not who.covers_all:
            raise InvalidRequest("forbidden", "the token is not for all sessions")
        elif request.next is not None:
            frames = [self._page(who, {}, _read_cursor(request.next))]
        else:
            frames = self._all(connection_id, who, request.position, now)
        if request.next is None and request.session_id != who.session_id:
            self._watching.confirm(connection_id, who.session, {request.session_id or ALL})
        self._announcer.tell(connection_id, frames, deadline)

    def unwatch(self, connection_id: str, who: Identity, request: Unwatch) -> None:
        """Watch a session, or all of the tenant, no more; it need not have been watched."""
        what = ALL if request.session_id is None else request.session_id
        self._watching.unwatch(connection_id, who.session, what)

    def places(self, connection_id: str, who: Identity) -> dict[str, Any]:
        """What a watcher's ``heartbeat_ack`` says besides: where all that it watches is."""
        watched = self._watching.watched(connection_id, who.session)
        before = {*watched}
        found: dict[str, Any] = {}
        if ALL in watched:
            watched.discard(ALL)
            _, places, _ = self._watching.feeds.watch(connection_id, who)
            found["feed"] = {str(partition): place for partition, (place, _) in places.items()}
        if watched:
            found["watching"] = []
        for session_id in sorted(watched):
            ref = SessionRef(who.tenant, session_id)
            with suppress(MembershipUnavailable):  # its node is away, others are not
                _, place, _ = self._watching.watch(connection_id, who, ref)
                found["watching"].append(
                    {"session_id": session_id, "epoch": place.epoch, "version": place.version}
                )
        self._watching.confirm(connection_id, who.session, before)
        return found

    def _one(
        self, connection_id: str, who: Identity, request: Watch, session_id: str, now: int
    ) -> list[bytes]:
        if not who.covers(session_id):
            raise InvalidRequest("forbidden", "the token is not for this session")
        ref = SessionRef(who.tenant, session_id)
        if self._membership.identities.is_banned(ref, who.person):
            raise InvalidRequest("forbidden", "you are banned from this session")
        if ref != who.session:
            self._note(connection_id, who, session_id)
            outcome, _, _ = self._watching.watch(connection_id, who, ref)
            if outcome is not Outcome.WATCHING:
                self._watching.unwatch(connection_id, who.session, session_id)
                raise InvalidRequest("rate_limited", _REFUSALS[outcome])
        if request.since is None:
            return [snapshot(self._membership.session(ref), now)]
        since = request.since
        events, session = self._membership.history.missed(
            ref, since.epoch, since.version, _MOST_MISSED
        )
        frames = None if events is None else missed_frames(session, events, now)
        return frames or [snapshot(session, now, recovered=False)]

    def _all(
        self,
        connection_id: str,
        who: Identity,
        position: Mapping[int, int] | None,
        now: int,
    ) -> list[bytes]:
        self._note(connection_id, who, ALL)
        missed = self._watch_feeds(connection_id, who, position)[1] if position else ()
        if not missed or any(each.pointers is None for each in missed):
            places, _ = self._watch_feeds(connection_id, who, None)
            return [self._page(who, places, Place(), recovered=False if position else None)]
        pointers = [pointer for each in missed for pointer in each.pointers or ()]
        found = self._watching.feeds.read(who.tenant, pointers)
        parts = [told_of(each, found, now) for each in missed if each.pointers]
        serials = {each.ref.partition: each.serial for each in missed}
        return [*feed_frames(parts), watching([], serials, None, recovered=True)]

    def _watch_feeds(
        self, connection_id: str, who: Identity, known: Mapping[int, int] | None
    ) -> tuple[dict[int, int], tuple[Missed, ...]]:
        """By partition, the last serial; and what was missed."""
        outcome, places, missed = self._watching.feeds.watch(connection_id, who, known)
        if outcome is not Outcome.WATCHING:
            self._watching.unwatch(connection_id, who.session, ALL)
            raise InvalidRequest("rate_limited", _REFUSALS[outcome])
        return {partition: serial for partition, (_, serial) in places.items()}, missed

    def _page(
        self,
        who: Identity,
        places: Mapping[int, int],
        place: Place,
        *,
        recovered: bool | None = None,
    ) -> bytes:
        grant = Grant(who.tenant, who.user_id, who.user_type, (MANY,), who.expires_at)
        page = self._watching.directory.sessions(grant, _MOST_SESSIONS, place)
        sessions = self._membership.sessions(page.sessions)
        count = fitting(sessions)
        following = page.following
        if count < len(sessions):
            last = sessions[count - 1].ref
            following = Place(partition_of(last), last.session_id)
        listed = [each for each in sessions[:count] if each.people]
        cursor = str(following) if following else None
        return watching(listed, places, cursor, recovered=recovered)

    def _note(self, connection_id: str, who: Identity, what: str) -> None:
        outcome = self._watching.note(connection_id, who.session, what)
        if outcome is not Outcome.WATCHING:
            raise InvalidRequest("rate_limited", _REFUSALS[outcome])


def _read_cursor(text: str) -> Place:
    try:
        return Place.read(text)
    except InvalidIdentity:
        raise InvalidRequest("invalid_payload", "next: it must be one that was given out") from None
