"""What a sweep does side by side, in threads while there is time, and how it counts it."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context

from hadir.domain.deadline import Deadline
from hadir.domain.errors import HadirError

STOPPING_SECONDS = 6.0
"""Nothing new is begun with less time left than this, which posting one batch may take."""


class Swept(Counter[str]):
    """How often a sweep did what.

    - ``gone``: sockets that the platform no longer knew
    - ``silent``: sockets that were open but had fallen silent; they were closed
    - ``spared``: sockets that had fallen silent while we may have been deaf; they stay
    - ``expired``: sockets whose tokens had expired; they were closed
    - ``crowded``: sockets for which there was no room any more; they were closed
    - ``renewed``: sockets whose leases were renewed
    - ``announced``: events
    - ``failed``: calls that Redis or the management API did not answer; what they were for stays
      due, except closing a socket
    - ``unfinished``: what was not looked at, for lack of time; it stays due

    Attributes:
        overdue_ms: how long the session that waited longest had been waiting.
        oldest_lease_ms: how long the lease that waited longest had been waiting.
    """

    overdue_ms = 0
    oldest_lease_ms = 0


class Errands:
    """Tasks that run in threads while there is time.

    Args:
        pool: the threads.
        deadline: of the sweep.
    """

    def __init__(self, pool: ThreadPoolExecutor, deadline: Deadline) -> None:
        self._pool = pool
        self._deadline = deadline
        self._running: list[Future[Swept]] = []

    @property
    def are_any(self) -> bool:
        """Whether any errand has not been waited for."""
        return bool(self._running)

    def add(self, errand: Callable[[], Swept], size: int = 1) -> None:
        """Run ``errand``. If it fails or no time is left, count ``size`` failed or unfinished."""
        # A copy of this thread's context tells log lines which invocation they belong to.
        self._running.append(self._pool.submit(copy_context().run, self._do, errand, size))

    def wait(self) -> Swept:
        """The sum of what the errands added since the last call did."""
        running, self._running = self._running, []
        swept = Swept()
        for each in running:
            swept.update(each.result())
        return swept

    def _do(self, errand: Callable[[], Swept], size: int) -> Swept:
        if self._deadline.seconds_left < STOPPING_SECONDS:
            return Swept({"unfinished": size})
        try:
            return errand()
        except HadirError:
            return Swept({"failed": size})
