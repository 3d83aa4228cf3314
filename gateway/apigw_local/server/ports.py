"""Who has a port, and which ports are free: for the sentence that says that one is taken."""

import contextlib
import errno
import os
from pathlib import Path

from apigw_local.errors import PortTaken
from apigw_local.server.listener import bind

_LISTENING = "0A"  # proc_pid_net(5), as in the kernel's tcp_states.h
_SHOWN_CHARACTERS = 60


def listener_on(port: int) -> str | None:
    """Which process listens on a port, such as ``pid 7 (python -m http.server)``.

    None where that cannot be told: it is another user's, or this is not Linux.
    """
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if str(link.readlink()) in sockets:
                return f"pid {link.parts[2]} ({_command(link.parents[1])})"
    return None


def taken(host: str, port: int, whose: str, error: Exception, do: str) -> PortTaken:
    """The error of a port that could not be had.

    Args:
        whose: what was to listen there.
        do: what the user can do.
    """
    why = str(getattr(error, "strerror", None) or error).partition(" (while")[0]
    if getattr(error, "errno", None) == errno.EADDRINUSE:
        owner = listener_on(port)
        why = f"address already in use{f' by {owner}' if owner else ''}"
    return PortTaken(f"cannot listen on {host}:{port} ({whose}): {why}; {do}")


def check_free(host: str, port: int, whose: str) -> None:
    """Something else will listen there.

    Raises:
        PortTaken: it could not.
    """
    try:
        bind(host, port).close()
    except (OSError, OverflowError) as error:
        raise taken(host, port, whose, error, "choose another port") from error


def free_row(host: str, count: int) -> int:
    """The first of so many free ports in a row: 9000, 10000 and so on."""
    for first in range(9000, 60_000, 1000):
        with contextlib.suppress(OSError), contextlib.ExitStack() as held:
            for port in range(first, first + count):
                held.enter_context(bind(host, port))
            return first
    return 9000


def _listening(port: int) -> list[str]:
    """The inodes of the sockets that listen on it."""
    found = []
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                _, local, _, state, *more = line.split()
                if state == _LISTENING and int(local.rpartition(":")[2], 16) == port:
                    found.append(more[5])
    return found


def _command(process: Path) -> str:
    program, *arguments = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    text = " ".join((os.path.basename(program), *arguments)).strip()  # noqa: PTH119 (no path of ours)
    text = "".join(each if each.isprintable() else " " for each in text)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
