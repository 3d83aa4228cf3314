"""What is known of a session besides who is present."""

from hadir.domain.circumstances import Circumstances
from hadir.domain.identity import SessionRef
from hadir.domain.past import Chronicle
from hadir.membership.replies import read_chronicle, read_circumstances
from hadir.membership.session_scripts import SessionScripts


class Inquiry:
    """Asks about sessions.

    Every method is one round trip, atomic, and changes nothing.

    Raises:
        MembershipUnavailable: from every method, when Redis does not answer.
    """

    def __init__(self, scripts: SessionScripts) -> None:
        self._scripts = scripts

    def chronicle(self, ref: SessionRef) -> Chronicle:
        """A session as it is now, and what its history says of who was present."""
        return read_chronicle(ref, self._scripts.run("past", ref))

    def circumstances(self, ref: SessionRef) -> Circumstances:
        """The same, with all that Redis holds of the session's sockets."""
        return read_circumstances(ref, self._scripts.run("explain", ref))
