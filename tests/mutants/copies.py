"""Copies of the working tree, in which tests run while something is broken."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.mutants.table import ROOT, Breakage

_OPTIONS = ("-q", "--tb=no", "-rfE", "-p", "no:cacheprovider")
_ONE_TEST_SECONDS = 120
"""A test that takes longer has timed out; usually they take a few seconds."""

_ALL_TESTS_SECONDS = 3600
"""For one that cannot be interrupted."""

_FAILED = re.compile(r"^(?:FAILED|ERROR) (tests/.+?)(?: - (.*))?$", re.MULTILINE)

_SOME_FAILED, _NONE_COLLECTED = 1, 5
"""Exit codes of pytest."""


class CannotRun(Exception):
    """Pytest did not get as far as running tests; the text is what it said."""


class Stopped(Exception):
    """The tests were stopped."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A test that failed.

    Attributes:
        timed_out: whether that was because it took too long.
    """

    test: str
    timed_out: bool

    def __str__(self) -> str:
        return f"{self.test} (timed out)" if self.timed_out else self.test


class Copy:
    """The files of the working tree, but for those that git ignores, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._root = folder / "tree"
        self._said = folder / "said.txt"
        temporary = folder / "tmp"
        temporary.mkdir(parents=True)
        # Before the editable installs, which lead to the working tree.
        imported = (self._root / "layers/hadir/python", self._root / "gateway")
        self._environment = {
            "PYTHONPATH": os.pathsep.join(map(str, imported)),
            "TMPDIR": str(temporary),
            "COLUMNS": "1000",  # so that pytest says in full why a test failed
        }
        self._stopped = False
        self._changing = threading.Lock()
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for name in filter(None, names.split("\0")):
            if (ROOT / name).is_file():  # else it was deleted, and that is not committed yet
                (self._root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, self._root / name)

    @contextmanager
    def broken(self, breakage: Breakage) -> Iterator[None]:
        """The copy is broken until the end."""
        path = self._root / breakage.file
        whole = path.read_text("utf-8")
        broken = breakage.broken(whole)
        try:
            path.write_text(broken, "utf-8")
            yield
        finally:
            path.write_text(whole, "utf-8")
            for compiled in path.parent.glob(f"__pycache__/{path.stem}.*"):
                compiled.unlink()

    def first_failure(self, tests: Iterable[str], without: Iterable[str] = ()) -> Failure | None:
        """The first of these tests that fails here; None if all pass."""
        return next(iter(self._failures("-x", *tests, *_deselecting(without))), None)

    def failures(self, tests: Iterable[str], without: Iterable[str] = ()) -> list[Failure]:
        """All of these tests that fail here."""
        return self._failures(*tests, *_deselecting(without))

    def stop(self) -> None:
        """End what is running here; nothing is begun any more."""
        with self._changing:
            self._stopped = True
            self._end_all()

    def _failures(self, *arguments: str) -> list[Failure]:
        options = (*_OPTIONS, f"--timeout={_ONE_TEST_SECONDS}")
        with self._said.open("w") as said:
            with self._changing:
                if self._stopped:
                    raise Stopped
                process = subprocess.Popen(
                    [sys.executable, "-m", "pytest", *options, *arguments],
                    cwd=self._root,
                    env=os.environ | self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # away from the terminal's Ctrl-C
                )
            try:
                code: int | None = process.wait(_ALL_TESTS_SECONDS)
            except subprocess.TimeoutExpired:
                code = None
        if self._stopped:
            raise Stopped
        self._end_all()  # what hangs, and what a test has left behind that was ended for its time
        if code is None:
            process.wait()
            return [Failure("a test that could not be interrupted", timed_out=True)]
        output = self._said.read_text("utf-8", "replace")
        found = [Failure(test, "Timeout (>" in why) for test, why in _FAILED.findall(output)]
        if code not in (0, _SOME_FAILED, _NONE_COLLECTED) or (code == _SOME_FAILED) != bool(found):
            raise CannotRun(output)
        return found

    def _end_all(self) -> None:
        """Kill whatever was started here: it is known by the folder for its temporary files."""
        while ours := [each for each in psutil.process_iter() if self._is_ours(each)]:
            for each in ours:
                with suppress(psutil.NoSuchProcess):
                    each.kill()
            psutil.wait_procs(ours, timeout=1)

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get("TMPDIR") == self._environment["TMPDIR"]
        except psutil.Error:
            return False


def _deselecting(tests: Iterable[str]) -> list[str]:
    return [f"--deselect={each}" for each in tests]
