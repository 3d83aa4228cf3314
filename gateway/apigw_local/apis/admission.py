"""What stands between an upgrade request and 101: throttle, key, authorizer, ``$connect``."""

import asyncio
import json
import re
import time

from apigw_local.apis.throttles import Throttles
from apigw_local.core.events.websocket import Connection, authorizer_event, connect_event
from apigw_local.core.policies import MalformedAnswer, allowed, missing_identity
from apigw_local.core.signature import is_signed
from apigw_local.integrations.lambda_proxy import Integrations, Trouble
from apigw_local.limits import INTEGRATION_SECONDS
from apigw_local.log import Log
from apigw_local.runtime.invoker import Invoker
from apigw_local.template.model import Authorizer, WebSocketApi

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, 5.6.2


class Refused(Exception):
    """The upgrade is answered with an HTTP error; the message is for the client."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Admission:
    """Admits clients to one WebSocket API."""

    def __init__(
        self,
        api: WebSocketApi,
        functions: Invoker,
        throttles: Throttles,
        log: Log,
    ) -> None:
        self._api = api
        self._functions = functions
        self._integrations = Integrations(functions, log)
        self._throttles = throttles
        self._log = log

    async def admit(self, connection: Connection) -> str | None:
        """The subprotocol that ``$connect`` chose; ``connection`` gets the authorizer's context.

        Raises:
            Refused: with the status the client gets.
        """
        if not self._throttles.connection():
            raise Refused(429, "Too Many Requests")
        headers = {name.lower(): value for name, value in connection.headers}
        if self._api.signed and not is_signed(headers, connection.query):
            raise Refused(403, "Missing Authentication Token")
        route = self._api.routes.get("$connect")
        wants_key = route is not None and route.api_key_required
        if wants_key and not self._api.key_from_authorizer:
            connection.api_key = self._known_key(headers.get("x-api-key"))
        latency = None
        if self._api.authorizer:
            started = time.monotonic()
            key = await self._authorize(self._api.authorizer, connection)
            latency = int((time.monotonic() - started) * 1000)
            if wants_key and self._api.key_from_authorizer:
                connection.api_key = self._known_key(key)
        if route is None:
            return None
        answer = await self._integrations.invoke(route, connect_event(connection, latency))
        if answer is Trouble.TIMED_OUT:
            raise Refused(504, answer.value)
        if answer is Trouble.FAILED:
            raise Refused(502, answer.value)
        assert not isinstance(answer, Trouble)
        if not 200 <= answer.status < 300:
            raise Refused(answer.status, "refused by $connect")
        chosen = answer.headers.get("sec-websocket-protocol")
        if chosen is not None and not _TOKEN.fullmatch(chosen):
            self._log.trouble(route.function or "", f"{chosen!r} is not one subprotocol")
            raise Refused(502, Trouble.FAILED.value)
        if "sec-websocket-protocol" in headers and not chosen:
            self._log.warning(
                f"{route.function}: the client offered a subprotocol and $connect returned no "
                "Sec-WebSocket-Protocol: browsers close such a socket"
            )
        return chosen

    def _known_key(self, key: str | None) -> tuple[str, str]:
        for key_id, value in self._api.api_keys.items():
            if value == key:
                return key_id, value
        raise Refused(403, "Forbidden")

    async def _authorize(self, authorizer: Authorizer, connection: Connection) -> str | None:
        """Ask the authorizer; the API key it names."""
        if missing_identity(authorizer.identity_sources, connection):
            raise Refused(401, "Unauthorized")
        event = json.dumps(authorizer_event(connection)).encode()
        asked = self._functions.invoke(authorizer.function, event)
        try:
            result = await asyncio.wait_for(asyncio.shield(asked), INTEGRATION_SECONDS)
        except TimeoutError:
            raise Refused(500, "Internal server error") from None
        if result.failed:
            if result.error()[1] == "Unauthorized":
                raise Refused(401, "Unauthorized")
            raise Refused(500, "Internal server error")
        try:
            granted = allowed(result.payload, connection.method_arn)
        except MalformedAnswer as malformed:
            self._log.trouble(authorizer.function, f"malformed authorizer answer: {malformed}")
            raise Refused(500, "Internal server error") from malformed
        if granted is None:
            raise Refused(403, "Forbidden")
        connection.authorizer = granted.context
        return granted.api_key
