"""Passwords for an ElastiCache that uses IAM ("Authenticating with IAM", Amazon ElastiCache)."""

from urllib.parse import urlencode

from awscrt.auth import (
    AwsCredentialsProvider,
    AwsSignatureType,
    AwsSigningConfig,
    aws_sign_request,
)
from awscrt.exceptions import AwsCrtError
from awscrt.http import HttpHeaders, HttpRequest
from awscrt.io import ClientBootstrap, DefaultHostResolver, EventLoopGroup
from redis import AuthenticationError, CredentialProvider

_SECONDS = 900
"""How long a password is good for a new connection."""

_SIGNING_SECONDS = 2


class ElastiCachePasswords(CredentialProvider):
    """A fresh password for each connection: a signed request that is never sent.

    ElastiCache ends connections after 12 hours; the next one gets a password of its own.

    Args:
        user: the user id, which must be the user's name too.
        cache: name of the serverless cache, or id of the replication group.
        serverless: whether ``cache`` is a serverless cache.
        credentials: None for those that an AWS SDK finds by itself.
    """

    def __init__(
        self,
        user: str,
        cache: str,
        region: str,
        *,
        serverless: bool,
        credentials: AwsCredentialsProvider | None = None,
    ) -> None:
        self._user = user
        self._cache = cache.lower()
        self._region = region
        self._resource = {"ResourceType": "ServerlessCache"} if serverless else {}
        loops = EventLoopGroup(1)
        bootstrap = ClientBootstrap(loops, DefaultHostResolver(loops))
        self._credentials = credentials or AwsCredentialsProvider.new_default_chain(bootstrap)

    def get_credentials(self) -> tuple[str, str]:
        """User and password, good for 15 minutes.

        Raises:
            redis.AuthenticationError: there are no AWS credentials to sign with.
        """
        query = urlencode({"Action": "connect", "User": self._user, **self._resource})
        request = HttpRequest("GET", f"/?{query}", HttpHeaders([("host", self._cache)]))
        config = AwsSigningConfig(
            credentials_provider=self._credentials,
            region=self._region,
            service="elasticache",
            signature_type=AwsSignatureType.HTTP_REQUEST_QUERY_PARAMS,
            expiration_in_seconds=_SECONDS,
        )
        try:
            signed = aws_sign_request(request, config).result(_SIGNING_SECONDS)
        except (AwsCrtError, RuntimeError, TimeoutError) as error:
            raise AuthenticationError(f"no password could be made with IAM: {error}") from error
        return self._user, f"{self._cache}{signed.path}"
