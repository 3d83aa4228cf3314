"""What invokes a function besides the WebSocket API: HttpApi and Schedule events."""

import re
from collections.abc import Iterator

from apigw_local.errors import TemplateError
from apigw_local.template.document import Map, text
from apigw_local.template.intrinsics import Resolver
from apigw_local.template.model import HttpRoute, Schedule

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_ANY = "X-AMAZON-APIGATEWAY-ANY-METHOD"
_SCHEDULES = ("Schedule", "ScheduleV2")


def http_routes(function: str, properties: Map, resolver: Resolver) -> Iterator[HttpRoute]:
    """The routes of an HTTP API that lead to ``function``."""
    for _, event in _events(properties, ("HttpApi",)):
        method = text(resolver.resolve(event.get("Method", "ANY"), event.at("Method"))).upper()
        path = text(resolver.resolve(event.get("Path", "/{proxy+}"), event.at("Path")))
        yield HttpRoute("ANY" if method == _ANY else method, path, function)


def schedules(function: str, properties: Map, resolver: Resolver) -> Iterator[Schedule]:
    """The schedules on which ``function`` is invoked.

    Raises:
        TemplateError: a schedule is not of the form ``rate(…)``.
    """
    for name, event in _events(properties, _SCHEDULES):
        for key in ("Schedule", "ScheduleExpression"):
            if key in event:
                said = text(resolver.resolve(event[key], event.at(key)))
                rate = _RATE.fullmatch(said)
                if rate is None:
                    raise TemplateError(f"only rate(…) runs locally, found {said}", event.at(key))
                yield Schedule(function, name, int(rate[1]) * _SECONDS[rate[2]])


def _events(properties: Map, kinds: tuple[str, ...]) -> Iterator[tuple[str, Map]]:
    events = properties.map("Events")
    for name in events:
        event = events.map(name)
        if event.get("Type") in kinds:
            yield name, event.map("Properties")
