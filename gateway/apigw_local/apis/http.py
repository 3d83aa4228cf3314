"""HTTP APIs (payload format 2.0), all on one port, and static files beside them."""

import asyncio
import json
import re
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

from aiohttp import hdrs, web

from apigw_local.apis.admission import Refused
from apigw_local.apis.http_authorizers import HttpAuthorizers
from apigw_local.core.cors import PREFIX, Cors, is_preflight, preflight_headers, response_headers
from apigw_local.core.documents import parsed
from apigw_local.core.events.http import HttpRequest, http_event, prefix_of
from apigw_local.integrations.lambda_proxy import status_of
from apigw_local.log import Log
from apigw_local.runtime.invocation import Result
from apigw_local.runtime.invoker import Invoker
from apigw_local.server.answers import message, query_of
from apigw_local.server.static_files import static_file
from apigw_local.template.model import DEFAULT_PATH, HttpRoute

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, 5.6.2
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_FRAMING = ("connection", "content-length", "transfer-encoding")
"""Headers that are the gateway's to set."""

_Found = tuple[HttpRoute, dict[str, str]]


class HttpApi:
    """Routes requests to functions; what no route takes may be a file.

    Args:
        static: folder of files to serve, ``index.html`` for ``/``.
    """

    def __init__(
        self,
        routes: tuple[HttpRoute, ...],
        functions: Invoker,
        static: Path | None,
        region: str,
        log: Log,
    ) -> None:
        # As API Gateway does: the route with the fewest variables wins, a greedy one is last.
        ordered = sorted(
            routes, key=lambda r: (r.path == DEFAULT_PATH, "+}" in r.path, r.path.count("{"))
        )
        self._routes = [(r, _Path(prefix_of(r.api.stage), r.path)) for r in ordered]
        self._apis = {route.api.api_id: route.api for route in routes}
        self._functions = functions
        self._authorizers = HttpAuthorizers(functions, log)
        self._static = static.resolve() if static else None
        self._region = region

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        found = self._route(request.method, request.path)
        if preflight := await self._preflight(found, request):
            return preflight
        if found:
            answer = await self._answer(*found, request)
            return _with_cors(answer, found[0].api.cors, request)
        reading = request.method in (hdrs.METH_GET, hdrs.METH_HEAD)
        file = static_file(self._static, request.path) if self._static and reading else None
        return file or message(404, "Not Found")

    def _route(self, method: str, path: str) -> _Found | None:
        for route, pattern in self._routes:
            parameters = pattern.parameters(path)
            if parameters is not None and route.method in (method, "ANY"):
                return route, parameters
        return None

    async def _preflight(self, found: _Found | None, request: web.Request) -> web.Response | None:
        """The answer to a preflight request; None if it is none, or CORS is not configured."""
        cors = self._cors(request.path)
        headers = {name.lower(): value for name, value in request.headers.items()}
        if cors is None or not is_preflight(request.method, headers):
            return None
        answer = web.Response(status=204)
        if found and found[0].path == DEFAULT_PATH:
            # The one route whose authorizer is asked ("Configure CORS for an HTTP API with a
            # $default route and an authorizer").
            try:
                await self._authorize(found[0], self._described(*found, request))
            except Refused as refused:
                return _with_cors(message(refused.status, str(refused)), cors, request)
        answer.headers.update(preflight_headers(cors, headers["origin"]))
        return answer

    def _cors(self, path: str) -> Cors | None:
        """Of the API that has a route for ``path``, of whatever method; else of the only API."""
        having = (route.api for route, form in self._routes if form.parameters(path) is not None)
        api = next(having, None)
        if api is None and len(self._apis) == 1:
            api = next(iter(self._apis.values()))
        return api.cors if api else None

    def _described(
        self, route: HttpRoute, parameters: dict[str, str], request: web.Request
    ) -> HttpRequest:
        return HttpRequest(
            api_id=route.api.api_id,
            region=self._region,
            domain=request.host,
            source_ip=request.remote or "127.0.0.1",
            route_key=route.key,
            method=request.method,
            path=request.path,
            query=query_of(request),
            headers=tuple(request.headers.items()),
            path_parameters=parameters,
            stage_variables=route.api.stage_variables,
            stage=route.api.stage,
        )

    async def _answer(
        self, route: HttpRoute, parameters: dict[str, str], request: web.Request
    ) -> web.Response:
        described = self._described(route, parameters, request)
        try:
            context = await self._authorize(route, described)
        except Refused as refused:
            return message(refused.status, str(refused))
        body = await request.read()
        try:
            text, base64 = body.decode(), False
        except UnicodeDecodeError:
            text, base64 = b64encode(body).decode(), True
        event = http_event(
            described, body=text if body else None, base64=base64, authorizer=context
        )
        invocation = self._functions.invoke(route.function, json.dumps(event).encode())
        try:
            return _response(await asyncio.wait_for(asyncio.shield(invocation), route.timeout))
        except TimeoutError:  # the function runs on
            return message(503, "Service Unavailable")

    async def _authorize(self, route: HttpRoute, request: HttpRequest) -> dict[str, Any] | None:
        if route.authorizer is None:
            return None
        return await self._authorizers.context(route.authorizer, request)


class _Path:
    """A route's path, such as ``/items/{id}/{more+}``, after the stage's prefix."""

    def __init__(self, prefix: str, path: str) -> None:
        parts = re.split(r"\{([^{}]+)\}", path)
        self._names = [part.rstrip("+") for part in parts[1::2]]
        form = (
            "".join(
                ("(.+)" if part.endswith("+") else "([^/]+)") if index % 2 else re.escape(part)
                for index, part in enumerate(parts)
            )
            if path != DEFAULT_PATH
            else "(?:/.*)?"
        )
        self._pattern = re.compile(re.escape(prefix) + form, re.DOTALL)

    def parameters(self, path: str) -> dict[str, str] | None:
        """The values of its variables; None for a path that is not of this form."""
        found = self._pattern.fullmatch(path)
        return None if found is None else dict(zip(self._names, found.groups(), strict=True))


def _with_cors(answer: web.Response, cors: Cors | None, request: web.Request) -> web.Response:
    """An answer with the API's CORS headers, not the function's, where the API has some."""
    if cors is None:
        return answer
    for name in [each for each in answer.headers if each.lower().startswith(PREFIX)]:
        answer.headers.popall(name, None)
    answer.headers.update(response_headers(cors, request.headers.get(hdrs.ORIGIN)))
    return answer


def _response(result: Result) -> web.Response:
    """A function's answer as HTTP; without a ``statusCode`` the whole of it is the body."""
    if result.failed:
        return message(500, "Internal Server Error")
    try:
        answer = parsed(result.payload)
        if not isinstance(answer, dict) or "statusCode" not in answer:
            return web.json_response(answer)
        return _proxy_response(answer)
    except (AttributeError, TypeError, ValueError):  # something in it is not what it should be
        return message(500, "Internal Server Error")


def _proxy_response(answer: dict[str, Any]) -> web.Response:
    status = status_of(answer)
    if status is None:
        raise ValueError(answer["statusCode"])
    body = answer.get("body") or ""
    body = body if isinstance(body, str) else json.dumps(body)
    raw = b64decode(body, validate=True) if answer.get("isBase64Encoded") else body.encode()
    response = web.Response(status=status, body=raw)
    for name, value in (answer.get("headers") or {}).items():
        if not _TOKEN.fullmatch(name):
            raise ValueError(name)
        if name.lower() not in _FRAMING:
            response.headers[name] = _one_line(str(value))
    cookies = answer.get("cookies") or []
    if not isinstance(cookies, list):
        raise TypeError(cookies)
    for cookie in cookies:
        response.headers.add(hdrs.SET_COOKIE, _one_line(cookie))
    return response


def _one_line(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError(value)
    value.encode()  # JSON may have halves of characters, which no header can
    return value
