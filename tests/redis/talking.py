"""Messages from clients, handed to a conversation without a gateway between."""

import json
from collections.abc import Callable
from typing import Any

from hadir.announcer import Announcer
from hadir.conversation import Conversation, Trouble
from hadir.domain.errors import InvalidToken
from hadir.domain.grant import Grant
from hadir.doorman import Doorman
from hadir.membership.membership import Membership
from hadir.watchers import Watchers
from hadir.wire.events import SocketEvent
from tests.redis.closing import one_by_one

Say = Callable[..., list[dict[str, Any]]]
"""Sends a request from a connection; returns the frames that its socket got in answer."""


def said(connection_id: str, request: object) -> SocketEvent:
    """A message as API Gateway hands it over."""
    body = request if isinstance(request, str) else json.dumps(request)
    return SocketEvent(connection_id, None, "request-1", body)


def no_tokens(_: str) -> Grant:
    raise InvalidToken("there are none here")


def conversation_of(
    membership: Membership,
    announcer: Announcer,
    close_socket: Callable[[str], object],
    read_token: Callable[[str], Grant] = no_tokens,
    on_trouble: Callable[[Trouble], None] = lambda _: None,
) -> Conversation:
    doorman = Doorman(membership, announcer, one_by_one(close_socket), lambda *_: None)
    watchers = Watchers(membership, announcer)
    return Conversation(membership, announcer, doorman, read_token, on_trouble, watchers)


def shape(frames: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    return [
        (
            frame["type"],
            frame["data"].get("event_type") or frame["data"].get("text"),
            frame["data"].get("version"),
            frame["data"].get("recovered"),
        )
        for frame in frames
    ]
