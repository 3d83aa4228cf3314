"""The errors Hadir raises on purpose.

HadirError
├── InvalidIdentity      an id or a user type is invalid
├── InvalidRequest       a client's message is not in the contract; carries the wire code
├── InvalidSettings      an environment variable is missing or wrong
├── InvalidToken         a token is not valid
├── NotPermitted         somebody may not do what they ask for
├── NotKept              the history does not say what somebody asks for
├── KeysUnavailable      the keys to verify tokens with could not be fetched
├── MembershipUnavailable  Redis did not answer in time, or answered with an error
├── SocketsUnavailable   the management API did not answer in time, or refused
├── SocketFailed         a socket of our own was refused, was closed, or was told nothing in time
├── FunctionsUnavailable  another function could not be invoked, or failed
└── NotQueued            a queue did not take a message
"""

from collections.abc import Mapping
from types import MappingProxyType


class HadirError(Exception):
    """Base of every error Hadir raises on purpose."""


class InvalidIdentity(HadirError):
    """A session id, user id or user type that does not fit the contract, section 1."""


class InvalidRequest(HadirError):
    """A client's message is refused: it gets an ``error`` frame and changes nothing.

    Attributes:
        code: one of the contract's codes (section 4), for example ``invalid_json``.
        details: further fields of the frame.
    """

    def __init__(
        self, code: str, message: str, details: Mapping[str, object] = MappingProxyType({})
    ) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class InvalidSettings(HadirError):
    """An environment variable is missing or has a value that cannot be used."""


class InvalidToken(HadirError):
    """A token is forged, expired, not yet valid, for somebody else, or not a token.

    The text never repeats what the token contains, which may be hostile.
    """


class NotPermitted(HadirError):
    """Somebody may not do what they ask for, or not in this session."""


class NotKept(HadirError):
    """The history does not reach back to what somebody asks for, or it has not come yet."""


class KeysUnavailable(HadirError):
    """The keys to verify tokens with could not be fetched; nobody can be let in."""


class NotQueued(HadirError):
    """A queue did not confirm in time that it took a message; it may have taken it all the same."""


class MembershipUnavailable(HadirError):
    """Redis did not answer; the change may have happened all the same."""


class ScriptFailed(MembershipUnavailable):
    """What was found in Redis is not as it should be; another try would fail too."""


class SocketsUnavailable(HadirError):
    """API Gateway's management API refused a request about a socket, or did not answer."""


class SocketFailed(HadirError):
    """A socket that we opened as a client was refused, was closed, or was told nothing in time."""


class FunctionsUnavailable(HadirError):
    """Another function could not be invoked, or failed; it may have run all the same."""
