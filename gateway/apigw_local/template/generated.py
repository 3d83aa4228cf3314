"""What SAM's translator adds to a template, as far as the rest of it may refer to it."""

from collections.abc import Iterator
from typing import Any

from apigw_local.template.document import Map, merge

FUNCTION = "AWS::Serverless::Function"
WEBSOCKET_API = "AWS::Serverless::WebSocketApi"
HTTP_API = "AWS::Serverless::HttpApi"
IMPLICIT_HTTP_API = "ServerlessHttpApi"
IMPLICIT_APIS = (IMPLICIT_HTTP_API, "ServerlessRestApi")
"""The APIs of events that name none."""

DEFAULT_STAGE = "default"


def generated(document: Map) -> dict[str, Any]:
    """By logical id, or as ``Function.Alias``: what ``Ref`` gives, not yet resolved."""
    resources = document.map("Resources")
    everywhere = document.map("Globals").map("Function")
    found: dict[str, Any] = {}
    for name in resources:
        resource = resources.map(name)
        properties = resource.map("Properties")
        if resource.get("Type") == WEBSOCKET_API:
            found |= {each: each for each in _of_routes(name, properties)}
            found |= dict.fromkeys(_stages(name, properties), _stage(properties))
        elif resource.get("Type") == FUNCTION:
            found |= _versions(name, merge(everywhere, properties))
    return found


def route_id(api: str, key: str) -> str:
    """A route's logical id."""
    return f"{api}{key.lstrip('$').capitalize()}Route"


def _of_routes(api: str, properties: Map) -> Iterator[str]:
    for key in properties.map("Routes"):
        route = route_id(api, key)
        yield from (route, f"{route.removesuffix('Route')}Integration")
    yield f"{api}ConnectAuthorizer"


def _stage(properties: Map) -> Any:
    return properties.get("StageName", DEFAULT_STAGE)


def _stages(api: str, properties: Map) -> Iterator[str]:
    stage = _stage(properties)
    written = str(stage) if not isinstance(stage, Map) else ""
    middle = "Default" if written == DEFAULT_STAGE else written
    yield from (f"{api}{middle}Stage", f"{api}.Stage")


def _versions(function: str, properties: Map) -> dict[str, Any]:
    line = properties.line
    arn = Map({"Fn::GetAtt": [function, "Arn"]}, line, {})
    alias = properties.get("AutoPublishAlias")
    if alias is None:
        return {}
    named = Map({"Fn::Join": [":", [arn, alias]]}, line, {})
    version = Map({"Fn::Join": [":", [arn, "1"]]}, line, {})
    found = {f"{function}.Alias": named, f"{function}.Version": version}
    return found if isinstance(alias, Map) else {**found, f"{function}Alias{alias}": named}
