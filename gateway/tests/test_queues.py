"""Queues of SQS, the functions they invoke, and their templates; the judge is boto3."""

import json
from typing import Any

import pytest

from apigw_local.core.events.sqs import failed
from apigw_local.core.queue import Counts, Queue
from apigw_local.log import Record
from apigw_local.template import model
from apigw_local.testing import LocalGateway
from tests.aws import aws
from tests.clients import WAIT
from tests.conftest import Serve
from tests.functions import function
from tests.sqs import DIGEST_OF_HELLO, counts, refusal, url
from tests.templates import Load, Refusal, sam, under, warnings_of

T = 1_700_000_000_000  # ms
ARN = "arn:aws:sqs:eu-west-1:123456789012:Jobs"


class TestState:
    def test_a_message_is_hidden_when_received_and_gone_when_deleted(self) -> None:
        queue = Queue(0, 30, None)
        queue.send("a", {}, None, T)
        (first,) = queue.receive(10, None, T).messages
        receipt = first.receipt
        assert (first.receives, first.first_received_at, first.visible_at) == (1, T, T + 30_000)
        assert queue.receive(10, None, T + 29_999).messages == []

        (again,) = queue.receive(10, None, T + 30_000).messages

        assert (again.message_id, again.receives) == (first.message_id, 2)
        assert (again.first_received_at, again.sent_at) == (T, T)
        queue.delete(receipt)
        assert queue.next_at() == T + 60_000
        queue.delete(again.receipt)
        assert queue.next_at() is None

    def test_delays(self) -> None:
        queue = Queue(5, 30, None)
        queue.send("the queue's", {}, None, T)
        queue.send("its own", {}, 900, T)
        queue.send("none", {}, 0, T)

        def due(now: int) -> list[str]:
            return [each.body for each in queue.receive(10, 1000, now).messages]

        assert queue.counts(T) == Counts(visible=1, in_flight=0, delayed=2)
        assert (due(T), due(T + 4_999), due(T + 5_000)) == (["none"], [], ["the queue's"])
        assert queue.counts(T + 5_000) == Counts(visible=0, in_flight=2, delayed=1)
        assert (due(T + 899_999), due(T + 900_000)) == ([], ["its own"])

    def test_so_many_at_once_the_oldest_first(self) -> None:
        queue = Queue(0, 30, None)
        for body in "abc":
            queue.send(body, {}, None, T)
        assert [each.body for each in queue.receive(2, None, T).messages] == ["a", "b"]
        assert [each.body for each in queue.receive(2, None, T).messages] == ["c"]

    def test_what_is_received_too_often_is_given_up(self) -> None:
        queue, dead = Queue(0, 30, 2), Queue(0, 30, None)
        queue.send("a", {}, None, T)
        for at in (T, T + 30_000):
            assert len(queue.receive(1, None, at).messages) == 1

        received = queue.receive(1, None, T + 60_000)

        assert (received.messages, queue.next_at()) == ([], None)
        dead.bury(received.given_up[0], ARN, T + 60_000)
        (buried,) = dead.receive(1, None, T + 60_000).messages
        assert (buried.body, buried.sent_at, buried.came_from) == ("a", T, ARN)


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        (b"null", []),
        (b"{}", []),
        (b'{"batchItemFailures": null}', []),
        (b'{"batchItemFailures": []}', []),
        (b'{"batchItemFailures": [{"itemIdentifier": "b"}]}', ["b"]),
        (b'{"batchItemFailures": [{"itemIdentifier": ""}]}', ["a", "b"]),
        (b'{"batchItemFailures": [{"itemIdentifier": null}]}', ["a", "b"]),
        (b'{"batchItemFailures": [{"itemIdentifier": "c"}]}', ["a", "b"]),
        (b'{"batchItemFailures": [{"other": "b"}]}', ["a", "b"]),
        (b'{"batchItemFailures": 1}', ["a", "b"]),
        (b'"text"', ["a", "b"]),
        (b"no JSON", ["a", "b"]),
        (b"[" * 100_000, ["a", "b"]),
    ],
)
@pytest.mark.aws("sq-partial")
def test_which_messages_a_function_reports_as_failed(answer: bytes, left: list[str]) -> None:
    assert sorted(failed(answer, ("a", "b"))) == left


KEEPS = """
import os, boto3

def handler(event, context):
    if "Records" in event:
        fails = [each["messageId"] for each in event["Records"] if each["body"] == "fails"]
        if any(each["body"] == "raises" for each in event["Records"]):
            raise ValueError("not today")
        return {"batchItemFailures": [{"itemIdentifier": each} for each in fails]}
    boto3.client("sqs").send_message(QueueUrl=os.environ["JOBS"], MessageBody=event["body"])
    return {"statusCode": 200, "body": os.environ["JOBS"]}
"""


def triggered(
    queue: dict[str, Any] | None = None, /, timeout: int = 1, **event: Any
) -> dict[str, Any]:
    """A queue with another one for what is given up, and a function that it invokes."""
    arn = {"Fn::GetAtt": ["Jobs", "Arn"]}
    return {
        "Jobs": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"VisibilityTimeout": 1, **(queue or {})},
        },
        "Dead": {"Type": "AWS::SQS::Queue"},
        "Function": function(
            Timeout=timeout,
            Environment={"Variables": {"JOBS": {"Ref": "Jobs"}}},
            Events={"Job": {"Type": "SQS", "Properties": {"Queue": arn, **event}}},
        ),
    }


REDRIVE = {
    "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 1}
}


class TestFunctions:
    @pytest.mark.aws("sq-event")
    def test_a_function_is_given_what_is_sent(self, serve: Serve) -> None:
        gateway = serve(KEEPS, {"ping": {}}, resources=triggered(), region="eu-west-1")
        client = aws("sqs", gateway.queues)
        attribute = {"DataType": "Binary", "BinaryValue": b"\x00"}

        sent = client.send_message(
            QueueUrl=url(client), MessageBody="hello", MessageAttributes={"a": attribute}
        )

        (record,) = gateway.wait_for_event("Function")["Records"]
        at = record["attributes"].pop("SentTimestamp")
        assert at.isdigit()
        assert record["attributes"].pop("ApproximateFirstReceiveTimestamp") >= at
        assert record["attributes"].pop("SenderId")
        assert record.pop("receiptHandle")
        assert record == {
            "messageId": sent["MessageId"],
            "body": "hello",
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {
                "a": {
                    "dataType": "Binary",
                    "binaryValue": "AA==",
                    "stringListValues": [],
                    "binaryListValues": [],
                }
            },
            "md5OfBody": DIGEST_OF_HELLO,
            "md5OfMessageAttributes": sent["MD5OfMessageAttributes"],
            "eventSource": "aws:sqs",
            "eventSourceARN": ARN,
            "awsRegion": "eu-west-1",
        }
        until_empty(client, url(client))

    @pytest.mark.parametrize("in_process", [True, False])
    def test_a_function_sends_what_it_is_given_later(
        self, serve: Serve, *, in_process: bool
    ) -> None:
        resources = triggered({"DelaySeconds": 1, "VisibilityTimeout": 20}, timeout=20)
        gateway = serve(
            KEEPS,
            {"$default": {"RouteResponseSelectionExpression": "$default"}},
            resources=resources,
            in_process=in_process,
        )
        with gateway.connect() as socket:
            socket.send("hello")

        def is_given(record: Record) -> bool:
            return record.kind == "invocation" and "Records" in record.fields["event"]

        (record,) = gateway.wait_for(is_given, 4 * WAIT).fields["event"]["Records"]
        assert record["body"] == "hello"

    @pytest.mark.aws("sq-again", "sq-dead")
    def test_what_fails_comes_again_and_then_goes_to_the_dead_letters(self, serve: Serve) -> None:
        policy = {"RedrivePolicy": {**REDRIVE["RedrivePolicy"], "maxReceiveCount": 2}}
        gateway = serve(KEEPS, {"ping": {}}, resources=triggered(policy))
        client = aws("sqs", gateway.queues)
        sent = client.send_message(QueueUrl=url(client), MessageBody="raises")

        (dead,) = client.receive_message(
            QueueUrl=url(client, "Dead"), WaitTimeSeconds=20, MessageSystemAttributeNames=["All"]
        )["Messages"]

        assert (dead["MessageId"], dead["Body"]) == (sent["MessageId"], "raises")
        assert dead["Attributes"]["DeadLetterQueueSourceArn"].endswith(":Jobs")
        said = f"{sent['MessageId']} was received 2 times and not deleted: it goes to Dead"
        gateway.wait_for_line(f"Jobs {said}")
        received = [
            event["Records"][0]["attributes"]["ApproximateReceiveCount"]
            for event in gateway.events("Function")
        ]
        assert received == ["1", "2"]

    @pytest.mark.aws("sq-partial")
    def test_only_what_a_function_reports_comes_again(self, serve: Serve) -> None:
        gateway = serve(
            KEEPS,
            {"ping": {}},
            resources=triggered(
                REDRIVE,
                FunctionResponseTypes=["ReportBatchItemFailures"],
                BatchSize=2,
                MaximumBatchingWindowInSeconds=20,
            ),
        )
        client = aws("sqs", gateway.queues)
        bodies = ("works", "fails")
        entries = [{"Id": body, "MessageBody": body} for body in bodies]
        client.send_message_batch(QueueUrl=url(client), Entries=entries)

        (dead,) = client.receive_message(QueueUrl=url(client, "Dead"), WaitTimeSeconds=20)[
            "Messages"
        ]

        assert dead["Body"] == "fails"
        assert [len(event["Records"]) for event in gateway.events("Function")] == [2]
        until_empty(client, url(client))

    def test_what_is_given_up_to_a_queue_elsewhere_is_dropped(self, serve: Serve) -> None:
        policy = {"deadLetterTargetArn": ARN.replace("Jobs", "Other"), "maxReceiveCount": 1}
        gateway = serve(KEEPS, {"ping": {}}, resources=triggered({"RedrivePolicy": policy}))
        client = aws("sqs", gateway.queues)
        client.send_message(QueueUrl=url(client), MessageBody="raises")
        gateway.wait_for_line("Jobs .* was received 1 times and not deleted: it goes to nobody")
        assert counts(client, url(client)) == (0, 0, 0)

    def test_who_does_not_report_has_handled_all(self, serve: Serve) -> None:
        gateway = serve(KEEPS, {"ping": {}}, resources=triggered(REDRIVE))
        client = aws("sqs", gateway.queues)
        client.send_message(QueueUrl=url(client), MessageBody="fails")
        gateway.wait_for_event("Function")
        until_empty(client, url(client))
        assert counts(client, url(client, "Dead")) == (0, 0, 0)


def until_empty(client: Any, queue: str) -> None:
    """A message is deleted once the function has answered; the test's own timeout is the limit."""
    while counts(client, queue) != (0, 0, 0):
        pass


JOB = """
Jobs:
  Type: AWS::SQS::Queue
  Properties:
    QueueName: jobs
    {queue}
Worker:
  Type: AWS::Serverless::Function
  Properties:
    Runtime: python3.13
    Handler: app.handler
    CodeUri: src
    Timeout: 20
    Environment: {{Variables: {{URL: !Ref Jobs, NAME: !GetAtt Jobs.QueueName}}}}
    Events:
      Job:
        Type: SQS
        Properties:
          Queue: !GetAtt Jobs.Arn
          {event}
{more}
"""


def job(queue: str = "", event: str = "", more: str = "", **parts: str) -> str:
    return sam(resources=JOB.format(queue=queue, event=event, more=more), **parts)


class TestTemplates:
    @pytest.mark.aws("sq-template")
    def test_a_queue_and_who_is_given_what_it_holds(self, loaded: Load) -> None:
        policy = "{deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}"
        application = loaded(
            job(
                f"DelaySeconds: 5\n    VisibilityTimeout: 120\n    MessageRetentionPeriod: 60\n"
                f"    RedrivePolicy: {policy}",
                "BatchSize: 100\n          MaximumBatchingWindowInSeconds: 2\n"
                "          FunctionResponseTypes: [ReportBatchItemFailures]",
                "Dead: {Type: AWS::SQS::Queue}",
            )
        )
        jobs, dead = application.queues
        arn = "arn:aws:sqs:eu-west-1:123456789012:{}"
        assert jobs == model.Queue("jobs", arn.format("jobs"), 5, 120, arn.format("Dead"), 3)
        assert dead == model.Queue("Dead", arn.format("Dead"), 0, 30)
        trigger = model.QueueTrigger("Worker", "jobs", 100, 2.0, partial=True)
        assert application.queue_triggers == (trigger,)
        assert application.functions["Worker"].environment == {
            "URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs",
            "NAME": "jobs",
        }
        assert application.warnings == ()

    def test_what_it_is_without_a_word(self, loaded: Load) -> None:
        application = loaded(job())
        assert (application.queues[0].delay, application.queues[0].visibility) == (0, 30)
        trigger = model.QueueTrigger("Worker", "jobs", 10, 0, partial=False)
        assert application.queue_triggers == (trigger,)
        assert loaded(job(event="Enabled: false")).queue_triggers == ()

    def test_what_is_not_made_is_not_there(self, loaded: Load) -> None:
        text = sam(
            sections="Conditions: {Never: !Equals [a, b]}",
            resources=under(
                0,
                """
                Jobs: {Type: AWS::SQS::Queue, Condition: Never}
                Worker:
                  Type: AWS::Serverless::Function
                  Condition: Never
                  Properties:
                    Runtime: python3.13
                    Handler: app.handler
                    CodeUri: src
                    Events: {Job: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn}}}
                """,
            ),
        )
        application = loaded(text)
        assert (application.queues, application.queue_triggers) == ((), ())
        assert application.warnings == ()

    @pytest.mark.parametrize(
        ("queue", "event", "said"),
        [
            ("FifoQueue: true  # here", "", "Jobs: FIFO queues are not served"),
            (
                "",
                "FilterCriteria: {Filters: []}  # here",
                "Worker: FilterCriteria are not applied, every message comes",
            ),
            (
                "RedrivePolicy: {deadLetterTargetArn: x, maxReceiveCount: 1}  # here",
                "",
                "Jobs: x is not served, what would go there is dropped",
            ),
        ],
    )
    def test_what_is_not_served_is_said(
        self, loaded: Load, queue: str, event: str, said: str
    ) -> None:
        text = job(queue, event)
        assert warnings_of(text, loaded(text)) == [said]

    def test_a_queue_of_another_template(self, loaded: Load) -> None:
        arn = "arn:aws:sqs:eu-west-1:1:other"
        text = job().replace("Queue: !GetAtt Jobs.Arn", f"Queue: {arn}  # here")
        assert warnings_of(text, loaded(text)) == [f"Worker: what {arn} holds does not come here"]

    @pytest.mark.parametrize(
        ("queue", "event", "said"),
        [
            (
                "DelaySeconds: 901  # here",
                "",
                "DelaySeconds must be a whole number from 0 to 900, found 901",
            ),
            (
                "VisibilityTimeout: 1.5  # here",
                "",
                "VisibilityTimeout must be a whole number from 0 to 43200, found 1.5",
            ),
            (
                "",
                "BatchSize: 0  # here",
                "BatchSize must be a whole number from 1 to 10000, found 0",
            ),
            (
                "",
                "BatchSize: 11  # here",
                "a BatchSize over 10 needs a MaximumBatchingWindowInSeconds of at least 1",
            ),
        ],
    )
    def test_what_aws_refuses(self, refused: Refusal, queue: str, event: str, said: str) -> None:
        assert refused(job(queue, event)) == said

    @pytest.mark.aws("sq-visibility")
    def test_a_queue_that_shows_messages_again_while_they_are_handled(
        self, refused: Refusal
    ) -> None:
        text = job("VisibilityTimeout: 19").replace("!GetAtt Jobs.Arn", "!GetAtt Jobs.Arn  # here")
        assert refused(text) == (
            "Lambda takes no queue whose VisibilityTimeout (19 s) is less than its function's "
            "Timeout (20 s)"
        )

    def test_an_event_without_a_queue(self, refused: Refusal) -> None:
        text = job().replace("Job:", "Job:  # here").replace("Queue: !GetAtt Jobs.Arn", "")
        assert refused(text) == "Worker: an SQS event needs the ARN of a Queue"

    def test_without_queues_there_is_no_endpoint(self, loaded: Load, serve: Serve) -> None:
        assert "sqs.eu-west-1.amazonaws.com" not in loaded(sam()).hosts
        gateway: LocalGateway = serve("", {"ping": {}})
        said = refusal(aws("sqs", gateway.queues).get_queue_url, QueueName="Jobs")
        assert said[2] == 404


def test_events_can_be_read_as_json(serve: Serve) -> None:
    """A body is text, whatever it says."""
    gateway = serve(KEEPS, {"ping": {}}, resources=triggered())
    client = aws("sqs", gateway.queues)
    body = json.dumps({"a": "é\n"})
    client.send_message(QueueUrl=url(client), MessageBody=body)
    assert gateway.wait_for_event("Function")["Records"][0]["body"] == body
