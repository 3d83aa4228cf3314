"""Lambda's Invoke API, so that functions can invoke each other ("Invoke", AWS Lambda API)."""

import json
import re
from base64 import b64decode
from urllib.parse import unquote

from apigw_local.core.documents import parsed, written
from apigw_local.runtime.invocation import CLIENT_CONTEXT
from apigw_local.runtime.invoker import Invoker
from apigw_local.server.answers import Signatures, aws_error
from apigw_local.server.messages import Request, Response

_PATH = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
_NAME = re.compile(r"(arn:[\w-]+:lambda:[\w-]+:)?(\d+:)?function:")


def _is_json(payload: bytes) -> bool:
    try:
        json.loads(payload)
    except (ValueError, RecursionError):
        return False
    return True


def _client_context(header: str | None) -> str | None:
    """What the header says, on one line.

    Raises:
        ValueError: it is not an object in JSON, in Base64.
    """
    if header is None:
        return None
    found = parsed(b64decode(header, validate=True))
    if not isinstance(found, dict):
        raise ValueError("not an object")  # noqa: TRY004 (of bad input, not of a bad call)
    return written(found)


class LambdaApi:
    """Invokes functions by name or ARN, synchronously or not."""

    def __init__(self, functions: Invoker, signatures: Signatures) -> None:
        self._functions = functions
        self._signatures = signatures

    async def handle(self, request: Request) -> Response | None:
        """Answer one call; None where it is not of this API."""
        called = _PATH.fullmatch(request.raw_path)
        if called is None or request.method != "POST":
            return None
        if refusal := self._signatures.refusal(request):
            return refusal
        name = unquote(called[1])
        # A name, an ARN or a part of one, each with or without a version.
        name = _NAME.sub("", name).partition(":")[0]
        if name not in self._functions:
            return aws_error(404, "ResourceNotFoundException", f"Function not found: {name}")
        payload = request.body or b"{}"
        if not _is_json(payload):
            kind = "InvalidRequestContentException"
            return aws_error(400, kind, "Could not parse request body into json")
        try:
            client_context = _client_context(request.header(CLIENT_CONTEXT.lower()))
        except ValueError:
            kind = "InvalidRequestContentException"
            said = "Client context must be a valid Base64-encoded JSON object."
            return aws_error(400, kind, said)
        match request.header("x-amz-invocation-type"):
            case "Event":
                self._functions.invoke_async(name, payload, client_context)
                return Response(202)
            case "DryRun":
                return Response(204)
        result = await self._functions.invoke(name, payload, client_context)
        headers = [("Content-Type", "application/json"), ("X-Amz-Executed-Version", "$LATEST")]
        if result.failed:
            headers.append(("X-Amz-Function-Error", "Unhandled"))
        return Response(200, result.payload, headers)
