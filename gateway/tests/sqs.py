"""How tests ask for a queue."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

DIGEST_OF_HELLO = "5d41402abc4b2a76b9719d911017c592"


def url(client: Any, name: str = "Jobs") -> str:
    return str(client.get_queue_url(QueueName=name)["QueueUrl"])


def refusal(call: Callable[..., object], **given: object) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call(**given)
    response = caught.value.response
    status = response["ResponseMetadata"]["HTTPStatusCode"]
    return response["Error"]["Code"], response["Error"]["Message"], status


def counts(client: Any, queue: str) -> tuple[int, int, int]:
    """Visible, in flight, delayed."""
    found = client.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    number = "ApproximateNumberOfMessages"
    return int(found[number]), int(found[f"{number}NotVisible"]), int(found[f"{number}Delayed"])
