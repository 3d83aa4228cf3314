"""Asks API Gateway about one socket. Control calls only; posting is ``poster``'s."""

import time
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient

_FIRST_PAUSE_SECONDS = 0.004
_LONGEST_PAUSE_SECONDS = 0.25


class Sockets:
    """The sockets of one WebSocket API stage.

    Args:
        client: boto3's ``apigatewaymanagementapi``, with short timeouts; its endpoint is the
            stage's (``AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI``).
    """

    def __init__(self, client: "ApiGatewayManagementApiClient") -> None:
        self._client = client

    def is_open(self, connection_id: str) -> bool:
        """Whether the socket can be written to.

        False while ``$connect`` has not returned and once the socket is gone: API Gateway answers
        410 in both cases ("GetConnection", Amazon API Gateway Management API).

        Raises:
            ClientError: any answer but 200 and 410.
        """
        try:
            self._client.get_connection(ConnectionId=connection_id)
        except ClientError as error:
            # By status: without x-amzn-ErrorType boto3 does not make this a GoneException.
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 410:
                return False
            raise
        return True

    def close(self, connection_id: str) -> None:
        """Close a socket; one that is gone already is no error.

        API Gateway closes with 1000 "Connection Closed Normally": neither can be chosen.

        Raises:
            ClientError: any answer but 204 and 410.
        """
        try:
            self._client.delete_connection(ConnectionId=connection_id)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 410:
                raise

    def wait_until_open(self, connection_id: str, seconds: float) -> bool:
        """Ask until the socket is open, at most for ``seconds``; False if it never was."""
        deadline = time.monotonic() + seconds
        pause = _FIRST_PAUSE_SECONDS
        while not self.is_open(connection_id):
            if time.monotonic() + pause > deadline:
                return False
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        return True
