"""What SAM's translator refuses of a WebSocket API, and what it makes without a word."""

from collections.abc import Iterator

from apigw_local.errors import TemplateError
from apigw_local.template.document import Map, text
from apigw_local.template.intrinsics import Resolver

AUTH_TYPES = ("NONE", "AWS_IAM", "CUSTOM")
SPECIAL = ("$connect", "$disconnect", "$default")

_ROUTE_KEYS = {
    "FunctionArn", "IntegrationTimeout", "ApiKeyRequired", "ModelSelectionExpression",
    "OperationName", "RequestModels", "RequestParameters", "RouteResponseSelectionExpression",
}  # fmt: skip
_AUTH_KEYS = {"AuthType", "AuthArn", "IdentitySource", "InvokeRole", "Name"}
_NOT_GLOBAL = ("Auth", "Routes", "StageName")


def check(resolver: Resolver, everywhere: Map, name: str, properties: Map) -> None:
    """What SAM refuses.

    Args:
        everywhere: what Globals says.
        properties: of the API, with that.

    Raises:
        TemplateError: something is.
    """
    for key in _NOT_GLOBAL:
        if key in everywhere:
            raise TemplateError(f"SAM takes no {key} from Globals.WebSocketApi", everywhere.at(key))
    routes = properties.map("Routes")
    if not routes:
        raise TemplateError(f"{name} has no Routes", properties.at("Routes"))
    for key in routes:
        if key not in SPECIAL and not key.isalnum():
            raise TemplateError(
                f"SAM takes letters and digits as a route key only, not {key}", routes.at(key)
            )
        if key != "$connect" and "RequestParameters" in routes.map(key):
            raise TemplateError(
                "SAM takes RequestParameters at $connect only",
                routes.map(key).at("RequestParameters"),
            )
    if properties.map("Auth"):
        _check_auth(resolver, properties)
    domain = resolver.map(properties, "Domain")
    if "MutualTlsAuthentication" in domain:
        line = domain.at("MutualTlsAuthentication")
        raise TemplateError("SAM takes no MutualTlsAuthentication for WebSockets", line)


def _check_auth(resolver: Resolver, properties: Map) -> None:
    auth = properties.map("Auth")
    if "$connect" not in properties.map("Routes"):
        raise TemplateError("Auth needs a $connect route", properties.at("Auth"))
    line = auth.at("AuthType")
    found = resolver.value(auth, "AuthType")
    if found is None:
        raise TemplateError("AuthType is missing", line)
    kind = text(found).upper()
    if kind not in AUTH_TYPES:
        raise TemplateError(f"AuthType must be {', '.join(AUTH_TYPES)}, not {kind}", line)
    if kind != "CUSTOM" and len(auth) > 1:
        raise TemplateError(f"SAM takes nothing else with AuthType {kind}", line)


def surprises(resolver: Resolver, resource: Map, properties: Map) -> Iterator[tuple[int, str]]:
    """What SAM makes without a word, each with its line."""
    if "Condition" in resource:
        yield resource.at("Condition"), "SAM drops a WebSocketApi's Condition"
    auth = properties.map("Auth")
    for unknown in (key for key in auth if key not in _AUTH_KEYS):
        yield auth.at(unknown), f"SAM ignores {unknown} under Auth"
    kind = resolver.value(auth, "AuthType", "NONE")
    if kind not in AUTH_TYPES:
        said = f"SAM takes AuthType {kind} for NONE, and everybody may connect: capitals"
        yield auth.at("AuthType"), said
    routes = properties.map("Routes")
    seen: dict[str, str] = {}
    for key in routes:
        # SAM makes one logical id of keys that differ in case or in $.
        same = key.lstrip("$").lower()
        if same in seen:
            said = (
                f"route {key} and {seen[same]} become one in AWS: the later one replaces the "
                "other, its authorizer too"
            )
            yield routes.at(key), said
        seen[same] = key
        if same == "authorizer" and kind == "CUSTOM" and "InvokeRole" not in auth:
            yield routes.at(key), "a route named authorizer loses its permission to invoke"
        for unknown in (each for each in routes.map(key) if each not in _ROUTE_KEYS):
            yield routes.map(key).at(unknown), f"SAM ignores {unknown} under a route"
