"""The management API, scripted, and ours of it."""

from collections.abc import Iterator

import pytest
from awscrt.auth import AwsCredentialsProvider

from hadir.connections.management import ManagementApi
from hadir.connections.poster import Poster
from hadir.connections.sockets import Sockets
from tests.scripted_http import ScriptedHttp, scripted_http


@pytest.fixture
def api() -> Iterator[ScriptedHttp]:
    with scripted_http() as api:
        yield api


@pytest.fixture
def poster(api: ScriptedHttp) -> Poster:
    return Poster(management_api(api.endpoint))


@pytest.fixture
def sockets(api: ScriptedHttp) -> Sockets:
    return Sockets(management_api(api.endpoint))


def management_api(endpoint: str) -> ManagementApi:
    credentials = AwsCredentialsProvider.new_static("AKIDEXAMPLE", "secret", "a token")
    return ManagementApi(endpoint, "eu-west-1", credentials)
