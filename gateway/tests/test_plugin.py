"""The pytest plugin, as a project that is not ours would use it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import apigw_local.pytest_plugin
from apigw_local.log import Record
from apigw_local.pytest_plugin import StartGateway
from tests.conftest import ECHO_APP, Serve

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Chat:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      RouteSelectionExpression: $request.body.action
      Routes:
        $connect: {FunctionArn: !GetAtt Room.Arn}
        say: {FunctionArn: !GetAtt Room.Arn}
  Room:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.13, Handler: room.handler, CodeUri: .}
"""
ROOM = """
import json
import boto3
here = []
def handler(event, context):
    if event["requestContext"]["eventType"] == "CONNECT":
        print("somebody comes")
        here.append(event["requestContext"]["connectionId"])
    else:
        print("somebody speaks")
        text = json.loads(event["body"])["text"].encode()
        for connection_id in here:
            client = boto3.client("apigatewaymanagementapi")
            client.post_to_connection(ConnectionId=connection_id, Data=text)
    return {"statusCode": 200}
"""


IN_PROCESS = """
import os, pytest

def test_one_after_the_other(start_gateway):
    def start(seconds):
        return start_gateway("template.yaml", in_process=True, idle_seconds=seconds)

    first = start(60)
    assert os.environ["AWS_ENDPOINT_URL_LAMBDA"] == first.invoke
    second = start(61)
    assert os.environ["AWS_ENDPOINT_URL_LAMBDA"] == second.invoke
    assert start(61) is second
    with pytest.raises(AssertionError, match="is not running"):
        first.invoke
    with second.connect() as anna:
        anna.send('{"action": "say", "text": "hi"}')
        assert anna.recv(timeout=5) == "hi"
"""


FAULTS = """
import pytest

@pytest.mark.parametrize("turn", range(2))
def test_each_begins_without_faults(start_gateway, turn):
    gateway = start_gateway("template.yaml")
    assert gateway.faults.gone == 0
    gateway.faults.gone = 1
"""


EACH_ITS_OWN = """
import pytest

@pytest.mark.parametrize("turn", range(2))
def test_each_has_its_own_events(start_gateway, turn):
    gateway = start_gateway("template.yaml")
    assert gateway.events("Room") == []
    with gateway.connect(turn=str(turn)):
        event = gateway.wait_for_event("Room")
        assert event["queryStringParameters"] == {"turn": str(turn)}
        assert gateway.events("Room") == [event]
        assert gateway.wait_for_line("somebody comes")
        assert gateway.output.count("somebody comes") == 1
"""

UNUSED = """
import sys

def test_nothing_of_the_gateway_is_there():
    heavy = "awslambdaric boto3 botocore certifi trustme watchfiles websockets yaml"
    assert "apigw_local.pytest_plugin" in sys.modules
    assert not {*heavy.split(), "apigw_local.testing", "asyncio"} & sys.modules.keys()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """With the very test that the plugin's docstring shows."""
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "room.py").write_text(ROOM)
    shown = (apigw_local.pytest_plugin.__doc__ or "").partition("def ")[2].partition("\n\n")[0]
    (tmp_path / "test_room.py").write_text(f"def {shown}\n".replace("\n    ", "\n"))
    return tmp_path


def run(
    project: Path, *options: str, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    where = ["-p", "no:cacheprovider", "--rootdir", str(project), str(project)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *where],
        check=False,
        capture_output=True,
        text=True,
        cwd=project,
        env={**os.environ, **(environment or {})},
    )


def test_a_test_in_five_lines(project: Path) -> None:
    text = (project / "test_room.py").read_text()
    assert len(text.splitlines()) == 5

    ended = run(project)

    assert ended.returncode == 0, ended.stdout
    assert "1 passed" in ended.stdout


def test_what_the_gateway_logged_is_shown_when_a_test_fails(project: Path) -> None:
    test = project / "test_room.py"
    test.write_text(test.read_text().replace('"hi" in', '"ho" in'))

    ended = run(project)

    assert ended.returncode == 1
    assert "- apigw-local /" in ended.stdout
    assert "somebody speaks" in ended.stdout


def test_the_same_gateway_for_the_same_options(start_gateway: StartGateway) -> None:
    def start(**options: object) -> object:
        here = "http://127.0.0.1:1"  # nobody: nothing is invoked
        return start_gateway(ECHO_APP / "template.yaml", lambda_endpoint=here, **options)

    assert start(idle_seconds=60) is start(idle_seconds=60)
    assert start(idle_seconds=60) is not start(idle_seconds=61)


def test_of_those_in_process_the_next_one_stops_the_one_before(project: Path) -> None:
    (project / "test_room.py").write_text(IN_PROCESS)

    ended = run(project)

    assert ended.returncode == 0, ended.stdout


def test_faults_end_with_the_test_that_made_them(project: Path) -> None:
    (project / "test_room.py").write_text(FAULTS)

    ended = run(project)

    assert ended.returncode == 0, ended.stdout


def test_each_test_has_its_own_events_records_and_log(project: Path) -> None:
    (project / "test_room.py").write_text(EACH_ITS_OWN)

    ended = run(project)

    assert ended.returncode == 0, ended.stdout


def test_tests_that_need_no_gateway_import_none(project: Path) -> None:
    (project / "test_room.py").write_text(UNUSED)

    ended = run(
        project,
        *("-p", "apigw_local.pytest_plugin"),
        environment={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # others may import what they like
    )

    assert ended.returncode == 0, ended.stdout


def test_waiting_asks_once_about_each_record(serve: Serve) -> None:
    gateway = serve("def handler(event, _):\n    pass", {"$default": {}})
    asked: list[Record] = []

    def said_enough(record: Record) -> bool:
        asked.append(record)
        return record.kind == "invocation" and record.fields["event"]["body"] == "19"

    with gateway.connect() as anna, ThreadPoolExecutor() as others:
        waiting = others.submit(gateway.wait_for, said_enough)
        for number in range(20):
            anna.send(str(number))
        found = waiting.result()

    assert asked[-1] is found
    assert asked == gateway.records[: len(asked)]


def test_waiting_ends_where_it_does_not_happen(serve: Serve) -> None:
    gateway = serve("def handler(event, _):\n    pass", {"$default": {}})
    with pytest.raises(AssertionError, match=r"did not happen within 0.01 s; the log ends:"):
        gateway.wait_for_line("never", timeout=0.01)


def test_a_template_that_cannot_be_served(start_gateway: StartGateway) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"nowhere.yaml: cannot be read"):
        start_gateway("nowhere.yaml")
