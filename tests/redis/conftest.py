"""Hadir on a real Redis, where API Gateway is scripted."""

from typing import Any

import pytest

from hadir.announcer import Announcer
from hadir.membership.membership import Membership
from hadir.sweeper import Sweeper
from tests.conftest import Clock
from tests.redis.consoles import Desk
from tests.redis.sweeping import Platform, sweeper_of
from tests.redis.talking import Say, conversation_of, said
from tests.redis.test_announcer import TEN_SECONDS, RecordingPoster
from tests.redis.test_membership import identity


@pytest.fixture
def poster() -> RecordingPoster:
    return RecordingPoster()


@pytest.fixture
def closed() -> list[str]:
    """The sockets that were closed."""
    return []


@pytest.fixture
def say(membership: Membership, poster: RecordingPoster, clock: Clock, closed: list[str]) -> Say:
    """Send a request from a connection; the frames its socket got in answer."""
    conversation = conversation_of(membership, Announcer(membership, poster), closed.append)

    def send(connection_id: str, user_id: str, **request: object) -> list[dict[str, Any]]:
        before = len(poster.frames.get(connection_id, []))
        socket = said(connection_id, request)
        conversation.answer(socket, identity(user_id), clock(), TEN_SECONDS)
        return poster.frames.get(connection_id, [])[before:]

    return send


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def sweeper(membership: Membership, platform: Platform, poster: RecordingPoster) -> Sweeper:
    return sweeper_of(membership, platform, poster)


@pytest.fixture
def desk(membership: Membership, poster: RecordingPoster) -> Desk:
    return Desk(membership, poster)
