"""Once a minute, where there is a canary: comes and goes as clients do, and times what is told.

A failure is the result, so nothing is tried again. If we die, the sockets close, and their people
leave as anybody does.
"""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from hadir import bootstrap, log, metrics, report

canary = bootstrap.canary()


@report.published
def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, bool]:
    run = canary.run(bootstrap.deadline(context))
    metrics.canary(run.join_ms, run.leave_ms, failed=run.error is not None)
    log.canary(run)
    return {"ok": run.error is None}
