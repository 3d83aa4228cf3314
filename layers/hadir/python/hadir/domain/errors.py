"""The errors Hadir raises on purpose.

HadirError
├── InvalidIdentity      an id or a user type that cannot be
├── InvalidRequest       what a client sent is not in the contract; carries the wire code
├── InvalidSettings      an environment variable is missing or wrong
└── MembershipUnavailable  Redis did not answer in time, or answered with an error
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


class MembershipUnavailable(HadirError):
    """Redis could not be asked; nothing is known to have changed."""
