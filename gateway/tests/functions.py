"""Functions for tests, and asking one."""

import shutil

import pytest

from apigw_local.testing import LocalGateway
from tests.clients import WAIT

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")


def echoing(text: str) -> str:
    return f"def handler(event, context):\n    return {{'statusCode': 200, 'body': {text!r}}}\n"


def function(**properties: object) -> dict[str, object]:
    """The function of `serve`, with other properties."""
    return {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "CodeUri": ".",
            "Handler": "app.handler",
            "Runtime": "python3.13",
            **properties,
        },
    }


def ask(gateway: LocalGateway) -> str:
    with gateway.connect() as socket:
        socket.send("x")
        return str(socket.recv(WAIT))


def answering_on_node(text: str) -> str:
    return f"exports.handler = async () => ({{statusCode: 200, body: {text!r}}})"
