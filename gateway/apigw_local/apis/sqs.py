"""Amazon SQS, as an unmodified boto3 client uses it: the JSON protocol.

"Amazon SQS API Reference" and botocore's model ``sqs/2012-11-05``.
"""

import json
import re
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from apigw_local.core.documents import parsed
from apigw_local.core.events.sqs import system_attributes
from apigw_local.core.events.websocket import ACCOUNT
from apigw_local.core.queue import (
    Attributes,
    Message,
    digest,
    digest_of_attributes,
    is_receipt,
)
from apigw_local.limits import QUEUE_MESSAGE_BYTES
from apigw_local.server.answers import Signatures
from apigw_local.server.messages import Request, Response, json_response
from apigw_local.triggers.sqs import Queues

_Call = Callable[[Mapping[str, Any], Request], Awaitable[dict[str, Any]]]

_TARGET = "AmazonSQS."
_TYPE = "application/x-amz-json-1.0"
_BATCH = 10
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_ATTRIBUTE_NAME = re.compile(r"(?!(?i:aws|amazon)\.)(?!\.)(?!.*\.\.)[\w.-]{1,256}(?<!\.)", re.ASCII)
_ATTRIBUTE_TYPE = re.compile(r"(String|Number|Binary)(\.[\w.-]+)?", re.ASCII)
_MOST_ATTRIBUTES = 10
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML has no place for ("SendMessage", Amazon SQS API Reference)."""

_OLD_CODES = {
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "EmptyBatchRequest": "AWS.SimpleQueueService.EmptyBatchRequest",
    "TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
    "BatchEntryIdsNotDistinct": "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    "InvalidBatchEntryId": "AWS.SimpleQueueService.InvalidBatchEntryId",
    "BatchRequestTooLong": "AWS.SimpleQueueService.BatchRequestTooLong",
}
"""What errors were called before there was JSON, and what SDKs still call them by
(``awsQueryCompatible`` in the model); others have kept their names."""


class _Refused(Exception):
    """The call is answered with an error.

    Args:
        kind: as the model names it.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.code = _OLD_CODES.get(kind, kind)


class SqsApi:
    """Sends to, receives from and describes the template's queues."""

    def __init__(self, queues: Queues, signatures: Signatures) -> None:
        self._queues = queues
        self._signatures = signatures
        self._calls = {
            "SendMessage": self._send,
            "SendMessageBatch": self._send_batch,
            "ReceiveMessage": self._receive,
            "DeleteMessage": self._delete,
            "GetQueueUrl": self._url,
            "GetQueueAttributes": self._describe,
        }

    async def handle(self, request: Request) -> Response | None:
        """Answer one call; None where it is not of this API."""
        target = request.header("x-amz-target") or ""
        if request.method != "POST" or not target.startswith(_TARGET):
            return None
        if refusal := self._signatures.refusal(request):
            return refusal
        try:
            call = self._call(target.removeprefix(_TARGET))
            answer = await call(_body(request.body), request)
        except _Refused as refused:
            return _error(refused)
        return json_response(answer, kind=_TYPE)

    def _call(self, name: str) -> _Call:
        if name not in self._calls:
            said = f"{name} is not served here, only {', '.join(self._calls)}"
            raise _Refused("UnsupportedOperation", said)
        return self._calls[name]

    async def _send(self, given: Mapping[str, Any], _: Request) -> dict[str, Any]:
        return _sent(self._take(self._queue(given), given))

    async def _send_batch(self, given: Mapping[str, Any], _: Request) -> dict[str, Any]:
        queue = self._queue(given)
        entries = _entries(given)
        answer: dict[str, list[dict[str, Any]]] = {"Successful": [], "Failed": []}
        for entry in entries:
            try:
                sent = _sent(self._take(queue, entry))
                answer["Successful"].append({"Id": entry["Id"], **sent})
            except _Refused as refused:
                fault = {"Id": entry["Id"], "SenderFault": True, "Code": refused.code}
                answer["Failed"].append({**fault, "Message": str(refused)})
        return answer

    async def _receive(self, given: Mapping[str, Any], _: Request) -> dict[str, Any]:
        queue = self._queue(given)
        most = _number(given, "MaxNumberOfMessages", 1, _BATCH)
        visibility = _number(given, "VisibilityTimeout", 0, 43_200)
        wait = _number(given, "WaitTimeSeconds", 0, 20)
        wanted = {*_names(given, "AttributeNames"), *_names(given, "MessageSystemAttributeNames")}
        named = _names(given, "MessageAttributeNames")
        found = await self._queues.receive(
            queue, 1 if most is None else most, visibility=visibility, wait=wait or 0
        )
        return {"Messages": [_received(each, wanted, named) for each in found]} if found else {}

    async def _delete(self, given: Mapping[str, Any], _: Request) -> dict[str, Any]:
        queue, receipt = self._queue(given), _text(given, "ReceiptHandle")
        if not is_receipt(receipt):
            said = f'The input receipt handle "{receipt}" is not a valid receipt handle.'
            raise _Refused("ReceiptHandleIsInvalid", said)
        self._queues.delete(queue, receipt)
        return {}

    async def _url(self, given: Mapping[str, Any], request: Request) -> dict[str, Any]:
        name = self._existing(_text(given, "QueueName"))
        return {"QueueUrl": f"{request.scheme}://{request.host}/{ACCOUNT}/{name}"}

    async def _describe(self, given: Mapping[str, Any], _: Request) -> dict[str, Any]:
        name = self._queue(given)
        queue, counts = self._queues[name], self._queues.counts(name)
        known = {
            "QueueArn": queue.arn,
            "DelaySeconds": str(queue.delay),
            "VisibilityTimeout": str(queue.visibility),
            "ApproximateNumberOfMessages": str(counts.visible),
            "ApproximateNumberOfMessagesNotVisible": str(counts.in_flight),
            "ApproximateNumberOfMessagesDelayed": str(counts.delayed),
        }
        if queue.dead_letters is not None:
            policy = {"deadLetterTargetArn": queue.dead_letters}
            known["RedrivePolicy"] = json.dumps({**policy, "maxReceiveCount": queue.most_receives})
        wanted = set(_names(given, "AttributeNames"))
        if unknown := wanted - {"All", *known, *_OF_OTHER_QUEUES}:
            raise _Refused("InvalidAttributeName", f"Unknown Attribute {min(unknown)}.")
        found = {name: known[name] for name in known if {"All", name} & wanted}
        return {"Attributes": found} if found else {}

    def _take(self, queue: str, given: Mapping[str, Any]) -> Message:
        body, attributes = _text(given, "MessageBody"), _attributes(given)
        delay = _number(given, "DelaySeconds", 0, 900)
        if _FORBIDDEN.search(body):
            said = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | "
            said += "#x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
            raise _Refused("InvalidMessageContents", said)
        if len(body.encode()) > QUEUE_MESSAGE_BYTES:
            said = f"Message must be shorter than {QUEUE_MESSAGE_BYTES} bytes."
            raise _Refused("InvalidParameterValue", f"One or more parameters are invalid. {said}")
        return self._queues.send(queue, body, attributes, delay)

    def _queue(self, given: Mapping[str, Any]) -> str:
        """The queue of a call, by its URL's last part: hosts differ from here to AWS."""
        return self._existing(_text(given, "QueueUrl").rstrip("/").rpartition("/")[2])

    def _existing(self, name: str) -> str:
        if name not in self._queues:
            raise _Refused("QueueDoesNotExist", "The specified queue does not exist.")
        return name


_OF_OTHER_QUEUES = (
    "ContentBasedDeduplication", "CreatedTimestamp", "DeduplicationScope", "FifoQueue",
    "FifoThroughputLimit", "KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId",
    "LastModifiedTimestamp", "MaximumMessageSize", "MessageRetentionPeriod", "Policy",
    "ReceiveMessageWaitTimeSeconds", "RedriveAllowPolicy", "RedrivePolicy", "SqsManagedSseEnabled",
)  # fmt: skip
"""Attributes there are, and none of here."""


def _body(read: bytes) -> dict[str, Any]:
    try:
        found = parsed(read)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _Refused("SerializationException", "the request is no object in JSON")
    return found


def _text(given: Mapping[str, Any], name: str) -> str:
    found = given.get(name)
    if not isinstance(found, str) or not found:
        said = f"The request must contain the parameter {name}."
        raise _Refused("MissingParameter", said)
    return found


def _names(given: Mapping[str, Any], name: str) -> list[str]:
    found = given.get(name) or []
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise _Refused("SerializationException", f"{name} is no list of names")
    return found


def _number(given: Mapping[str, Any], name: str, lowest: int, highest: int) -> int | None:
    found = given.get(name)
    if found is None:
        return None
    if type(found) is not int or not lowest <= found <= highest:
        said = f"Value {found} for parameter {name} is invalid. Reason: "
        if name == "DelaySeconds":
            said += f"{name} must be >= {lowest} and <= {highest}."
        else:
            said += f"Must be between {lowest} and {highest}, if provided."
        raise _Refused("InvalidParameterValue", said)
    return found


def _entries(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = given.get("Entries")
    if not isinstance(found, list) or not found:
        said = "There should be at least one SendMessageBatchRequestEntry in the request."
        raise _Refused("EmptyBatchRequest", said)
    if len(found) > _BATCH:
        said = f"Maximum number of entries per request are {_BATCH}. You have sent {len(found)}."
        raise _Refused("TooManyEntriesInBatchRequest", said)
    given_ids = [each.get("Id") if isinstance(each, dict) else None for each in found]
    ids = [each if isinstance(each, str) else "" for each in given_ids]
    if not all(_ENTRY_ID.fullmatch(each) for each in ids):
        said = "A batch entry id can only contain alphanumeric characters, hyphens and underscores."
        raise _Refused("InvalidBatchEntryId", f"{said} It can be at most 80 letters long.")
    if twice := {each for each in ids if ids.count(each) > 1}:
        raise _Refused("BatchEntryIdsNotDistinct", f"Id {min(twice)} repeated.")
    if sum(_length(str(each.get("MessageBody", ""))) for each in found) > QUEUE_MESSAGE_BYTES:
        said = f"Batch requests cannot be longer than {QUEUE_MESSAGE_BYTES} bytes."
        raise _Refused("BatchRequestTooLong", said)
    return found


def _length(text: str) -> int:
    """In bytes; JSON has halves of characters."""
    return len(text.encode(errors="surrogatepass"))


def _attributes(given: Mapping[str, Any]) -> Attributes:
    """A message's attributes, each with one value: only such are there to be sent."""
    found = given.get("MessageAttributes") or {}
    if not isinstance(found, dict) or len(found) > _MOST_ATTRIBUTES:
        said = f"Number of message attributes exceeds the allowed maximum [{_MOST_ATTRIBUTES}]."
        raise _Refused("InvalidParameterValue", said)
    return {name: _attribute(name, value) for name, value in found.items()}


def _attribute(name: str, value: object) -> dict[str, str]:
    kind = value.get("DataType") if isinstance(value, dict) else None
    key = "BinaryValue" if str(kind).startswith("Binary") else "StringValue"
    found = value.get(key) if isinstance(value, dict) else None
    text = str(found or "")
    if not _ATTRIBUTE_NAME.fullmatch(name) or not text or _FORBIDDEN.search(text):
        said = f"The message attribute '{name}' must have a name and a value that fit."
        raise _Refused("InvalidParameterValue", said)
    if not isinstance(kind, str) or not _ATTRIBUTE_TYPE.fullmatch(kind):
        said = f"The message attribute '{name}' has an invalid message attribute type, the set of "
        said += "supported type prefixes is Binary, Number, and String."
        raise _Refused("InvalidParameterValue", said)
    if key == "BinaryValue" and not _is_base64(text):
        raise _Refused("SerializationException", f"{name} is not in Base64")
    return {"DataType": kind, key: text}


def _is_base64(text: str) -> bool:
    try:
        b64decode(text, validate=True)
    except ValueError:
        return False
    return True


def _sent(message: Message) -> dict[str, Any]:
    sums = {"MD5OfMessageBody": digest(message.body)}
    if message.attributes:
        sums["MD5OfMessageAttributes"] = digest_of_attributes(message.attributes)
    return {"MessageId": message.message_id, **sums}


def _received(message: Message, wanted: set[str], named: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "MessageId": message.message_id,
        "ReceiptHandle": message.receipt,
        "MD5OfBody": digest(message.body),
        "Body": message.body,
    }
    of_system = system_attributes(message)
    if shown := {name: of_system[name] for name in of_system if {"All", name} & wanted}:
        found["Attributes"] = shown
    if own := {name: value for name, value in message.attributes.items() if _is_named(name, named)}:
        found["MessageAttributes"] = own
        found["MD5OfMessageAttributes"] = digest_of_attributes(own)
    return found


def _is_named(name: str, named: list[str]) -> bool:
    """Whether one of these stands for an attribute: its name, ``All``, or ``beginning.*``."""
    return any(
        each in ("All", name) or (each.endswith(".*") and name.startswith(each[:-1]))
        for each in named
    )


def _error(refused: _Refused) -> Response:
    """In JSON by the new name, and in a header by the one that it always had."""
    body = {"__type": f"com.amazonaws.sqs#{refused.kind}", "message": str(refused)}
    headers = {"x-amzn-query-error": f"{refused.code};Sender"}
    return json_response(body, 400, headers, _TYPE)
