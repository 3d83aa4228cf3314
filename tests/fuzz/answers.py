"""What a message may do: what it was answered is what has happened, and nothing else has."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from unicodedata import normalize

import jwt

from hadir.domain.errors import InvalidRequest
from hadir.domain.identity import Identity, Person, SessionRef, UserType
from hadir.domain.session import Presence, Session, Socket
from hadir.membership.membership import Membership
from hadir.wire.requests import (
    Assign,
    Heartbeat,
    Kick,
    Message,
    Reauthorize,
    Request,
    SetState,
    Sync,
    Typing,
    Unwatch,
    Watch,
    parse_request,
)

CODES = {
    "invalid_json", "unknown_action", "invalid_payload", "forbidden", "rate_limited", "too_large",
    "conflict",
}  # fmt: skip

MOST_MISSED = 200

Frames = dict[str, list[Any]]


@dataclass(frozen=True)
class View:
    """What must not change: who is there, on which sockets, and what has happened."""

    session: Session
    sockets: frozenset[Socket]

    @classmethod
    def of(cls, membership: Membership, ref: SessionRef) -> "View":
        """How a session is now, which is whole."""
        view = cls(membership.session(ref), frozenset(membership.sockets(ref)))
        there = Counter(each.person for each in view.open_sockets())
        assert {each.person: each.sockets for each in view.people} == there
        return view

    @property
    def epoch(self) -> str:
        return self.session.epoch

    @property
    def version(self) -> int:
        return self.session.version

    @property
    def people(self) -> tuple[Presence, ...]:
        return self.session.people

    def open_sockets(self) -> list[Socket]:
        """Those that are more than admitted."""
        return [each for each in self.sockets if each.is_open]


def parsed(body: str) -> Request | InvalidRequest:
    try:
        return parse_request(body)
    except InvalidRequest as refusal:
        return refusal


class Said:
    """A message."""

    def __init__(
        self,
        connection_id: str,
        who: Identity,
        request: Request | InvalidRequest,
        before: View,
    ) -> None:
        self.connection_id = connection_id
        self._who = who
        self._request = request
        self.before = before
        self._is_restated = False
        self._was_in = self._is_in = connection_id in ids(before.open_sockets())

    @property
    def action(self) -> str:
        """What was asked for; what is wrong where it is nothing."""
        request = self._request
        return request.code if isinstance(request, InvalidRequest) else request.action

    def outcome(self, after: View, frames: Frames) -> str:
        """What it was answered, which is all that has happened."""
        answers = list(frames.get(self.connection_id, []))
        told = self._take_states(answers)
        version = self.before.version + told
        if not self._was_in:
            version += self._take_arrival(answers)
            self._is_in = self._is_in or self.connection_id in ids(after.open_sockets())
        kind = answers[-1]["type"] if answers else ""
        if kind == "closing":
            self._is_closed(after, version, answers, frames)
            return f"closing {answers[-1]['data']['reason']}"
        if kind == "error":
            self._is_refused(after, version, answers)
            code, text = (answers[-1]["data"][name] for name in ("code", "message"))
            is_unclear = isinstance(self._request, Kick) and text.endswith("have that user_id")
            return "unclear kick" if is_unclear else f"error {code}"
        return self._done(after, version, answers, frames)

    def _take_arrival(self, answers: list[Any]) -> bool:
        """Take what its arrival told it out of its answers; whether that is an event."""
        for place, frame in enumerate(answers):
            data = frame["data"]
            is_told_now = is_event(frame) and not data.get("recovered")
            if is_told_now and data.get("event_type") == "user_connected":
                assert data["version"] == self.before.version + 1
                assert told_of(data) == self._who.person
                del answers[place]
                self._is_in = True
                return True
        first = answers[0] if answers else {"type": "", "data": {}}
        if first["type"] == "connection_status_update" and "recovered" not in first["data"]:
            del answers[0]
            self._is_in = True
        return False

    def _take_states(self, answers: list[Any]) -> int:
        """Take the states that it was told of out of its answers; how many events that is.

        Those before the last answer to ``sync`` are what it has missed.
        """
        missed = 0
        if isinstance(self._request, Sync):
            missed = max((n for n, each in enumerate(answers, 1) if not is_state(each)), default=0)
        kept = [each for n, each in enumerate(answers) if n < missed or not is_state(each)]
        told = len(answers) - len(kept)
        answers[:] = kept
        # It says something of its person by itself, by its arrival, or by its token. The first
        # socket of somebody who is kicked may leave another that says that they are away.
        says = isinstance(self._request, SetState) + (not self._was_in)
        assert told <= (says or isinstance(self._request, Reauthorize | Kick))
        self._is_restated = told > 0
        return told

    def check_proof(self, outcome: str, before: int | None, after: int | None) -> None:
        """Whoever has renewed theirs has what the token says; anybody else has what they had."""
        if outcome == "done reauthorize":
            assert isinstance(self._request, Reauthorize)
            assert after == good_until(claims_of(self._request.token)) * 1000
        elif before is not None:
            assert after in (before, None), "a proof is good for longer, though it was refused"

    def _done(self, after: View, version: int, answers: list[Any], frames: Frames) -> str:
        match self._request:
            case Heartbeat():
                assert [each["type"] for each in answers] == ["heartbeat_ack"]
                if self._was_in:
                    assert answers[0]["data"]["version"] == after.version
                assert self._is_unchanged(after, version)
            case Typing():
                assert not answers
                self._is_typed(after, self._request, frames)
                assert self._is_unchanged(after, version)
            case SetState():
                assert self._is_unchanged(after, version)
                return self._stated(after, self._request, answers)
            case Reauthorize():
                self._is_renewed(self._request, answers)
                assert self._is_unchanged(after, version)
            case Sync():
                assert self._is_unchanged(after, version)
                return self._synced(after, self._request, answers)
            case Message():
                return self._said(after, version, self._request, answers)
            case Kick():
                self._is_kicked(after, version, self._wanted(self._request), frames)
            case Assign():
                return self._assigned(after, version, self._request, answers)
            case Watch():
                assert self._is_unchanged(after, version)
                assert answers[-1]["data"]["session_id"] == self._request.session_id
                assert "connection_status" in answers[-1]["data"]
            case Unwatch():
                assert not answers
                assert self._is_unchanged(after, version)
            case InvalidRequest():
                raise AssertionError(f"nonsense was answered with {answers}")
        return f"done {self.action}"

    def _stated(self, after: View, request: SetState, answers: list[Any]) -> str:
        """Everyone was told, or it was nothing new, which its sender alone is shown."""
        (shown,) = (each for each in after.people if each.person == self._who.person)
        assert {**shown.state, "away": 0} == {**request.state, "away": 0}
        if shown.sockets == 1:
            assert shown.state == request.state
        if self._is_restated and not answers:
            return "done set_state"
        (snapshot,) = answers
        assert not is_event(snapshot)
        assert snapshot["data"]["status_version"] == after.version
        return "same state"

    def _is_unchanged(self, after: View, version: int) -> bool:
        before = without(self.before, self.connection_id)
        return (after.version, without(after, self.connection_id)) == (version, before)

    def _is_refused(self, after: View, version: int, answers: list[Any]) -> None:
        (answer,) = answers
        code = answer["data"]["code"]
        assert code in CODES
        assert answer["data"]["request_id"] == "r1"
        if isinstance(self._request, Message | Assign | Watch):
            assert answer["data"].get("client_id") == self._request.client_id
        if isinstance(self._request, InvalidRequest):
            assert code in (self._request.code, "rate_limited", "forbidden")
        assert self._is_unchanged(after, version), "an error changed something"
        holder = after.session.holder
        assert holder == self.before.session.holder
        if code == "conflict":
            shown = holder and {"user_id": holder.user_id, "user_type": holder.user_type}
            assert answer["data"]["assigned"] == shown

    def _is_closed(self, after: View, version: int, answers: list[Any], frames: Frames) -> None:
        if answers[-1]["data"]["reason"] == "kicked" and self._is_in:
            assert isinstance(self._request, Kick)
            self._is_kicked(after, version, self._who.person, frames)
            return
        assert len(answers) == 1
        assert self.connection_id not in ids(after.sockets)
        assert without(after, self.connection_id) == without(self.before, self.connection_id)
        assert after.version == version + told_of_leave(self.before, after, self.connection_id)

    def _is_typed(self, after: View, request: Typing, frames: Frames) -> None:
        for each in ids(after.open_sockets()) - {self.connection_id}:
            (typing,) = (frame["data"] for frame in frames[each] if frame["type"] == "typing")
            assert typing["on"] == request.on
            assert told_of(typing) == self._who.person

    def _is_renewed(self, request: Reauthorize, answers: list[Any]) -> None:
        """The token is theirs, and they are told until when it is good."""
        (answer,) = answers
        assert answer["type"] == "reauthorized"
        claims = claims_of(request.token)
        theirs = (self._who.user_id, self._who.user_type.value, self._who.tenant)
        assert named(claims) == theirs
        assert all(
            covers(claims["session"], each) for each in (self._who.session_id, *self._who.sessions)
        )
        expires_at = good_until(claims)
        assert datetime.fromisoformat(answer["data"]["expires_at"]).timestamp() == expires_at

    def _synced(self, after: View, request: Sync, answers: list[Any]) -> str:
        """All that was missed, or nothing of it, with or before the status."""
        *missed, status = answers
        assert status["data"]["status_version"] == after.version
        recovered = status["data"].get("recovered")
        assert (recovered is None) == (request.since is None)
        if not request.since:
            assert not versions(answers)
            return "done sync"
        is_near = 0 <= after.version - request.since.version <= MOST_MISSED
        assert recovered == (is_near and request.since.epoch == after.epoch)
        if not recovered:
            assert not versions(answers)
            return "recovered false"
        assert versions(answers) == list(range(request.since.version + 1, after.version + 1))
        told = (event for frame in answers if not is_state(frame) for event in events_in(frame))
        assert all(event["recovered"] for event in told)
        if "events" in status["data"]:
            return "missed many events"
        return "missed events" if missed else "missed nothing"

    def _said(self, after: View, version: int, request: Message, answers: list[Any]) -> str:
        """Everybody was told, or the sender alone, if it was said before."""
        (copy,) = answers
        assert copy["type"] == "message"
        assert copy["data"].get("client_id") == request.client_id
        assert told_of(copy["data"]) == self._who.person
        is_new = copy["data"]["version"] > version
        assert self._is_unchanged(after, version + is_new)
        if is_new:
            assert copy["data"]["text"] == request.text
        return "done message" if is_new else "repeated message"

    def _assigned(self, after: View, version: int, request: Assign, answers: list[Any]) -> str:
        """Whoever may say so did, of the session of their socket; or it was so already."""
        answer, *events = answers
        assert answer["type"] == "assignment"
        data = answer["data"]
        assert data.get("client_id") == request.client_id
        for event in events:  # which everyone is told, by no name
            assert request.client_id
            assert {**event["data"], "client_id": request.client_id} == data
        assert self._who.user_type is not UserType.CUSTOMER
        assert data["session_id"] == self._who.session_id
        before, holder = self.before.session.holder, after.session.holder
        wanted = self._who.user_id if request.is_for_sender else request.user_id
        assert data["user_id"] == wanted == (holder and holder.user_id)
        assert holder is None or holder.user_type is not UserType.CUSTOMER
        is_new = "version" in data
        assert is_new == (holder != before)
        assert self._is_unchanged(after, version + is_new)
        if not is_new:
            return "assigned already"
        assert data["version"] == after.version
        assert (data["by_user_id"], data["by_user_type"]) == (
            self._who.user_id,
            self._who.user_type,
        )
        if request.expected is None:
            assert before in (None, self._who.person)
        else:
            assert request.expected == (before.user_id if before else "")
        return "done assign"

    def _wanted(self, request: Kick) -> Person:
        """Whom it puts out: the only one of that id, if it does not say of which type."""
        (person,) = {
            socket.person
            for socket in self.before.sockets
            if socket.person.user_id == request.user_id
            and request.user_type in (None, socket.person.user_type)
        }
        return person

    def _is_kicked(self, after: View, version: int, person: Person, frames: Frames) -> None:
        """An admin had them put out: they are, on all their sockets, and nobody else is."""
        assert self._who.user_type is UserType.ADMIN
        theirs = {each for each in self.before.sockets if each.person == person}
        for each in ids(theirs):
            (closing,) = (frame for frame in frames[each] if frame["type"] == "closing")
            assert closing["data"]["reason"] == "kicked"
        others = ids(self.before.sockets - theirs) - {self.connection_id}
        assert ids(after.sockets) - {self.connection_id} == others
        assert person not in {each.person for each in after.sockets}
        assert person not in {each.person for each in after.people}
        was_there = person in {each.person for each in self.before.people} or self._is_in
        # Those that go first may leave sockets that say that their user is away.
        assert after.version - version - was_there in range(1 + (len(theirs) > 1))


def ids(sockets: Iterable[Socket]) -> set[str]:
    return {socket.connection_id for socket in sockets}


def without(view: View, connection_id: str) -> tuple[str, set[Socket]]:
    """Which life of the session it is, and who else is there."""
    return view.epoch, {each for each in view.sockets if each.connection_id != connection_id}


def is_last(view: View, connection_id: str) -> bool:
    """Whether a connection is the only one that keeps its person present."""
    people = {each.connection_id: each.person for each in view.open_sockets()}
    return connection_id in people and [*people.values()].count(people[connection_id]) == 1


def told_of_leave(before: View, after: View, connection_id: str) -> int:
    """How many events a connection makes by going; one too if its person is away without it."""
    was = {each.person: each.state for each in before.people}
    is_away = any(was.get(each.person, each.state) != each.state for each in after.people)
    return is_last(before, connection_id) + is_away


def versions(frames: Iterable[Any]) -> list[int]:
    """Of the events in them."""
    return [event["version"] for frame in frames for event in events_in(frame)]


def events_in(frame: Any) -> Iterator[Any]:
    """What a frame tells of."""
    data = frame["data"]
    if "events" in data:
        yield from data["events"]
    elif is_event(frame):
        yield data


def is_event(frame: Any) -> bool:
    is_assignment = frame["type"] == "assignment" and "version" in frame["data"]
    is_other = is_assignment or is_state(frame)
    return is_other or frame["type"] == "message" or "event_type" in frame["data"]


def is_state(frame: Any) -> bool:
    """An event that is told as an update without an ``event_type``."""
    is_update = frame["type"] == "connection_status_update"
    return is_update and "version" in frame["data"] and "event_type" not in frame["data"]


def told_of(data: Any) -> Person:
    """Whose event, message or typing it is."""
    prefix = "event_" if "event_type" in data else ""
    return Person(UserType(data[f"{prefix}user_type"]), data[f"{prefix}user_id"])


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def named(claims: dict[str, Any]) -> tuple[str, str, str]:
    """Whom a token names: user, type and tenant."""
    user, tenant = (normalize("NFC", claims.get(name, "default")) for name in ("user", "tenant"))
    return user, claims["type"], tenant


def good_until(claims: dict[str, Any]) -> int:
    """Seconds since the Unix epoch; a grace for clocks is part of it."""
    return int(claims["exp"]) + 5


def covers(sessions: Any, session_id: str) -> bool:
    """Whether a token for such sessions is for that one."""
    names = [
        normalize("NFC", each) for each in (sessions if isinstance(sessions, list) else [sessions])
    ]
    prefixes = tuple(each[:-1] for each in names if each.endswith("*"))
    return session_id in names or session_id.startswith(prefixes)
