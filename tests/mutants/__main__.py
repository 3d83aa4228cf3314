"""Breaks Hadir in named ways, one at a time, and prints which test sees it first.

    python -m tests.mutants [NAME...] [--list] [--jobs N]

NAME is a breakage of breakages.toml, or a section of it; all of them unless said. Each is made in a
copy of the working tree, where the tests that are expected to see it run until one fails. If none
does, all of tests/redis, tests/unit and tests/system are tried. A breakage that no test sees has
survived: the exit code is 1 then. Before, the expected tests run unbroken: one that fails anyway
sees nothing.
"""

import argparse
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.copies import CannotRun, Copy, Failure, Stopped
from tests.mutants.table import Breakage, breakages

_ALL = ("tests/redis", "tests/unit", "tests/system")
_OF_THE_TABLE = "tests/unit/test_mutants.py"
"""It sees every breakage, as the text that is replaced is not there any more."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a breakage.

    Attributes:
        seen_by: None if it survived.
        expected: whether that is one of its own tests.
    """

    breakage: Breakage
    seen_by: Failure | None
    expected: bool
    seconds: float

    def __str__(self) -> str:
        what = "seen" if self.seen_by else "SURVIVED"
        by = f"by {self.seen_by}" if self.seen_by else f"none of {', '.join(_ALL)} sees it"
        if self.seen_by and not self.expected:
            by += ", and by none of its own tests"
        return f"{what:8} {self.seconds:6.1f} s  {self.breakage.name}: {by}"


class Trial:
    """Tries breakages, each in whichever copy is free.

    Args:
        failing: tests that fail anyway.
    """

    def __init__(self, places: Sequence[Copy], failing: Sequence[str]) -> None:
        self._free: SimpleQueue[Copy] = SimpleQueue()
        for each in places:
            self._free.put(each)
        self._failing = failing
        self._failing_of_all: list[str] | None = None
        self._asking = threading.Lock()

    def of(self, breakage: Breakage) -> Verdict:
        """Break something, and see who sees it."""
        began = time.monotonic()
        copy = self._free.get()
        try:
            with copy.broken(breakage):
                seen_by = copy.first_failure(breakage.tests, self._failing)
            expected = seen_by is not None
            if not seen_by:
                seen_by = self._by_any(copy, breakage)
        finally:
            self._free.put(copy)
        return Verdict(breakage, seen_by, expected, time.monotonic() - began)

    def _by_any(self, copy: Copy, breakage: Breakage) -> Failure | None:
        """The first test of all that sees it, also when it is asked once more."""
        with self._asking:
            if self._failing_of_all is None:
                failing = copy.failures(_ALL, [_OF_THE_TABLE])
                self._failing_of_all = [each.test for each in failing]
        without = [_OF_THE_TABLE, *self._failing_of_all]
        with copy.broken(breakage):
            while failure := copy.first_failure(_ALL, without):
                if failure.timed_out or copy.first_failure([failure.test]):
                    return failure
                without.append(failure.test)
        return None


@contextmanager
def working_in(places: Sequence[Copy]) -> Iterator[ThreadPoolExecutor]:
    """A thread for each copy; in the end nothing runs in any of them."""
    pool = ThreadPoolExecutor(len(places))
    try:
        yield pool
    finally:
        for place in places:
            place.stop()
        pool.shutdown(cancel_futures=True)


def failing_anyway(
    pool: ThreadPoolExecutor, places: Sequence[Copy], chosen: Sequence[Breakage]
) -> list[str]:
    """The expected tests that fail where nothing is broken."""
    tests = sorted({test for breakage in chosen for test in breakage.tests})
    shares = [tests[first :: len(places)] for first in range(len(places))]
    found = pool.map(lambda copy, share: copy.failures(share) if share else [], places, shares)
    return [failure.test for failures in found for failure in failures]


def run(chosen: Sequence[Breakage], jobs: int, folder: Path) -> list[Verdict]:
    """Try all that were chosen, so many side by side; those that survived."""
    began = time.monotonic()
    verdicts: list[Verdict] = []
    places = [Copy(folder / str(number)) for number in range(jobs)]
    with working_in(places) as pool:
        failing = failing_anyway(pool, places, chosen)
        for test in failing:
            print(f"fails anyway, and is left out: {test}", flush=True)
        print(f"unbroken: {time.monotonic() - began:.0f} s", flush=True)
        trial = Trial(places, failing)
        for done in as_completed([pool.submit(trial.of, each) for each in chosen]):
            verdicts.append(done.result())
            print(f"{len(verdicts):3}/{len(chosen)}  {verdicts[-1]}", flush=True)
    survived = [each for each in verdicts if not each.seen_by]
    seconds = time.monotonic() - began
    print(
        f"\n{len(verdicts)} breakages, {len(verdicts) - len(survived)} seen, "
        f"{len(survived)} survived; {seconds:.0f} s"
    )
    for each in survived:
        print(f"survived: {each.breakage.section}.{each.breakage.name} ({each.breakage.file})")
    return survived


def choose(names: Sequence[str]) -> list[Breakage]:
    """The breakages of these names, or in these sections; all where there is none."""
    known = breakages()
    names_known = {each.name for each in known} | {each.section for each in known}
    for name in names:
        if name not in names_known:
            sys.exit(f"python -m tests.mutants: there is no {name}; --list has all of them")
    return [each for each in known if not names or {each.name, each.section} & set(names)]


def main() -> None:
    what, *_, more = (__doc__ or "").split("\n\n")
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=what, epilog=more)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of a breakage or a section")
    parser.add_argument("--list", action="store_true", help="print the names, and break nothing")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="side by side; 2")
    arguments = parser.parse_args()
    chosen = choose(arguments.names)
    if arguments.list:
        for each in chosen:
            print(f"{each.section}.{each.name}  {each.file}")
        return
    # A signal becomes an exception, so that every `finally` and `with` above cleans up.
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="hadir-mutants-") as folder:
            survived = run(chosen, max(arguments.jobs, 1), Path(folder).resolve())
    except (CannotRun, ValueError) as error:
        sys.exit(f"python -m tests.mutants: {error}")
    except (KeyboardInterrupt, Stopped):
        sys.exit(130)
    sys.exit(bool(survived))


if __name__ == "__main__":
    main()
