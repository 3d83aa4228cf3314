"""What invokes a function besides the WebSocket API: HttpApi and Schedule events."""

import re
from collections.abc import Iterator

from apigw_local.template.document import Map, text
from apigw_local.template.functions import FunctionReader
from apigw_local.template.http_apis import HttpApiReader
from apigw_local.template.intrinsics import Resolver
from apigw_local.template.model import DEFAULT_PATH, HttpRoute, Schedule
from apigw_local.template.shared_port import SharedPort

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_ANY = "X-AMAZON-APIGATEWAY-ANY-METHOD"
_SCHEDULES = ("Schedule", "ScheduleV2")


class EventReader:
    """Reads the events of functions.

    Attributes:
        warnings: what will not happen, each with a line.
    """

    def __init__(
        self,
        resolver: Resolver,
        functions: FunctionReader,
        http_apis: HttpApiReader,
        port: SharedPort,
    ) -> None:
        self._resolver = resolver
        self._functions = functions
        self._http_apis = http_apis
        self._port = port
        self.warnings: list[tuple[int, str]] = []

    def http_routes(self, function: str) -> Iterator[HttpRoute]:
        """The routes of an HTTP API that lead to ``function``."""
        for _, event in self._events(function, ("HttpApi",)):
            said = text(self._resolver.value(event, "Method", "ANY")).upper()
            method = "ANY" if said == _ANY else said
            path = text(self._resolver.value(event, "Path", DEFAULT_PATH))
            api = self._http_apis.settings(event)
            authorizer = self._http_apis.authorizer(event, method, path)
            timeout = self._http_apis.timeout(event)
            if clash := self._port.clash(method, path, api):
                self.warnings.append((event.at("Path"), clash))
            yield HttpRoute(method, path, function, api, authorizer, timeout)

    def schedules(self, function: str) -> Iterator[Schedule]:
        """The schedules on which ``function`` is invoked; those that are enabled."""
        for name, event in self._events(function, _SCHEDULES):
            enabled = text(self._resolver.value(event, "Enabled", default=True)) == "true"
            if not enabled or self._resolver.value(event, "State") == "DISABLED":
                continue
            key = "Schedule" if "Schedule" in event else "ScheduleExpression"
            said = text(self._resolver.value(event, key))
            rate = _RATE.fullmatch(said)
            if rate:
                seconds = int(rate[1]) * _SECONDS[rate[2]]
                given = self._resolver.value(event, "Input")
                yield Schedule(function, name, seconds, None if given is None else text(given))
            else:
                self.warnings.append((event.at(key), f"only rate(…) runs locally, not {said}"))

    def _events(self, function: str, kinds: tuple[str, ...]) -> Iterator[tuple[str, Map]]:
        events = self._functions.properties(function).map("Events")
        for name in events:
            event = events.map(name)
            if event.get("Type") in kinds:
                self._functions.check(function)
                yield name, event.map("Properties")
