"""The rates beyond which API Gateway answers 429."""

from collections.abc import Mapping
from time import monotonic

from apigw_local.core.throttle import Bucket
from apigw_local.limits import ACCOUNT_BURST, ACCOUNT_RATE, CONNECTIONS_RATE
from apigw_local.template.model import Route


class Throttles:
    """The account's quotas, and those that the stage sets for its routes."""

    def __init__(self, routes: Mapping[str, Route]) -> None:
        now = monotonic()
        self._account = Bucket(ACCOUNT_RATE, ACCOUNT_BURST, now)
        self._connections = Bucket(CONNECTIONS_RATE, CONNECTIONS_RATE, now)
        self._routes = {
            key: Bucket(route.throttle.rate, route.throttle.burst, now)
            for key, route in routes.items()
            if route.throttle
        }

    def connection(self) -> bool:
        """Whether one more upgrade may be asked for."""
        return self.request("$connect") and self._connections.take(monotonic())

    def request(self, route_key: str) -> bool:
        """Whether one more message may go that way; calls of the management API have no route."""
        now = monotonic()
        route = self._routes.get(route_key)
        return self._account.take(now) and (route is None or route.take(now))
