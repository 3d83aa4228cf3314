"""A grace is over: whoever has not come back leaves now, and those who remain are told.

Invoked with messages that **disconnect** has put into a queue, to come when the grace is over. If
one is lost, or we die, the sweep ends that grace; if one comes twice, there is nothing left to do.
"""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from hadir import bootstrap, log, report
from hadir.domain.errors import InvalidIdentity, MembershipUnavailable
from hadir.wire.sessions import read_session

membership = bootstrap.membership()
announcer = bootstrap.announcer(membership)


@report.published
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    deadline = bootstrap.deadline(context)
    failed: list[str] = []
    for record in event["Records"]:
        try:
            ref = read_session(record["body"])
        except InvalidIdentity:  # nor would it be of any use when it came again
            log.logger.exception("A message in the queue names no session")
            continue
        try:
            report.broadcasts(announcer.announce(membership.claim(ref), deadline))
        except MembershipUnavailable:
            log.logger.exception("A grace could not be ended: Redis is unavailable")
            failed.append(record["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
