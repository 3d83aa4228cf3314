"""Handles clients' messages."""

from collections.abc import Callable, Sequence
from enum import StrEnum

from hadir.announcer import Announcer, Broadcast
from hadir.domain.deadline import Deadline
from hadir.domain.errors import (
    InvalidRequest,
    InvalidToken,
    KeysUnavailable,
    MembershipUnavailable,
    NotPermitted,
)
from hadir.domain.grant import Grant
from hadir.domain.identity import Identity, Person, SessionRef
from hadir.domain.limits import Price
from hadir.domain.projection import EVERYTHING
from hadir.domain.roles import Action, require
from hadir.domain.session import Session
from hadir.doorman import Doorman
from hadir.membership.membership import Membership
from hadir.membership.outcomes import Assigning, Opened, Opening, Saying, Setting
from hadir.watchers import Watchers
from hadir.wire.bursts import missed_frames
from hadir.wire.events import SocketEvent
from hadir.wire.holders import person_fields
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
    client_id_of,
    parse_request,
)
from hadir.wire.updates import (
    assignment,
    assignment_now,
    error,
    event_frames,
    heartbeat_ack,
    reauthorized,
    snapshot,
    typing,
)

_MOST_MISSED = 200
"""The most events that ``sync`` sends again."""

_OTHERS_SECONDS = 8.0
"""How long handling a message may take, with what it does for others: ``hadir.js`` gives up a
socket on which nothing was answered for 10 s."""

_JOINING_SECONDS = 3.0
"""How much of that may be spent before the message itself is answered."""

_ANSWER = Price(once=1)
_SYNC = Price(once=10)
_WATCH = Price(once=10)
_TO_EVERYONE = Price(once=1, each=1)

_PRICES: dict[type, Price] = {
    Sync: _SYNC,
    Message: _TO_EVERYONE,
    Typing: _TO_EVERYONE,
    SetState: _TO_EVERYONE,
    Kick: _TO_EVERYONE,
    Assign: _TO_EVERYONE,
    Watch: _WATCH,
    Unwatch: _WATCH,
}


class Trouble(StrEnum):
    """Why a client did not get what it asked for."""

    LIMITED = "limited"
    """The message exceeded a limit."""
    FLOODING = "flooding"
    """It went on sending although its messages were refused, and was closed."""
    UNAVAILABLE = "unavailable"
    """Redis did not answer, or refused; told while that error is handled."""
    NOT_RECOVERED = "not_recovered"
    """What it missed is not kept: it got only the current status."""


class Conversation:
    """Answers clients' messages.

    A refused message changes nothing, except that it shows, as any message does, that its socket is
    open and its client alive. It counts against the limits as any other.

    Args:
        read_token: what a token grants (``access.tokens``), for ``reauthorize``.
        on_trouble: called when a client does not get what it asked for.
    """

    def __init__(
        self,
        membership: Membership,
        announcer: Announcer,
        doorman: Doorman,
        read_token: Callable[[str], Grant],
        on_trouble: Callable[[Trouble], None],
        watchers: Watchers,
    ) -> None:
        self._membership = membership
        self._announcer = announcer
        self._doorman = doorman
        self._read_token = read_token
        self._on_trouble = on_trouble
        self._watchers = watchers

    def answer(
        self, socket: SocketEvent, who: Identity, now: int, deadline: Deadline
    ) -> list[Broadcast]:
        """Do what a message asks for: first answer it, then announce the pending events.

        Args:
            now: milliseconds since the Unix epoch.
            deadline: of the caller.

        Returns:
            The events that were announced meanwhile.

        Raises:
            MembershipUnavailable: Redis does not answer, and nothing is known to have changed.
        """
        connection_id = socket.connection_id
        request, renewed, refusal = self._read(socket.body, who)
        deadline = deadline.within(_OTHERS_SECONDS)
        opened = self._open(connection_id, who, request, renewed)
        if opened.outcome is Opening.FLOODING:
            self._on_trouble(Trouble.FLOODING)
        if opened.outcome.has_left:
            self._doorman.close(connection_id, opened.left_for, deadline)
            return self._announcer.announce(opened.batch, deadline)
        if opened.outcome is Opening.ADDED and opened.session:
            self._show(connection_id, who, opened.session, now, deadline)
        if opened.is_limited:
            self._on_trouble(Trouble.LIMITED)
            refusal = InvalidRequest("rate_limited", "slow down, or this socket will be closed")
        broadcasts: list[Broadcast] = []
        batch = opened.batch
        try:
            if opened.outcome is Opening.JOINED:  # this message makes them present: say so first
                joined, batch = batch, None
                broadcasts += self._announcer.announce(joined, deadline.within(_JOINING_SECONDS))
                batch = self._membership.claim(who.session)  # what there was no time for
            if opened.outcome in (Opening.JOINED, Opening.ADDED):
                kicked = self._doorman.put_out_if_banned(who.session, who.person, deadline)
                broadcasts += kicked.broadcasts
                if kicked.anybody:
                    request = renewed = refusal = None
            if refusal:
                raise refusal
            if renewed:
                frame = reauthorized(renewed.expires_at)
                self._announcer.tell(connection_id, [frame], deadline)
            else:
                broadcasts += self._do(connection_id, who, request, opened, now, deadline)
        except InvalidRequest as refused:
            self.refuse(socket, refused, deadline)
        except MembershipUnavailable:  # the batch is still ours to announce
            self._on_trouble(Trouble.UNAVAILABLE)
            unavailable = InvalidRequest("unavailable", "try again in a moment")
            self.refuse(socket, unavailable, deadline)
        return [*broadcasts, *self._announcer.announce(batch, deadline)]

    def refuse(self, socket: SocketEvent, refused: InvalidRequest, deadline: Deadline) -> None:
        """Answer a message with an error."""
        which = client_id_of(socket.body)
        answer = error(refused.code, str(refused), socket.request_id, which, refused.details)
        self._announcer.tell(socket.connection_id, [answer], deadline)

    def _read(
        self, body: str | None, who: Identity
    ) -> tuple[Request | None, Grant | None, InvalidRequest | None]:
        """The request, what a token in it grants, and why it is refused, if so."""
        try:
            request = parse_request(body)
            _require(who, request)
            renewed = self._renewed(request, who) if isinstance(request, Reauthorize) else None
        except InvalidRequest as refusal:
            return None, None, refusal
        return request, renewed, None

    def _renewed(self, request: Reauthorize, who: Identity) -> Grant:
        try:
            grant = self._read_token(request.token)
        except InvalidToken as refused:
            raise InvalidRequest("forbidden", str(refused)) from refused
        except KeysUnavailable as failed:
            raise InvalidRequest("unavailable", "try again in a moment") from failed
        theirs = (grant.tenant, grant.user_id, grant.user_type)
        if theirs != (who.tenant, who.user_id, who.user_type) or not grant.covers(who.session_id):
            raise InvalidRequest("forbidden", "the token is for somebody else, or another session")
        if not all(map(grant.covers, who.sessions)):  # the socket keeps them until it closes
            raise InvalidRequest("forbidden", "the token is for fewer sessions; connect again")
        return grant

    def _do(
        self,
        connection_id: str,
        who: Identity,
        request: Request | None,
        opened: Opened,
        now: int,
        deadline: Deadline,
    ) -> list[Broadcast]:
        match request:
            case Heartbeat():
                watched = self._watchers.places(connection_id, who) if opened.watches else {}
                answer = heartbeat_ack(now, opened.place, watched)
                self._announcer.tell(connection_id, [answer], deadline)
            case Watch():
                self._watchers.watch(connection_id, who, request, now, deadline)
            case Unwatch():
                self._watchers.unwatch(connection_id, who, request)
            case Sync():
                frames = self._missed(who, request, now)
                self._announcer.tell(connection_id, frames, deadline)
            case Message():
                return self._say(connection_id, who, request, deadline)
            case Typing():
                self._say_typing(connection_id, who, request, now, deadline)
            case SetState():
                return self._set_state(connection_id, who, request, now, deadline)
            case Kick():
                kicked = self._doorman.kick(
                    who.session,
                    request.user_id,
                    request.user_type,
                    by=who.person,
                    message=request.reason,
                    deadline=deadline,
                )
                if not kicked.anybody:
                    text = "user_id: nobody of that name is in the session"
                    raise InvalidRequest("invalid_payload", text)
                return kicked.broadcasts
            case Assign():
                return self._assign(connection_id, who, request, deadline)
        return []

    def _open(
        self, connection_id: str, who: Identity, request: Request | None, renewed: Grant | None
    ) -> Opened:
        proved = renewed or who

        def heard() -> Opened:
            return self._membership.open(
                connection_id,
                who.session,
                heard=True,
                beat=isinstance(request, Heartbeat),
                price=_PRICES.get(type(request), _ANSWER),
                expires_at=renewed.expires_at if renewed else None,
                name=proved.name,
                avatar=proved.avatar,
            )

        opened = heard()
        if opened.outcome is Opening.UNKNOWN and self._membership.admit(connection_id, who).is_in:
            return heard()
        return opened

    def _show(
        self, connection_id: str, who: Identity, session: Session, now: int, deadline: Deadline
    ) -> None:
        """Tell a socket what its person may see of a session."""
        shown = self._announcer.shown_to(who.person).session(session)
        self._announcer.tell(connection_id, [snapshot(shown, now)], deadline)

    def _missed(self, who: Identity, request: Sync, now: int) -> list[bytes]:
        ref, shown = who.session, self._announcer.shown_to(who.person)
        if request.since is None:
            return [snapshot(shown.session(self._membership.session(ref)), now)]
        since = request.since
        events, session = self._membership.history.missed(
            ref, since.epoch, since.version, _MOST_MISSED
        )
        session = shown.session(session)
        if events is not None and shown is not EVERYTHING:
            events = tuple(shown.event(each, who.person) for each in events)
        frames = None if events is None else missed_frames(session, events, now)
        if frames is None:
            self._on_trouble(Trouble.NOT_RECOVERED)
            return [snapshot(session, now, recovered=False)]
        return frames

    def _say_typing(
        self, connection_id: str, who: Identity, request: Typing, now: int, deadline: Deadline
    ) -> None:
        mail: dict[str, Sequence[bytes]] = {}
        frames: dict[Person, Sequence[bytes]] = {}
        for each in self._membership.sockets(who.session):
            if not each.is_open or each.connection_id == connection_id:
                continue
            writer = self._announcer.shown_to(each.person).writer(who.person, each.person)
            if writer and writer not in frames:
                frames[writer] = (typing(who.session_id, writer, on=request.on, at=now),)
            if writer:
                mail[each.connection_id] = frames[writer]
        self._announcer.tell_each(mail, deadline)

    def _say(
        self, connection_id: str, who: Identity, request: Message, deadline: Deadline
    ) -> list[Broadcast]:
        said = self._membership.say(connection_id, who, request.text, request.client_id or "")
        if said.outcome is Saying.UNKNOWN:
            self._close(connection_id, who.session, deadline)
        elif said.outcome is Saying.REPEATED:
            if said.earlier is None:
                text = "client_id: a message of that id was said before, and is kept no longer"
                raise InvalidRequest("invalid_payload", text)
            session = self._membership.session(who.session)
            session = self._announcer.shown_to(who.person).session(session)
            ((copy, _),) = event_frames(session, [said.earlier], said.earlier.version)
            self._announcer.tell(connection_id, [copy], deadline)
        return self._announcer.announce(said.batch, deadline)

    def _assign(
        self, connection_id: str, who: Identity, request: Assign, deadline: Deadline
    ) -> list[Broadcast]:
        ref = SessionRef(who.tenant, request.session_id or who.session_id)
        is_own = ref == who.session
        if not is_own and self._membership.identities.is_banned(ref, who.person):
            raise InvalidRequest("forbidden", "you are banned from this session")
        meant = who.person if request.is_for_sender else request
        assigned = self._membership.assignments.assign(
            ref,
            meant.user_id,
            meant.user_type,
            by=who.person,
            expected=request.expected,
            is_paid=is_own,
        )
        match assigned.outcome:
            case Assigning.UNKNOWN:
                raise InvalidRequest("invalid_payload", "session_id: nobody is in that session")
            case Assigning.UNCLEAR:
                text = "user_type: an agent and an admin have that user_id"
                raise InvalidRequest("invalid_payload", text)
            case Assigning.LIMITED:
                self._on_trouble(Trouble.LIMITED)
                raise InvalidRequest("rate_limited", "too much is posted in that session")
            case Assigning.CONFLICT:
                holder = assigned.holder and person_fields(assigned.holder)
                text = "the session is not assigned as you expect"
                raise InvalidRequest("conflict", text, {"assigned": holder})
        answer = None
        if assigned.event is None:
            answer = assignment_now(
                *(ref.session_id, assigned.place, assigned.holder, assigned.at),
                is_gone=assigned.is_gone,
                client_id=request.client_id,
            )
        elif not is_own or request.client_id:  # otherwise it is among those who are told
            epoch, name = assigned.place.epoch, request.client_id
            answer = assignment(ref.session_id, epoch, assigned.event, client_id=name)
        if answer:
            self._announcer.tell(connection_id, [answer], deadline)
        return self._announcer.announce(assigned.batch, deadline)

    def _set_state(
        self, connection_id: str, who: Identity, request: SetState, now: int, deadline: Deadline
    ) -> list[Broadcast]:
        done = self._membership.states.set(connection_id, who.session, request.state)
        if done.outcome is Setting.UNKNOWN:
            self._close(connection_id, who.session, deadline)
        elif done.outcome is Setting.LIMITED:
            self._on_trouble(Trouble.LIMITED)
            raise InvalidRequest("rate_limited", "state: it was changed too often; slow down")
        elif done.session:
            self._show(connection_id, who, done.session, now, deadline)
        return self._announcer.announce(done.batch, deadline)

    def _close(self, connection_id: str, ref: SessionRef, deadline: Deadline) -> None:
        """Close a socket that has left since its message was heard."""
        left_for = self._membership.open(connection_id, ref).left_for
        self._doorman.close(connection_id, left_for, deadline)


def _require(who: Identity, request: Request) -> None:
    try:
        require(who.user_type, Action(request.action))
    except NotPermitted as refused:
        raise InvalidRequest("forbidden", str(refused)) from refused
    if isinstance(request, Assign) and request.session_id and not who.covers(request.session_id):
        raise InvalidRequest("forbidden", "session_id: the token is not for that session")
