"""How much one user may take from the others."""

from dataclasses import dataclass

LONGEST_TEXT = 4000
"""Characters in a message."""

_POSTS_PER_MESSAGE = 20
_TENANTS_SHARE = 10


@dataclass(frozen=True, slots=True)
class Limits:
    """What a session takes; the template's parameters, and what follows from them.

    Attributes:
        messages_per_second: of a connection, lastingly; of a person, over all connections in the
            session, twice as many, and as many joins.
        burst: messages of a connection at once; of a person twice as many. Who goes on until as
            many again were refused is put out.
        connections_per_user: open, in a session.
        people_per_session: present.
    """

    messages_per_second: float = 10.0
    burst: int = 50
    connections_per_user: int = 20
    people_per_session: int = 1000

    @property
    def posts_per_second(self) -> float:
        """Posts to sockets that a person's messages and joins may cause in a session, lastingly."""
        return _POSTS_PER_MESSAGE * self.messages_per_second

    @property
    def posts_burst(self) -> int:
        """The same at once: a full session can be told of two joins and the leaves after them."""
        return 4 * self.people_per_session + 2 * _POSTS_PER_MESSAGE * self.burst

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
    """What an action costs, in posts to sockets.

    Attributes:
        once: whatever the size of the session.
        each: for each socket in it.
    """

    once: int = 0
    each: int = 0
