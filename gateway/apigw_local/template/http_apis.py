"""HTTP APIs, in SAM's form: what they say of authorizers and of CORS."""

from typing import Any

from apigw_local.core.cors import Cors
from apigw_local.core.events.http import DEFAULT_STAGE
from apigw_local.errors import TemplateError
from apigw_local.limits import HTTP_INTEGRATION_SECONDS
from apigw_local.template.document import Map, merge, text
from apigw_local.template.functions import FunctionReader
from apigw_local.template.generated import HTTP_API, IMPLICIT_HTTP_API
from apigw_local.template.intrinsics import Resolver, api_id
from apigw_local.template.model import DEFAULT_PATH, HttpAuthorizer, HttpSettings

_IAM = "AWS_IAM"
_SOURCES = {
    "Headers": "$request.header.",
    "QueryStrings": "$request.querystring.",
    "StageVariables": "$stageVariables.",
    "Context": "$context.",
}
_CORS_KEYS = (
    "AllowOrigins", "AllowMethods", "AllowHeaders", "ExposeHeaders", "MaxAge", "AllowCredentials",
)  # fmt: skip
_AUTH_KEYS = ("Authorizers", "DefaultAuthorizer", "EnableIamAuthorizer")
_LONGEST_SECONDS = 3600


class HttpApiReader:
    """Reads the HTTP APIs that events name.

    Attributes:
        warnings: what AWS would do that its author may not expect, and what is not done here, each
            with a line.
    """

    def __init__(self, document: Map, resolver: Resolver, functions: FunctionReader) -> None:
        self._resolver = resolver
        self._functions = functions
        resources = document.map("Resources")
        everywhere = document.map("Globals").map("HttpApi")
        self._properties = {IMPLICIT_HTTP_API: everywhere}
        for name in resources:
            if resources.map(name).get("Type") == HTTP_API:
                merged = merge(everywhere, resources.map(name).map("Properties"))
                assert isinstance(merged, Map)
                self._properties[name] = merged
        self._names = {api_id(name): name for name in self._properties}
        self._grants = any(
            resources.map(name).get("Type") == "AWS::Lambda::Permission" for name in resources
        )
        self._settings: dict[str, HttpSettings] = {}
        self.warnings: list[tuple[int, str]] = []

    def settings(self, event: Map) -> HttpSettings:
        """Of the API that a function's event belongs to.

        Raises:
            TemplateError: something in it makes no sense.
        """
        name = self._name(event)
        if name not in self._settings:
            properties = self._properties.get(name, Map({}, event.line, {}))
            self._settings[name] = HttpSettings(
                api_id=api_id(name) if name in self._properties else name,
                stage=text(self._resolver.value(properties, "StageName", DEFAULT_STAGE)),
                cors=self._cors(properties),
                stage_variables=self._resolver.texts(properties, "StageVariables"),
            )
        return self._settings[name]

    def authorizer(self, event: Map, method: str, path: str) -> HttpAuthorizer | None:
        """The authorizer that is asked about an event's requests.

        Raises:
            TemplateError: there is none of that name, or SAM refuses it.
        """
        api = self._properties.get(self._name(event), Map({}, event.line, {}))
        auth = self._resolver.map(api, "Auth")
        name, where = self._wanted(event, auth, method)
        if name is None:
            return None
        authorizers = self._resolver.map(auth, "Authorizers")
        if name == _IAM and text(self._resolver.value(auth, "EnableIamAuthorizer")) == "true":
            self._warn_unchecked(where, _IAM)
            return None
        if name not in authorizers:
            raise TemplateError(f"the HTTP API has no authorizer {name}", where)
        if "JwtConfiguration" in authorizers.map(name):
            said = (
                f"the JWT authorizer {name} is not there locally: requests are let through "
                "unchecked, and events have no requestContext.authorizer.jwt: a handler that reads "
                "its claims fails, which is a 500 with a token and without"
            )
            self.warnings.append((authorizers.at(name), said))
            return None
        if path == DEFAULT_PATH and "CorsConfiguration" in api:
            said = (
                "the authorizer of $default is asked about preflight requests too, which come "
                "without credentials: add a route OPTIONS /{proxy+} with Authorizer: NONE"
            )
            self.warnings.append((where, said))
        return self._lambda(name, authorizers)

    def timeout(self, event: Map) -> float:
        """How long an event's integration may take, in seconds.

        Raises:
            TemplateError: it is not from 50 ms to 30 s.
        """
        key = "PayloadFormatVersion"
        if text(self._resolver.value(event, key, "2.0")) != "2.0":
            self.warnings.append(
                (event.at(key), "functions get the payload format 2.0 here, always")
            )
        key, longest = "TimeoutInMillis", HTTP_INTEGRATION_SECONDS * 1000
        milliseconds = self._resolver.number(event, key, longest)
        if not 50 <= milliseconds <= longest:
            said = f"{key} must be from 50 to {longest:.0f} ms, found {milliseconds:.0f}"
            raise TemplateError(said, event.at(key))
        return milliseconds / 1000

    def _name(self, event: Map) -> str:
        """The logical id of an event's API; of one that is not SAM's, its id."""
        found = self._resolver.value(event, "ApiId")
        if found is None:
            return IMPLICIT_HTTP_API
        return self._names.get(text(found), text(found))

    def _wanted(self, event: Map, auth: Map, method: str) -> tuple[str | None, int]:
        """The name of an event's authorizer, if it has one, and where it is said."""
        for unknown in (key for key in auth if key not in _AUTH_KEYS):
            raise TemplateError(f"SAM takes no {unknown} under Auth", auth.at(unknown))
        own = self._resolver.map(event, "Auth")
        named = self._resolver.value(own, "Authorizer")
        default = self._resolver.value(auth, "DefaultAuthorizer")
        line = own.at("Authorizer")
        if own and named is None and default is None:
            raise TemplateError("Auth needs an Authorizer, or the API a DefaultAuthorizer", line)
        if named == "NONE":
            if default is None:
                raise TemplateError("SAM takes NONE only where there is a DefaultAuthorizer", line)
            return None, line
        if named is not None:
            return text(named), line
        # SAM leaves OPTIONS to all.
        if default is None or (method == "OPTIONS" and not own):
            return None, line
        return text(default), auth.at("DefaultAuthorizer")

    def _lambda(self, name: str, authorizers: Map) -> HttpAuthorizer:
        properties = authorizers.map(name)
        line = authorizers.at(name)
        if self._resolver.value(properties, "FunctionArn") is None:
            raise TemplateError(f"the authorizer {name} has no FunctionArn", line)
        key = "AuthorizerPayloadFormatVersion"
        version = text(self._resolver.value(properties, key))
        if version not in ("1.0", "2.0"):
            raise TemplateError(f"{name}: {key} must be 1.0 or 2.0", properties.at(key))
        simple = self._is_true(properties, "EnableSimpleResponses")
        if simple and version != "2.0":
            raise TemplateError(
                "simple responses need the payload format 2.0",
                properties.at("EnableSimpleResponses"),
            )
        identity = self._resolver.map(properties, "Identity")
        sources = tuple(
            f"{prefix}{source}"
            for kind, prefix in _SOURCES.items()
            for source in self._list(identity, kind)
        )
        self._warn_of_permission(name, properties, line)
        return HttpAuthorizer(
            name=name,
            function=self._functions.behind(
                properties["FunctionArn"], properties.at("FunctionArn")
            ),
            identity_sources=sources,
            version=version,
            simple=simple,
            seconds=self._seconds(identity, sources),
        )

    def _seconds(self, identity: Map, sources: tuple[str, ...]) -> float:
        key = "ReauthorizeEvery"
        seconds = self._resolver.number(identity, key, 0)
        if not 0 <= seconds <= _LONGEST_SECONDS:
            raise TemplateError(f"{key} must be from 0 to {_LONGEST_SECONDS}", identity.at(key))
        if seconds and not sources:
            raise TemplateError(f"{key} needs an identity source to tell by", identity.at(key))
        return seconds

    def _cors(self, properties: Map) -> Cors | None:
        key = "CorsConfiguration"
        found = self._resolver.value(properties, key)
        line = properties.at(key)
        if found is None or text(found) == "false":
            return None
        if text(found) == "true":
            return Cors(origins=("*",))
        if isinstance(found, str | list):
            self.warnings.append((line, f"SAM's translator takes a map as {key}, or true"))
            found = Map({"AllowOrigins": [found] if isinstance(found, str) else found}, line, {})
        if not isinstance(found, Map):
            raise TemplateError(f"{key} must be a map or true, found {found!r}", line)
        for unknown in (each for each in found if each not in _CORS_KEYS):
            raise TemplateError(f"SAM takes no {unknown} under {key}", found.at(unknown))
        made = Cors(
            origins=self._list(found, "AllowOrigins"),
            methods=self._list(found, "AllowMethods"),
            headers=self._list(found, "AllowHeaders"),
            exposed=self._list(found, "ExposeHeaders"),
            max_age=self._max_age(found),
            credentials=self._is_true(found, "AllowCredentials"),
        )
        if made.credentials and (not made.origins or "*" in made.origins):
            raise TemplateError(
                "AllowCredentials needs AllowOrigins other than *", found.at("AllowCredentials")
            )
        return made

    def _max_age(self, cors: Map) -> int | None:
        return int(self._resolver.number(cors, "MaxAge", 0)) if "MaxAge" in cors else None

    def _list(self, owner: Map, key: str) -> tuple[str, ...]:
        found: Any = self._resolver.value(owner, key, [])
        if not isinstance(found, list):
            raise TemplateError(f"{key} must be a list, found {found!r}", owner.at(key))
        return tuple(map(text, found))

    def _is_true(self, owner: Map, key: str) -> bool:
        return text(self._resolver.value(owner, key, default=False)) == "true"

    def _warn_of_permission(self, name: str, properties: Map, line: int) -> None:
        """SAM grants none by default ("HttpApi: LambdaAuthorizer")."""
        given = "FunctionInvokeRole", "EnableFunctionDefaultPermissions"
        if self._grants or any(key in properties for key in given):
            return
        said = f"AWS may not invoke the authorizer {name}, and answers 500: add {given[1]}: true"
        self.warnings.append((line, said))

    def _warn_unchecked(self, line: int, what: str) -> None:
        said = f"{what} is not there locally: requests are let through unchecked"
        self.warnings.append((line, said))
