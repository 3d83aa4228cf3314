"""What benchmarks share that measure this checkout beside another commit."""

import argparse
import multiprocessing
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.crowd_side import ROOT, Refused, serve

HERE = "here"

T = TypeVar("T")


class Failed(Exception):
    """A side could not be measured; the text says why."""


class Process:
    """A side's process, seen from here."""

    def __init__(
        self, name: str, make: Callable[[], Any], variables: dict[str, str], log: Path
    ) -> None:
        self.name = name
        context = multiprocessing.get_context("spawn")
        self._orders, theirs = context.Pipe()
        self._process = context.Process(
            target=serve, args=(theirs, make, variables, log), daemon=True
        )
        self._process.start()
        theirs.close()

    def ask(self, *order: str | int) -> Any:
        """What the side returns.

        Raises:
            Failed: it refused, or is no more.
        """
        try:
            self._orders.send(order)
            found = self._orders.recv()
        except (EOFError, OSError) as error:
            raise Failed(f"{self.name}: its process ended; what it said is above") from error
        if isinstance(found, Refused):
            raise Failed(f"{self.name}: {found}")
        return found

    def stop(self) -> None:
        self._process.terminate()
        self._process.join()


@contextmanager
def checked_out(commit: str | None) -> Iterator[dict[str, Path]]:
    """Folders by the names of their sides: that commit in a temporary one, if given, and this.

    Raises:
        Failed: there is no such commit.
    """
    if commit is None:
        yield {HERE: ROOT}
        return
    name = git("rev-parse", "--verify", "--short", f"{commit}^{{commit}}")
    with tempfile.TemporaryDirectory(prefix="hadir-benchmark-") as folder:
        checkout = Path(folder).resolve() / "checkout"
        try:
            git("worktree", "add", "--quiet", "--detach", str(checkout), name)
            yield {name: checkout, HERE: ROOT}
        finally:
            remove = ["git", "worktree", "remove", "--force", str(checkout)]
            subprocess.run(remove, cwd=ROOT, check=False, capture_output=True)


def git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise Failed(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{text:60}", end="" if text else "\r", file=sys.stderr, flush=True)


def machine() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    system = f"{platform.system()} on {platform.machine()}"
    return f"{system}, {cores} cores, Python {platform.python_version()}"


def at_least(least: int, text: str) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"must be a whole number, {least} or more")
    return int(text)


def carry_out(name: str, measure: Callable[[], T]) -> T:
    """What ``measure`` returns; the end of the program if it fails, or a signal comes."""
    # A signal becomes an exception, so that every `finally` and `with` cleans up.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.default_int_handler)
    try:
        return measure()
    except Failed as error:
        sys.exit(f"python -m benchmarks.{name}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
