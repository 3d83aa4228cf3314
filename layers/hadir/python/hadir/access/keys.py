"""The keys that tokens are verified with, fetched when needed and kept for a while."""

import time
from collections.abc import Callable
from typing import Any

from hadir.domain.errors import InvalidToken, KeysUnavailable

KEPT_SECONDS = 300.0
"""How long keys are used before they are fetched again."""

COOLDOWN_SECONDS = 10.0
"""A token that no known key verifies may be signed with a new one, or forged: for its sake keys are
fetched again, but not more often than this."""

FETCH_SECONDS = 2.0

_SHORTEST_SECRET = 32  # bytes, for HS256 (RFC 7518, 3.2)
_CURRENT, _PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"


class SecretKeys:
    """HS256: the value of a secret in Secrets Manager, and the one before it.

    Whoever stores a new value rotates: Secrets Manager keeps the old one as ``AWSPREVIOUS``, and
    tokens signed with it are taken until the next rotation.

    Args:
        fetch: the value of the secret's version at a stage; None if there is none.
        clock: seconds, of any origin.
    """

    def __init__(
        self, fetch: Callable[[str], str | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: tuple[str, ...] = ()
        self._asked_at = -KEPT_SECONDS

    def keys(self, *, fresh: bool = False) -> tuple[str, ...]:
        """The current key, and the previous one if there is one.

        Args:
            fresh: fetch them again, unless that has just been done.

        Raises:
            KeysUnavailable: they were never fetched, and cannot be now.
        """
        age = self._clock() - self._asked_at
        if age < (COOLDOWN_SECONDS if fresh or not self._keys else KEPT_SECONDS):
            if not self._keys:
                raise KeysUnavailable("the token secret could not be read a moment ago")
            return self._keys
        self._asked_at = self._clock()
        try:
            fetched = [self._fetch(stage) for stage in (_CURRENT, _PREVIOUS)]
        except KeysUnavailable:
            if not self._keys:
                raise
            return self._keys
        keys = tuple(key for key in fetched if key)
        if not keys or any(len(key.encode()) < _SHORTEST_SECRET for key in keys):
            raise KeysUnavailable(f"the token secret must have {_SHORTEST_SECRET} bytes or more")
        self._keys = keys
        return keys


class SigningKeys:
    """RS256 and ES256: the public keys that an issuer publishes (RFC 7517).

    Args:
        url: of the JSON Web Key Set.
    """

    def __init__(self, url: str, cooldown_seconds: float = COOLDOWN_SECONDS) -> None:
        from jwt import PyJWKClient  # noqa: PLC0415 (what it takes is not needed with a secret)

        self._client = PyJWKClient(
            url, lifespan=KEPT_SECONDS, timeout=FETCH_SECONDS, cooldown_duration=cooldown_seconds
        )

    def key(self, key_id: str) -> Any:
        """The public key of that name; an unknown one is looked for again.

        Raises:
            InvalidToken: there is no such key.
            KeysUnavailable: the set cannot be fetched.
        """
        from jwt.exceptions import (  # noqa: PLC0415
            PyJWKClientConnectionError,
            PyJWKClientError,
            PyJWKError,
            PyJWKSetError,
        )

        try:
            return self._client.get_signing_key(key_id)
        except (PyJWKClientConnectionError, PyJWKSetError) as error:
            raise KeysUnavailable(f"the issuer's keys could not be read: {error}") from error
        except (PyJWKClientError, PyJWKError):
            raise InvalidToken(
                "the token is signed with a key that its issuer does not know"
            ) from None


def fetch_secret(secret_id: str) -> Callable[[str], str | None]:
    """Reads a secret's versions from Secrets Manager."""
    from aws_lambda_powertools.utilities.parameters import SecretsProvider  # noqa: PLC0415
    from aws_lambda_powertools.utilities.parameters.exceptions import (  # noqa: PLC0415
        GetParameterError,
    )
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import ClientError  # noqa: PLC0415

    short = Config(
        connect_timeout=1,
        read_timeout=FETCH_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 2},
    )
    provider = SecretsProvider(boto_config=short)

    def fetch(stage: str) -> str | None:
        try:
            value = provider.get(secret_id, force_fetch=True, VersionStage=stage)
        except GetParameterError as error:
            cause = error.__context__
            missing = (
                isinstance(cause, ClientError)
                and cause.response["Error"]["Code"] == "ResourceNotFoundException"
            )
            if stage == _PREVIOUS and missing:
                return None
            raise KeysUnavailable(f"the token secret could not be read: {error}") from error
        return value.decode() if isinstance(value, bytes) else str(value)

    return fetch
