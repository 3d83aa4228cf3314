"""What a function is given of a queue, and what it answers ("Using Lambda with Amazon SQS")."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from apigw_local.core.documents import parsed
from apigw_local.core.queue import Attributes, Message, digest, digest_of_attributes

SENDER = "AIDALOCALLOCALLOCALLO"
"""An id as those of IAM users are: who sends is not known here."""


def event(messages: Iterable[Message], arn: str, region: str) -> bytes:
    """A batch of messages, as a function is given it."""
    return json.dumps({"Records": [_record(each, arn, region) for each in messages]}).encode()


def system_attributes(message: Message) -> dict[str, str]:
    """What SQS itself says of a message that has been received."""
    found = {
        "ApproximateReceiveCount": str(message.receives),
        "SentTimestamp": str(message.sent_at),
        "SenderId": SENDER,
        "ApproximateFirstReceiveTimestamp": str(message.first_received_at),
    }
    if message.came_from is not None:
        found["DeadLetterQueueSourceArn"] = message.came_from
    return found


def failed(answer: bytes, message_ids: Sequence[str]) -> set[str]:
    """The ids of the messages that a function which reports them could not handle.

    All of them, where its answer is not of the form or names another message ("Implementing partial
    batch responses").
    """
    try:
        found = parsed(answer)
        items = (found or {}).get("batchItemFailures") or []
        named = {item["itemIdentifier"] for item in items}
    except (AttributeError, KeyError, TypeError, ValueError):
        return set(message_ids)
    return named if named <= set(message_ids) else set(message_ids)


def _record(message: Message, arn: str, region: str) -> dict[str, Any]:
    sums = {"md5OfBody": digest(message.body)}
    if message.attributes:
        sums["md5OfMessageAttributes"] = digest_of_attributes(message.attributes)
    return {
        "messageId": message.message_id,
        "receiptHandle": message.receipt,
        "body": message.body,
        "attributes": system_attributes(message),
        "messageAttributes": _in_small_letters(message.attributes),
        **sums,
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": region,
    }


def _in_small_letters(attributes: Attributes) -> dict[str, dict[str, object]]:
    return {
        name: {
            **{key[0].lower() + key[1:]: value for key, value in attribute.items()},
            "stringListValues": [],
            "binaryListValues": [],
        }
        for name, attribute in attributes.items()
    }
