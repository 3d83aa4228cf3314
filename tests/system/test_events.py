"""The sample events, each given to its function under the real runtime client."""

import json
from pathlib import Path

import pytest

from apigw_local.template.document import read
from apigw_local.testing import LocalGateway
from hadir.wire.events import read_socket_event
from tests.aws import aws
from tests.running_gateway import ROOT

FOR_SAM = ROOT / "events" / "env.json"
EVENTS = sorted(set((ROOT / "events").glob("*.json")) - {FOR_SAM})


def test_there_is_one_for_every_function() -> None:
    functions = {folder.parent.name for folder in (ROOT / "functions").glob("*/app.py")}
    assert {event.stem for event in EVENTS} == functions


def test_sam_local_sets_only_what_the_template_declares() -> None:
    template = read(ROOT / "template.yaml")
    declared = set(template["Globals"]["Function"]["Environment"]["Variables"])
    for resource in template["Resources"].values():
        declared |= set(resource["Properties"].get("Environment", {}).get("Variables", {}))

    (variables,) = json.loads(FOR_SAM.read_text()).values()

    assert set(variables) <= declared
    assert variables["ANNOUNCE_FUNCTION"] in template["Resources"]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.stem)
def test_its_function_takes_it(hadir: LocalGateway, event: Path) -> None:
    functions = aws("lambda", hadir.invoke)

    answer = functions.invoke(
        FunctionName=f"{event.stem.capitalize()}Function", Payload=event.read_bytes()
    )

    body = json.load(answer["Payload"])
    assert "FunctionError" not in answer, body
    if event.stem == "authorize":
        assert body["policyDocument"]["Statement"][0]["Effect"] == "Allow"
        assert body["context"]["user_id"] == "customer_123"
    elif event.stem == "sweep":
        assert "failed" not in body
    elif event.stem != "announce":
        assert body["statusCode"] == 200


@pytest.mark.parametrize("name", ["connect", "default", "disconnect"])
def test_the_identity_is_read_from_the_context(name: str) -> None:
    socket = read_socket_event(json.loads((ROOT / "events" / f"{name}.json").read_text()))

    assert socket.connection_id == "ejHAm_tb4qkCHlw="
    assert socket.identity is not None
    assert socket.identity.user_id == "customer_123"


@pytest.mark.parametrize("name", ["connect", "default", "disconnect", "announce"])
def test_one_that_names_no_connection_is_not_taken(name: str) -> None:
    event = json.loads((ROOT / "events" / f"{name}.json").read_text())
    del event["requestContext"]["connectionId"]

    with pytest.raises(KeyError):
        read_socket_event(event)


def test_a_disconnect_without_context_is_read_all_the_same() -> None:
    event = json.loads((ROOT / "events" / "disconnect.json").read_text())
    del event["requestContext"]["authorizer"]
    del event["requestContext"]["requestId"]

    socket = read_socket_event(event)

    assert (socket.connection_id, socket.identity) == ("ejHAm_tb4qkCHlw=", None)
