"""WebSocket APIs, in SAM's form and in CloudFormation's own."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from apigw_local.core.routing import unread_paths
from apigw_local.errors import TemplateError
from apigw_local.limits import ACCOUNT_BURST, ACCOUNT_RATE, INTEGRATION_SECONDS
from apigw_local.template.document import Map, merge, text
from apigw_local.template.functions import FunctionReader
from apigw_local.template.generated import DEFAULT_STAGE, WEBSOCKET_API, route_id
from apigw_local.template.integrations import IntegrationReader
from apigw_local.template.intrinsics import Resolver, api_id
from apigw_local.template.model import Authorizer, Route, Throttle, WebSocketApi
from apigw_local.template.sam_rules import AUTH_TYPES, SPECIAL, check, surprises

_V2 = "AWS::ApiGatewayV2::"
_API_KEY = "AWS::ApiGateway::ApiKey"


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
            for name, properties in self._of_type(f"{_V2}Api")
            if self._resolver.value(properties, "ProtocolType") == "WEBSOCKET"
        )
        return [*(name for name, _ in self._sam()), *plain]

    def read(self, name: str, stage: str | None) -> WebSocketApi:
        """One API, at the stage of that name or, without one, at the only one.

        Raises:
            TemplateError: something cannot be served.
        """
        if self._resources.map(name).get("Type") == WEBSOCKET_API:
            return self._read_sam(name, stage)
        return self._read_plain(name, stage)

    def _sam(self) -> Iterator[tuple[str, Map]]:
        for name in self._resources:
            resource = self._resources.map(name)
            if resource.get("Type") == WEBSOCKET_API:
                merged = merge(self._globals, resource.map("Properties"))
                assert isinstance(merged, Map)
                yield name, merged

    def _of_type(self, kind: str) -> Iterator[tuple[str, Map]]:
        for name in self._resources:
            resource = self._resources.map(name)
            if resource.get("Type") == kind and self._resolver.exists(name):
                yield name, resource.map("Properties")

    def _of_api(self, kind: str, api: str) -> Iterator[tuple[str, Map]]:
        for name, properties in self._of_type(f"{_V2}{kind}"):
            if self._resolver.value(properties, "ApiId") == api_id(api):
                yield name, properties

    def _needed(self, properties: Map, key: str) -> str:
        found = self._resolver.value(properties, key)
        if found is None:
            raise TemplateError(f"{key} is missing", properties.line)
        return text(found)

    def _function(self, properties: Map, key: str) -> str:
        return self._functions.behind(self._needed(properties, key), properties.at(key))

    # SAM's form

    def _read_sam(self, name: str, stage: str | None) -> WebSocketApi:
        properties = dict(self._sam())[name]
        said = self._sam_stage(properties)
        if stage not in (None, said):
            raise TemplateError(f"{name} has no stage {stage}, but {said}", properties.line)
        check(self._resolver, self._globals, name, properties)
        self.warnings += surprises(self._resolver, self._resources.map(name), properties)
        routes_of = properties.map("Routes")
        routes = {}
        for key in routes_of:
            route = routes_of.map(key)
            function = self._function(route, "FunctionArn")
            two_way = self._two_way(route, route_id(name, key))
            routes[key] = self._route(
                key, function, route, "IntegrationTimeout", two_way, properties
            )
        auth = properties.map("Auth")
        kind = self._resolver.value(auth, "AuthType")
        authorizer = None
        if kind == "CUSTOM":
            authorizer = Authorizer(self._function(auth, "AuthArn"), self._sources(auth))
        signed = kind == "AWS_IAM"
        return self._api(name, said, properties, properties, routes, authorizer, signed=signed)

    def _sam_stage(self, properties: Map) -> str:
        written = properties.get("StageName", DEFAULT_STAGE)
        line = properties.at("StageName")
        if written == "$default":
            raise TemplateError("SAM allows no WebSocket stage $default", line)
        if not isinstance(written, Map) and not text(written).isalnum():
            raise TemplateError(
                f"SAM makes a logical id of the stage {written}: letters and digits only, unless "
                "it is the !Ref of a parameter",
                line,
            )
        return text(self._resolver.value(properties, "StageName", DEFAULT_STAGE))

    # CloudFormation's own form

    def _read_plain(self, name: str, stage: str | None) -> WebSocketApi:
        properties = self._resources.map(name).map("Properties")
        said, stage_properties = self._stage(name, stage)
        variables = self._resolver.texts(stage_properties, "StageVariables")
        integrations = IntegrationReader(self._resolver, self._functions, variables)
        found = dict(self._of_api("Integration", name))
        responses = tuple(each for _, each in self._of_api("IntegrationResponse", name))
        routes: dict[str, Route] = {}
        authorizer = None
        signed = needs_permission = False
        for logical_id, route in self._of_api("Route", name):
            key = self._needed(route, "RouteKey")
            if key in routes:
                raise TemplateError(f"{name} has two routes {key}", route.at("RouteKey"))
            self._check_plain_route(key, route)
            target = self._target(name, route, found)
            integration = found.get(target or "", Map({}, route.line, {}))
            behind = integrations.read(key, target, integration, responses)
            needs_permission |= bool(behind.function) and "CredentialsArn" not in integration
            two_way = self._two_way(route, logical_id)
            routes[key] = replace(
                self._route(
                    key,
                    behind.function,
                    integration,
                    "TimeoutInMillis",
                    two_way,
                    stage_properties,
                    route,
                ),
                mock=behind.mock,
                mapped=behind.mapped,
                unserved=behind.unserved,
            )
            if key == "$connect":
                kind = self._resolver.value(route, "AuthorizationType", "NONE")
                if kind not in AUTH_TYPES:
                    raise TemplateError(
                        f"AuthorizationType must be {', '.join(AUTH_TYPES)}, not {kind}",
                        route.at("AuthorizationType"),
                    )
                signed = kind == "AWS_IAM"
                authorizer = self._authorizer(name, route) if kind == "CUSTOM" else None
        self.warnings += integrations.warnings
        if integrations.failure and all(route.unserved for route in routes.values()):
            raise integrations.failure
        if needs_permission and not any(self._of_type("AWS::Lambda::Permission")):
            missing = (
                "without an AWS::Lambda::Permission AWS can invoke no function: clients get errors"
            )
            self._warn(self._resources.map(name).line, missing)
        return self._api(
            name, said, properties, stage_properties, routes, authorizer, signed=signed
        )

    def _stage(self, api: str, wanted: str | None) -> tuple[str, Map]:
        stages = {
            self._needed(properties, "StageName"): properties
            for _, properties in self._of_api("Stage", api)
        }
        line = self._resources.map(api).line
        # A deployment may make the stage too ("AWS::ApiGatewayV2::Deployment").
        for _, properties in self._of_api("Deployment", api):
            if "StageName" in properties:
                name = self._needed(properties, "StageName")
                stages.setdefault(name, Map({}, properties.line, {}))
        if not stages:
            made_up = wanted or DEFAULT_STAGE
            self._warn(line, f"{api} has no Stage; here it has one called {made_up}")
            return made_up, Map({}, line, {})
        if wanted is None and len(stages) == 1:
            return next(iter(stages.items()))
        if wanted is None:
            said = f"choose one with --stage: {', '.join(stages)}"
            raise TemplateError(f"{api}: {said}", line)
        if wanted not in stages:
            raise TemplateError(f"{api} has no stage {wanted}, but {', '.join(stages)}", line)
        return wanted, stages[wanted]

    def _target(self, api: str, route: Map, found: Mapping[str, Map]) -> str | None:
        """The integration that a route names; None for one that has none."""
        target = self._resolver.value(route, "Target")
        if target is None:
            return None
        name = text(target).removeprefix("integrations/")
        if name not in found:
            raise TemplateError(
                f"Target must name an Integration of {api}, found {name}", route.at("Target")
            )
        return name

    def _check_plain_route(self, key: str, route: Map) -> None:
        """What API Gateway refuses ("Routes", "AWS::ApiGatewayV2::Route")."""
        if key.startswith("$") and key not in SPECIAL:
            raise TemplateError(
                f"API Gateway keeps keys with $ to itself: {key}", route.at("RouteKey")
            )
        kind = "AuthorizationType"
        if key != "$connect" and self._resolver.value(route, kind, "NONE") != "NONE":
            raise TemplateError(f"only $connect can have an {kind}", route.at(kind))

    def _authorizer(self, api: str, route: Map) -> Authorizer:
        wanted = self._needed(route, "AuthorizerId")
        found = dict(self._of_api("Authorizer", api)).get(wanted)
        if found is None:
            raise TemplateError(
                f"AuthorizerId must name an Authorizer of {api}, found {wanted}",
                route.at("AuthorizerId"),
            )
        return Authorizer(self._function(found, "AuthorizerUri"), self._sources(found))

    # Both

    def _sources(self, properties: Map) -> tuple[str, ...]:
        key = "IdentitySource"
        found = self._resolver.value(properties, key, [])
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
        for _, response in self._of_type(f"{_V2}RouteResponse"):
            if self._resolver.value(response, "RouteId") == logical_id:
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
        longest = INTEGRATION_SECONDS * 1000
        milliseconds = self._resolver.number(integration, timeout_key, longest)
        if not 50 <= milliseconds <= longest:
            raise TemplateError(
                f"{timeout_key} must be from 50 to 29000 ms, found {milliseconds:.0f}",
                integration.at(timeout_key),
            )
        properties = integration if route is None else route
        key_required = self._resolver.value(properties, "ApiKeyRequired", default=False)
        return Route(
            key=key,
            function=function,
            timeout=milliseconds / 1000,
            two_way=two_way,
            api_key_required=text(key_required) == "true",
            throttle=self._throttle(stage, key),
        )

    def _throttle(self, stage: Map, key: str) -> Throttle | None:
        default = self._resolver.map(stage, "DefaultRouteSettings")
        own = self._resolver.map(self._resolver.map(stage, "RouteSettings"), key)
        settings = merge(default, own)
        rate = self._resolver.number(settings, "ThrottlingRateLimit", ACCOUNT_RATE)
        burst = self._resolver.number(settings, "ThrottlingBurstLimit", ACCOUNT_BURST)
        if not settings.keys() & {"ThrottlingRateLimit", "ThrottlingBurstLimit"}:
            return None
        return Throttle(rate, int(burst))

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
        selection = self._needed(api, "RouteSelectionExpression")
        if not re.search(r"\$\{?request\.body[.\[]", selection):
            said = f"{selection} is the same route for every message; $request.body.action is not"
            self._warn(api.at("RouteSelectionExpression"), said)
        for path in unread_paths(selection):
            said = f"{path} has more than names and indexes, and selects nothing here"
            self._warn(api.at("RouteSelectionExpression"), said)
        if text(self._resolver.value(api, "DisableExecuteApiEndpoint", default=False)) == "true":
            said = "in AWS it is reached under its own domain name only, which is not served here"
            self._warn(api.at("DisableExecuteApiEndpoint"), said)
        addresses = text(self._resolver.value(api, "IpAddressType", "ipv4"))
        if addresses not in ("ipv4", "dualstack"):
            line = api.at("IpAddressType")
            raise TemplateError(f"IpAddressType must be ipv4 or dualstack, not {addresses}", line)
        expression = self._resolver.value(api, "ApiKeySelectionExpression")
        return WebSocketApi(
            api_id=api_id(name),
            stage=stage_name,
            selection_expression=selection,
            routes=routes,
            authorizer=authorizer,
            signed=signed,
            api_keys={
                name: text(self._resolver.value(properties, "Value", name))
                for name, properties in self._of_type(_API_KEY)
            },
            key_from_authorizer=expression == "$context.authorizer.usageIdentifierKey",
            stage_variables=self._resolver.texts(stage, "StageVariables"),
        )

    def _warn(self, line: int, said: str) -> None:
        self.warnings.append((line, said))
