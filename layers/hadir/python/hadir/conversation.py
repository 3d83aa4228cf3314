"""What a client's message does."""

from collections.abc import Callable

from hadir.announcer import Announcer, Broadcast
from hadir.domain.errors import InvalidRequest, InvalidToken, KeysUnavailable, NotPermitted
from hadir.domain.grant import Grant
from hadir.domain.identity import Identity, SessionRef
from hadir.domain.roles import Action, require
from hadir.domain.session import Session
from hadir.doorman import Doorman
from hadir.membership.membership import Membership, Opened, Opening, Saying
from hadir.wire.events import SocketEvent
from hadir.wire.requests import (
    Heartbeat,
    Kick,
    Message,
    Reauthorize,
    Request,
    Sync,
    Typing,
    client_id_of,
    parse_request,
)
from hadir.wire.updates import error, event_frames, heartbeat_ack, reauthorized, snapshot, typing

_MOST_MISSED = 200
"""Events that are sent again; each carries the status, and all must arrive in a few seconds."""


class Conversation:
    """Answers what clients send.

    A message that is refused changes nothing but what any message shows: that its socket is open
    and its client alive. It counts against the limits as any other.

    Args:
        read_token: what a token grants (``access.tokens``), for ``reauthorize``.
    """

    def __init__(
        self,
        membership: Membership,
        announcer: Announcer,
        doorman: Doorman,
        read_token: Callable[[str], Grant],
    ) -> None:
        self._membership = membership
        self._announcer = announcer
        self._doorman = doorman
        self._read_token = read_token

    def answer(
        self,
        socket: SocketEvent,
        who: Identity,
        now: int,
        seconds_left: Callable[[], float],
    ) -> list[Broadcast]:
        """Do what a message asks for.

        Args:
            now: milliseconds since the Unix epoch.
            seconds_left: how long the caller may still run.

        Returns:
            The events that were announced on the way.

        Raises:
            MembershipUnavailable: Redis does not answer; nothing is known to have changed.
        """
        connection_id = socket.connection_id
        request, expires_at, refusal = self._read(socket.body, who)
        opened = self._open(connection_id, who, expires_at)
        broadcasts = self._announcer.announce(opened.batch, seconds_left)
        if opened.outcome.has_left:
            self._doorman.close(connection_id, opened.left_for, seconds_left)
            return broadcasts
        if opened.outcome is Opening.ADDED and opened.session:
            self._announcer.tell(connection_id, [snapshot(opened.session, now)], seconds_left)
        if opened.outcome is Opening.LIMITED:
            refusal = InvalidRequest("rate_limited", "slow down, or this socket will be closed")
        try:
            if refusal:
                raise refusal
            if expires_at is not None:
                self._announcer.tell(connection_id, [reauthorized(expires_at)], seconds_left)
            else:
                session = opened.session
                broadcasts += self._do(connection_id, who, request, session, now, seconds_left)
        except InvalidRequest as refused:
            which = client_id_of(socket.body)
            answer = error(refused.code, str(refused), socket.request_id, which)
            self._announcer.tell(connection_id, [answer], seconds_left)
        return broadcasts

    def _read(
        self, body: str | None, who: Identity
    ) -> tuple[Request | None, int | None, InvalidRequest | None]:
        """What is asked for, until when that proves who they are, and why it is refused."""
        try:
            request = parse_request(body)
            _require(who, request)
            renewed = self._renewed(request, who) if isinstance(request, Reauthorize) else None
        except InvalidRequest as refusal:
            return None, None, refusal
        return request, renewed, None

    def _renewed(self, request: Reauthorize, who: Identity) -> int:
        try:
            grant = self._read_token(request.token)
        except InvalidToken as refused:
            raise InvalidRequest("forbidden", str(refused)) from refused
        except KeysUnavailable as failed:
            raise InvalidRequest("unavailable", "try again in a moment") from failed
        theirs = (grant.tenant, grant.user_id, grant.user_type)
        if theirs != (who.tenant, who.user_id, who.user_type) or not grant.covers(who.session_id):
            raise InvalidRequest("forbidden", "the token is for somebody else, or another session")
        return grant.expires_at

    def _do(
        self,
        connection_id: str,
        who: Identity,
        request: Request | None,
        session: Session | None,
        now: int,
        seconds_left: Callable[[], float],
    ) -> list[Broadcast]:
        match request:
            case Heartbeat():
                self._announcer.tell(connection_id, [heartbeat_ack(now, session)], seconds_left)
            case Sync():
                frames = self._missed(who.session, request, now)
                self._announcer.tell(connection_id, frames, seconds_left)
            case Message():
                return self._say(connection_id, who, request, seconds_left)
            case Typing():
                frame = typing(who.session_id, who.user_id, who.user_type, on=request.on, at=now)
                # Who comes by this very message has been told of, and has no view yet.
                others = _others(session or self._membership.session(who.session), connection_id)
                self._announcer.tell_each(dict.fromkeys(others, (frame,)), seconds_left)
            case Kick():
                kicked = self._doorman.kick(
                    who.session, request.user_id, who.user_id, request.reason, seconds_left
                )
                if not kicked.anybody:
                    text = "user_id: nobody of that name is in the session"
                    raise InvalidRequest("invalid_payload", text)
                return kicked.broadcasts
        return []

    def _open(self, connection_id: str, who: Identity, expires_at: int | None) -> Opened:
        def heard() -> Opened:
            return self._membership.open(
                connection_id, who.session, heard=True, expires_at=expires_at
            )

        opened = heard()
        if opened.outcome is Opening.UNKNOWN and self._membership.admit(connection_id, who).is_in:
            return heard()
        return opened

    def _missed(self, ref: SessionRef, request: Sync, now: int) -> list[bytes]:
        if request.since is None:
            return [snapshot(self._membership.session(ref), now)]
        events, session = self._membership.missed(ref, request.since.epoch, request.since.version)
        if events is None or len(events) > _MOST_MISSED:
            return [snapshot(session, now, recovered=False)]
        frames = event_frames(session, events, recovered_up_to=session.version)
        return [*(frame for _, frame in frames), snapshot(session, now, recovered=True)]

    def _say(
        self,
        connection_id: str,
        who: Identity,
        request: Message,
        seconds_left: Callable[[], float],
    ) -> list[Broadcast]:
        said = self._membership.say(connection_id, who, request.text, request.client_id or "")
        if said.outcome is Saying.REPEATED:
            if said.earlier is None:
                text = "client_id: a message of that id was said before, and is kept no longer"
                raise InvalidRequest("invalid_payload", text)
            session = self._membership.session(who.session)
            ((copy, _),) = event_frames(session, [said.earlier], said.earlier.version)
            self._announcer.tell(connection_id, [copy], seconds_left)
        return self._announcer.announce(said.batch, seconds_left)


def _require(who: Identity, request: Request) -> None:
    try:
        require(who.user_type, Action(request.action))
    except NotPermitted as refused:
        raise InvalidRequest("forbidden", str(refused)) from refused


def _others(session: Session, connection_id: str) -> list[str]:
    members = session.open_members()
    return [member.connection_id for member in members if member.connection_id != connection_id]
