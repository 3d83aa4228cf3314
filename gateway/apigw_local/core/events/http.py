"""The events of HTTP APIs, field for field.

Sources: "Create AWS Lambda proxy integrations for HTTP APIs" (payload 2.0) and "Control access to
HTTP APIs with AWS Lambda authorizers" (payload 1.0 and 2.0). Keys that do not apply are absent.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from apigw_local.core.events.websocket import ACCOUNT, new_trace, now_ms, request_time
from apigw_local.core.ids import new_request_id

DEFAULT_STAGE = "$default"
_PROTOCOL = "HTTP/1.1"
_TEXTS = ("application/json", "application/xml", "application/javascript")
"""With ``text/*`` the content types whose bodies are not in Base64: measured, nobody has documented
them (ministack#766, serverless-offline#1776)."""


def prefix_of(stage: str) -> str:
    """What paths begin with at a stage ("Stages for HTTP APIs")."""
    return "" if stage == DEFAULT_STAGE else f"/{stage}"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request to an HTTP API, and the route it takes.

    Attributes:
        path: with the stage, where that has a name.
        route_key: such as ``GET /items/{id}``.
        headers: in the client's letter case.
        query: the raw query string.
        at: milliseconds since the Unix epoch.
    """

    api_id: str
    region: str
    domain: str
    source_ip: str
    route_key: str
    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    path_parameters: Mapping[str, str] = field(default_factory=dict)
    stage_variables: Mapping[str, str] = field(default_factory=dict)
    stage: str = DEFAULT_STAGE
    at: int = field(default_factory=now_ms)
    request_id: str = field(default_factory=new_request_id)
    trace: str = field(default_factory=new_trace)

    @property
    def arn(self) -> str:
        """What an authorizer's policy must allow."""
        api = f"arn:aws:execute-api:{self.region}:{ACCOUNT}:{self.api_id}"
        return f"{api}/{self.stage}/{self.method}{self.path.removeprefix(self.prefix)}"

    @property
    def prefix(self) -> str:
        """What paths begin with: a stage's name, unless it is the default one."""
        return prefix_of(self.stage)

    def joined_headers(self) -> dict[str, str]:
        """Values by name, in lower case; those of a name that is repeated are joined.

        With those that API Gateway adds.
        """
        sent = _joined((name.lower(), value) for name, value in self.headers)
        return sent | {name.lower(): value for name, value in self.added_headers(sent).items()}

    def added_headers(self, sent: Mapping[str, str]) -> dict[str, str]:
        """The headers that API Gateway adds to those that were sent, or puts in their place.

        Args:
            sent: by name, in lower case.
        """
        came_by = [sent["x-forwarded-for"]] if sent.get("x-forwarded-for") else []
        trace = sent.get("x-amzn-trace-id", "")
        return {
            "Content-Length": str(len(self.body)),
            "X-Amzn-Trace-Id": trace if "Root=" in trace else self.trace,
            "X-Forwarded-For": ", ".join([*came_by, self.source_ip]),
            "X-Forwarded-Port": "443",
            "X-Forwarded-Proto": "https",
        }

    def joined_query(self) -> dict[str, str]:
        """Likewise the query's parameters."""
        return _joined(parse_qsl(self.query, keep_blank_values=True))


def http_event(
    request: HttpRequest, *, authorizer: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What a function gets.

    Args:
        authorizer: ``requestContext.authorizer``.
    """
    event = _event(request)
    if authorizer is not None:
        event["requestContext"]["authorizer"] = dict(authorizer)
    text, base64 = body_of(request.body, request.joined_headers().get("content-type", ""))
    return {**event, **({"body": text} if request.body else {}), "isBase64Encoded": base64}


def body_of(body: bytes, content_type: str) -> tuple[str, bool]:
    """A body as an event has it, and whether that is in Base64."""
    kind = content_type.partition(";")[0].strip().lower()
    if not body:
        return "", False
    if kind.startswith("text/") or kind in _TEXTS:
        try:
            return body.decode(), False
        except UnicodeDecodeError:  # JSON has no place for it
            pass
    return b64encode(body).decode(), True


def authorizer_event(request: HttpRequest, identity: list[str], version: str) -> dict[str, Any]:
    """What an authorizer gets.

    Args:
        identity: the values of its identity sources.
        version: of the payload, ``1.0`` or ``2.0``.
    """
    if version == "1.0":
        return _authorizer_event_1(request, identity)
    asked = {"type": "REQUEST", "routeArn": request.arn, "identitySource": identity or None}
    return {**_event(request), **asked}


def identity_of(request: HttpRequest, sources: Iterable[str]) -> list[str] | None:
    """What the identity sources say; None where one is absent or empty.

    Args:
        sources: as ``$request.header.Name``, ``$request.querystring.name``,
            ``$stageVariables.name`` and ``$context.name`` ("Identity sources").
    """
    headers, query = request.joined_headers(), request.joined_query()
    context = _variables(request)
    values = []
    for source in sources:
        kind, _, name = source.removeprefix("$").removeprefix("request.").partition(".")
        found = {
            "header": headers.get(name.lower()),
            "querystring": query.get(name),
            "stageVariables": request.stage_variables.get(name),
            "context": context.get(name),
        }.get(kind)
        if not found:
            return None
        values.append(found)
    return values


def _event(request: HttpRequest) -> dict[str, Any]:
    """What the function's and the authorizer's have in common."""
    headers, query = request.joined_headers(), request.joined_query()
    cookies = headers.pop("cookie", "")
    return {
        "version": "2.0",
        "routeKey": request.route_key,
        "rawPath": request.path,
        "rawQueryString": request.query,
        **({"cookies": cookies.split("; ")} if cookies else {}),
        "headers": headers,
        **({"queryStringParameters": query} if query else {}),
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": request.api_id,
            "domainName": request.domain,
            "domainPrefix": request.domain.partition(".")[0],
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": _PROTOCOL,
                "sourceIp": request.source_ip,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": request.request_id,
            "routeKey": request.route_key,
            "stage": request.stage,
            "time": request_time(request.at),
            "timeEpoch": request.at,
        },
        **_present("pathParameters", request.path_parameters),
        **_present("stageVariables", request.stage_variables),
    }


def _authorizer_event_1(request: HttpRequest, identity: list[str]) -> dict[str, Any]:
    resource = request.route_key.rpartition(" ")[2]
    return {
        "version": "1.0",
        "type": "REQUEST",
        "methodArn": request.arn,
        "identitySource": ",".join(identity),
        "authorizationToken": ",".join(identity),
        "resource": resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": _as_sent(request),
        "queryStringParameters": dict(parse_qsl(request.query, keep_blank_values=True)),
        "pathParameters": dict(request.path_parameters),
        "stageVariables": dict(request.stage_variables),
        "requestContext": {
            "path": request.path,
            "accountId": ACCOUNT,
            "resourceId": request.route_key,
            "stage": request.stage,
            "requestId": request.request_id,
            "identity": {
                "sourceIp": request.source_ip,
                "userAgent": request.joined_headers().get("user-agent", ""),
            },
            "resourcePath": resource,
            "httpMethod": request.method,
            "apiId": request.api_id,
        },
    }


def _as_sent(request: HttpRequest) -> dict[str, str]:
    """Headers in the client's letter case, with those that API Gateway adds."""
    added = request.added_headers({name.lower(): value for name, value in request.headers})
    replaced = {name.lower() for name in added}
    return {name: value for name, value in request.headers if name.lower() not in replaced} | added


def _variables(request: HttpRequest) -> dict[str, str]:
    """The context's variables ("Customize HTTP API access logs") that are known by then."""
    return {
        "accountId": ACCOUNT,
        "apiId": request.api_id,
        "domainName": request.domain,
        "domainPrefix": request.domain.partition(".")[0],
        "httpMethod": request.method,
        "identity.sourceIp": request.source_ip,
        "identity.userAgent": request.joined_headers().get("user-agent", ""),
        "path": request.path,
        "protocol": _PROTOCOL,
        "requestId": request.request_id,
        "requestTime": request_time(request.at),
        "requestTimeEpoch": str(request.at),
        "routeKey": request.route_key,
        "stage": request.stage,
    }


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _present(name: str, values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {name: dict(values)} if values else {}
