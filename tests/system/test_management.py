"""The local gateway, which checks signatures, answers us as it answers boto3, unmodified."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from awscrt.auth import AwsCredentialsProvider
from botocore.exceptions import ClientError

from apigw_local.testing import LocalGateway
from gateway.tests.aws import aws
from gateway.tests.clients import WAIT, id_of
from hadir.connections.management import ManagementApi
from hadir.connections.poster import Poster
from hadir.connections.sockets import Sockets
from tests.running_gateway import ROOT

ECHO_APP = ROOT / "gateway" / "tests" / "echo_app" / "template.yaml"
NOBODY = "AAAAAAAAAAACAAA="
IMPOSSIBLE = "no such form/é"
SECONDS = 10


@pytest.fixture(scope="module")
def gateway() -> Iterator[LocalGateway]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "local")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")
        with LocalGateway(ECHO_APP, verify_signatures=True) as gateway:
            yield gateway


@pytest.fixture(scope="module")
def boto(gateway: LocalGateway) -> Any:
    return aws("apigatewaymanagementapi", gateway.management, secret="a secret")


def api(gateway: LocalGateway, secret: str = "a secret") -> ManagementApi:
    credentials = AwsCredentialsProvider.new_static("local", secret)
    return ManagementApi(gateway.management, "eu-west-1", credentials)


def status(call: Callable[..., Any], **arguments: Any) -> int:
    try:
        answer = call(**arguments)
    except ClientError as error:
        answer = error.response
    return int(answer["ResponseMetadata"]["HTTPStatusCode"])


def test_we_and_boto3_are_answered_alike(gateway: LocalGateway, boto: Any) -> None:
    sockets, poster = Sockets(api(gateway)), Poster(api(gateway))
    with gateway.connect(who="me") as socket:
        closed = id_of(socket)
    gateway.wait_for_event("DisconnectFunction", closed)

    with gateway.connect(who="me") as socket, gateway.connect(who="me") as other:
        own = id_of(socket)
        everybody = [own, closed, NOBODY, IMPOSSIBLE]

        seen = sockets.look(everybody, SECONDS)
        by_boto = [status(boto.get_connection, ConnectionId=each) for each in everybody]
        assert [seen[each].status for each in everybody] == by_boto == [200, 410, 410, 400]
        last_active = boto.get_connection(ConnectionId=own)["LastActiveAt"].timestamp()
        assert seen[own].last_active_ms == pytest.approx(last_active * 1000, abs=1)

        frame = '{"text": "é ☕"}'.encode()
        posted = poster.post({each: [frame] for each in everybody}, SECONDS)
        by_boto = [
            status(boto.post_to_connection, ConnectionId=each, Data=frame) for each in everybody
        ]
        assert [posted[each].status for each in everybody] == by_boto == [200, 410, 410, 400]
        assert socket.recv(WAIT) == socket.recv(WAIT) == frame.decode()

        theirs = id_of(other)
        made = sockets.close_each([own, closed, NOBODY, IMPOSSIBLE], SECONDS)
        by_boto = [
            status(boto.delete_connection, ConnectionId=each)
            for each in (theirs, closed, NOBODY, IMPOSSIBLE)
        ]
        assert by_boto == [204, 410, 410, 400]
        assert [*made.values()] == [True, True, True, False]
        gateway.wait_for_event("DisconnectFunction", own)
        gateway.wait_for_event("DisconnectFunction", theirs)


def test_with_another_secret_we_are_refused_as_boto3_is(gateway: LocalGateway) -> None:
    with gateway.connect(who="me") as socket:
        own = id_of(socket)
        ours = Sockets(api(gateway, "another")).look([own], SECONDS)[own].status
        theirs = aws("apigatewaymanagementapi", gateway.management, secret="another")

        assert ours == status(theirs.get_connection, ConnectionId=own) == 403
