"""Hadir as it is deployed: nobody gets in without a token.

Secrets Manager is moto's server, since there is no other here; keys, tokens and sockets are real.
"""

from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from apigw_local.pytest_plugin import StartGateway
from apigw_local.testing import LocalGateway
from gateway.tests.aws import aws
from local.embedded_redis import embedded_redis
from tests.conftest import PATH_FORM
from tests.system.guarded import ORIGIN
from tests.tokens import SECRET, Issuer, running_issuer


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture(scope="session")
def secrets_manager() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def own_redis() -> Iterator[str]:
    """A Redis of its own: the sweep of another Hadir would end the sockets of this one."""
    with embedded_redis() as url:
        yield url


@pytest.fixture(scope="session")
def guarded(
    own_redis: str, start_gateway: StartGateway, secrets_manager: str, issuer: Issuer
) -> LocalGateway:
    """Hadir as it is deployed: nobody gets in without a token."""
    manager = aws("secretsmanager", secrets_manager)
    arn = manager.create_secret(Name="hadir", SecretString=SECRET)["ARN"]
    here = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets_manager}
    return start_gateway(
        "template.yaml",
        parameters={
            "RedisUrl": own_redis,
            "AllowedOrigins": ORIGIN,
            "TokenSecretArn": arn,
            "JwksUrl": issuer.url,
            "ConnectionsPerUser": "3",
        },
        env_vars={"AuthorizeFunction": here, "DefaultFunction": here},
        path=PATH_FORM,
        region="eu-west-1",
    )
