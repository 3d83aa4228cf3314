"""The sample events, each given to its function under the real runtime client."""

import json
from pathlib import Path

import pytest

from tests.aws import aws
from tests.running_gateway import ROOT, AnyGateway

EVENTS = sorted(set((ROOT / "events").glob("*.json")) - {ROOT / "events" / "env.json"})


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.stem)
def test_its_function_takes_it(hadir: AnyGateway, event: Path) -> None:
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
