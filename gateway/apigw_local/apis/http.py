"""HTTP APIs (payload format 2.0), all on one port, and static files beside them."""

import asyncio
import json
import re
import time
from pathlib import Path
from typing import Any

from apigw_local.apis.admission import Refused
from apigw_local.apis.http_authorizers import HttpAuthorizers
from apigw_local.core.cors import PREFIX, Cors, is_preflight, preflight_headers, response_headers
from apigw_local.core.events.http import HttpRequest, http_event, prefix_of
from apigw_local.core.ids import new_request_id
from apigw_local.core.paths import precedence
from apigw_local.core.results import Result
from apigw_local.integrations.http_proxy import http_response
from apigw_local.log import Log
from apigw_local.runtime.invoker import Invoker
from apigw_local.server.answers import message
from apigw_local.server.http import Exchange
from apigw_local.server.messages import Request, Response
from apigw_local.server.static_files import static_file
from apigw_local.template.model import DEFAULT_PATH, HttpRoute

_READING = ("GET", "HEAD")

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
        ordered = sorted(routes, key=lambda route: precedence(route.method, route.path))
        self._routes = [(r, _Path(prefix_of(r.api.stage), r.path)) for r in ordered]
        self._apis = {route.api.api_id: route.api for route in routes}
        self._functions = functions
        self._authorizers = HttpAuthorizers(functions, log)
        self._static = static.resolve() if static else None
        self._region = region
        self._log = log

    async def handle(self, exchange: Exchange) -> Response:
        """Answer one request."""
        request = exchange.request
        started = time.monotonic()
        # Seen in AWS: what follows a question mark is cut off even where that was encoded.
        path = request.path.partition("?")[0]
        found = self._route(request.method, path)
        request_id = new_request_id()
        if answer := await self._preflight(found, request, path, request_id):
            pass
        elif found:
            described = self._described(*found, request, path, request_id)
            answer = await self._answer(described, found[0])
            answer = _with_cors(answer, found[0].api.cors, request)
        elif file := self._file(request):
            return file
        else:
            answer = message(404, "Not Found")
        answer.headers.append(("Apigw-Requestid", request_id))
        function = found[0].function if found else None
        seconds = time.monotonic() - started
        self._log.request(request.method, path, answer.status, function, seconds)
        return answer

    def _file(self, request: Request) -> Response | None:
        if self._static is None or request.method not in _READING:
            return None
        return static_file(self._static, request.path, request.header("if-none-match"))

    def _route(self, method: str, path: str) -> _Found | None:
        for route, pattern in self._routes:
            parameters = pattern.parameters(path)
            if parameters is not None and route.method in (method, "ANY"):
                return route, parameters
        return None

    async def _preflight(
        self, found: _Found | None, request: Request, path: str, request_id: str
    ) -> Response | None:
        """The answer to a preflight request; None if it is none, or CORS is not configured."""
        cors = self._cors(path)
        headers = request.headers_by_name()
        if cors is None or not is_preflight(request.method, headers):
            return None
        if found and found[0].path == DEFAULT_PATH:
            # The one route whose authorizer is asked ("Configure CORS for an HTTP API with a
            # $default route and an authorizer").
            described = self._described(*found, request, path, request_id)
            try:
                await self._authorize(found[0], described)
            except Refused as refused:
                return _with_cors(message(refused.status, str(refused)), cors, request)
        return Response(204, headers=list(preflight_headers(cors, headers["origin"]).items()))

    def _cors(self, path: str) -> Cors | None:
        """Of the API that has a route for ``path``, of whatever method; else of the only API."""
        having = (route.api for route, form in self._routes if form.parameters(path) is not None)
        api = next(having, None)
        if api is None and len(self._apis) == 1:
            api = next(iter(self._apis.values()))
        return api.cors if api else None

    def _described(
        self,
        route: HttpRoute,
        parameters: dict[str, str],
        request: Request,
        path: str,
        request_id: str,
    ) -> HttpRequest:
        return HttpRequest(
            api_id=route.api.api_id,
            region=self._region,
            domain=request.host,
            source_ip=request.remote,
            route_key=route.key,
            method=request.method,
            path=path,
            query=request.query,
            headers=request.headers,
            body=request.body,
            path_parameters=parameters,
            stage_variables=route.api.stage_variables,
            stage=route.api.stage,
            request_id=request_id,
        )

    async def _answer(self, described: HttpRequest, route: HttpRoute) -> Response:
        try:
            context = await self._authorize(route, described)
        except Refused as refused:
            return message(refused.status, str(refused))
        event = json.dumps(http_event(described, authorizer=context)).encode()
        invocation = self._functions.invoke(route.function, event)
        try:
            result = await asyncio.wait_for(asyncio.shield(invocation), route.timeout)
        except TimeoutError:  # the function runs on
            return message(503, "Service Unavailable")
        return self._response(route.function, result)

    def _response(self, function: str, result: Result) -> Response:
        if result.failed:
            return message(500, "Internal Server Error")
        try:
            answer = http_response(result.payload)
        except (ValueError, TypeError) as error:
            self._log.trouble(function, f"malformed answer: {error}")
            return message(500, "Internal Server Error")
        if answer.status >= 500:
            self._log.error_answer(function, answer.status, answer.body.decode(errors="replace"))
        return answer

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


def _with_cors(answer: Response, cors: Cors | None, request: Request) -> Response:
    """An answer with the API's CORS headers, not the function's, where the API has some."""
    if cors is not None:
        kept = [each for each in answer.headers if not each[0].lower().startswith(PREFIX)]
        answer.headers = [*kept, *response_headers(cors, request.header("origin")).items()]
    return answer
