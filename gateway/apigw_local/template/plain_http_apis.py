"""HTTP APIs in CloudFormation's own form, which is CDK's too."""

from collections.abc import Iterator

from apigw_local.core.cors import Cors
from apigw_local.core.events.http import DEFAULT_STAGE
from apigw_local.errors import TemplateError
from apigw_local.limits import HTTP_INTEGRATION_SECONDS
from apigw_local.template.document import Map, text
from apigw_local.template.functions import FunctionReader
from apigw_local.template.intrinsics import Resolver, api_id
from apigw_local.template.model import DEFAULT_PATH, HttpAuthorizer, HttpRoute, HttpSettings
from apigw_local.template.shared_port import SharedPort

_V2 = "AWS::ApiGatewayV2::"
_REMEMBERED_SECONDS = 300
"""``AuthorizerResultTtlInSeconds`` where there are identity sources ("Authorizer")."""


class PlainHttpReader:
    """Reads ``AWS::ApiGatewayV2::Api`` of the protocol HTTP.

    Attributes:
        warnings: what is not served, each with a line.
    """

    def __init__(
        self, document: Map, resolver: Resolver, functions: FunctionReader, port: SharedPort
    ) -> None:
        self._resources = document.map("Resources")
        self._resolver = resolver
        self._functions = functions
        self._port = port
        self.warnings: list[tuple[int, str]] = []

    def read(self) -> Iterator[HttpRoute]:
        """All routes that lead to functions.

        Raises:
            TemplateError: a function of this template is behind one, and cannot be had.
        """
        for name, api in self._of_type("Api"):
            if self._resolver.protocol(name) == "http":
                settings = self._settings(name, api)
                if "Target" in api:  # "quick create"
                    key = self._text(api, "RouteKey", DEFAULT_PATH)
                    yield from self._route(key, api, settings, api, "Target")
                for key in api.keys() & {"Body", "BodyS3Location"}:
                    said = f"{name}: routes of an OpenAPI document are not served"
                    self.warnings.append((api.at(key), said))
                for _, route in self._of_api("Route", name):
                    yield from self._integrated(name, route, settings)

    def _integrated(self, api: str, route: Map, settings: HttpSettings) -> Iterator[HttpRoute]:
        key = self._text(route, "RouteKey", DEFAULT_PATH)
        target = self._text(route, "Target").removeprefix("integrations/")
        integration = dict(self._of_api("Integration", api)).get(target)
        if integration is None:
            said = f"Target must name an Integration of {api}, found {target or None}"
            self._warn(route, "Target", key, said)
        elif (kind := self._text(integration, "IntegrationType")) != "AWS_PROXY":
            said = f"an integration of type {kind} does not run here"
            self._warn(integration, "IntegrationType", key, said)
        else:
            yield from self._route(key, route, settings, integration, "IntegrationUri")

    def _route(
        self, key: str, route: Map, settings: HttpSettings, integration: Map, where: str
    ) -> Iterator[HttpRoute]:
        arn = self._text(integration, where)
        if not self._functions.has(arn):
            self._warn(integration, where, key, f"{arn} is no function of this template")
            return
        version = "PayloadFormatVersion"
        if self._text(integration, version, "2.0") != "2.0":
            said = "functions get the payload format 2.0 here, always"
            self.warnings.append((integration.at(version), said))
        method, _, path = key.rpartition(" ")
        longest = HTTP_INTEGRATION_SECONDS * 1000
        if clash := self._port.clash(method or "ANY", path, settings):
            self.warnings.append((route.at("RouteKey"), clash))
        yield HttpRoute(
            method=method or "ANY",
            path=path,
            function=self._functions.behind(arn, integration.at(where)),
            api=settings,
            authorizer=self._authorizer(key, route),
            timeout=self._resolver.number(integration, "TimeoutInMillis", longest) / 1000,
        )

    def _settings(self, name: str, api: Map) -> HttpSettings:
        """Of its stage ``$default``, or of the only one there is."""
        stages = {self._text(each, "StageName"): each for _, each in self._of_api("Stage", name)}
        stage = DEFAULT_STAGE if len(stages) != 1 else next(iter(stages))
        own = stages.get(stage, Map({}, api.line, {}))
        return HttpSettings(
            api_id=api_id(name),
            cors=self._cors(self._resolver.map(api, "CorsConfiguration")),
            stage_variables=self._resolver.texts(own, "StageVariables"),
            stage=stage,
        )

    def _cors(self, cors: Map) -> Cors | None:
        if not cors:
            return None
        age = "MaxAge"
        return Cors(
            origins=self._texts(cors, "AllowOrigins"),
            methods=self._texts(cors, "AllowMethods"),
            headers=self._texts(cors, "AllowHeaders"),
            exposed=self._texts(cors, "ExposeHeaders"),
            max_age=int(self._resolver.number(cors, age, 0)) if age in cors else None,
            credentials=self._text(cors, "AllowCredentials") == "true",
        )

    def _authorizer(self, key: str, route: Map) -> HttpAuthorizer | None:
        kind = self._text(route, "AuthorizationType", "NONE")
        if kind == "NONE":
            return None
        authorizers = dict(self._of_type("Authorizer"))
        name = self._text(route, "AuthorizerId")
        if kind != "CUSTOM" or name not in authorizers:
            said = f"{key}: {kind} is not there locally: requests are let through unchecked"
            if kind == "JWT":
                said += ", and a handler that reads a token's claims fails"
            self.warnings.append((route.at("AuthorizationType"), said))
            return None
        own = authorizers[name]
        sources = self._texts(own, "IdentitySource")
        seconds = _REMEMBERED_SECONDS if sources else 0
        return HttpAuthorizer(
            name=self._text(own, "Name", name),
            function=self._functions.behind(
                self._text(own, "AuthorizerUri"), own.at("AuthorizerUri")
            ),
            identity_sources=sources,
            version=self._text(own, "AuthorizerPayloadFormatVersion", "1.0"),
            simple=self._text(own, "EnableSimpleResponses") == "true",
            seconds=self._resolver.number(own, "AuthorizerResultTtlInSeconds", seconds),
        )

    def _of_type(self, kind: str) -> Iterator[tuple[str, Map]]:
        for name in self._resources:
            resource = self._resources.map(name)
            if resource.get("Type") == f"{_V2}{kind}" and self._resolver.exists(name):
                yield name, resource.map("Properties")

    def _of_api(self, kind: str, api: str) -> Iterator[tuple[str, Map]]:
        for name, properties in self._of_type(kind):
            if self._resolver.value(properties, "ApiId") == api_id(api):
                yield name, properties

    def _text(self, owner: Map, key: str, default: str = "") -> str:
        return text(self._resolver.value(owner, key, default))

    def _texts(self, owner: Map, key: str) -> tuple[str, ...]:
        found = self._resolver.value(owner, key, [])
        if not isinstance(found, list):
            raise TemplateError(f"{key} must be a list, found {found!r}", owner.at(key))
        return tuple(map(text, found))

    def _warn(self, owner: Map, key: str, route: str, said: str) -> None:
        self.warnings.append((owner.at(key), f"{said}: {route} is not served"))
