"""Reads a handler's settings from environment variables."""

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from hadir.domain.errors import InvalidSettings
from hadir.domain.limits import Limits
from hadir.domain.roles import CustomersSee

_ELASTICACHE = ".cache.amazonaws.com"
"""In the name of every ElastiCache ("Finding connection endpoints", Amazon ElastiCache)."""


class Settings:
    """Environment variables, each checked when it is first needed.

    A handler needs only some of them, so a missing one is an error only for those that need it.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment

    @property
    def redis_url(self) -> str:
        """``REDIS_URL``: ``redis://``, ``rediss://`` (TLS) or ``unix://``.

        ``redis+cluster://`` and ``rediss+cluster://`` name any node of a cluster. ElastiCache is
        reached by TLS only.
        """
        url = self._url("REDIS_URL", {"redis", "rediss", "unix", "redis+cluster", "rediss+cluster"})
        if _ELASTICACHE in (urlsplit(url).hostname or "") and not url.startswith("rediss"):
            raise InvalidSettings("with ElastiCache, REDIS_URL must begin with rediss:// (TLS)")
        return url

    @property
    def redis_iam(self) -> tuple[str, str] | None:
        """``REDIS_IAM_USER`` and ``REDIS_IAM_CACHE``, for ElastiCache with IAM authentication."""
        user, cache = (self._environment.get(f"REDIS_IAM_{it}", "") for it in ("USER", "CACHE"))
        if bool(user) != bool(cache):
            raise InvalidSettings("set both REDIS_IAM_USER and REDIS_IAM_CACHE, or neither")
        if user and not self.redis_url.startswith("rediss"):
            raise InvalidSettings("with IAM, REDIS_URL must begin with rediss:// (TLS)")
        if user and urlsplit(self.redis_url).password:
            raise InvalidSettings("with IAM there is no password: take it out of REDIS_URL")
        return (user, cache) if user else None

    @property
    def management_endpoint(self) -> str:
        """``AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI``: ``https://…/{stage}``.

        The variable AWS's SDKs read for this service ("Service-specific endpoints", AWS SDKs and
        Tools Reference Guide); the template sets it, a local gateway sets its own.
        """
        return self._url("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI", {"http", "https"})

    @property
    def region(self) -> str:
        """``AWS_REGION``, which Lambda always sets."""
        return self._text("AWS_REGION")

    @property
    def announce_function(self) -> str:
        """``ANNOUNCE_FUNCTION``: name or ARN of the function that announces a new socket."""
        return self._text("ANNOUNCE_FUNCTION")

    @property
    def message_function(self) -> str:
        """``MESSAGE_FUNCTION``: name or ARN of the function that handles clients' messages."""
        return self._text("MESSAGE_FUNCTION")

    @property
    def heartbeat_timeout_seconds(self) -> float:
        """``HEARTBEAT_TIMEOUT_SECONDS``: how long a client that sends heartbeats may be silent.

        At least 90 in a browser: a hidden tab's timers run about once a minute.
        """
        return self._number("HEARTBEAT_TIMEOUT_SECONDS", 90, lowest=1)

    @property
    def grace_seconds(self) -> float:
        """``DISCONNECT_GRACE_SECONDS``: back within it, a person was never gone. At most 300."""
        return self._number("DISCONNECT_GRACE_SECONDS", 0, lowest=0, highest=300)

    @property
    def customers_see(self) -> CustomersSee:
        """``CUSTOMERS_SEE``: whom customers may see; ``everybody`` by default."""
        text = self._environment.get("CUSTOMERS_SEE") or CustomersSee.EVERYBODY
        try:
            return CustomersSee(text)
        except ValueError:
            allowed = ", ".join(CustomersSee)
            raise InvalidSettings(f"CUSTOMERS_SEE must be one of {allowed}") from None

    @property
    def grace_queue_url(self) -> str:
        """``GRACE_QUEUE_URL``: the queue whose delayed messages end graces; or empty."""
        if not self.grace_seconds:
            return ""
        return self._url("GRACE_QUEUE_URL", {"http", "https"})

    @property
    def needs_no_token(self) -> bool:
        """``AUTH_MODE``: ``open`` takes identities from URLs unproven; the default is ``token``."""
        mode = self._environment.get("AUTH_MODE") or "token"
        if mode not in ("token", "open"):
            raise InvalidSettings("AUTH_MODE must be token or open")
        return mode == "open"

    @property
    def token_secret_id(self) -> str:
        """``TOKEN_SECRET_ID``: the secret that signs tokens with HS256; may be empty."""
        return self._environment.get("TOKEN_SECRET_ID", "")

    @property
    def jwks_url(self) -> str:
        """``JWKS_URL``: where the keys that verify tokens are published; may be empty.

        ``https://``, so that nobody on the way can put in keys of their own; on this machine
        ``http://`` too.
        """
        url = self._environment.get("JWKS_URL", "")
        parts = urlsplit(url)
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if url and parts.scheme != "https" and not (local and parts.scheme == "http"):
            raise InvalidSettings("JWKS_URL must begin with https://")
        return url

    @property
    def token_audience(self) -> str:
        """``TOKEN_AUDIENCE``: what a token's ``aud`` must be."""
        return self._environment.get("TOKEN_AUDIENCE") or "hadir"

    @property
    def token_issuer(self) -> str:
        """``TOKEN_ISSUER``: what a token's ``iss`` must be; empty: anything."""
        return self._environment.get("TOKEN_ISSUER", "")

    @property
    def allowed_origins(self) -> frozenset[str]:
        """``ALLOWED_ORIGINS``: web origins, separated by commas; ``*`` for any."""
        origins = self._text("ALLOWED_ORIGINS").lower().split(",")
        return frozenset(each.strip().rstrip("/") for each in origins if each.strip())

    @property
    def limits(self) -> Limits:
        """``MESSAGES_PER_SECOND``, ``CONNECTIONS_PER_USER``, ``PEOPLE_PER_SESSION``."""
        usual = Limits()
        rate = self._number("MESSAGES_PER_SECOND", usual.messages_per_second, 0.1, 1000)
        each = self._number("CONNECTIONS_PER_USER", usual.connections_per_user, 1, 1000)
        most = self._number("PEOPLE_PER_SESSION", usual.people_per_session, 1, 10_000)
        return Limits(rate, max(int(rate * 5), 10), int(each), int(most))

    def _number(self, name: str, default: float, lowest: float, highest: float = 86400) -> float:
        text = self._environment.get(name) or str(default)
        try:
            value = float(text)
        except ValueError:
            value = -1
        if not lowest <= value <= highest:
            raise InvalidSettings(f"{name} must be a number from {lowest} to {highest}")
        return value

    def _text(self, name: str) -> str:
        value = self._environment.get(name, "")
        if not value:
            raise InvalidSettings(f"set the environment variable {name}")
        return value

    def _url(self, name: str, schemes: set[str]) -> str:
        value = self._text(name)
        if urlsplit(value).scheme not in schemes:
            expected = ", ".join(f"{scheme}://" for scheme in sorted(schemes))
            raise InvalidSettings(f"{name} must begin with one of {expected}")
        return value
