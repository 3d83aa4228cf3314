"""Agents who watch sessions from a session of their own, and what their consoles know."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from hadir.announcer import Announcer
from hadir.domain.feeds import FeedRef
from hadir.domain.identity import DEFAULT_TENANT, Identity, SessionRef, UserType
from hadir.domain.session import Batch
from hadir.membership.keys import partition_of
from hadir.membership.membership import Membership
from hadir.membership.scripts import AnyRedis
from hadir.wire.updates import current_fields
from tests.redis.talking import conversation_of, said
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_membership import CLOSED, identity, ref

DESK = SessionRef(DEFAULT_TENANT, "desk")

Ask = Callable[[dict[str, Any]], None]
"""Sends a request; its answers come to ``Console.take``, perhaps before this returns."""

Table = dict[str, tuple[tuple[str, int], dict[str, Any]]]
"""By session: the epoch and version known of it, and its status and who has it then."""


def agent(name: str, sessions: tuple[str, ...] = ("*",)) -> Identity:
    return Identity(DESK.session_id, name, UserType.AGENT, DESK.tenant, sessions=sessions)


class Console:
    """What a watcher knows: a table of sessions, and its position in the feeds.

    It does what ``docs/protocol.md`` says a client does.

    Attributes:
        position: by feed, the serial up to which everything is known.
        events: the versions that were told, by session.
        snapshots: how often it was told all sessions.
        taken: how many frames it has taken.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.table: Table = {}
        self.position: dict[str, int] = {}
        self.events: dict[str, set[int]] = {}
        self._unconfirmed: set[str] = set()
        self._told_at: dict[str, dict[str, int]] = {}
        self._is_listed = False
        self._next: str | None = None
        self._awaits_page = self._is_mixed = False
        self._asked: set[str] = set()
        self.snapshots = self.taken = 0

    def start(self) -> None:
        """Watch, from the last position if there is one."""
        request: dict[str, Any] = {"action": "watch", "all": True}
        if self.position:
            request["position"] = self.position
        self._ask(request)

    def beat(self) -> None:
        self._asked.clear()  # by now an answer would have come
        self._awaits_page = self._is_mixed = False
        self._ask({"action": "heartbeat"})
        if self._next is not None:  # the page that was asked for has not come
            self._ask_for_page(self._next)

    def take(self, frame: dict[str, Any]) -> None:
        data = frame["data"]
        if frame["type"] == "watching":
            self._take_page(data)
        elif frame["type"] == "feed":
            self._take_feed(data)
        elif frame["type"] == "heartbeat_ack" and "feed" not in data:
            self.start()  # the server has forgotten that it watches
        elif frame["type"] == "heartbeat_ack":
            places = data.get("feed", {}).items()
            known = self.position
            self._catch_up(
                {feed: known.get(feed, 0) for feed, at in places if at > known.get(feed, 0)}
            )

    def occupied(self) -> Table:
        """The sessions with somebody in them."""
        return {name: known for name, known in self.table.items() if known[1]["users"]}

    def _take_feed(self, data: dict[str, Any]) -> None:
        if not self._is_news(data["position"]):
            return  # perhaps of what a node has lost since
        for event in data["events"]:
            self._apply(event["data"])
            self._told_at[event["data"]["session_id"]] = data["position"]
        if not self._is_listed:
            return  # the list will say where it stands
        before = {feed: self.position.get(feed, 0) for feed in data["position"]}
        missed = {each: at for each, at in before.items() if at < data["previous"][each]}
        for feed in before.keys() - missed:
            self.position[feed] = max(before[feed], data["position"][feed])
        self._catch_up(missed)

    def _is_news(self, position: dict[str, int]) -> bool:
        return any(serial > self.position.get(feed, 0) for feed, serial in position.items())

    def _catch_up(self, missed: dict[str, int]) -> None:
        missed = {feed: at for feed, at in missed.items() if feed not in self._asked}
        self._asked |= missed.keys()
        if missed:
            self._ask({"action": "watch", "all": True, "position": missed})

    def _take_page(self, data: dict[str, Any]) -> None:
        position = data["position"]
        is_first, is_recovered = bool(position), bool(data.get("recovered"))
        if is_first and not is_recovered:
            if self._is_listed and not self._is_news(position):
                return  # overtaken by another list
            self.snapshots += 1
            self._unconfirmed = {name for name in self.table if not self._is_later(name, position)}
            self._is_listed, self._is_mixed = True, self._awaits_page
        elif not is_first:
            if self._next is None or self._is_mixed:
                return  # of an earlier list
            self._awaits_page = False
        self._asked -= position.keys()
        for session in data["sessions"]:
            if session["session_id"] in self._unconfirmed:
                del self.table[session["session_id"]]  # perhaps of what a node has lost
            self._apply(session)
        if is_first:
            for feed, serial in position.items():
                self.position[feed] = max(serial, self.position.get(feed, 0))
        if is_recovered:
            return
        self._next = data["next"]
        if self._next is None:
            for name in self._unconfirmed:
                del self.table[name]
            self._unconfirmed.clear()
        elif not self._is_mixed:  # otherwise with a later heartbeat
            self._ask_for_page(self._next)

    def _is_later(self, name: str, position: dict[str, int]) -> bool:
        """Whether a frame that overtook a list has told of a session."""
        told_at = self._told_at.get(name, {})
        return any(serial > position.get(feed, serial) for feed, serial in told_at.items())

    def _ask_for_page(self, cursor: str) -> None:
        self._awaits_page = True
        self._ask({"action": "watch", "all": True, "next": cursor})

    def _apply(self, data: dict[str, Any]) -> None:
        name = data["session_id"]
        self._unconfirmed.discard(name)
        told = [data, *data.get("events", [])]
        self.events.setdefault(name, set()).update(
            each["version"] for each in told if "version" in each
        )
        known = self.table.get(name)
        if "connection_status" in data:
            place = (data["epoch"], data["status_version"])
            if known is None or place >= known[0]:
                shown = {"assignment": data.get("assignment"), **data["connection_status"]}
                self.table[name] = place, _people_of(shown)
        elif known and (place := (data["epoch"], data["version"])) > known[0]:
            changed = {"assignment": data["assignment"]} if "assignment" in data else {}
            self.table[name] = place, {**known[1], **changed}


class Desk:
    """Agents whose sockets are open in a session of their own, from which they watch others."""

    def __init__(self, membership: Membership, poster: RecordingPoster) -> None:
        self.membership = membership
        self.poster = poster
        self.announcer = Announcer(membership, poster)
        self.conversation = conversation_of(membership, self.announcer, lambda _: None)

    def open(self, connection_id: str, who: Identity) -> None:
        assert self.membership.admit(connection_id, who).is_in
        self.announce(self.membership.open(connection_id, who.session).batch)
        self.poster.frames.clear()

    def say(self, connection_id: str, who: Identity, **request: object) -> list[dict[str, Any]]:
        """The frames with which a request is answered."""
        before = len(self.poster.frames.get(connection_id, []))
        clock = 1_737_714_600_000
        self.conversation.answer(said(connection_id, request), who, clock, TEN_SECONDS)
        return self.poster.frames.get(connection_id, [])[before:]

    def announce(self, batch: Batch | None) -> None:
        self.announcer.announce(batch, TEN_SECONDS)

    def join(self, connection_id: str, user_id: str, session: SessionRef) -> None:
        assert self.membership.admit(connection_id, identity(user_id, session)).is_in
        self.announce(self.membership.open(connection_id, session).batch)

    def leave(self, connection_id: str, session: SessionRef) -> None:
        self.announce(self.membership.leave(connection_id, session, CLOSED).batch)

    def console(self, connection_id: str, name: str = "dewi") -> Console:
        """A console on an open socket."""
        who = agent(name)

        def ask(request: dict[str, Any]) -> None:
            self.say(connection_id, who, **request)
            self.deliver(console, connection_id)

        console = Console(ask)
        return console

    def deliver(self, console: Console, connection_id: str) -> None:
        """Let a console take what has come to its socket."""
        while console.taken < len(frames := self.poster.frames.get(connection_id, [])):
            console.taken += 1
            console.take(frames[console.taken - 1])


def _people_of(status: dict[str, Any]) -> dict[str, Any]:
    for user in status["users"].values():
        user.pop("connections", None)
    return status


def truth(membership: Membership, names: Iterable[str]) -> Table:
    """What a console must know of these sessions.

    How many sockets each person has is left out: a second one makes no event.
    """
    found: Table = {}
    for session in membership.sessions([ref(name) for name in names]):
        data = json.loads(json.dumps(current_fields(session)))
        if session.people:
            place = data["epoch"], data["status_version"]
            shown = {"assignment": data.get("assignment"), **data["connection_status"]}
            found[session.session_id] = place, _people_of(shown)
    return found


def feed_of(session: SessionRef) -> FeedRef:
    """The feed in which a session's events are."""
    return FeedRef(session.tenant, partition_of(session))


def leftovers(redis: AnyRedis) -> list[str]:
    """What there is in Redis only because somebody watches."""
    keys = [str(key) for key in redis.scan_iter()]
    kinds = {"watch", "feed", "watching"}
    feeds = [key for key in keys if kinds & set(key.split(":"))]
    sessions = (key for key in keys if ":session:" in key)
    return [*feeds, *(key for key in sessions if redis.hexists(key, "watchers"))]


def keys_of(redis: AnyRedis, session_id: str) -> list[str]:
    """The keys of a session's own."""
    keys = (str(key) for key in redis.scan_iter())
    return [key for key in keys if key.endswith(f" {session_id}")]
