"""The conformance table, made of what the tests of this folder show."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.behaviours import SECTIONS

TABLE = Path(__file__).parents[1] / "CONFORMANCE.md"
_ROWS = {row.id: row for rows in SECTIONS.values() for row in rows}
_TO_SHOW = {row.id for row in _ROWS.values() if not row.absent}

_outcomes: dict[str, bool] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each row that a test names must be there; of the whole folder, the rows must be complete."""
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    named = {row for item in here for row in _rows(item)}
    if unknown := named - _ROWS.keys():
        raise pytest.UsageError(f"no row of the conformance table is called {sorted(unknown)}")
    whole = {item.path for item in here} >= set(Path(__file__).parent.glob("test_*.py"))
    if whole and (missing := _TO_SHOW - named):
        raise pytest.UsageError(f"no test shows these rows: {sorted(missing)}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember which rows a test has shown."""
    report = yield
    for row in _rows(item):
        _outcomes[row] = _outcomes.get(row, True) and report.passed
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the table, if all of it has been shown; one that was old fails the run."""
    if not all(_outcomes.get(row) for row in _TO_SHOW):
        return
    text = table()
    if not TABLE.exists() or TABLE.read_text() != text:
        TABLE.write_text(text)
        print(f"\n{TABLE} was not up to date; it is now")
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def _rows(item: pytest.Item) -> list[str]:
    return [str(row) for mark in item.iter_markers("aws") for row in mark.args]


def table() -> str:
    """In Markdown, once every row has been shown that there is something to see of."""
    parts = [
        "# What the gateway does as AWS does",
        "",
        "Made by the tests (`tests`): each row has at least one that shows it, but for",
        'those that say what is not there. "Reports" are users\' issues and answers, "events" and',
        '"frames" what they have captured; the rest are pages of AWS\'s documentation. Of what',
        "none of these tells, the table says what happens here.",
    ]
    for section, rows in SECTIONS.items():
        parts += ["", f"## {section}", "", "| in AWS | source | here |", "| --- | --- | --- |"]
        for row in rows:
            parts.append(f"| {row.text} | {row.source} | {row.here} |")
    return "\n".join(parts) + "\n"
