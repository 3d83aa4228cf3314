"""A standard queue, as pure state ("Amazon SQS Developer Guide").

Times are milliseconds since the Unix epoch; whoever calls says what time it is.
"""

import re
import secrets
import uuid
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import md5

_HANDLE = re.compile(r"AQEB[A-Za-z0-9+/]{64}")

Attributes = Mapping[str, Mapping[str, str]]
"""A message's own, by name, as ``SendMessage`` has them: ``DataType``, and ``StringValue`` or
``BinaryValue`` in Base64."""


@dataclass(slots=True)
class Message:
    """A message in a queue.

    Attributes:
        visible_at: when it can be received, for the first time or again.
        receives: how many times it has been.
        receipt: the handle of the last time.
        came_from: ARN of the queue that gave it up; None where it was sent here.
    """

    body: str
    attributes: Attributes
    sent_at: int
    visible_at: int
    message_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    receives: int = 0
    first_received_at: int = 0
    receipt: str = ""
    came_from: str | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """What a queue gives: ``given_up`` are those that have been received too often."""

    messages: list[Message]
    given_up: list[Message]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages there are: to be received, received but not deleted, not yet due."""

    visible: int
    in_flight: int
    delayed: int


class Queue:
    """What has been sent and not yet deleted, the oldest first.

    Args:
        delay, visibility: seconds, where a call says nothing else.
        most_receives: after which a message is given up; None for never.
    """

    def __init__(self, delay: int, visibility: int, most_receives: int | None) -> None:
        self._delay = delay
        self._visibility = visibility
        self._most_receives = most_receives
        self._messages: dict[str, Message] = {}

    def send(self, body: str, attributes: Attributes, delay: int | None, now: int) -> Message:
        """Take a message, to be received in ``delay`` seconds."""
        seconds = self._delay if delay is None else delay
        message = Message(body, attributes, now, now + seconds * 1000)
        self._messages[message.message_id] = message
        return message

    def bury(self, message: Message, came_from: str, now: int) -> None:
        """Take what another queue has given up; it is counted anew."""
        message.visible_at, message.receives, message.came_from = now, 0, came_from
        self._messages[message.message_id] = message

    def receive(self, most: int, visibility: int | None, now: int) -> Received:
        """Give messages that are due, and hide them for so many seconds."""
        seconds = self._visibility if visibility is None else visibility
        received = Received([], [])
        for message in [each for each in self._messages.values() if each.visible_at <= now]:
            if len(received.messages) == most:
                break
            if self._most_receives is not None and message.receives >= self._most_receives:
                received.given_up.append(self._messages.pop(message.message_id))
                continue
            message.receives += 1
            message.first_received_at = message.first_received_at or now
            message.visible_at = now + seconds * 1000
            message.receipt = f"AQEB{b64encode(secrets.token_bytes(48)).decode()}"
            received.messages.append(message)
        return received

    def delete(self, receipt: str) -> None:
        """Forget a message; another handle than that of its last receipt changes nothing."""
        for message in self._messages.values():
            if message.receipt == receipt:
                del self._messages[message.message_id]
                return

    def next_at(self) -> int | None:
        """When a message is due; None where there is none."""
        return min((each.visible_at for each in self._messages.values()), default=None)

    def counts(self, now: int) -> Counts:
        """How many there are."""
        hidden = [each for each in self._messages.values() if each.visible_at > now]
        delayed = sum(each.receives == 0 for each in hidden)
        return Counts(len(self._messages) - len(hidden), len(hidden) - delayed, delayed)


def is_receipt(text: str) -> bool:
    """Whether ``text`` has the form of a receipt handle."""
    return _HANDLE.fullmatch(text) is not None


def digest(text: str) -> str:
    """The MD5 of a body, by which SDKs see whether it came whole."""
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def digest_of_attributes(attributes: Attributes) -> str:
    """Likewise of attributes ("Calculating the MD5 message digest for message attributes")."""
    values = b""
    for name in sorted(attributes):
        attribute = attributes[name]
        binary = "BinaryValue" in attribute
        value = b64decode(attribute["BinaryValue"]) if binary else attribute["StringValue"].encode()
        kind = b"\x02" if binary else b"\x01"
        values += _sized(name.encode()) + _sized(attribute["DataType"].encode())
        values += kind + _sized(value)
    return md5(values, usedforsecurity=False).hexdigest()


def _sized(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value
