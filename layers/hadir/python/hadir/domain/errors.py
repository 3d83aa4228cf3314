"""The errors Hadir raises on purpose.

HadirError
├── InvalidIdentity      an id or a user type that cannot be
├── InvalidRequest       what a client sent is not in the contract; carries the wire code
├── InvalidSettings      an environment variable is missing or wrong
├── InvalidToken         a token that proves nothing
├── NotPermitted         somebody may not do what they ask for
├── KeysUnavailable      the keys that tokens are verified with could not be fetched
├── MembershipUnavailable  Redis did not answer in time, or answered with an error
├── SocketsUnavailable   the management API did not answer in time, or refused
├── SocketFailed         a socket of our own was refused, was closed, or was told nothing in time
├── FunctionsUnavailable  another function could not be invoked, or failed
└── NotQueued            a queue did not take a message
"""


class HadirError(Exception):
    """Base of every error Hadir raises on purpose."""


class InvalidIdentity(HadirError):
    """A session id, user id or user type that does not fit the contract, section 1."""


class InvalidRequest(HadirError):
    """A client's message that is answered with an ``error`` frame and changes nothing.

    Attributes:
        code: one of the contract's codes (section 4), for example ``invalid_json``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class InvalidSettings(HadirError):
    """An environment variable is missing or has a value that cannot be used."""


class InvalidToken(HadirError):
    """A token is forged, expired, not yet valid, for somebody else, or not a token.

    The text never repeats what the token holds, which may be hostile.
    """


class NotPermitted(HadirError):
    """Somebody may not do what they ask for, or not there."""


class KeysUnavailable(HadirError):
    """The keys that tokens are verified with could not be fetched; nobody can be let in."""


class NotQueued(HadirError):
    """A queue did not take a message; it may have, and not have said so in time."""


class MembershipUnavailable(HadirError):
    """Redis could not be asked; nothing is known to have changed."""


class SocketsUnavailable(HadirError):
    """API Gateway's management API did not say, or did not do, what it was asked for a socket."""


class SocketFailed(HadirError):
    """A socket that we opened as a client was refused, was closed, or was told nothing in time."""


class FunctionsUnavailable(HadirError):
    """Another function could not be invoked, or failed; it may have run all the same."""
