"""Has something come back later: a queue that gives a message only after a delay."""

import math
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from hadir.domain.errors import NotQueued

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class Later:
    """A queue of SQS.

    Args:
        client: boto3's ``sqs``, with short timeouts.
        queue_url: of a standard queue: only there has each message a delay of its own
            ("Amazon SQS message timers").
    """

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, body: str, seconds: float) -> None:
        """Have ``body`` come in so many seconds, rounded up; 900 at most.

        Raises:
            NotQueued: the queue has not taken it, or has not said so.
        """
        try:
            self._client.send_message(
                QueueUrl=self._queue_url, MessageBody=body, DelaySeconds=math.ceil(seconds)
            )
        except (BotoCoreError, ClientError) as error:
            raise NotQueued(str(error)) from error
