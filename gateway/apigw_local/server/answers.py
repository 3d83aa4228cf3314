"""HTTP answers in the form AWS gives them."""

from aiohttp import web


def aws_error(status: int, kind: str, message: str) -> web.Response:
    """An error an AWS SDK understands: boto3 takes its code from ``x-amzn-ErrorType``."""
    headers = {"x-amzn-ErrorType": kind}
    return web.json_response({"message": message}, status=status, headers=headers)


def unsigned(request: web.Request) -> web.Response | None:
    """The refusal of a request without a signature; None if it has one, which is not verified."""
    if "AWS4-HMAC-SHA256" in request.headers.get("Authorization", ""):
        return None
    kind = "MissingAuthenticationTokenException"
    return aws_error(403, kind, "Missing Authentication Token")


def message(status: int, text: str) -> web.Response:
    """API Gateway's own ``{"message": …}``."""
    return web.json_response({"message": text}, status=status)
