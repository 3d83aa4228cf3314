"""Sends delayed messages through a queue."""

import math
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from hadir.domain.errors import NotQueued

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class Later:
    """An SQS queue.

    Args:
        client: boto3's ``sqs``, with short timeouts.
        queue_url: the URL of a standard queue, as only there each message can have its own delay
            ("Amazon SQS message timers").
    """

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, body: str, seconds: float) -> None:
        """Have ``body`` delivered after ``seconds``, rounded up; 900 at most.

        Raises:
            NotQueued: the queue did not confirm that it took the message.
        """
        try:
            self._client.send_message(
                QueueUrl=self._queue_url, MessageBody=body, DelaySeconds=math.ceil(seconds)
            )
        except (BotoCoreError, ClientError) as error:
            raise NotQueued(str(error)) from error
