"""boto3 clients as a stranger would make them: nothing about them is ours but the endpoint."""

from typing import Any

import boto3
from botocore.config import Config

_client: Any = boto3.client


def aws(service: str, endpoint: str, *, secret: str = "local", **config: Any) -> Any:
    """A client that tries once."""
    return _client(
        service,
        endpoint_url=endpoint,
        region_name="eu-west-1",
        aws_access_key_id="local",
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, **config),
    )
