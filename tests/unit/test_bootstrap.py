"""What is built once, since building it is dear."""

import pytest

from hadir import bootstrap


def test_all_sockets_are_closed_by_one_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 takes a tenth of a second to make one, and a flood or a sweep closes hundreds."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")

    assert bootstrap.sockets() is bootstrap.sockets()
