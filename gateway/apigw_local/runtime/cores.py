"""Whether another process would find a core to run on."""

import os
import re
from pathlib import Path

_STAT = Path("/proc/stat")
_CORE = re.compile(r"cpu(\d+) \d+ \d+ \d+ (\d+)")


def idle_ticks() -> int | None:
    """How long our cores have been idle since the system started, in the kernel's ticks.

    None where there is no /proc (proc_stat(5)).
    """
    if not _STAT.exists():
        return None
    ours = os.sched_getaffinity(0)
    return sum(int(idle) for core, idle in _CORE.findall(_STAT.read_text()) if int(core) in ours)
