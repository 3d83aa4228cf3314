"""A SAM template, as far as a local run needs it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from apigw_local.errors import TemplateError
from apigw_local.intrinsics import Resolver, read_yaml
from apigw_local.limits import INTEGRATION_SECONDS

_FUNCTION = "AWS::Serverless::Function"
_LAYER = "AWS::Serverless::LayerVersion"
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_WEBSOCKET_API = "AWS::Serverless::WebSocketApi"


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function.

    Attributes:
        layers: folders that stand for ``/opt``, those named first first.
        timeout: seconds.
        memory: MB; told to the function, not enforced.
    """

    name: str
    handler: str
    runtime: str
    code: Path
    layers: tuple[Path, ...]
    environment: Mapping[str, str]
    timeout: float
    memory: int


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the WebSocket API and the function behind it."""

    key: str
    function: str
    timeout: float


@dataclass(frozen=True, slots=True)
class Authorizer:
    """A REQUEST authorizer on ``$connect``."""

    function: str
    identity_sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WebSocketApi:
    """The template's WebSocket API."""

    api_id: str
    stage: str
    selection_expression: str
    routes: Mapping[str, Route]
    authorizer: Authorizer | None
    stage_variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HttpRoute:
    """A route of the HTTP API and the function behind it."""

    method: str
    path: str
    function: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """A function that is invoked again and again, and what it is given."""

    function: str
    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Application:
    """All that is served."""

    functions: Mapping[str, Function]
    websocket_api: WebSocketApi | None
    http_routes: tuple[HttpRoute, ...]
    schedules: tuple[Schedule, ...]


def load(path: Path, overrides: Mapping[str, str], region: str) -> Application:
    """Read a template.

    Args:
        overrides: values of the template's parameters, over their defaults.

    Raises:
        TemplateError: one sentence that names the file and what to change.
    """
    try:
        document = read_yaml(path.read_text())
    except OSError as error:
        raise TemplateError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise TemplateError(f"{path} is not text in UTF-8") from error
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise TemplateError(f"{path}{line} is not valid YAML: {problem}") from error
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise TemplateError(f"{path} is not a SAM template: it has no Resources")
    try:
        return _Reader(document, path.parent.resolve(), overrides, region).application()
    except TemplateError as error:
        raise TemplateError(f"{path}: {error}") from error
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise TemplateError(
            f"{path} is not of a form SAM takes ({error}); sam validate --lint says where"
        ) from error


class _Reader:
    def __init__(
        self, document: dict[str, Any], root: Path, overrides: Mapping[str, str], region: str
    ) -> None:
        self._resources: dict[str, dict[str, Any]] = document["Resources"]
        self._globals: dict[str, dict[str, Any]] = document.get("Globals") or {}
        self._root = root
        self._resolver = Resolver(document, overrides, region)

    def application(self) -> Application:
        apis = list(self._of_type(_WEBSOCKET_API))
        if len(apis) > 1:
            names = ", ".join(name for name, _ in apis)
            raise TemplateError(f"there is more than one WebSocket API ({names}); serve one")
        functions = {
            name: self._function(name, properties)
            for name, properties in self._of_type(_FUNCTION, "Function")
        }
        http_routes = [
            route
            for name, properties in self._of_type(_FUNCTION)
            for route in self._http_routes(name, properties)
        ]
        schedules = [
            schedule
            for name, properties in self._of_type(_FUNCTION)
            for schedule in self._schedules(name, properties)
        ]
        if not apis and not http_routes:
            raise TemplateError("there is neither a WebSocket API nor an HttpApi event to serve")
        api = self._websocket_api(*apis[0], functions) if apis else None
        return Application(functions, api, tuple(http_routes), tuple(schedules))

    def _of_type(self, kind: str, section: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
        for name, resource in self._resources.items():
            if isinstance(resource, dict) and resource.get("Type") == kind:
                properties = resource.get("Properties") or {}
                yield name, _merge(self._globals.get(section) or {}, properties)

    def _function(self, name: str, properties: dict[str, Any]) -> Function:
        code = self._value(properties, "CodeUri", f"{name}.CodeUri")
        if not isinstance(code, str) or not (self._root / code).is_dir():
            raise TemplateError(f"{name}: CodeUri must name a folder, found {code!r}")
        variables = (properties.get("Environment") or {}).get("Variables") or {}
        return Function(
            name=name,
            handler=str(self._value(properties, "Handler", f"{name}.Handler")),
            runtime=str(self._value(properties, "Runtime", f"{name}.Runtime")),
            code=self._root / code,
            layers=tuple(self._layer(name, layer) for layer in properties.get("Layers") or []),
            environment={
                key: str(self._resolver.resolve(value, f"{name}.Environment.{key}"))
                for key, value in variables.items()
            },
            timeout=float(self._resolver.resolve(properties.get("Timeout", 3), name)),
            memory=int(self._resolver.resolve(properties.get("MemorySize", 128), name)),
        )

    def _layer(self, function: str, reference: Any) -> Path:
        name = self._resolver.logical_id(reference)
        resource = self._resources.get(name or "")
        if resource is None or resource.get("Type") != _LAYER:
            raise TemplateError(f"{function}: only layers of this template can be used locally")
        return self._root / str(self._value(resource["Properties"], "ContentUri", f"{name}"))

    def _http_routes(self, name: str, properties: dict[str, Any]) -> Iterator[HttpRoute]:
        for event in (properties.get("Events") or {}).values():
            if event.get("Type") == "HttpApi":
                route = event.get("Properties") or {}
                method = str(route.get("Method", "ANY")).upper()
                yield HttpRoute(method, str(route.get("Path", "/{proxy+}")), name)

    def _schedules(self, name: str, properties: dict[str, Any]) -> Iterator[Schedule]:
        for key, event in (properties.get("Events") or {}).items():
            if event.get("Type") == "Schedule":
                where = f"{name}.Events.{key}.Schedule"
                text = str(self._value(event.get("Properties") or {}, "Schedule", where))
                rate = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", text)
                if rate is None:
                    raise TemplateError(f"{where}: only rate(…) runs locally, found {text}")
                yield Schedule(name, key, int(rate[1]) * _SECONDS[rate[2]])

    def _websocket_api(
        self, name: str, properties: dict[str, Any], functions: Mapping[str, Function]
    ) -> WebSocketApi:
        def function_of(value: Any, where: str) -> str:
            found = self._resolver.logical_id(value)
            if found is None or found not in functions:
                raise TemplateError(f"{where} must be !GetAtt SomeFunction.Arn")
            return found

        routes = {}
        for key, route in (properties.get("Routes") or {}).items():
            milliseconds = route.get("IntegrationTimeout", INTEGRATION_SECONDS * 1000)
            function = function_of(route.get("FunctionArn"), f"{name}.Routes.{key}.FunctionArn")
            routes[key] = Route(key, function, float(milliseconds) / 1000)
        auth = properties.get("Auth") or {}
        authorizer = None
        if auth.get("AuthType") == "CUSTOM":
            sources = tuple(auth.get("IdentitySource") or ())
            authorizer = Authorizer(
                function_of(auth.get("AuthArn"), f"{name}.Auth.AuthArn"), sources
            )
        stage = self._resolver.resolve(properties.get("StageName", "default"), f"{name}.StageName")
        variables = self._resolver.resolve(properties.get("StageVariables") or {}, name)
        return WebSocketApi(
            api_id=self._resolver.api_id(name),
            stage=str(stage),
            selection_expression=str(self._value(properties, "RouteSelectionExpression", name)),
            routes=routes,
            authorizer=authorizer,
            stage_variables={key: str(value) for key, value in variables.items()},
        )

    def _value(self, properties: dict[str, Any], key: str, where: str) -> Any:
        if key not in properties:
            raise TemplateError(f"{where}: {key} is missing")
        return self._resolver.resolve(properties[key], where)


def _merge(defaults: Any, own: Any) -> Any:
    """SAM's rule for Globals: maps are merged, lists are joined, the rest is replaced."""
    if isinstance(defaults, dict) and isinstance(own, dict):
        keys = [*defaults, *(key for key in own if key not in defaults)]
        return {
            key: _merge(defaults[key], own[key])
            if key in defaults and key in own
            else own.get(key, defaults.get(key))
            for key in keys
        }
    if isinstance(defaults, list) and isinstance(own, list):
        return [*defaults, *own]
    return own
