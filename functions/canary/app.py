"""Runs the canary once a minute, if there is one: connects and leaves as clients do.

A failure is a result, so nothing is retried. If this function dies, its sockets close, and their
users leave like any others.
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
