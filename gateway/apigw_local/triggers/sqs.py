"""The template's queues, and the functions that are given what they hold."""

import asyncio
import time
from collections.abc import Coroutine, Iterable
from contextlib import suppress

from apigw_local.core.events.sqs import event, failed
from apigw_local.core.queue import Attributes, Counts, Message
from apigw_local.core.queue import Queue as State
from apigw_local.log import Log
from apigw_local.runtime.invoker import Invoker
from apigw_local.template.model import Queue, QueueTrigger

_SIDE_BY_SIDE = 5
"""Batches of one queue that are handled at the same time; Lambda begins with as many, and takes
more as more wait ("Configuring scaling behavior for SQS event source mappings")."""


class Queues:
    """All queues, by name."""

    def __init__(self, queues: Iterable[Queue], log: Log) -> None:
        self._queues = {each.name: each for each in queues}
        self._states = {
            name: State(each.delay, each.visibility, each.most_receives)
            for name, each in self._queues.items()
        }
        self._changed = {name: asyncio.Event() for name in self._queues}
        self._log = log

    def __contains__(self, name: str) -> bool:
        return name in self._queues

    def __getitem__(self, name: str) -> Queue:
        return self._queues[name]

    def send(self, name: str, body: str, attributes: Attributes, delay: int | None) -> Message:
        """Take a message, to be received in ``delay`` seconds."""
        message = self._states[name].send(body, attributes, delay, _now())
        self._wake(name)
        return message

    async def receive(
        self, name: str, most: int, *, visibility: int | None = None, wait: float | None = 0
    ) -> list[Message]:
        """Give messages that are due, waiting for the first one if need be.

        Args:
            wait: seconds at most; None for as long as it takes.
        """
        loop = asyncio.get_running_loop()
        until = None if wait is None else loop.time() + wait
        while True:
            if messages := self._receive(name, most, visibility):
                return messages
            due = self._states[name].next_at()
            pause = None if due is None else max(due - _now(), 1) / 1000
            if until is not None:
                left = until - loop.time()
                if left <= 0:
                    return []
                pause = left if pause is None else min(pause, left)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed[name].wait(), pause)

    def delete(self, name: str, receipt: str) -> None:
        """Forget a message."""
        self._states[name].delete(receipt)

    def counts(self, name: str) -> Counts:
        """How many messages there are."""
        return self._states[name].counts(_now())

    def _receive(self, name: str, most: int, visibility: int | None) -> list[Message]:
        queue = self._queues[name]
        received = self._states[name].receive(most, visibility, _now())
        for message in received.given_up:
            said = f"{message.message_id} was received {message.receives} times and not deleted"
            dead_letters = queue.dead_letters and queue.dead_letters.rpartition(":")[2]
            self._log.trouble(name, f"{said}: it goes to {dead_letters or 'nobody'}")
            if dead_letters:
                self._states[dead_letters].bury(message, queue.arn, _now())
                self._wake(dead_letters)
        return received.messages

    def _wake(self, name: str) -> None:
        """Let everybody look again who waits for a message."""
        self._changed[name].set()
        self._changed[name].clear()


class Poller:
    """Gives functions what queues hold; a message that a function fails at stays in its queue."""

    def __init__(
        self, triggers: Iterable[QueueTrigger], queues: Queues, functions: Invoker, region: str
    ) -> None:
        self._triggers = tuple(triggers)
        self._queues = queues
        self._functions = functions
        self._region = region
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin."""
        for trigger in self._triggers:
            self._spawn(self._poll(trigger))

    def stop(self) -> None:
        """Invoke nothing more."""
        for task in self._tasks:
            task.cancel()

    async def _poll(self, trigger: QueueTrigger) -> None:
        room = asyncio.Semaphore(_SIDE_BY_SIDE)
        while True:
            await room.acquire()
            task = self._spawn(self._handle(trigger, await self._gather(trigger)))
            task.add_done_callback(lambda _: room.release())

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _gather(self, trigger: QueueTrigger) -> list[Message]:
        """The next batch: what is due, and what becomes due within the window after that."""
        messages = await self._queues.receive(trigger.queue, trigger.most, wait=None)
        loop = asyncio.get_running_loop()
        until = loop.time() + trigger.window
        while len(messages) < trigger.most and (left := until - loop.time()) > 0:
            more = trigger.most - len(messages)
            messages += await self._queues.receive(trigger.queue, more, wait=left)
        return messages

    async def _handle(self, trigger: QueueTrigger, messages: list[Message]) -> None:
        arn = self._queues[trigger.queue].arn
        receipts = {each.message_id: each.receipt for each in messages}
        given = event(messages, arn, self._region)
        result = await self._functions.invoke(trigger.function, given)
        left = set(receipts) if result.failed else set()
        if trigger.partial and not result.failed:
            left = failed(result.payload, tuple(receipts))
        for message_id in receipts.keys() - left:
            self._queues.delete(trigger.queue, receipts[message_id])


def _now() -> int:
    return time.time_ns() // 1_000_000
