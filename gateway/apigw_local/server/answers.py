"""HTTP answers in the form AWS gives them, and whether a request may be answered at all."""

import re
import socket
from ipaddress import ip_address

from apigw_local.core.signature import BadSignature, SignedRequest, is_signed, verify
from apigw_local.server.messages import Request, Response, json_response

_AWS = re.compile(r"[\w.-]+\.amazonaws\.com(\.cn)?")
"""Functions call us by these names, and nobody else can make them lead here."""
_OWN_NAMES = {"localhost", "host.docker.internal", socket.gethostname().lower()}


def aws_error(status: int, kind: str, message: str) -> Response:
    """An error an AWS SDK understands: boto3 takes its code from ``x-amzn-ErrorType``."""
    return json_response({"message": message}, status, {"x-amzn-ErrorType": kind})


def gone() -> Response:
    """The socket is not there: without a body, as API Gateway answers."""
    return Response(410, headers=[("x-amzn-ErrorType", "GoneException")])


def message(status: int, text: str) -> Response:
    """API Gateway's own ``{"message":…}``."""
    return json_response({"message": text}, status)


def refusal_of_web_pages(request: Request) -> Response | None:
    """The answer to a request that a web page may have made; None where none can have.

    Any page the developer has open could send requests here: browsers say where from. It could also
    make its own host name lead here, so of names only this machine's are known.
    """
    name = request.host_name
    ours = (
        name in _OWN_NAMES
        or _AWS.fullmatch(name)
        or name.endswith(".localhost")
        or _is_address(name)
    )
    if ours and not {"origin", "sec-fetch-site"} & request.headers_by_name().keys():
        return None
    return message(403, "not for web pages")


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

    def refusal(self, request: Request) -> Response | None:
        """The answer to a request that is not signed, or not by us; None where it is."""
        if refused := refusal_of_web_pages(request):
            return refused
        headers = request.headers_by_name()
        if not is_signed(headers, ""):
            kind = "MissingAuthenticationTokenException"
            return aws_error(403, kind, "Missing Authentication Token")
        if self._secret is None:
            return None
        sent = SignedRequest(request.method, request.raw_path, request.query, headers, request.body)
        try:
            verify(sent, self._secret)
        except BadSignature as bad:
            return aws_error(403, "InvalidSignatureException", str(bad))
        return None
