"""The sample events are what the functions read, and there is one for each."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser.models import (
    APIGatewayProxyEventV2Model,
    APIGatewayWebSocketConnectEventModel,
    APIGatewayWebSocketDisconnectEventModel,
    APIGatewayWebSocketMessageEventModel,
    EventBridgeModel,
    SqsModel,
)
from pydantic import ValidationError

from apigw_local.template.document import read
from hadir.access.gate import Gate
from hadir.domain.errors import InvalidIdentity, InvalidRequest
from hadir.domain.identity import SessionRef, UserType
from hadir.domain.reasons import Reason
from hadir.wire.events import SocketEvent, read_departure, read_socket_event
from hadir.wire.grants import read_grant
from hadir.wire.requests import Heartbeat, parse_request
from hadir.wire.sessions import read_session
from tests.running_gateway import ROOT

Event = dict[str, Any]

ENV = ROOT / "events" / "env.json"
FILES = {path.stem: path for path in (ROOT / "events").glob("*.json") if path != ENV}


def check_authorize(event: Event) -> None:
    gate = Gate(None, frozenset({"*"}))
    who = gate.socket(event["queryStringParameters"], event["headers"])
    assert who.user_type is UserType.CUSTOMER
    assert event["methodArn"].endswith("/$connect")


def check_connect(event: Event) -> None:
    APIGatewayWebSocketConnectEventModel.model_validate(event)
    check_socket(event)


def check_announce(event: Event) -> None:
    """What ``connect`` invokes it with: of its own event the context, and nothing more."""
    assert event == {"requestContext": sample("connect")["requestContext"]}
    check_socket(event)


def check_default(event: Event) -> None:
    APIGatewayWebSocketMessageEventModel.model_validate(event)
    assert isinstance(parse_request(check_socket(event).body), Heartbeat)


def check_disconnect(event: Event) -> None:
    APIGatewayWebSocketDisconnectEventModel.model_validate(event)
    check_socket(event)
    assert read_departure(event).reason is Reason.CLIENT_CLOSED


def check_end_grace(event: Event) -> None:
    (record,) = SqsModel.model_validate(event).Records
    assert isinstance(record.body, str)
    assert read_session(record.body) == SessionRef("default", "my-session")


def check_rest(event: Event) -> None:
    request = APIGatewayProxyEventV2Model.model_validate(event)
    grant = read_grant(event["requestContext"]["authorizer"]["lambda"])
    assert request.routeKey in routes()
    assert request.pathParameters is not None
    assert grant.covers(request.pathParameters["session_id"])


def check_schedule(event: Event) -> None:
    assert EventBridgeModel.model_validate(event).detail_type == "Scheduled Event"


def check_socket(event: Event) -> SocketEvent:
    socket = read_socket_event(event)
    assert socket.connection_id == "ejHAm_tb4qkCHlw="
    assert socket.identity is not None
    assert socket.identity.user_id == "customer_123"
    assert socket.request_id
    return socket


CHECKS: dict[str, Callable[[Event], object]] = {
    "announce": check_announce,
    "authorize": check_authorize,
    "canary": check_schedule,
    "connect": check_connect,
    "default": check_default,
    "disconnect": check_disconnect,
    "end_grace": check_end_grace,
    "rest": check_rest,
    "sweep": check_schedule,
}


@pytest.mark.parametrize("name", CHECKS)
def test_its_function_reads_it(name: str) -> None:
    CHECKS[name](sample(name))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("announce", "requestContext.connectionId"),
        ("announce", "requestContext.authorizer.session_id"),
        ("authorize", "headers"),
        ("authorize", "methodArn"),
        ("authorize", "queryStringParameters.user_type"),
        ("canary", "detail-type"),
        ("connect", "headers"),
        ("connect", "requestContext.authorizer"),
        ("connect", "requestContext.eventType"),
        ("default", "body"),
        ("default", "requestContext.authorizer.user_id"),
        ("default", "requestContext.messageId"),
        ("disconnect", "requestContext.authorizer.user_type"),
        ("disconnect", "requestContext.connectedAt"),
        ("disconnect", "requestContext.disconnectStatusCode"),
        ("end_grace", "Records"),
        ("rest", "pathParameters.session_id"),
        ("rest", "requestContext.authorizer.lambda.sessions"),
        ("rest", "requestContext.http"),
        ("rest", "routeKey"),
        ("sweep", "detail-type"),
    ],
)
def test_an_event_that_lacks_something_is_noticed(name: str, path: str) -> None:
    event = sample(name)
    *parents, last = path.split(".")
    place = event
    for parent in parents:
        place = place[parent]
    del place[last]

    with pytest.raises(
        (AssertionError, InvalidIdentity, InvalidRequest, KeyError, ValidationError)
    ):
        CHECKS[name](event)


def test_there_is_one_for_every_function() -> None:
    assert {f"functions/{name}" for name in FILES} == {
        properties["CodeUri"] for properties in functions().values()
    }
    assert set(CHECKS) == set(FILES)


def test_a_disconnect_without_context_is_read_all_the_same() -> None:
    event = sample("disconnect")
    del event["requestContext"]["authorizer"]
    del event["requestContext"]["requestId"]

    socket = read_socket_event(event)

    assert (socket.connection_id, socket.identity) == ("ejHAm_tb4qkCHlw=", None)


def test_sam_knows_the_sample_variables() -> None:
    """One that the template does not have is dropped without a word."""
    everywhere = set(
        read(ROOT / "template.yaml")["Globals"]["Function"]["Environment"]["Variables"]
    )
    own = [each.get("Environment", {}).get("Variables", {}) for each in functions().values()]
    (variables,) = json.loads(ENV.read_text()).values()
    assert set(variables) <= everywhere.union(*own)
    assert variables["ANNOUNCE_FUNCTION"] in functions()


def sample(name: str) -> Event:
    event: Event = json.loads(FILES[name].read_text())
    return event


def functions() -> dict[str, Event]:
    """The properties of the template's functions."""
    resources: Event = read(ROOT / "template.yaml")["Resources"]
    return {
        name: resource["Properties"]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def routes() -> set[str]:
    """The REST API's route keys."""
    return {
        f"{event['Properties']['Method']} {event['Properties']['Path']}"
        for properties in functions().values()
        for event in properties.get("Events", {}).values()
        if event["Type"] == "HttpApi"
    }
