"""How much one user may take from the others."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a session takes; the template's parameters.

    Attributes:
        messages_per_second: of a connection, lastingly; of a user, over all connections in the
            session, twice as many, and as many joins.
        burst: messages of a connection at once; of a user twice as many. Who goes on until as many
            again were refused is put out.
        connections_per_user: in a session.
        people_per_session: whether present or only about to be.
    """

    messages_per_second: float = 10.0
    burst: int = 50
    connections_per_user: int = 20
    people_per_session: int = 1000
