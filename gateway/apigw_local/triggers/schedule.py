"""Invokes functions on their schedules, as EventBridge does."""

import asyncio
import json
import uuid
from datetime import UTC, datetime

from apigw_local.core.events.websocket import ACCOUNT
from apigw_local.runtime.invoker import Invoker
from apigw_local.template.model import Schedule


class Scheduler:
    """Invokes each scheduled function asynchronously, the first time after one period."""

    def __init__(self, schedules: tuple[Schedule, ...], functions: Invoker, region: str) -> None:
        self._schedules = schedules
        self._functions = functions
        self._region = region
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin."""
        self._tasks = [asyncio.create_task(self._repeat(each)) for each in self._schedules]

    def stop(self) -> None:
        """Invoke nothing more."""
        for task in self._tasks:
            task.cancel()

    async def _repeat(self, schedule: Schedule) -> None:
        while True:
            await asyncio.sleep(schedule.seconds)
            self._functions.invoke_async(schedule.function, self._event(schedule))

    def _event(self, schedule: Schedule) -> bytes:
        """What it is given, or a scheduled event ("Using AWS Lambda with scheduled events")."""
        if schedule.input is not None:
            return schedule.input.encode()
        rule = f"{schedule.function}{schedule.name}"
        return json.dumps(
            {
                "version": "0",
                "id": str(uuid.uuid4()),
                "detail-type": "Scheduled Event",
                "source": "aws.events",
                "account": ACCOUNT,
                "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "region": self._region,
                "resources": [f"arn:aws:events:{self._region}:{ACCOUNT}:rule/{rule}"],
                "detail": {},
            }
        ).encode()
