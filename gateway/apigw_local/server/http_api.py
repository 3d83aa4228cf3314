"""The HTTP API (payload format 2.0), and static files beside it."""

import json
import re
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

from aiohttp import hdrs, web

from apigw_local.core.events import http_event
from apigw_local.runtime.functions import Functions
from apigw_local.runtime.invocation import Result
from apigw_local.server.answers import message
from apigw_local.server.integration import status_of
from apigw_local.template.model import DEFAULT_PATH, HttpRoute


class HttpApi:
    """Routes requests to functions; what no route takes may be a file.

    Args:
        static: folder of files to serve, ``index.html`` for ``/``.
    """

    def __init__(
        self, routes: tuple[HttpRoute, ...], functions: Functions, static: Path | None
    ) -> None:
        # As API Gateway does: the route with the fewest variables wins, a greedy one is last.
        ordered = sorted(
            routes, key=lambda r: (r.path == DEFAULT_PATH, "+}" in r.path, r.path.count("{"))
        )
        self._routes = [(route, _pattern(route.path)) for route in ordered]
        self._functions = functions
        self._static = static.resolve() if static else None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        for route, pattern in self._routes:
            found = pattern.fullmatch(request.path)
            if found and route.method in (request.method, "ANY"):
                return await self._invoke(route, found.groupdict(), request)
        file = _file(self._static, request.path) if self._static else None
        if file and request.method in (hdrs.METH_GET, hdrs.METH_HEAD):
            return web.FileResponse(file, headers={"Cache-Control": "no-cache"})
        return message(404, "Not Found")

    async def _invoke(
        self, route: HttpRoute, parameters: dict[str, str], request: web.Request
    ) -> web.Response:
        body = await request.read()
        try:
            text, base64 = body.decode(), False
        except UnicodeDecodeError:
            text, base64 = b64encode(body).decode(), True
        event = http_event(
            route_key=DEFAULT_PATH
            if route.path == DEFAULT_PATH
            else f"{route.method} {route.path}",
            path=request.path,
            query=request.query_string,
            method=request.method,
            headers=request.headers.items(),
            path_parameters=parameters,
            source_ip=request.remote or "127.0.0.1",
            domain=request.host,
            api_id="local",
            body=text if body else None,
            base64=base64,
        )
        result = await self._functions.invoke(route.function, json.dumps(event).encode())
        return _response(result)


def _file(folder: Path, path: str) -> Path | None:
    """The file in ``folder`` that ``path`` names, if there is one."""
    if "\0" in path:
        return None
    try:
        file = (folder / path.lstrip("/")).resolve()
        file = file / "index.html" if file.is_dir() else file
        return file if file.is_file() and file.is_relative_to(folder) else None
    except OSError:  # a name that is too long
        return None


def _pattern(path: str) -> re.Pattern[str]:
    if path == DEFAULT_PATH:
        return re.compile(".*")
    parts = re.split(r"\{([\w.-]+\+?)\}", path)
    return re.compile(
        "".join(
            re.escape(part)
            if index % 2 == 0
            else f"(?P<{part.rstrip('+')}>{'.+' if part.endswith('+') else '[^/]+'})"
            for index, part in enumerate(parts)
        )
    )


def _response(result: Result) -> web.Response:
    """A function's answer as HTTP; without a ``statusCode`` the whole of it is the body."""
    if result.failed:
        return message(500, "Internal Server Error")
    try:
        answer: Any = json.loads(result.payload)
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
        if name.lower() != "content-length":  # it is that of the body
            response.headers[_one_line(name)] = _one_line(str(value))
    cookies = answer.get("cookies") or []
    if not isinstance(cookies, list):
        raise TypeError(cookies)
    for cookie in cookies:
        response.headers.add(hdrs.SET_COOKIE, _one_line(cookie))
    return response


def _one_line(value: str) -> str:
    if set(value) & set("\r\n\0"):
        raise ValueError(value)
    return value
