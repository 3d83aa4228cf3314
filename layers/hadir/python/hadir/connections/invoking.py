"""Invokes other functions."""

from typing import TYPE_CHECKING, Literal

from botocore.exceptions import BotoCoreError, ClientError

from hadir.domain.errors import FunctionsUnavailable

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class Functions:
    """Lambda functions, by name or ARN.

    Args:
        client: boto3's ``lambda``. Its read timeout is how long ``invoke_and_wait`` waits; if the
            client then retries, the function runs twice.
    """

    def __init__(self, client: "LambdaClient") -> None:
        self._client = client

    def invoke_later(self, name: str, payload: bytes) -> None:
        """Have a function invoked with ``payload``, which is JSON; Lambda queues it.

        Raises:
            FunctionsUnavailable: Lambda did not confirm that it took the invocation.
        """
        self._invoke(name, "Event", payload)

    def invoke_and_wait(self, name: str, payload: bytes) -> bytes:
        """Invoke a function with ``payload`` and return its result; both are JSON.

        Raises:
            FunctionsUnavailable: it was throttled, it failed, or there was no answer in time.
        """
        return self._invoke(name, "RequestResponse", payload)

    def _invoke(self, name: str, how: Literal["Event", "RequestResponse"], payload: bytes) -> bytes:
        try:
            answer = self._client.invoke(FunctionName=name, InvocationType=how, Payload=payload)
            # Read it even if it is empty: until then its HTTP connection is not reused.
            body = answer["Payload"].read()
        except (BotoCoreError, ClientError) as error:
            raise FunctionsUnavailable(f"{name} could not be invoked: {error}") from error
        if failed := answer.get("FunctionError"):
            raise FunctionsUnavailable(f"{name} failed: {failed}")
        return body
