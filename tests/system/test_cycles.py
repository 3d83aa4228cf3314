"""Many sessions at once: nothing missing, doubled or out of order."""

import asyncio
import statistics
import time

from tests.conftest import running_hadir
from tests.running_gateway import AnyGateway
from tests.soak import SOAK
from tests.system.people import new_session, person, status_of

SESSIONS = 32
CYCLES = 32_000 if SOAK else 500
"""Joins and leaves of a customer, over all sessions."""


def test_32_sessions_join_and_leave_side_by_side(hadir_redis_url: str) -> None:
    """In a process of its own: the plugin's gateway keeps every event, and slows down with them."""
    with running_hadir(hadir_redis_url) as hadir:
        join_and_leave(hadir)


def join_and_leave(hadir: AnyGateway) -> None:
    leaves: list[float] = []

    async def one(session: str, cycles: int) -> None:
        async with person(hadir, session, "admin_1") as admin:
            assert (await admin.told())["version"] == 1
            for cycle in range(cycles):
                version = 2 + 2 * cycle
                async with person(hadir, session, "customer_1") as customer:
                    own, seen = await asyncio.gather(customer.told(), admin.told())
                    assert own == seen
                    assert (own["event_type"], own["version"]) == ("user_connected", version)
                    customer.cut()
                    cut_at = time.perf_counter()
                left = await admin.told()
                leaves.append(time.perf_counter() - cut_at)
                assert (left["event_type"], left["version"]) == ("user_disconnected", version + 1)
                assert left["connection_status"]["users"].keys() == {"admin_1"}
                assert "recovered" not in left
            assert await admin.quiet()
            assert status_of(hadir, session)["version"] == 1 + 2 * cycles

    async def all_sessions() -> None:
        share, rest = divmod(CYCLES, SESSIONS)
        sessions = (one(new_session(), share + (n < rest)) for n in range(SESSIONS))
        await asyncio.gather(*sessions)

    started = time.perf_counter()
    asyncio.run(all_sessions())
    seconds = time.perf_counter() - started
    median = statistics.median(leaves) * 1000
    last = statistics.quantiles(leaves, n=100)[-1] * 1000
    print(
        f"\n{len(leaves)} cycles in {seconds:.1f} s: {len(leaves) / seconds:.0f} cycles/s, "
        f"cut to told p50 {median:.1f} ms, p99 {last:.1f} ms"
    )
    assert len(leaves) == CYCLES
