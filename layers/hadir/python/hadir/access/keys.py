"""The keys to verify tokens with, fetched when needed and cached."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from hadir.domain.errors import InvalidToken, KeysUnavailable

if TYPE_CHECKING:
    from jwt import PyJWK

T = TypeVar("T")

KEPT_SECONDS = 300.0
"""How long keys are used before they are fetched again."""

LONGEST_KEPT_SECONDS = 3600.0
"""How long keys are used while new ones cannot be fetched, as a revoked key must end some time."""

COOLDOWN_SECONDS = 10.0
"""A token that no known key verifies may be signed with a new key, or forged: keys are fetched
again for it, but not more often than this."""

FETCH_SECONDS = 2.0

_SHORTEST_SECRET = 32  # bytes, for HS256 (RFC 7518, 3.2)
_CURRENT, _PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"


class _Kept(Generic[T]):
    """A cache of keys. While new ones cannot be fetched, the last ones serve for a time.

    Args:
        fetch: raises ``KeysUnavailable``.
        clock: seconds, of any origin.
    """

    def __init__(self, fetch: Callable[[], T], clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: T | None = None
        self._asked_at = -KEPT_SECONDS
        self._fetched_at = 0.0

    def get(self, *, fresh: bool = False) -> T:
        """The keys.

        Args:
            fresh: fetch them again, unless that has just been tried.

        Raises:
            KeysUnavailable: there are none, or they are too old, and fetching new ones fails.
        """
        now = self._clock()
        age = now - self._asked_at
        if age >= (COOLDOWN_SECONDS if fresh or self._keys is None else KEPT_SECONDS):
            self._asked_at = now
            try:
                self._keys, self._fetched_at = self._fetch(), now
            except KeysUnavailable:
                if now - self._fetched_at >= LONGEST_KEPT_SECONDS:
                    self._keys = None
                if self._keys is None:
                    raise
        if self._keys is None:
            raise KeysUnavailable("the keys could not be read a moment ago")
        return self._keys


class SecretKeys:
    """HS256: the value of a secret in Secrets Manager, and the previous one.

    Storing a new value rotates the secret: Secrets Manager keeps the old value as ``AWSPREVIOUS``,
    and tokens signed with it are accepted until the next rotation.

    Args:
        fetch: returns the secret's value at a stage; None if there is none.
        clock: returns seconds, of any origin.
    """

    def __init__(
        self, fetch: Callable[[str], str | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        def both() -> tuple[str, ...]:
            current, previous = fetch(_CURRENT), fetch(_PREVIOUS)
            if not current or not _is_long_enough(current):
                text = f"the token secret must have {_SHORTEST_SECRET} bytes or more"
                raise KeysUnavailable(text)
            return (current, previous) if previous and _is_long_enough(previous) else (current,)

        self._kept = _Kept(both, clock)

    def keys(self, *, fresh: bool = False) -> tuple[str, ...]:
        """The current key, and the previous one if there is one that is long enough.

        Args:
            fresh: fetch them again, unless that has just been tried.

        Raises:
            KeysUnavailable: there are none, or they are too old, and fetching new ones fails.
        """
        return self._kept.get(fresh=fresh)


def _is_long_enough(key: str) -> bool:
    return len(key.encode()) >= _SHORTEST_SECRET


class SigningKeys:
    """RS256 and ES256: the public keys that an issuer publishes (RFC 7517).

    Args:
        url: the URL of the JSON Web Key Set.
        clock: returns seconds, of any origin.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        from jwt import PyJWKClient  # noqa: PLC0415 (what it takes is not needed with a secret)
        from jwt.exceptions import PyJWTError  # noqa: PLC0415

        client = PyJWKClient(url, cache_jwk_set=False, timeout=FETCH_SECONDS)

        def published() -> "dict[str, PyJWK]":
            try:
                return {str(key.key_id): key for key in client.get_signing_keys()}
            except (PyJWTError, OSError, TypeError, ValueError) as error:
                raise KeysUnavailable(f"the issuer's keys could not be read: {error}") from error

        self._kept = _Kept(published, clock)

    def key(self, key_id: str) -> "PyJWK":
        """The public key with that id; if it is unknown, the set is fetched again.

        Raises:
            InvalidToken: there is no such key.
            KeysUnavailable: there is no set, or it is too old, and fetching a new one fails.
        """
        key = self._kept.get().get(key_id) or self._kept.get(fresh=True).get(key_id)
        if not key:
            raise InvalidToken("the token is signed with a key that its issuer does not know")
        return key


def fetch_secret(secret_id: str) -> Callable[[str], str | None]:
    """A function that reads a secret's value at a stage from Secrets Manager."""
    from aws_lambda_powertools.utilities.parameters import SecretsProvider  # noqa: PLC0415
    from aws_lambda_powertools.utilities.parameters.exceptions import (  # noqa: PLC0415
        GetParameterError,
    )
    from boto3 import Session  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import ClientError  # noqa: PLC0415

    short = Config(
        connect_timeout=1,
        read_timeout=FETCH_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 2},
    )
    provider = SecretsProvider(boto_config=short, boto3_session=Session())

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
