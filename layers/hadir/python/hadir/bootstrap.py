"""Builds the adapters; the only place that does.

Handlers call these at module scope, in Lambda's init phase. Imports stand inside, so that a cold
start pays only for what its handler uses. Redis is connected to on first use, so that a snapshot
holds no connection.
"""

import time
from functools import cache
from typing import TYPE_CHECKING

from hadir.domain.deadline import Deadline
from hadir.domain.errors import InvalidSettings, InvalidToken
from hadir.restored import made_after_restore
from hadir.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aws_lambda_powertools.utilities.typing import LambdaContext
    from botocore.config import Config

    from hadir.access.gate import Gate
    from hadir.access.tokens import Tokens
    from hadir.announcer import Announcer
    from hadir.canary import Canary
    from hadir.connections.invoking import Functions
    from hadir.connections.later import Later
    from hadir.connections.management import ManagementApi
    from hadir.connections.sockets import Sockets
    from hadir.domain.grant import Grant
    from hadir.domain.identity import Identity
    from hadir.domain.roles import CustomersSee
    from hadir.doorman import Doorman
    from hadir.membership.audit import Audit
    from hadir.membership.availability import RecentAvailability
    from hadir.membership.bans import Bans
    from hadir.membership.directory import Directory
    from hadir.membership.membership import Membership
    from hadir.membership.scripts import AnyRedis
    from hadir.membership.server import Memory

_SETTINGS = Settings()


def membership() -> "Membership":
    """Membership in the Redis of ``REDIS_URL``; connects on first use."""
    from hadir.membership.membership import Membership

    return Membership(
        _redis(),
        lease_seconds=_SETTINGS.heartbeat_timeout_seconds,
        grace_seconds=_SETTINGS.grace_seconds,
        limits=_SETTINGS.limits,
    )


def directory() -> "Directory":
    """Who is present where, in the Redis of ``REDIS_URL``."""
    from hadir.membership.directory import Directory

    return Directory(_redis())


def availability() -> "RecentAvailability":
    """Whether agents and admins would answer, from the Redis of ``REDIS_URL``."""
    from hadir.membership.availability import Availability, RecentAvailability

    return RecentAvailability(Availability(_redis(), _SETTINGS.heartbeat_timeout_seconds))


def bans() -> "Bans":
    """The bans in the Redis of ``REDIS_URL``."""
    from hadir.membership.bans import Bans

    return Bans(_redis())


def audit() -> "Audit":
    """The audit of what the Redis of ``REDIS_URL`` has evicted."""
    from hadir.membership.audit import Audit

    return Audit(_redis())


def redis_memory() -> "Memory":
    """How full the Redis of ``REDIS_URL`` is.

    Raises:
        MembershipUnavailable: it does not answer.
    """
    from hadir.membership.server import read_memory

    return read_memory(_redis())


@cache
def _redis() -> "AnyRedis":
    from hadir.membership.client import connect

    url, iam = _SETTINGS.redis_url, _SETTINGS.redis_iam
    if iam is None:
        return connect(url)
    from hadir.membership.iam import ElastiCachePasswords

    serverless = ".serverless." in url  # as in the host names of ElastiCache Serverless
    passwords = made_after_restore(
        lambda: ElastiCachePasswords(*iam, _SETTINGS.region, serverless=serverless)
    )
    return connect(url, passwords)


def announcer(membership: "Membership") -> "Announcer":
    """An announcer that posts to the sockets of this deployment's stage."""
    from hadir.announcer import Announcer
    from hadir.connections.poster import Poster

    return Announcer(membership, Poster(_management_api()), customers_see())


def customers_see() -> "CustomersSee":
    """Whom customers may see in this deployment."""
    return _SETTINGS.customers_see


def doorman(membership: "Membership", announcer: "Announcer") -> "Doorman":
    """A doorman for the sockets of this deployment's stage."""
    from hadir.doorman import Doorman
    from hadir.log import kicked

    return Doorman(membership, announcer, close_sockets, kicked)


def gate() -> "Gate":
    """Admits sockets and requests by token; with ``AUTH_MODE=open``, by the identity they claim."""
    from hadir.access.gate import Gate

    if not _SETTINGS.needs_no_token:
        tokens()  # raises at once if there are no keys
        return Gate(read_token, _SETTINGS.allowed_origins)
    from hadir.log import logger

    logger.critical(
        "AUTH_MODE is open: anybody can connect as anybody, and read and end any session"
    )
    return Gate(None, _SETTINGS.allowed_origins)


@cache
def tokens() -> "Tokens":
    """Verifies tokens with the keys of this deployment.

    Raises:
        InvalidSettings: it has no keys.
    """
    from hadir.access.keys import SecretKeys, SigningKeys, fetch_secret
    from hadir.access.tokens import Tokens
    from hadir.log import logger

    secret_id, url = _SETTINGS.token_secret_id, _SETTINGS.jwks_url
    if not secret_id and not url:
        raise InvalidSettings("set TOKEN_SECRET_ID or JWKS_URL, or AUTH_MODE=open on your machine")
    audience, issuer = _SETTINGS.token_audience, _SETTINGS.token_issuer
    return made_after_restore(
        lambda: Tokens(
            audience,
            issuer,
            secret=SecretKeys(fetch_secret(secret_id)) if secret_id else None,
            public=SigningKeys(url) if url else None,
            on_unshown=logger.warning,
        )
    )


def read_token(token: str) -> "Grant":
    """What a token grants.

    It is seldom called, so its imports are made on the first call.

    Raises:
        InvalidToken: the token is not valid, or this deployment takes no tokens.
        KeysUnavailable: it cannot be verified at the moment.
    """
    if _SETTINGS.needs_no_token:
        raise InvalidToken("AUTH_MODE is open: no tokens are needed")
    return tokens().read(token)


@cache
def sockets() -> "Sockets":
    """The sockets of this deployment's stage."""
    from hadir.connections.sockets import Sockets

    return Sockets(_management_api())


@cache
def _management_api() -> "ManagementApi":
    from hadir.connections.management import ManagementApi

    endpoint, region = _SETTINGS.management_endpoint, _SETTINGS.region
    return made_after_restore(lambda: ManagementApi(endpoint, region))


def close_sockets(connection_ids: "Sequence[str]", seconds: float) -> "Mapping[str, bool]":
    """Close sockets of this deployment's stage; return for each whether it is closed.

    It is seldom called, so its imports are made on the first call.
    """
    return sockets().close_each(connection_ids, seconds)


def functions(wait_seconds: float = 2.0) -> "Functions":
    """Invokes other functions.

    Args:
        wait_seconds: how long to wait for the answer of one.
    """
    import boto3

    from hadir.connections.invoking import Functions

    config = _short(wait_seconds)
    # A session of its own, as sessions keep credentials.
    return Functions(made_after_restore(lambda: boto3.Session().client("lambda", config=config)))


def _short(read_seconds: float = 2.0) -> "Config":
    from botocore.config import Config

    return Config(
        connect_timeout=1,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": 2},
    )


def grace_queue() -> "Later | None":
    """The queue whose delayed messages end graces; None without a grace."""
    url = _SETTINGS.grace_queue_url
    if not url:
        return None
    import boto3

    from hadir.connections.later import Later

    return made_after_restore(lambda: Later(boto3.Session().client("sqs", config=_short()), url))


def grace_seconds() -> float:
    """Within how long a person who left may come back as if they had never gone."""
    return _SETTINGS.grace_seconds


def canary() -> "Canary":
    """A canary in this deployment's stage.

    Raises:
        InvalidSettings: it needs tokens, and there is no secret to sign them with.
    """
    from hadir.canary import Canary
    from hadir.connections.client import open_socket

    url = _SETTINGS.management_endpoint.replace("http", "ws", 1)  # a stage has one address for both
    return Canary(open_socket, url, _sign(), _SETTINGS.grace_seconds)


def _sign() -> "Callable[[Identity], str] | None":
    """Makes tokens with this deployment's secret; None where none are needed."""
    if _SETTINGS.needs_no_token:
        return None
    from hadir.access.keys import SecretKeys, fetch_secret
    from hadir.access.tokens import Signer

    secret_id = _SETTINGS.token_secret_id
    if not secret_id:
        raise InvalidSettings("set TOKEN_SECRET_ID, or AUTH_MODE=open on your machine")
    keys = SecretKeys(fetch_secret(secret_id))
    return Signer(keys, _SETTINGS.token_audience, _SETTINGS.token_issuer).sign


def announce_function() -> str:
    """Name or ARN of the function that announces a new socket."""
    return _SETTINGS.announce_function


def message_function() -> str:
    """Name or ARN of the function that handles clients' messages."""
    return _SETTINGS.message_function


def deadline(context: "LambdaContext") -> Deadline:
    """By when the invocation must be done: a second before Lambda ends it."""
    return Deadline.after(context.get_remaining_time_in_millis() / 1000 - 1.0, time.monotonic)
