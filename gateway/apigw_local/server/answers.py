"""HTTP answers in the form AWS gives them, and whether a request may be answered at all."""

import re
import socket
from ipaddress import ip_address

from aiohttp import web

from apigw_local.core.signature import BadSignature, SignedRequest, is_signed, verify

_AWS = re.compile(r"[\w.-]+\.amazonaws\.com(\.cn)?")
"""Functions call us by these names, and nobody else can make them lead here."""
_OWN_NAMES = {"localhost", "host.docker.internal", socket.gethostname().lower()}


def aws_error(status: int, kind: str, message: str) -> web.Response:
    """An error an AWS SDK understands: boto3 takes its code from ``x-amzn-ErrorType``."""
    headers = {"x-amzn-ErrorType": kind}
    return web.json_response({"message": message}, status=status, headers=headers)


def gone() -> web.Response:
    """The socket is not there: without a body, as API Gateway answers."""
    return web.Response(status=410, headers={"x-amzn-ErrorType": "GoneException"})


def message(status: int, text: str) -> web.Response:
    """API Gateway's own ``{"message": …}``."""
    return web.json_response({"message": text}, status=status)


def refusal_of_web_pages(request: web.Request) -> web.Response | None:
    """The answer to a request that a web page may have made; None where none can have.

    Any page the developer has open could send requests here: browsers say where from. It could also
    make its own host name lead here, so of names only this machine's are known.
    """
    name = _host(request)
    ours = (
        name in _OWN_NAMES
        or _AWS.fullmatch(name)
        or name.endswith(".localhost")
        or _is_address(name)
    )
    if ours and not {"Origin", "Sec-Fetch-Site"} & request.headers.keys():
        return None
    return message(403, "not for web pages")


def query_of(request: web.Request) -> str:
    """The query string as it was sent: aiohttp's own has been decoded in part."""
    return request.raw_path.partition("?")[2]


def _host(request: web.Request) -> str:
    """The name that was asked for; empty where it can be none."""
    try:
        return request.url.host or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


class Signatures:
    """Demands that requests are signed.

    Args:
        secret: to verify signatures with; without one they are taken as they are.
    """

    def __init__(self, secret: str | None) -> None:
        self._secret = secret

    async def refusal(self, request: web.Request) -> web.Response | None:
        """The answer to a request that is not signed, or not by us; None where it is."""
        if refused := refusal_of_web_pages(request):
            return refused
        path, _, query = request.raw_path.partition("?")
        headers = {name.lower(): value for name, value in request.headers.items()}
        if not is_signed(headers, ""):
            kind = "MissingAuthenticationTokenException"
            return aws_error(403, kind, "Missing Authentication Token")
        if self._secret is None:
            return None
        body = await request.read()
        try:
            verify(SignedRequest(request.method, path, query, headers, body), self._secret)
        except BadSignature as bad:
            return aws_error(403, "InvalidSignatureException", str(bad))
        return None
