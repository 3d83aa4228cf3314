"""The environment a handler runs in, read once, before the first event."""

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from hadir.domain.errors import InvalidSettings


class Settings:
    """Environment variables, each checked when it is first needed.

    A handler needs only some of them, so a missing one is an error only for those that need it.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment

    @property
    def redis_url(self) -> str:
        """``REDIS_URL``: ``redis://``, ``rediss://`` (TLS) or ``unix://``.

        ``redis+cluster://`` and ``rediss+cluster://`` name any node of a cluster.
        """
        return self._url(
            "REDIS_URL", {"redis", "rediss", "unix", "redis+cluster", "rediss+cluster"}
        )

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
    def heartbeat_timeout_seconds(self) -> float:
        """``HEARTBEAT_TIMEOUT_SECONDS``: how long a client that used to speak may be silent.

        At least 90 in a browser: a hidden tab's timers run about once a minute.
        """
        return self._number("HEARTBEAT_TIMEOUT_SECONDS", 90, lowest=1)

    @property
    def grace_seconds(self) -> float:
        """``DISCONNECT_GRACE_SECONDS``: who is back within it was never gone. At most 20."""
        return self._number("DISCONNECT_GRACE_SECONDS", 0, lowest=0, highest=20)

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
