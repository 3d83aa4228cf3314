"""What a function answers to an HTTP API, in payload format 2.0, as HTTP.

"Create AWS Lambda proxy integrations for HTTP APIs", and what tests against a deployed API have
seen (aws-lambda-dotnet, LambdaTestTool).
"""

import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

from apigw_local.core.documents import parsed, written
from apigw_local.integrations.lambda_proxy import status_of
from apigw_local.server.messages import Response

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, 5.6.2
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_FRAMING = ("connection", "content-length", "date", "transfer-encoding")
"""Headers that are the gateway's to set."""
_TYPE = "content-type"


def http_response(payload: bytes) -> Response:
    """A function's answer; without a ``statusCode`` the whole of it is the body.

    Raises:
        ValueError: something in it is not what it should be.
    """
    try:
        answer = parsed(payload)
    except ValueError:  # which a runtime does not prevent
        answer = None
    if isinstance(answer, dict) and "statusCode" in answer:
        return _proxy_response(answer)
    body = answer.encode() if isinstance(answer, str) else payload
    return Response(200, body, [("Content-Type", "application/json")])


def _proxy_response(answer: dict[str, Any]) -> Response:
    status = status_of(answer)
    if status is None:
        raise ValueError(f"statusCode {answer['statusCode']!r}")
    body = answer.get("body") or ""
    body = body if isinstance(body, str) else written(body)
    raw = b64decode(body, validate=True) if answer.get("isBase64Encoded") else body.encode()
    headers = list(_headers(answer.get("headers") or {}))
    cookies = answer.get("cookies") or []
    if not isinstance(cookies, list):
        raise ValueError(f"cookies {cookies!r}")  # noqa: TRY004 (of bad input, not of a bad call)
    headers += [("Set-Cookie", _one_line(cookie)) for cookie in cookies]
    made = Response(status, raw, headers)
    if made.has_body and not any(name.lower() == _TYPE for name, _ in headers):
        headers.append(("Content-Type", "text/plain; charset=utf-8"))
    return made


def _headers(given: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(given, dict):
        raise ValueError(f"headers {given!r}")  # noqa: TRY004 (of bad input, not of a bad call)
    for name, value in given.items():
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"a header named {name!r}")
        if name.lower() in _FRAMING:
            continue
        for each in value if isinstance(value, list) else [value]:
            if each is not None:
                yield name, _one_line(each)


def _one_line(value: Any) -> str:
    """A header's value; what is no text is so in JSON's form, not in Python's."""
    text = value if isinstance(value, str) else written(value)
    if _CONTROL.search(text):
        raise ValueError(f"a header's value {text!r}")
    text.encode()  # JSON may have halves of characters, which no header can
    return text
