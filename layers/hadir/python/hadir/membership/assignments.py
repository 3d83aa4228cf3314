"""Who has a session: the agent or admin it is assigned to."""

from hadir.domain.identity import Person, SessionRef
from hadir.domain.limits import Limits
from hadir.membership.outcomes import Assigned
from hadir.membership.replies import read_assigned
from hadir.membership.session_scripts import SessionScripts, new_token


class Assignments:
    """The assignments of all sessions.

    Raises:
        MembershipUnavailable: from every method, when Redis does not answer.
    """

    def __init__(self, scripts: SessionScripts, limits: Limits) -> None:
        self._scripts = scripts
        self._limits = limits

    def assign(
        self,
        ref: SessionRef,
        user_id: str | None,
        user_type: str | None,
        *,
        by: Person,
        expected: str | None = None,
        is_paid: bool = True,
    ) -> Assigned:
        """Assign a session in which somebody is present; one round trip, atomic, may be repeated.

        Without ``expected``, that is possible if nobody has the session, or ``by`` has it.

        Args:
            user_id: of the agent or admin who is to have it, present or not; None for nobody.
            user_type: theirs; if None, that of ``by`` if the id is theirs, otherwise that of the
                agent or admin with that id who is present, otherwise agent.
            expected: the ``user_id`` of who must have it now; empty for nobody.
            is_paid: whether its posts count against the limits already.
        """
        token, limits = new_token(), self._limits
        posts = (
            str(limits.posts_per_second),
            limits.posts_burst,
            str(limits.tenant_posts_per_second),
            limits.tenant_posts_burst,
        )
        reply = self._scripts.run(
            "assign",
            ref,
            token,
            str(by),
            user_id or "",
            user_type or "",
            "" if expected is None else "1",
            expected or "",
            *(("",) * len(posts) if is_paid else posts),
        )
        return read_assigned(ref, token, by, reply)
