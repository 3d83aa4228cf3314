"""SQS queues, and the functions that are given what they hold."""

from collections.abc import Iterator
from dataclasses import replace

from apigw_local.errors import TemplateError
from apigw_local.template.document import Map, text
from apigw_local.template.functions import FunctionReader
from apigw_local.template.intrinsics import Resolver
from apigw_local.template.model import Queue, QueueTrigger

QUEUE = "AWS::SQS::Queue"
_VISIBILITY_SECONDS = 30
_MOST_DELAY_SECONDS = 900
_MOST_VISIBILITY_SECONDS = 43_200
_MOST_RECEIVES = 1000
_BATCH = 10
_MOST_BATCH = 10_000
_MOST_WINDOW_SECONDS = 300
_SOURCE = "SQS"


class QueueReader:
    """Reads the queues of a template.

    Attributes:
        warnings: what will not happen, each with a line.
    """

    def __init__(self, document: Map, resolver: Resolver, functions: FunctionReader) -> None:
        self._resources = document.map("Resources")
        self._resolver = resolver
        self._functions = functions
        self._queues: dict[str, Queue] = {}
        self.warnings: list[tuple[int, str]] = []

    def read(self) -> tuple[Queue, ...]:
        """All standard queues.

        Raises:
            TemplateError: SQS would refuse one.
        """
        found: dict[str, Queue] = {}
        for logical_id in self._resources:
            resource = self._resources.map(logical_id)
            if resource.get("Type") == QUEUE and self._resolver.exists(logical_id):
                properties = resource.map("Properties")
                if self._is_fifo(properties):
                    at = properties.at("FifoQueue")
                    self.warnings.append((at, f"{logical_id}: FIFO queues are not served"))
                else:
                    queue = self._queue(logical_id, properties)
                    self._queues[queue.arn] = queue
                    found[logical_id] = queue
        return tuple(self._with_dead_letters(*each) for each in found.items())

    def triggers(self, function: str) -> Iterator[QueueTrigger]:
        """The queues whose messages ``function`` is given, where that is enabled.

        Raises:
            TemplateError: Lambda would refuse one.
        """
        events = self._functions.properties(function).map("Events")
        for name in events:
            if events.map(name).get("Type") != _SOURCE:
                continue
            self._functions.check(function)
            event = events.map(name).map("Properties")
            if text(self._resolver.value(event, "Enabled", default=True)) != "true":
                continue
            arn = self._resolver.value(event, "Queue")
            if arn is None:
                said = f"{function}: an SQS event needs the ARN of a Queue"
                raise TemplateError(said, events.at(name))
            queue = self._queues.get(text(arn))
            if queue is None:
                said = f"{function}: what {text(arn)} holds does not come here"
                self.warnings.append((event.at("Queue"), said))
                continue
            yield self._trigger(function, queue, event)

    def _queue(self, logical_id: str, properties: Map) -> Queue:
        policy = self._resolver.value(properties, "RedrivePolicy")
        dead_letters = most = None
        if isinstance(policy, Map):
            dead_letters = text(policy.get("deadLetterTargetArn"))
            most = self._whole(policy, "maxReceiveCount", 0, 1, _MOST_RECEIVES)
        return Queue(
            name=self._resolver.name(logical_id),
            arn=text(self._resolver.resolve(Map({"Fn::GetAtt": [logical_id, "Arn"]}, 0, {}), 0)),
            delay=self._whole(properties, "DelaySeconds", 0, 0, _MOST_DELAY_SECONDS),
            visibility=self._whole(
                properties, "VisibilityTimeout", _VISIBILITY_SECONDS, 0, _MOST_VISIBILITY_SECONDS
            ),
            dead_letters=dead_letters,
            most_receives=most,
        )

    def _with_dead_letters(self, logical_id: str, queue: Queue) -> Queue:
        """The queue; where it gives messages up to one that is not here, that is said."""
        if queue.dead_letters is None or queue.dead_letters in self._queues:
            return queue
        properties = self._resources.map(logical_id).map("Properties")
        said = f"{logical_id}: {queue.dead_letters} is not served, what would go there is dropped"
        self.warnings.append((properties.at("RedrivePolicy"), said))
        return replace(queue, dead_letters=None)

    def _trigger(self, function: str, queue: Queue, event: Map) -> QueueTrigger:
        timeout = self._resolver.number(self._functions.properties(function), "Timeout", 3)
        if queue.visibility < timeout:
            said = (
                f"Lambda takes no queue whose VisibilityTimeout ({queue.visibility} s) is less "
                f"than its function's Timeout ({timeout:g} s)"
            )
            raise TemplateError(said, event.at("Queue"))
        most = self._whole(event, "BatchSize", _BATCH, 1, _MOST_BATCH)
        window = self._whole(event, "MaximumBatchingWindowInSeconds", 0, 0, _MOST_WINDOW_SECONDS)
        if most > _BATCH and not window:
            said = "a BatchSize over 10 needs a MaximumBatchingWindowInSeconds of at least 1"
            raise TemplateError(said, event.at("BatchSize"))
        if "FilterCriteria" in event:
            said = f"{function}: FilterCriteria are not applied, every message comes"
            self.warnings.append((event.at("FilterCriteria"), said))
        kinds = self._resolver.value(event, "FunctionResponseTypes", [])
        return QueueTrigger(function, queue.name, most, window, "ReportBatchItemFailures" in kinds)

    def _is_fifo(self, properties: Map) -> bool:
        return text(self._resolver.value(properties, "FifoQueue", default=False)) == "true"

    def _whole(self, owner: Map, key: str, default: int, lowest: int, highest: int) -> int:
        """A whole number within limits.

        Raises:
            TemplateError: it is none.
        """
        found = self._resolver.number(owner, key, default)
        if found != int(found) or not lowest <= found <= highest:
            said = f"{key} must be a whole number from {lowest} to {highest}, found {found:g}"
            raise TemplateError(said, owner.at(key))
        return int(found)
