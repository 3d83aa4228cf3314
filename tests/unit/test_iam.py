"""ElastiCache's passwords, against botocore's signer: the only judge without an account."""

from urllib.parse import parse_qs, urlsplit

import pytest
from awscrt.auth import AwsCredentialsProvider
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.compat import get_current_datetime
from botocore.credentials import Credentials
from redis import AuthenticationError

from hadir.membership.iam import ElastiCachePasswords

NAMES: list[str] = ["Action", "User", "ResourceType"]


@pytest.mark.parametrize("serverless", [True, False])
def test_a_password_is_the_request_that_botocore_signs(
    serverless: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = AwsCredentialsProvider.new_static("AKID", "secret", "token/+=")
    passwords = ElastiCachePasswords(
        "hadir", "My-Cache", "eu-west-1", serverless=serverless, credentials=credentials
    )

    user, password = passwords.get_credentials()

    host, _, _ = password.partition("/")
    ours = {
        name: value for name, (value,) in parse_qs(urlsplit(f"http://{password}").query).items()
    }
    assert (user, host) == ("hadir", "my-cache")
    assert ours["X-Amz-Expires"] == "900"
    assert (ours["Action"], ours["User"]) == ("connect", "hadir")
    assert ours.get("ResourceType") == ("ServerlessCache" if serverless else None)

    signed: dict[str, str] = {name: ours[name] for name in NAMES if name in ours}
    request = AWSRequest("GET", "http://my-cache/", params=signed)
    at = get_current_datetime().strptime(ours["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda **_: at)
    signer = SigV4QueryAuth(
        Credentials("AKID", "secret", "token/+="), "elasticache", "eu-west-1", 900
    )
    signer.add_auth(request)
    theirs = {name: value for name, (value,) in parse_qs(urlsplit(str(request.url)).query).items()}
    assert ours == theirs


def test_without_credentials_redis_is_not_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    none = AwsCredentialsProvider.new_environment()
    passwords = ElastiCachePasswords("u", "c", "eu-west-1", serverless=True, credentials=none)
    with pytest.raises(AuthenticationError, match="no password could be made with IAM"):
        passwords.get_credentials()
