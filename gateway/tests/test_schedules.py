"""Functions that are invoked again and again."""

import asyncio
import io
import json
import time
from typing import Any

from apigw_local.log import Log
from apigw_local.runtime.invoker import Invoker
from apigw_local.template.model import Schedule
from apigw_local.triggers.schedule import Scheduler


class Recording(Invoker):
    """They only note what they are given: a real schedule has a period of a minute or more."""

    def __init__(self) -> None:
        super().__init__({}, {}, Log(io.StringIO()))
        self.given: list[tuple[str, Any]] = []

    def invoke_async(self, name: str, payload: bytes, client_context: str | None = None) -> None:
        self.given.append((name, json.loads(payload)))


def run(schedule: Schedule) -> list[tuple[str, Any]]:
    async def until_twice() -> list[tuple[str, Any]]:
        functions = Recording()
        scheduler = Scheduler((schedule,), functions, "eu-west-1")
        scheduler.start()
        while len(functions.given) < 2:
            await asyncio.sleep(0.001)
        scheduler.stop()
        return functions.given

    return asyncio.run(until_twice())


def test_a_scheduled_event() -> None:
    (name, event), (_, again) = run(Schedule("Sweep", "EveryMinute", 0.01))

    assert name == "Sweep"
    assert event["detail-type"] == "Scheduled Event"
    assert event["source"] == "aws.events"
    assert event["resources"] == [
        "arn:aws:events:eu-west-1:123456789012:rule/SweepEveryMinute"
    ]  # fmt: skip
    assert event["id"] != again["id"]


def test_an_input_of_its_own() -> None:
    (_, event), _ = run(Schedule("Sweep", "EveryMinute", 0.01, '{"depth": 2}'))

    assert event == {"depth": 2}


def test_a_period_passes_before_each_time() -> None:
    began = time.monotonic()
    run(Schedule("Sweep", "EveryMinute", 0.2))

    assert time.monotonic() - began >= 0.4
