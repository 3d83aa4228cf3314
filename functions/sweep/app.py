"""Once a minute: ends what nobody else ended. What it does not get to is due for the next one."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from hadir import bootstrap, log, metrics, report
from hadir.sweeper import Sweeper

membership = bootstrap.membership()
directory = bootstrap.directory()
announcer = bootstrap.announcer(membership)
doorman = bootstrap.doorman(membership, announcer)
sweeper = Sweeper(membership, bootstrap.sockets(), announcer, doorman, report.broadcasts)


@metrics.published
def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    swept = sweeper.sweep(bootstrap.seconds_left(context))
    if swept:
        level = log.logger.error if swept["failed"] else log.logger.info
        level("[Sweep] " + ", ".join(f"{count} {what}" for what, count in swept.items()))
    metrics.swept(swept, *directory.totals())
    metrics.redis_memory(bootstrap.redis_memory())
    return dict(swept)
