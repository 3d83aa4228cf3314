"""The sample events, each given to its function under the real runtime client."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.tests.aws import aws
from tests.conftest import running_hadir
from tests.running_gateway import ROOT, RunningGateway

EVENTS = sorted(set((ROOT / "events").glob("*.json")) - {ROOT / "events" / "env.json"})


@pytest.fixture(scope="module")
def whole(hadir_redis_url: str) -> Iterator[RunningGateway]:
    """Hadir with all its functions: one is there only for a grace, and one for a canary."""
    with running_hadir(hadir_redis_url, "DisconnectGraceSeconds=1", "Canary=on") as gateway:
        yield gateway


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.stem)
def test_its_function_takes_it(whole: RunningGateway, event: Path) -> None:
    functions = aws("lambda", whole.invoke)

    name = event.stem.title().replace("_", "")
    answer = functions.invoke(FunctionName=f"{name}Function", Payload=event.read_bytes())

    body = json.load(answer["Payload"])
    assert "FunctionError" not in answer, body
    if event.stem == "authorize":
        assert body["policyDocument"]["Statement"][0]["Effect"] == "Allow"
        assert body["context"]["user_id"] == "customer_123"
    elif event.stem == "canary":
        assert body == {"ok": True}
    elif event.stem == "sweep":
        assert "failed" not in body
    elif event.stem == "end_grace":
        assert body == {"batchItemFailures": []}
    elif event.stem != "announce":
        assert body["statusCode"] == 200
