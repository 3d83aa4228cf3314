"""Lambda's Invoke API, so that functions can invoke each other ("Invoke", AWS Lambda API)."""

from aiohttp import web

from apigw_local.runtime.functions import Functions
from apigw_local.server.answers import Signatures, aws_error


class LambdaApi:
    """Invokes functions by name or ARN, synchronously or not."""

    def __init__(self, functions: Functions, signatures: Signatures) -> None:
        self._functions = functions
        self._signatures = signatures

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one call."""
        if refusal := await self._signatures.refusal(request):
            return refusal
        name = request.match_info["name"]
        if name.startswith("arn:"):
            name = name.split(":")[6]
        name = name.partition(":")[0]
        if name not in self._functions:
            return aws_error(404, "ResourceNotFoundException", f"Function not found: {name}")
        payload = await request.read() or b"{}"
        match request.headers.get("X-Amz-Invocation-Type", "RequestResponse"):
            case "Event":
                self._functions.invoke_async(name, payload)
                return web.Response(status=202)
            case "DryRun":
                return web.Response(status=204)
        result = await self._functions.invoke(name, payload)
        headers = {"X-Amz-Executed-Version": "$LATEST"}
        if result.failed:
            headers["X-Amz-Function-Error"] = "Unhandled"
        return web.Response(body=result.payload, headers=headers, content_type="application/json")
