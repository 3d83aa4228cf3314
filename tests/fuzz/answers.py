"""What a message may do: what it was answered is what has happened, and nothing else has."""

from collections.abc import Iterable
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

import jwt

from hadir.domain.errors import InvalidRequest
from hadir.domain.identity import Identity, UserType
from hadir.domain.session import Member, Session
from hadir.wire.requests import (
    Heartbeat,
    Kick,
    Message,
    Reauthorize,
    Request,
    Sync,
    Typing,
    parse_request,
)

CODES = {
    "invalid_json", "unknown_action", "invalid_payload", "forbidden", "rate_limited", "too_large",
}  # fmt: skip

MOST_MISSED = 200

Frames = dict[str, list[Any]]


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
        before: Session,
    ) -> None:
        self.connection_id = connection_id
        self._who = who
        self._request = request
        self.before = before
        self._was_in = self._is_in = connection_id in ids(before.members)

    @property
    def action(self) -> str:
        """What was asked for; what is wrong where it is nothing."""
        request = self._request
        return request.code if isinstance(request, InvalidRequest) else request.action

    def outcome(self, after: Session, frames: Frames) -> str:
        """What it was answered, which is all that has happened."""
        answers = list(frames.get(self.connection_id, []))
        version = self.before.version
        if not self._was_in and answers[0]["type"] == "connection_status_update":
            version += "event_type" in answers.pop(0)["data"]
            self._is_in = True
        kind = answers[-1]["type"] if answers else ""
        if kind == "closing":
            self._is_closed(after, version, answers, frames)
            return f"closing {answers[-1]['data']['reason']}"
        if kind == "error":
            self._is_refused(after, version, answers)
            return f"error {answers[-1]['data']['code']}"
        return self._done(after, version, answers, frames)

    def check_proof(self, outcome: str, before: int | None, after: int | None) -> None:
        """Whoever has renewed theirs has what the token says; anybody else has what they had."""
        if outcome == "done reauthorize":
            assert isinstance(self._request, Reauthorize)
            assert after == good_until(claims_of(self._request.token)) * 1000
        elif before is not None:
            assert after in (before, None), "a proof is good for longer, though it was refused"

    def _done(self, after: Session, version: int, answers: list[Any], frames: Frames) -> str:
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
            case Reauthorize():
                self._is_renewed(self._request, answers)
                assert self._is_unchanged(after, version)
            case Sync():
                assert self._is_unchanged(after, version)
                return self._synced(after, self._request, answers)
            case Message():
                return self._said(after, version, self._request, answers)
            case Kick():
                self._is_kicked(after, version, self._request.user_id, frames)
            case InvalidRequest():
                raise AssertionError(f"nonsense was answered with {answers}")
        return f"done {self.action}"

    def _is_unchanged(self, after: Session, version: int) -> bool:
        before = without(self.before, self.connection_id)
        return (after.version, without(after, self.connection_id)) == (version, before)

    def _is_refused(self, after: Session, version: int, answers: list[Any]) -> None:
        (answer,) = answers
        code = answer["data"]["code"]
        assert code in CODES
        assert answer["data"]["request_id"] == "r1"
        if isinstance(self._request, InvalidRequest):
            assert code in (self._request.code, "rate_limited", "forbidden")
        assert self._is_unchanged(after, version), "an error changed something"

    def _is_closed(self, after: Session, version: int, answers: list[Any], frames: Frames) -> None:
        if answers[-1]["data"]["reason"] == "kicked" and self._is_in:
            assert isinstance(self._request, Kick)
            self._is_kicked(after, version, self._who.user_id, frames)
            return
        assert len(answers) == 1
        assert self.connection_id not in ids(after.members)
        assert without(after, self.connection_id) == without(self.before, self.connection_id)
        assert after.version == version + is_last(self.before, self.connection_id)

    def _is_typed(self, after: Session, request: Typing, frames: Frames) -> None:
        for each in ids(after.open_members()) - {self.connection_id}:
            typing = frames[each][-1]
            assert typing["type"] == "typing"
            assert typing["data"]["on"] == request.on
            assert typing["data"]["user_id"] == self._who.user_id

    def _is_renewed(self, request: Reauthorize, answers: list[Any]) -> None:
        """The token is theirs, and they are told until when it is good."""
        (answer,) = answers
        assert answer["type"] == "reauthorized"
        claims = claims_of(request.token)
        theirs = (self._who.user_id, self._who.user_type.value, self._who.tenant)
        assert (claims["user"], claims["type"], claims.get("tenant", "default")) == theirs
        assert covers(claims["session"], self._who.session_id)
        expires_at = good_until(claims)
        assert datetime.fromisoformat(answer["data"]["expires_at"]).timestamp() == expires_at

    def _synced(self, after: Session, request: Sync, answers: list[Any]) -> str:
        """All that was missed, or nothing of it; then the status."""
        *missed, status = answers
        assert status["data"]["status_version"] == after.version
        recovered = status["data"].get("recovered")
        assert (recovered is None) == (request.since is None)
        if not request.since:
            assert not missed
            return "done sync"
        is_near = 0 <= after.version - request.since.version <= MOST_MISSED
        assert recovered == (is_near and request.since.epoch == after.epoch)
        if not recovered:
            assert not missed
            return "recovered false"
        assert versions(missed) == list(range(request.since.version + 1, after.version + 1))
        return "missed events" if missed else "missed nothing"

    def _said(self, after: Session, version: int, request: Message, answers: list[Any]) -> str:
        """Everybody was told, or the sender alone, if it was said before."""
        (copy,) = answers
        assert copy["type"] == "message"
        assert copy["data"].get("client_id") == request.client_id
        assert copy["data"]["user_id"] == self._who.user_id
        is_new = copy["data"]["version"] > version
        assert self._is_unchanged(after, version + is_new)
        if is_new:
            assert copy["data"]["text"] == request.text
        return "done message" if is_new else "repeated message"

    def _is_kicked(self, after: Session, version: int, user_id: str, frames: Frames) -> None:
        """An admin had them put out: they are, on all their sockets, and nobody else is."""
        assert self._who.user_type is UserType.ADMIN
        theirs = {each.connection_id for each in self.before.members if each.user_id == user_id}
        for each in theirs:
            assert frames[each][-1]["data"]["reason"] == "kicked"
        assert ids(after.members) - {self.connection_id} == (
            ids(self.before.members) - theirs - {self.connection_id}
        )
        assert user_id not in {each.user_id for each in after.members}
        assert after.version == version + 1


def ids(members: Iterable[Member]) -> set[str]:
    return {member.connection_id for member in members}


def without(session: Session, connection_id: str) -> tuple[str, set[Member]]:
    """Which life of the session it is, and who else is there."""
    return session.epoch, {each for each in session.members if each.connection_id != connection_id}


def is_last(session: Session, connection_id: str) -> bool:
    """Whether a connection is the only one that keeps its user present."""
    users = {each.connection_id: each.user_id for each in session.open_members()}
    return connection_id in users and [*users.values()].count(users[connection_id]) == 1


def versions(frames: Iterable[Any]) -> list[int]:
    """Of the events among them."""
    return [each["data"]["version"] for each in frames if is_event(each)]


def is_event(frame: Any) -> bool:
    return frame["type"] == "message" or "event_type" in frame["data"]


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def good_until(claims: dict[str, Any]) -> int:
    """Seconds since the Unix epoch; a grace for clocks is part of it."""
    return int(claims["exp"]) + 5


def covers(sessions: Any, session_id: str) -> bool:
    """Whether a token for such sessions is for that one."""
    names = sessions if isinstance(sessions, list) else [sessions]
    return any(fnmatchcase(session_id, each) for each in names)
