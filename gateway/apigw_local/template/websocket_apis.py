"""WebSocket APIs, in SAM's form and in CloudFormation's own."""

from collections.abc import Iterator
from typing import Any

from apigw_local.errors import TemplateError
from apigw_local.limits import ACCOUNT_BURST, ACCOUNT_RATE, INTEGRATION_SECONDS
from apigw_local.template.document import Map, merge, text
from apigw_local.template.functions import FunctionReader
from apigw_local.template.intrinsics import Resolver, api_id
from apigw_local.template.model import Authorizer, Route, Throttle, WebSocketApi

SAM = "AWS::Serverless::WebSocketApi"
_V2 = "AWS::ApiGatewayV2::"
PLAIN = f"{_V2}Api"

_ROUTE_KEYS = {
    "FunctionArn", "IntegrationTimeout", "ApiKeyRequired", "ModelSelectionExpression",
    "OperationName", "RequestModels", "RequestParameters", "RouteResponseSelectionExpression",
}  # fmt: skip
_AUTH_KEYS = {"AuthType", "AuthArn", "IdentitySource", "InvokeRole", "Name"}


def generated_ids(document: Map) -> set[str]:
    """Logical ids that SAM's translator makes of a WebSocketApi and others may refer to."""
    resources = document.map("Resources")
    return {
        f"{name}{key.lstrip('$').capitalize()}{kind}"
        for name in resources
        if resources.map(name).get("Type") == SAM
        for key in resources.map(name).map("Properties").map("Routes")
        for kind in ("Route", "Integration")
    }


class WebSocketReader:
    """Reads the WebSocket APIs of a template.

    Attributes:
        warnings: what AWS would do that its author may not expect, each with a line.
    """

    def __init__(self, document: Map, resolver: Resolver, functions: FunctionReader) -> None:
        self._resources = document.map("Resources")
        self._globals = document.map("Globals").map("WebSocketApi")
        self._resolver = resolver
        self._functions = functions
        self.warnings: list[tuple[int, str]] = []

    def names(self) -> list[str]:
        """The logical ids of all WebSocket APIs."""
        plain = (
            name
            for name, properties in self._of_type("Api")
            if self._value(properties, "ProtocolType") == "WEBSOCKET"
        )
        return [*(name for name, _ in self._sam()), *plain]

    def read(self, name: str, stage: str | None) -> WebSocketApi:
        """One API, at the stage of that name or, without one, at the only one.

        Raises:
            TemplateError: something cannot be served.
        """
        if self._resources.map(name).get("Type") == SAM:
            return self._read_sam(name, stage)
        return self._read_plain(name, stage)

    def _sam(self) -> Iterator[tuple[str, Map]]:
        for name in self._resources:
            resource = self._resources.map(name)
            if resource.get("Type") == SAM:
                merged = merge(self._globals, resource.map("Properties"))
                assert isinstance(merged, Map)
                yield name, merged

    def _of_type(self, kind: str) -> Iterator[tuple[str, Map]]:
        for name in self._resources:
            resource = self._resources.map(name)
            if resource.get("Type") == f"{_V2}{kind}" and self._resolver.exists(name):
                yield name, resource.map("Properties")

    def _of_api(self, kind: str, api: str) -> Iterator[tuple[str, Map]]:
        for name, properties in self._of_type(kind):
            if self._value(properties, "ApiId") == api_id(api):
                yield name, properties

    def _value(self, properties: Map, key: str, default: Any = None) -> Any:
        if key not in properties:
            return default
        return self._resolver.resolve(properties[key], properties.at(key))

    def _needed(self, properties: Map, key: str) -> str:
        if key not in properties:
            raise TemplateError(f"{key} is missing", properties.line)
        return text(self._value(properties, key))

    # SAM's form

    def _read_sam(self, name: str, stage: str | None) -> WebSocketApi:
        properties = dict(self._sam())[name]
        said = text(self._value(properties, "StageName", "default"))
        if stage not in (None, said):
            raise TemplateError(f"{name} has no stage {stage}, but {said}", properties.line)
        self._warn_of_sam(name, properties)
        routes_of = properties.map("Routes")
        routes = {}
        for key in routes_of:
            route = routes_of.map(key)
            function = self._functions.behind(route.get("FunctionArn"), route.at("FunctionArn"))
            two_way = self._two_way(route, f"{name}{key.lstrip('$').capitalize()}Route")
            routes[key] = self._route(
                key, function, route, "IntegrationTimeout", two_way, properties
            )
        auth = properties.map("Auth")
        authorizer = None
        if self._value(auth, "AuthType") == "CUSTOM":
            function = self._functions.behind(auth.get("AuthArn"), auth.at("AuthArn"))
            authorizer = Authorizer(function, self._sources(auth))
        signed = self._value(auth, "AuthType") == "AWS_IAM"
        return self._api(name, said, properties, properties, routes, authorizer, signed=signed)

    def _warn_of_sam(self, name: str, properties: Map) -> None:
        """SAM's translator makes one logical id of keys that differ in case or in ``$``."""
        resource = self._resources.map(name)
        if "Condition" in resource:
            self._warn(resource.at("Condition"), "SAM drops a WebSocketApi's Condition")
        routes = properties.map("Routes")
        seen: dict[str, str] = {}
        for key in routes:
            same = key.lstrip("$").lower()
            if same in seen:
                self._warn(
                    routes.at(key),
                    f"route {key} and {seen[same]} become one in AWS: the later one replaces the "
                    "other, its authorizer too",
                )
            seen[same] = key
            if same == "authorizer":
                self._warn(
                    routes.at(key), "a route named authorizer loses its permission to invoke"
                )
            for unknown in routes.map(key).keys() - _ROUTE_KEYS:
                self._warn(routes.map(key).at(unknown), f"SAM ignores {unknown} under a route")
        auth = properties.map("Auth")
        for unknown in auth.keys() - _AUTH_KEYS:
            self._warn(auth.at(unknown), f"SAM ignores {unknown} under Auth")

    # CloudFormation's own form

    def _read_plain(self, name: str, stage: str | None) -> WebSocketApi:
        properties = self._resources.map(name).map("Properties")
        stage_properties = self._stage(name, stage)
        routes = {}
        authorizer = None
        signed = False
        for logical_id, route in self._of_api("Route", name):
            key = self._needed(route, "RouteKey")
            integration = self._integration(name, route)
            function = self._behind(integration)
            two_way = self._two_way(route, logical_id)
            routes[key] = self._route(
                key, function, integration, "TimeoutInMillis", two_way, stage_properties, route
            )
            if key == "$connect":
                kind = self._value(route, "AuthorizationType", "NONE")
                signed = kind == "AWS_IAM"
                authorizer = self._authorizer(name, route) if kind == "CUSTOM" else None
        said = self._needed(stage_properties, "StageName")
        return self._api(
            name, said, properties, stage_properties, routes, authorizer, signed=signed
        )

    def _stage(self, api: str, wanted: str | None) -> Map:
        stages = {
            self._needed(properties, "StageName"): properties
            for _, properties in self._of_api("Stage", api)
        }
        line = self._resources.map(api).line
        if wanted is None and len(stages) == 1:
            return next(iter(stages.values()))
        if wanted is None:
            said = f"choose one with --stage: {', '.join(stages)}" if stages else "it has no Stage"
            raise TemplateError(f"{api}: {said}", line)
        if wanted not in stages:
            raise TemplateError(f"{api} has no stage {wanted}, but {', '.join(stages)}", line)
        return stages[wanted]

    def _integration(self, api: str, route: Map) -> Map:
        target = self._needed(route, "Target").removeprefix("integrations/")
        found = dict(self._of_api("Integration", api)).get(target)
        if found is None:
            raise TemplateError(
                f"Target must name an Integration of {api}, found {target}", route.at("Target")
            )
        return found

    def _behind(self, integration: Map) -> str | None:
        kind = self._needed(integration, "IntegrationType")
        if kind == "MOCK":
            return None
        if kind != "AWS_PROXY":
            raise TemplateError(
                f"an integration of type {kind} cannot be run locally, only AWS_PROXY and MOCK",
                integration.at("IntegrationType"),
            )
        key = "IntegrationUri"
        return self._functions.behind(integration.get(key), integration.at(key))

    def _authorizer(self, api: str, route: Map) -> Authorizer:
        wanted = self._needed(route, "AuthorizerId")
        found = dict(self._of_api("Authorizer", api)).get(wanted)
        if found is None:
            raise TemplateError(
                f"AuthorizerId must name an Authorizer of {api}, found {wanted}",
                route.at("AuthorizerId"),
            )
        key = "AuthorizerUri"
        function = self._functions.behind(found.get(key), found.at(key))
        return Authorizer(function, self._sources(found))

    # Both

    def _sources(self, properties: Map) -> tuple[str, ...]:
        key = "IdentitySource"
        found = self._value(properties, key, [])
        if not isinstance(found, list):
            raise TemplateError(f"{key} must be a list, found {found!r}", properties.at(key))
        for source in found:
            if not str(source).startswith(("route.request.", "stageVariables.", "context.")):
                raise TemplateError(
                    f"{source} is no identity source of a WebSocket API: "
                    "route.request.header.Name or route.request.querystring.name",
                    properties.at(key),
                )
        return tuple(map(str, found))

    def _two_way(self, route: Map, logical_id: str) -> bool:
        """A route answers if it says so and has a RouteResponse besides."""
        key = "RouteResponseSelectionExpression"
        if key not in route:
            return False
        for _, response in self._of_type("RouteResponse"):
            if self._value(response, "RouteId") == logical_id:
                return True
        self._warn(route.at(key), f"{key} alone returns nothing: AWS wants a RouteResponse too")
        return False

    def _route(
        self,
        key: str,
        function: str | None,
        integration: Map,
        timeout_key: str,
        two_way: bool,
        stage: Map,
        route: Map | None = None,
    ) -> Route:
        milliseconds = float(self._value(integration, timeout_key, INTEGRATION_SECONDS * 1000))
        if not 50 <= milliseconds <= INTEGRATION_SECONDS * 1000:
            raise TemplateError(
                f"{timeout_key} must be from 50 to 29000 ms, found {milliseconds:.0f}",
                integration.at(timeout_key),
            )
        properties = integration if route is None else route
        key_required = self._value(properties, "ApiKeyRequired", default=False)
        return Route(
            key=key,
            function=function,
            timeout=milliseconds / 1000,
            two_way=two_way,
            api_key_required=text(key_required) == "true",
            throttle=self._throttle(stage, key),
        )

    def _throttle(self, stage: Map, key: str) -> Throttle | None:
        settings = merge(stage.map("DefaultRouteSettings"), stage.map("RouteSettings").map(key))
        assert isinstance(settings, Map)
        rate = self._value(settings, "ThrottlingRateLimit")
        burst = self._value(settings, "ThrottlingBurstLimit")
        if rate is None and burst is None:
            return None
        return Throttle(
            float(ACCOUNT_RATE if rate is None else rate),
            int(ACCOUNT_BURST if burst is None else burst),
        )

    def _api(
        self,
        name: str,
        stage_name: str,
        api: Map,
        stage: Map,
        routes: dict[str, Route],
        authorizer: Authorizer | None,
        *,
        signed: bool,
    ) -> WebSocketApi:
        if "$default" not in routes:
            self._warn(api.line, 'there is no $default: messages of no route get "Forbidden"')
        keys = self._resources.items()
        variables = self._value(stage, "StageVariables", {})
        expression = text(api.get("ApiKeySelectionExpression", ""))
        return WebSocketApi(
            api_id=api_id(name),
            stage=stage_name,
            selection_expression=self._needed(api, "RouteSelectionExpression"),
            routes=routes,
            authorizer=authorizer,
            signed=signed,
            api_keys={
                key: text(self._value(resource.map("Properties"), "Value", key))
                for key, resource in keys
                if resource.get("Type") == "AWS::ApiGateway::ApiKey"
            },
            key_from_authorizer=expression == "$context.authorizer.usageIdentifierKey",
            stage_variables={key: text(value) for key, value in variables.items()},
        )

    def _warn(self, line: int, said: str) -> None:
        self.warnings.append((line, said))
