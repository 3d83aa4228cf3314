"""Builds the adapters; the only place that does.

Handlers call these at module scope, in Lambda's init phase. Imports stand inside, so that a cold
start pays only for what its handler uses.
"""

from typing import TYPE_CHECKING

from hadir.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_lambda import LambdaClient

    from hadir.announcer import Announcer
    from hadir.connections.sockets import Sockets
    from hadir.membership.membership import Membership

_SETTINGS = Settings()

_REDIS_CONNECT_SECONDS = 1.0
_REDIS_REPLY_SECONDS = 2.0


def membership() -> "Membership":
    """Membership in the Redis of ``REDIS_URL``; connects on first use.

    A frozen sandbox wakes to dead TCP connections, so each call is tried a second time; every
    script may run twice.
    """
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    from hadir.membership.membership import Membership

    return Membership(
        Redis.from_url(
            _SETTINGS.redis_url,
            decode_responses=True,
            socket_connect_timeout=_REDIS_CONNECT_SECONDS,
            socket_timeout=_REDIS_REPLY_SECONDS,
            retry=Retry(NoBackoff(), 1),
        )
    )


def announcer(membership: "Membership") -> "Announcer":
    """An announcer that posts to the sockets of this deployment's stage."""
    from hadir.announcer import Announcer
    from hadir.connections.poster import Poster

    return Announcer(membership, Poster(_SETTINGS.management_endpoint, _SETTINGS.region))


def sockets() -> "Sockets":
    """The sockets of this deployment's stage."""
    import boto3
    from botocore.config import Config

    from hadir.connections.sockets import Sockets

    short = Config(
        connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2}
    )
    return Sockets(boto3.client("apigatewaymanagementapi", config=short))


def lambda_client() -> "LambdaClient":
    """boto3's client for invoking another function."""
    import boto3
    from botocore.config import Config

    short = Config(
        connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2}
    )
    return boto3.client("lambda", config=short)


def announce_function() -> str:
    """The function that announces a new socket."""
    return _SETTINGS.announce_function


def seconds_left(context: "LambdaContext") -> "Callable[[], float]":
    """How long the invocation may still run, less a second to finish in."""
    return lambda: context.get_remaining_time_in_millis() / 1000 - 1.0
