"""Projects that were not written for the gateway run on it unchanged.

``projects/chat`` and ``projects/node_chat`` are of the kind one finds published: CloudFormation's
own API Gateway resources, connection ids in DynamoDB, and the management API's address put together
from the event, in the latter of the API's id. That one leaves the AWS SDK to Lambda. All that a
developer adds is where DynamoDB is.
"""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from apigw_local.pytest_plugin import StartGateway
from apigw_local.testing import LocalGateway
from tests.aws import aws
from tests.running_gateway import running_gateway

PROJECTS = Path(__file__).parent / "projects"
NEVER_CONNECTED = "AAAAAAAAAAACAAA="

EnvVars = dict[str, dict[str, str]]


class Table:
    """The project's table, by the name that is its parameter's default."""

    def __init__(self, endpoint: str) -> None:
        self._name = "chat_connections"
        self._dynamodb = aws("dynamodb", endpoint)

    def create(self) -> None:
        self._dynamodb.create_table(
            TableName=self._name,
            AttributeDefinitions=[{"AttributeName": "connectionId", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "connectionId", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def delete(self) -> None:
        self._dynamodb.delete_table(TableName=self._name)

    def add(self, connection_id: str) -> None:
        row = {"connectionId": {"S": connection_id}}
        self._dynamodb.put_item(TableName=self._name, Item=row)

    def connection_ids(self) -> set[str]:
        rows = self._dynamodb.scan(TableName=self._name)["Items"]
        return {row["connectionId"]["S"] for row in rows}


@dataclass(frozen=True)
class Person:
    socket: ClientConnection
    connection_id: str

    def say(self, text: str) -> None:
        self.socket.send(json.dumps({"action": "sendmessage", "data": text}))

    def hear(self) -> str | bytes:
        return self.socket.recv(timeout=10)


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[str]:
    """The address of a DynamoDB."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module", params=["chat", "node_chat"])
def template(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The project's template; what it leaves to Lambda is installed into an empty cache."""
    if request.param == "node_chat" and shutil.which("node") is None:
        pytest.skip("there is no node")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield PROJECTS / request.param / "template.yaml"


@pytest.fixture(scope="module")
def env_vars(dynamodb: str) -> EnvVars:
    """All that is said from outside."""
    return {"Parameters": {"AWS_ENDPOINT_URL_DYNAMODB": dynamodb}}


@pytest.fixture
def table(dynamodb: str) -> Iterator[Table]:
    table = Table(dynamodb)
    table.create()
    yield table
    table.delete()


@pytest.fixture
def chat(
    table: Table, template: Path, env_vars: EnvVars, start_gateway: StartGateway
) -> LocalGateway:
    return start_gateway(template, env_vars=env_vars, region="eu-west-1")


@pytest.fixture
def people(chat: LocalGateway) -> Iterator[tuple[Person, Person, Person]]:
    """Three who are connected; in the end they have left, and that has been handled."""
    with ExitStack() as stack:

        def come() -> Person:
            socket = stack.enter_context(chat.connect())
            latest = chat.events("OnConnectFunction")[-1]
            return Person(socket, latest["requestContext"]["connectionId"])

        everyone = come(), come(), come()
        yield everyone
    for person in everyone:
        chat.wait_for_event("OnDisconnectFunction", person.connection_id)


def connection_ids(*people: Person) -> set[str]:
    return {person.connection_id for person in people}


def answer(chat: LocalGateway, function: str, connection_id: str) -> Any:
    """What a function answered to a connection's first event."""
    event = chat.wait_for_event(function, connection_id)
    return chat.wait_for(lambda record: record.fields.get("event") is event).fields["answer"]


def statuses(chat: LocalGateway, connection_id: str) -> list[int]:
    """What the management API has answered to those who called it about a connection."""
    return [
        record.fields["status"]
        for record in chat.records
        if record.kind == "call" and record.fields["connectionId"] == connection_id
    ]


def test_who_connects_is_in_the_table(people: tuple[Person, Person, Person], table: Table) -> None:
    assert len(connection_ids(*people)) == 3
    assert table.connection_ids() == connection_ids(*people)


def test_everyone_gets_what_one_sends(
    chat: LocalGateway, people: tuple[Person, Person, Person]
) -> None:
    anna, _, _ = people

    anna.say("hello")

    assert [person.hear() for person in people] == ["hello"] * 3
    said = answer(chat, "SendMessageFunction", anna.connection_id)
    assert said == {"statusCode": 200, "body": "Data sent."}
    assert [statuses(chat, each.connection_id) for each in people] == [[200]] * 3


def test_who_has_left_is_no_longer_sent_to(
    chat: LocalGateway, people: tuple[Person, Person, Person], table: Table
) -> None:
    anna, ben, carla = people

    ben.socket.close()
    chat.wait_for_event("OnDisconnectFunction", ben.connection_id)
    assert table.connection_ids() == connection_ids(anna, carla)
    anna.say("where is Ben?")

    assert [anna.hear(), carla.hear()] == ["where is Ben?"] * 2
    chat.wait_for_event("SendMessageFunction", anna.connection_id)
    assert statuses(chat, ben.connection_id) == []


def test_a_row_of_nobody_goes_when_somebody_speaks(
    chat: LocalGateway, people: tuple[Person, Person, Person], table: Table
) -> None:
    anna, _, _ = people
    table.add(NEVER_CONNECTED)

    anna.say("hello")

    assert [person.hear() for person in people] == ["hello"] * 3
    chat.wait_for_event("SendMessageFunction", anna.connection_id)
    assert statuses(chat, NEVER_CONNECTED) == [410]
    assert table.connection_ids() == connection_ids(*people)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ('{"action": "dance", "data": "hello"}', "Forbidden"),  # there is no $default
        ("hello", "Forbidden"),
        ('{"action": "sendmessage"}', "Internal server error"),  # the handler fails
    ],
)
def test_the_gateway_itself_answers_what_goes_wrong(
    people: tuple[Person, Person, Person], message: str, words: str
) -> None:
    anna, _, _ = people

    anna.socket.send(message)

    frame = json.loads(anna.hear())
    assert re.fullmatch(r"[\w-]{15}=", frame.pop("requestId"))
    assert frame == {"message": words, "connectionId": anna.connection_id}


@pytest.mark.usefixtures("table")
def test_nobody_connects_where_the_parameter_names_no_table(
    template: Path, env_vars: EnvVars, start_gateway: StartGateway
) -> None:
    chat = start_gateway(
        template,
        parameters={"TableName": "no_such_table"},
        env_vars=env_vars,
        region="eu-west-1",
    )

    with pytest.raises(InvalidStatus) as refused:
        chat.connect()

    assert refused.value.response.status_code == 500
    record = chat.wait_for(lambda record: record.kind == "invocation")
    assert "ResourceNotFoundException" in record.fields["answer"]["body"]


def test_from_the_command_line(
    table: Table, template: Path, env_vars: EnvVars, tmp_path: Path
) -> None:
    file = tmp_path / "env.json"
    file.write_text(json.dumps(env_vars))

    with running_gateway(template, "--env-vars", str(file)) as gateway:
        url = f"{gateway.ws}/Prod"
        with connect(url, proxy=None) as anna, connect(url, proxy=None) as ben:
            assert len(table.connection_ids()) == 2
            anna.send('{"action": "sendmessage", "data": "hello"}')
            assert [anna.recv(timeout=10), ben.recv(timeout=10)] == ["hello"] * 2
