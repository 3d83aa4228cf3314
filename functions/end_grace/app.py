"""Ends graces: whoever has not come back leaves now, and those who remain are told.

A queue invokes this function with messages that **disconnect** sent with a delay as long as the
grace. If a message is lost, or we die, the sweep ends the grace. If a message comes twice, the
second one finds nothing to do.
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
        except InvalidIdentity:  # a retry would not help
            log.logger.exception("A message in the queue names no session")
            continue
        try:
            report.broadcasts(announcer.announce(membership.claim(ref), deadline))
        except MembershipUnavailable:
            log.logger.exception("A grace could not be ended: Redis is unavailable")
            failed.append(record["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
