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


def membership() -> "Membership":
    """Membership in the Redis of ``REDIS_URL``; connects on first use."""
    from hadir.membership.client import connect
    from hadir.membership.membership import Membership

    return Membership(
        connect(_SETTINGS.redis_url),
        lease_seconds=_SETTINGS.heartbeat_timeout_seconds,
        grace_seconds=_SETTINGS.grace_seconds,
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


def close_socket(connection_id: str) -> None:
    """Close a socket of this deployment's stage.

    Seldom needed by those who need it, so what it takes is imported then.
    """
    sockets().close(connection_id)


def lambda_client() -> "LambdaClient":
    """boto3's client for invoking another function."""
    import boto3
    from botocore.config import Config

    short = Config(
        connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2}
    )
    return boto3.client("lambda", config=short)


def grace_seconds() -> float:
    """How long a person who left may come back in as if they had never gone."""
    return _SETTINGS.grace_seconds


def announce_function() -> str:
    """The function that announces a new socket."""
    return _SETTINGS.announce_function


def seconds_left(context: "LambdaContext") -> "Callable[[], float]":
    """How long the invocation may still run, less a second to finish in."""
    return lambda: context.get_remaining_time_in_millis() / 1000 - 1.0
