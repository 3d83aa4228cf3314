"""``awslambdaric``'s module in C, in Python: that one is built on Linux only.

It speaks the Lambda Runtime API ("Using the Lambda runtime API for custom runtimes") on one
connection that is kept. Functions, arguments and results are those that ``awslambdaric`` expects.
"""

import http.client
import os
import resource
import sys

_VERSION = "/2018-06-01/runtime"
_api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
_in_kilobytes = 1024 if sys.platform == "darwin" else 1  # getrusage(2): bytes there


def initialize_client(user_agent: str) -> None:
    """Nothing is to be done."""


def next() -> tuple[bytes, http.client.HTTPMessage]:  # noqa: A001 (its name)
    """Wait for an invocation: its event, and its headers by name."""
    answer, body = _ask("GET", "/invocation/next")
    return body, answer.headers


def post_invocation_result(
    invoke_id: str, data: bytes, content_type: str, invocation_id: str | None = None
) -> None:
    """Answer an invocation."""
    _ask("POST", f"/invocation/{invoke_id}/response", data, {"Content-Type": content_type})


def post_error(
    invoke_id: str, error: str, xray_fault: str, invocation_id: str | None = None
) -> None:
    """Answer that it failed; ``error`` is JSON."""
    _ask("POST", f"/invocation/{invoke_id}/error", error.encode())


def _ask(
    method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[http.client.HTTPResponse, bytes]:
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _in_kilobytes
    given = {**(headers or {}), "Apigw-Local-Memory": str(used)}
    _api.request(method, _VERSION + path, body, given)
    answer = _api.getresponse()
    read = answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"{method} {path}: {answer.status}")
    return answer, read
