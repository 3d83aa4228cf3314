"""The limits on what one user, or one tenant, may use."""

from dataclasses import dataclass

LONGEST_TEXT = 4000
"""Characters in a message."""

_POSTS_PER_MESSAGE = 20
_TENANTS_SHARE = 10
_MESSAGES_PER_STATE = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a session: the template's parameters, and the limits derived from them.

    Attributes:
        messages_per_second: messages of a connection, in the long run. A person, over all their
            connections in the session, may send twice as many, and make as many joins.
        burst: messages of a connection at once; of a person twice as many. After as many refusals
            in addition, the connection is closed.
        connections_per_user: open connections of a person in a session.
        people_per_session: people present in a session.
    """

    messages_per_second: float = 10.0
    burst: int = 50
    connections_per_user: int = 20
    people_per_session: int = 1000

    @property
    def posts_per_second(self) -> float:
        """Posts that a person's messages and joins may cause in a session, in the long run."""
        return _POSTS_PER_MESSAGE * self.messages_per_second

    @property
    def posts_burst(self) -> int:
        """The same at once: enough to tell a full session of two joins and the later leaves."""
        return 4 * self.people_per_session + 2 * _POSTS_PER_MESSAGE * self.burst

    @property
    def states_per_second(self) -> float:
        """Changes that a person may make to their state, in the long run."""
        return self.messages_per_second / _MESSAGES_PER_STATE

    @property
    def states_burst(self) -> int:
        """The same at once."""
        return max(self.burst // _MESSAGES_PER_STATE, 1)

    @property
    def tenant_posts_per_second(self) -> float:
        """Posts that messages may cause in all sessions of a tenant that share a partition."""
        return _TENANTS_SHARE * self.posts_per_second

    @property
    def tenant_posts_burst(self) -> int:
        """The same at once."""
        return _TENANTS_SHARE * self.posts_burst


@dataclass(frozen=True, slots=True)
class Price:
    """The price of an action, in posts to sockets.

    Attributes:
        once: the part that does not depend on the session's size.
        each: the part for each socket in the session.
    """

    once: int = 0
    each: int = 0
