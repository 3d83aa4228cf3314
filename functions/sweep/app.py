"""Runs once a minute: ends what nobody else has ended. Whatever it does not reach stays due."""

import json
import time
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from hadir import bootstrap, log, metrics, report
from hadir.attendance import Attendance
from hadir.domain.deadline import Deadline
from hadir.domain.errors import (
    FunctionsUnavailable,
    HadirError,
    MembershipUnavailable,
    ScriptFailed,
)
from hadir.domain.identity import SessionRef
from hadir.sweeper import Sweeper
from hadir.wire.events import PROBE

_PROBE_SECONDS = 2.0
"""Two attempts, each with a second to connect, fit in the time that ``Sweeper`` leaves for it."""
_STOPPING_SECONDS = 6.0

membership = bootstrap.membership()
directory = bootstrap.directory()
audit = bootstrap.audit()
announcer = bootstrap.announcer(membership)
doorman = bootstrap.doorman(membership, announcer)
functions = bootstrap.functions(_PROBE_SECONDS)
message_function = bootstrap.message_function()


def _can_hear() -> bool:
    """Whether the function that hears clients can be invoked, and can write to Redis."""
    try:
        answer = json.loads(functions.invoke_and_wait(message_function, json.dumps(PROBE).encode()))
    except (FunctionsUnavailable, ValueError) as error:
        log.logger.error(f"Clients may not be heard: {error}")
        return False
    return bool(answer == {"statusCode": 200})


sweeper = Sweeper(membership, bootstrap.sockets(), announcer, doorman, _can_hear, report.broadcasts)
attendance = Attendance(membership.assignments)


def _attend(deadline: Deadline) -> None:
    """Note which assigned sessions are without their agent; the sweep tells them."""
    try:
        attended = attendance.note(deadline)
    except HadirError:
        log.logger.exception("Nobody has looked for agents who have gone; the next sweep does")
        return
    if text := str(attended):
        level = log.logger.error if attended.failed else log.logger.info
        level(f"[Attend] {text}")
    metrics.attended(attended)


def _repair(deadline: Deadline) -> None:
    """Rebuild what Redis has evicted; if time runs out, the next sweep goes on."""

    def in_time() -> bool:
        return deadline.seconds_left >= _STOPPING_SECONDS

    try:
        begun = audit.begin()
        if begun is None:
            return
        evicted, first = begun
        log.logger.error(f"Redis has evicted {evicted} keys: set maxmemory-policy to noeviction")
        for partition, refs in audit.partitions(first, in_time):
            for ref in refs:
                if not in_time():
                    return
                _repair_one(ref, deadline)
            audit.forget_ghosts(partition)
            audit.note_done(partition)
    except HadirError:
        log.logger.exception("The audit of evicted keys has failed; the next sweep goes on with it")


def _repair_one(ref: SessionRef, deadline: Deadline) -> None:
    try:
        report.broadcasts(announcer.announce(membership.repair(ref), deadline))
    except ScriptFailed:  # a retry would fail too, and others must not wait for this session
        log.logger.exception(f"Session {ref} could not be repaired")


@report.published
def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    deadline = bootstrap.deadline(context)
    _attend(deadline)
    swept = sweeper.sweep(deadline)
    if swept:
        level = log.logger.error if swept["failed"] else log.logger.info
        level("[Sweep] " + ", ".join(f"{count} {what}" for what, count in swept.items()))
    metrics.swept(swept)
    _repair(deadline)
    for measure in (_measure_presence, _measure_memory, _measure_latency):
        try:
            measure()
        except MembershipUnavailable:
            log.logger.exception("A metric is missing; the sweep itself is done")
    return dict(swept)


def _measure_presence() -> None:
    metrics.present(*directory.totals())


def _measure_memory() -> None:
    metrics.redis_memory(bootstrap.redis_memory())


def _measure_latency() -> None:
    started = time.monotonic()
    membership.ping()
    metrics.redis_latency(time.monotonic() - started)
