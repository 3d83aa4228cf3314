"""MOCK integrations: what they answer without a function."""

import json
from typing import Any

import pytest

from apigw_local.errors import GatewayError
from tests.clients import WAIT, refusal
from tests.conftest import TWO_WAY, Serve, answers_on


def mock(template: str) -> dict[str, Any]:
    return {"Integration": {"IntegrationType": "MOCK", "RequestTemplates": {"200": template}}}


def response(key: str, template: str) -> dict[str, Any]:
    properties = {
        "ApiId": {"Ref": "Api"},
        "IntegrationId": {"Ref": "Integration0"},
        "IntegrationResponseKey": key,
        "ResponseTemplates": {"200": template},
    }
    return {
        f"Response{key}": {
            "Type": "AWS::ApiGatewayV2::IntegrationResponse",
            "Properties": properties,
        }
    }


@pytest.mark.aws("ms-mock")
def test_a_constant_goes_back_to_the_client(serve: Serve) -> None:
    resources = {**answers_on(0), **response("/200/", '{"pong": true}')}
    gateway = serve("", {"ping": {**mock('{"statusCode": 200}'), **TWO_WAY}}, resources=resources)
    with gateway.connect() as socket:
        socket.send('{"action": "ping"}')
        assert json.loads(socket.recv(WAIT)) == {"pong": True}


@pytest.mark.aws("ms-mock")
def test_of_another_status_nothing_does(serve: Serve) -> None:
    resources = {**answers_on(0), **response("/400/", '{"pong": false}')}
    gateway = serve("", {"ping": {**mock('{"statusCode": 200}'), **TWO_WAY}}, resources=resources)
    with gateway.connect() as socket:
        socket.send('{"action": "ping"}')
        gateway.wait_for_line("^ping ")
        with pytest.raises(TimeoutError):
            socket.recv(0)


@pytest.mark.aws("ms-mock", "co-status")
def test_a_status_refuses_at_connect(serve: Serve) -> None:
    gateway = serve("", {"$connect": mock('{"statusCode": 403}')})
    assert refusal(gateway).status_code == 403


@pytest.mark.aws("ms-other")
@pytest.mark.parametrize(
    ("template", "said"),
    [
        ('{"statusCode": $input.body}', "a MOCK's request template must be a constant"),
        ("#set($a = 1)", "a MOCK's request template must be a constant"),
        ('{"status": 200}', 'a MOCK\'s request template must be {"statusCode": 200}'),
        ("[200]", 'a MOCK\'s request template must be {"statusCode": 200}'),
        ("200", 'a MOCK\'s request template must be {"statusCode": 200}'),
    ],
)
def test_what_would_have_to_be_evaluated_is_refused(serve: Serve, template: str, said: str) -> None:
    with pytest.raises(GatewayError, match=r"template\.json:1: ") as refused:
        serve("", {"ping": mock(template)})
    assert said in str(refused.value)


def test_of_several_templates_none_can_be_chosen(serve: Serve) -> None:
    several = mock('{"statusCode": 200}')
    several["Integration"]["RequestTemplates"]["other"] = '{"statusCode": 400}'
    with pytest.raises(GatewayError, match="only one of the RequestTemplates can be chosen"):
        serve("", {"ping": several})
