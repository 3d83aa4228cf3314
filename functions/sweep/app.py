"""Once a minute: ends what nobody else ended. What it does not get to is due for the next one."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from hadir import bootstrap, log
from hadir.sweeper import Sweeper

membership = bootstrap.membership()
sweeper = Sweeper(membership, bootstrap.sockets(), bootstrap.announcer(membership), log.broadcasts)


def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    swept = asdict(sweeper.sweep(bootstrap.seconds_left(context)))
    if any(swept.values()):
        log.logger.info("[Sweep] " + ", ".join(f"{n} {what}" for what, n in swept.items() if n))
    return swept
