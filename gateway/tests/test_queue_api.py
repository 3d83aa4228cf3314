"""What SDKs ask of queues; the judge is boto3, unmodified."""

import urllib.error
import urllib.request
from hashlib import md5
from typing import Any

import pytest

from tests.aws import aws
from tests.conftest import Serve
from tests.sqs import DIGEST_OF_HELLO, counts, refusal, url

QUEUES = {
    "Jobs": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 0}},
    "Slow": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "slow", "DelaySeconds": 900}},
}


@pytest.fixture
def sqs(serve: Serve) -> Any:
    return aws("sqs", serve("", {"ping": {}}, resources=QUEUES, region="eu-west-1").queues)


ONE = {"DataType": "String", "StringValue": "1"}
DATE = {"DataType": "Date", "StringValue": "1"}


class TestApi:
    @pytest.mark.aws("sq-api")
    def test_a_message_there_and_back(self, sqs: Any) -> None:
        jobs = url(sqs)
        attributes = {
            "text": {"DataType": "String", "StringValue": "é"},
            "bytes": {"DataType": "Binary.png", "BinaryValue": b"\x00\xff"},
        }
        sent = sqs.send_message(QueueUrl=jobs, MessageBody="hello", MessageAttributes=attributes)
        assert sent["MD5OfMessageBody"] == DIGEST_OF_HELLO

        (got,) = sqs.receive_message(
            QueueUrl=jobs,
            WaitTimeSeconds=20,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )["Messages"]

        assert (got["MessageId"], got["Body"]) == (sent["MessageId"], "hello")
        assert (got["MD5OfBody"], got["MessageAttributes"]) == (DIGEST_OF_HELLO, attributes)
        assert got["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
        assert got["Attributes"].keys() == {
            *("SenderId", "SentTimestamp", "ApproximateReceiveCount"),
            "ApproximateFirstReceiveTimestamp",
        }
        assert got["Attributes"]["ApproximateReceiveCount"] == "1"
        assert "Messages" not in sqs.receive_message(QueueUrl=jobs)
        sqs.delete_message(QueueUrl=jobs, ReceiptHandle=got["ReceiptHandle"])
        assert counts(sqs, jobs) == (0, 0, 0)

    def test_the_digest_of_attributes_is_what_sdks_compute(self, sqs: Any) -> None:
        """As "Amazon SQS message metadata" says it, written out."""
        attribute = {"DataType": "Number", "StringValue": "42"}
        sent = sqs.send_message(
            QueueUrl=url(sqs), MessageBody="x", MessageAttributes={"n": attribute}
        )
        written = b"\0\0\0\x01n" + b"\0\0\0\x06Number" + b"\x01" + b"\0\0\0\x0242"
        expected = md5(written, usedforsecurity=False).hexdigest()
        assert sent["MD5OfMessageAttributes"] == expected

    def test_attributes_are_given_to_who_asks(self, sqs: Any) -> None:
        jobs = url(sqs)
        sqs.send_message(
            QueueUrl=jobs, MessageBody="x", MessageAttributes={"a.b": ONE, "a.c": ONE, "d": ONE}
        )

        def asked(*names: str) -> list[str]:
            (got,) = sqs.receive_message(
                QueueUrl=jobs,
                VisibilityTimeout=0,
                MessageAttributeNames=list(names),
                AttributeNames=["SentTimestamp"],
            )["Messages"]
            assert got["Attributes"].keys() == {"SentTimestamp"}
            return sorted(got.get("MessageAttributes", {}))

        assert (asked(), asked("d"), asked("a.*")) == ([], ["d"], ["a.b", "a.c"])

    @pytest.mark.aws("sq-batch")
    def test_a_batch_takes_what_it_can(self, sqs: Any) -> None:
        jobs = url(sqs)
        entries = [
            {"Id": "now", "MessageBody": "a"},
            {"Id": "later", "MessageBody": "b", "DelaySeconds": 900},
            {"Id": "never", "MessageBody": "c", "DelaySeconds": 901},
        ]
        answer = sqs.send_message_batch(QueueUrl=jobs, Entries=entries)

        assert [each["Id"] for each in answer["Successful"]] == ["now", "later"]
        (fault,) = answer["Failed"]
        assert (fault["Id"], fault["SenderFault"]) == ("never", True)
        assert fault["Code"] == "InvalidParameterValue"
        assert counts(sqs, jobs) == (1, 0, 1)

    @pytest.mark.parametrize(
        ("entries", "code"),
        [
            ([], "EmptyBatchRequest"),
            (
                [{"Id": str(n), "MessageBody": "x"} for n in range(11)],
                "TooManyEntriesInBatchRequest",
            ),
            ([{"Id": "a", "MessageBody": "x"}] * 2, "BatchEntryIdsNotDistinct"),
            ([{"Id": "a.b", "MessageBody": "x"}], "InvalidBatchEntryId"),
            ([{"Id": n, "MessageBody": "x" * 600_000} for n in "ab"], "BatchRequestTooLong"),
        ],
    )
    @pytest.mark.aws("sq-errors")
    def test_a_batch_that_cannot_be(self, sqs: Any, entries: list[Any], code: str) -> None:
        jobs = url(sqs)
        said, _, status = refusal(sqs.send_message_batch, QueueUrl=jobs, Entries=entries)
        assert (said, status) == (f"AWS.SimpleQueueService.{code}", 400)
        with pytest.raises(getattr(sqs.exceptions, code)):
            sqs.send_message_batch(QueueUrl=jobs, Entries=entries)

    @pytest.mark.parametrize(
        ("given", "code"),
        [
            ({"MessageBody": ""}, "MissingParameter"),
            ({"MessageBody": "\x00"}, "InvalidMessageContents"),
            ({"MessageBody": "x" * (1024 * 1024 + 1)}, "InvalidParameterValue"),
            ({"MessageBody": "x", "DelaySeconds": -1}, "InvalidParameterValue"),
            ({"MessageBody": "x", "DelaySeconds": 901}, "InvalidParameterValue"),
            ({"MessageBody": "x", "MessageAttributes": {"a": DATE}}, "InvalidParameterValue"),
            ({"MessageBody": "x", "MessageAttributes": {"AWS.a": ONE}}, "InvalidParameterValue"),
        ],
    )
    @pytest.mark.aws("sq-errors")
    def test_a_message_that_cannot_be(self, sqs: Any, given: dict[str, Any], code: str) -> None:
        said, _, status = refusal(sqs.send_message, QueueUrl=url(sqs), **given)
        assert (said, status) == (code, 400)

    @pytest.mark.aws("sq-errors")
    def test_how_a_wrong_delay_is_said(self, sqs: Any) -> None:
        _, said, _ = refusal(sqs.send_message, QueueUrl=url(sqs), MessageBody="x", DelaySeconds=901)
        assert said == (
            "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 "
            "and <= 900."
        )

    @pytest.mark.parametrize(
        "given",
        [{"MaxNumberOfMessages": 0}, {"MaxNumberOfMessages": 11}, {"WaitTimeSeconds": 21}],
    )
    @pytest.mark.aws("sq-errors")
    def test_a_receipt_that_cannot_be(self, sqs: Any, given: dict[str, int]) -> None:
        said, _, status = refusal(sqs.receive_message, QueueUrl=url(sqs), **given)
        assert (said, status) == ("InvalidParameterValue", 400)

    @pytest.mark.aws("sq-errors")
    def test_what_is_not_there(self, sqs: Any) -> None:
        old = "AWS.SimpleQueueService.NonExistentQueue"
        assert refusal(sqs.get_queue_url, QueueName="Nobody")[::2] == (old, 400)
        with pytest.raises(sqs.exceptions.QueueDoesNotExist):
            sqs.send_message(QueueUrl="http://x/1/Nobody", MessageBody="x")
        with pytest.raises(sqs.exceptions.ReceiptHandleIsInvalid):
            sqs.delete_message(QueueUrl=url(sqs), ReceiptHandle="x")
        with pytest.raises(sqs.exceptions.InvalidAttributeName):
            sqs.get_queue_attributes(QueueUrl=url(sqs), AttributeNames=["Colour"])
        with pytest.raises(sqs.exceptions.UnsupportedOperation, match="PurgeQueue is not served"):
            sqs.purge_queue(QueueUrl=url(sqs))

    def test_a_queue_as_it_describes_itself(self, sqs: Any) -> None:
        found = sqs.get_queue_attributes(QueueUrl=url(sqs, "slow"), AttributeNames=["All"])
        assert found["Attributes"] == {
            "QueueArn": "arn:aws:sqs:eu-west-1:123456789012:slow",
            "DelaySeconds": "900",
            "VisibilityTimeout": "30",
            "ApproximateNumberOfMessages": "0",
            "ApproximateNumberOfMessagesNotVisible": "0",
            "ApproximateNumberOfMessagesDelayed": "0",
        }

    @pytest.mark.parametrize(
        ("target", "headers", "body", "status"),
        [
            ("AmazonSQS.SendMessage", {}, b"no JSON", 400),
            ("AmazonSQS.SendMessage", {}, b'{"QueueUrl": "Jobs", "MessageBody": "\\ud800"}', 400),
            ("AmazonSQS.ReceiveMessage", {}, b'{"QueueUrl": "Jobs", "AttributeNames": 1}', 400),
            ("DynamoDB_20120810.GetItem", {}, b"{}", 404),
            ("AmazonSQS.SendMessage", {"Authorization": ""}, b"{}", 403),
            ("AmazonSQS.SendMessage", {"Origin": "https://example.com"}, b"{}", 403),
        ],
    )
    def test_what_boto3_would_not_send(
        self, serve: Serve, target: str, headers: dict[str, str], body: bytes, status: int
    ) -> None:
        gateway = serve("", {"ping": {}}, resources=QUEUES)
        signed = {"Authorization": "AWS4-HMAC-SHA256 x", "X-Amz-Target": target, **headers}
        request = urllib.request.Request(gateway.queues, data=body, headers=signed, method="POST")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request)
        refused.value.close()
        assert refused.value.code == status
