"""What a token grants: who its holder is, and which sessions they may enter."""

from dataclasses import dataclass

from hadir.domain.errors import InvalidIdentity, NotPermitted
from hadir.domain.identity import Identity, Person, SessionRef, UserType, check_id
from hadir.domain.patterns import MANY, match

LONGEST_TOKEN = 4096
"""Characters in a token. Within that limit, a request's headers stay under API Gateway's 10,240
bytes, and an authorizer's result under its 8 KB ("Amazon API Gateway quotas")."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Who somebody is, until when that is proved, and which sessions they may enter.

    Attributes:
        tenant: the tenant of those sessions.
        sessions: session ids, and prefixes of session ids that end in ``*``; at least one.
        expires_at: seconds since the Unix epoch, including the leeway for clocks; 0: never.
        name, avatar: as an ``Identity``'s.
    """

    tenant: str
    user_id: str
    user_type: UserType
    sessions: tuple[str, ...]
    expires_at: int
    name: str = ""
    avatar: str = ""

    @property
    def person(self) -> Person:
        """Who they are."""
        return Person(self.user_type, self.user_id)

    def session(self, session_id: str) -> SessionRef:
        """The session with that id, if it is open to them.

        Raises:
            NotPermitted: it is not.
        """
        if MANY not in session_id and self.covers(session_id):
            return SessionRef(self.tenant, session_id)
        raise NotPermitted("the token is not for this session")

    def covers(self, session_id: str) -> bool:
        """Whether the session with that id is open to them."""
        return match(self.sessions, session_id)

    @property
    def covers_all(self) -> bool:
        """Whether every session of the tenant is open to them."""
        return MANY in self.sessions

    def identity(self, session_id: str | None) -> Identity:
        """Their identity in the session they ask for.

        Args:
            session_id: None for the only session that the grant is for.

        Raises:
            InvalidIdentity: the session id is invalid, or it is None and the grant is for several.
            NotPermitted: that session is not open to them.
        """
        if session_id is None and len(self.sessions) == 1 and MANY not in self.sessions[0]:
            session_id = self.sessions[0]
        ref = self.session(check_id("session_id", session_id))
        is_for_more = self.user_type.is_staff and self.sessions != (ref.session_id,)
        return Identity(
            *(ref.session_id, self.user_id, self.user_type, self.tenant, self.expires_at),
            sessions=self.sessions if is_for_more else (),
            name=self.name,
            avatar=self.avatar,
        )


def check_sessions(value: object) -> tuple[str, ...]:
    """Check a token's ``session``: an id, a prefix ending in ``*``, or a list of these.

    Returns:
        Each of them, in Unicode's NFC, as ``check_id`` returns ids.

    Raises:
        InvalidIdentity: says what ``session`` must be.
    """
    sessions = value if isinstance(value, list) else [value]
    if not sessions:
        raise InvalidIdentity("session must name at least one session")
    return tuple(map(_check_session, sessions))


def _check_session(value: object) -> str:
    if value == MANY:
        return MANY
    prefix = value.removesuffix(MANY) if isinstance(value, str) else value
    checked = check_id("session", prefix)
    if MANY in checked:
        raise InvalidIdentity(f"session must be without {MANY}, but for one at its end")
    return checked if prefix == value else checked + MANY
