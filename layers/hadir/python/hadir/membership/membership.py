"""Membership: who is in which session, kept in Redis and changed by one script at a time."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from hadir.domain.errors import MembershipUnavailable
from hadir.domain.identity import Identity, Person, SessionRef
from hadir.domain.limits import Limits, Price
from hadir.domain.reasons import OURS, Departure
from hadir.domain.session import Batch, Place, Session, Socket
from hadir.membership.assignments import Assignments
from hadir.membership.history import History
from hadir.membership.identities import Identities
from hadir.membership.inquiry import Inquiry
from hadir.membership.keys import said_key, tombstone_key
from hadir.membership.leases import Leases
from hadir.membership.outcomes import Admission, Leaving, Left, Opened, Said, Saying
from hadir.membership.replies import (
    read_batch,
    read_events,
    read_opened,
    read_session,
    read_sockets,
)
from hadir.membership.scripts import AnyRedis
from hadir.membership.session_scripts import (
    CLOSED_TOMBSTONE_MS,
    TOMBSTONE_MS,
    SessionScripts,
    forget,
    new_token,
)
from hadir.membership.states import States, write_profile
from hadir.membership.watching import Watching

SAID_MS = 600_000
"""How long a message's client id is remembered."""

_MOST_AT_ONCE = 200
"""Connections that leave in one script, so that Redis stays free for others meanwhile."""


class Membership:
    """Membership of all sessions.

    Every method is one round trip, atomic, and may be repeated, come late or in another order.
    ``admit`` and ``leave`` make a second round trip, which writes or deletes the connection's
    identity; in ``admit`` that one also checks whether the person is banned. ``leave_all`` runs one
    script for each session, in one round trip to each node. A caller that dies after a method has
    returned a batch loses nothing: the announcing lease expires (10 s), and the next claimant gets
    the same events.

    Args:
        redis: a client made with ``decode_responses=True``, of one node or of a cluster.
        lease_seconds: how long a connection counts as open without being heard.
        grace_seconds: within how long a person who left may come back as if they had never gone.
        limits: the default ones if None.
        clock: milliseconds since the Unix epoch; None for Redis's own clock. Tests pass their own.

    Attributes:
        leases: the expired leases, for the sweep.
        history: the events that everyone has been told, as far as they are kept.
        identities: whose connections they are, and whether these people are banned.
        inquiry: what else is known of sessions.
        watching: connections that are told of sessions without being present in them.
        states: what clients say of their users.
        assignments: who has which session.

    Raises:
        MembershipUnavailable: from every method, when Redis does not answer.
    """

    def __init__(
        self,
        redis: AnyRedis,
        *,
        lease_seconds: float = 90,
        grace_seconds: float = 0,
        limits: Limits | None = None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self._redis = redis
        self._scripts = SessionScripts(
            redis, lease_seconds, grace_seconds, limits or Limits(), clock
        )
        self.leases = Leases(redis, self._scripts)
        self.history = History(self._scripts)
        self.identities = Identities(redis, self._scripts)
        self.inquiry = Inquiry(self._scripts)
        self.watching = Watching(redis, self._scripts)
        self.states = States(self._scripts)
        self.assignments = Assignments(self._scripts)

    @property
    def lease_ms(self) -> int:
        """How long a connection counts as open without being heard, in milliseconds."""
        return self._scripts.lease_ms

    def admit(self, connection_id: str, identity: Identity) -> Admission:
        """Make a connection known if its person is not banned and there is room; tell nobody."""
        if self.identities.remember(connection_id, identity):
            forget(self._redis, [connection_id])
            return Admission.BANNED
        try:
            admitted = self._admit(connection_id, identity)
        except MembershipUnavailable:
            forget(self._redis, [connection_id])
            raise
        if not admitted.is_in:
            forget(self._redis, [connection_id])
        return admitted

    def open(
        self,
        connection_id: str,
        ref: SessionRef,
        *,
        heard: bool = False,
        beat: bool = False,
        price: Price | None = None,
        expires_at: int | None = None,
        name: str = "",
        avatar: str = "",
    ) -> Opened:
        """Note that a socket is open: its person is present, and its lease is renewed.

        Args:
            heard: whether its client has just sent a message.
            beat: whether that was a heartbeat; from then on the client is expected to send more.
            price: of the message, in posts; None for one post.
            expires_at: the expiry of the token that the client has just shown, seconds since the
                Unix epoch; None if it has shown none.
            name, avatar: what that token says of the person, or else the one that the socket was
                opened with; empty if nothing.
        """
        token, price = new_token(), price or Price(once=1)
        reply = self._scripts.run(
            "open",
            ref,
            connection_id,
            token,
            "beat" if beat else "message" if heard else "",
            price.once,
            price.each,
            CLOSED_TOMBSTONE_MS,
            "" if expires_at is None else expires_at * 1000,
            write_profile(name, avatar),
            keys=[tombstone_key(ref, connection_id)],
        )
        opened = read_opened(ref, token, reply)
        if opened.outcome.is_end:
            forget(self._redis, [connection_id])
        return opened

    def leave(
        self, connection_id: str, ref: SessionRef, departure: Departure, *, claim: bool = True
    ) -> Left:
        """Note that a socket is gone.

        Args:
            claim: False if the caller is the session's announcer and will ``settle``.
        """
        return self._leave([connection_id], ref, departure, claim=claim)

    def leave_each(
        self,
        connection_ids: Sequence[str],
        ref: SessionRef,
        departure: Departure,
        *,
        claim: bool = True,
    ) -> Batch | None:
        """Note that many sockets are gone; return what the caller has to announce.

        Args:
            claim: as in ``leave``.
        """
        batch = None
        for first in range(0, len(connection_ids), _MOST_AT_ONCE):
            some = connection_ids[first : first + _MOST_AT_ONCE]
            is_last = first + _MOST_AT_ONCE >= len(connection_ids)
            batch = self._leave(some, ref, departure, claim=claim and is_last).batch
        return batch

    def leave_all(
        self, gone: Mapping[SessionRef, Sequence[str]], departure: Departure
    ) -> set[SessionRef]:
        """Note that sockets of many sessions are gone, in one round trip to each node.

        What there is to announce waits for whoever claims it.

        Returns:
            The sessions in which that could not be noted.
        """
        parts = [
            (ref, ids[first : first + _MOST_AT_ONCE])
            for ref, ids in gone.items()
            for first in range(0, len(ids), _MOST_AT_ONCE)
        ]
        replies = self._scripts.run_in_each(
            "leave", (_leaving(ref, ids, departure, "") for ref, ids in parts)
        )
        forget(self._redis, (each for _, ids in parts for each in ids))
        results = zip(parts, replies, strict=True)
        return {ref for (ref, _), reply in results if isinstance(reply, Exception)}

    def end_grace(self, ref: SessionRef, person: Person) -> tuple[bool, Batch | None]:
        """End a person's grace now; return whether they were in grace, and what to announce."""
        token = new_token()
        ended, claimed = self._scripts.run("end_grace", ref, token, str(person))
        return ended == 1, read_batch(ref, token, claimed)

    def repair(self, ref: SessionRef) -> Batch | None:
        """Rebuild a session of which Redis has evicted keys; return what to announce."""
        token = new_token()
        (claimed,) = self._scripts.run("repair", ref, token)
        return read_batch(ref, token, claimed)

    def say(self, connection_id: str, who: Identity, text: str, client_id: str) -> Said:
        """Record a message; a repeated ``client_id`` changes nothing."""
        return self._say(connection_id, who.session, who.person, text, client_id)

    def say_as_system(self, ref: SessionRef, person: Person, text: str, client_id: str) -> Said:
        """Record a backend's message if anybody is present; its sender does not become present."""
        return self._say("", ref, person, text, client_id)

    def claim(self, ref: SessionRef) -> Batch | None:
        """Become the session's announcer if there is something to announce and nobody else is."""
        token = new_token()
        (claimed,) = self._scripts.run("claim", ref, token)
        return read_batch(ref, token, claimed)

    def settle(
        self, batch: Batch, *, missed: Iterable[str] = (), more: bool, soon: bool = False
    ) -> Batch | None:
        """Note that ``batch`` was posted to everyone but ``missed``, who are owed the status.

        Args:
            missed: ids of the connections that did not get all of the batch.
            more: False if the caller has no time left for events that came meanwhile.
            soon: True if only time was short for ``missed``: the status is due at once. Otherwise
                it is due with the next event, or in 10 s.

        Returns:
            The next batch; None if there is none, or the lease is somebody else's.
        """
        behind = list(missed)
        caught_up = sorted(batch.behind.keys() - behind)
        return self._settle(batch, batch.announced, more, soon, len(behind), *behind, *caught_up)

    def give_back(self, batch: Batch) -> None:
        """Note that ``batch`` was posted to nobody: its events stay pending; release the lease."""
        self._settle(batch, batch.before, False, False, 0)

    def session(self, ref: SessionRef) -> Session:
        """A session as it is now; one that Redis does not know has no epoch and nobody in it."""
        return read_session(ref, self._scripts.run("view", ref))

    def sessions(self, refs: Sequence[SessionRef]) -> list[Session]:
        """Sessions as they are now, each at its own moment, in one round trip to each node.

        Raises:
            MembershipUnavailable: one of them could not be read.
        """
        views = self._scripts.views(refs)
        return [read_session(ref, view) for ref, view in zip(refs, views, strict=True)]

    def sockets(self, ref: SessionRef) -> tuple[Socket, ...]:
        """The connections of a session, including those that are only admitted."""
        return tuple(read_sockets(self._scripts.run("sockets", ref)))

    def ping(self) -> None:
        """Return if Redis answers."""
        self._scripts.run("view", SessionRef("-", "ping"))

    def _admit(self, connection_id: str, identity: Identity) -> Admission:
        reply = self._scripts.run(
            "admit",
            identity.session,
            connection_id,
            str(identity.person),
            identity.expires_at * 1000,
            keys=[tombstone_key(identity.session, connection_id)],
        )
        return Admission(reply)

    def _say(
        self, connection_id: str, ref: SessionRef, person: Person, text: str, client_id: str
    ) -> Said:
        token = new_token()
        outcome, claimed, earlier, place = self._scripts.run(
            "message",
            ref,
            connection_id,
            str(person),
            token,
            text,
            client_id,
            SAID_MS,
            keys=[said_key(ref, person, client_id or f"~{token}")],
        )
        before = read_events(earlier or [], place[0] if place else "")
        return Said(
            Saying(outcome),
            read_batch(ref, token, claimed),
            before[0] if before else None,
            Place(*place) if place else None,
        )

    def _leave(
        self, connection_ids: Sequence[str], ref: SessionRef, departure: Departure, *, claim: bool
    ) -> Left:
        token = new_token() if claim else ""
        _, args, keys = _leaving(ref, connection_ids, departure, token)
        outcomes, claimed, remaining, watched = self._scripts.run("leave", ref, *args, keys=keys)
        forget(self._redis, connection_ids)
        batch = read_batch(ref, token, claimed)
        return Left(Leaving(outcomes[0]), batch, remaining, watched=bool(watched))

    def _settle(
        self, batch: Batch, announced: int, more: bool, soon: bool, *missed: str | int
    ) -> Batch | None:
        ref = batch.session.ref
        flags = ("1" if more else "0", "1" if soon else "0")
        _, claimed = self._scripts.run("settle", ref, batch.token, announced, *flags, *missed)
        return read_batch(ref, batch.token, claimed)


def _leaving(
    ref: SessionRef, connection_ids: Sequence[str], departure: Departure, token: str
) -> tuple[SessionRef, list[str | int], list[str]]:
    """The session, and ARGV and KEYS of ``leave.lua`` that are its own."""
    code = departure.close_code
    args: list[str | int] = [
        token,
        departure.reason.value,
        "" if code is None else code,
        departure.evidence.value,
        CLOSED_TOMBSTONE_MS if departure.reason in OURS else TOMBSTONE_MS,
        *connection_ids,
    ]
    return ref, args, [tombstone_key(ref, each) for each in connection_ids]
