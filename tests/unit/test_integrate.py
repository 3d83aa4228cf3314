"""docs/integrate.md names all that there is, and nothing else."""

import re

import pytest

from tests.running_gateway import ROOT

GUIDE = (ROOT / "docs" / "integrate.md").read_text()


def table(heading: str) -> list[str]:
    """What the rows of the first table under a heading begin with, in order."""
    _, _, section = GUIDE.partition(f"\n## {heading}\n")
    rows = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert rows, heading
    return re.findall(r"^\| `([^`]+)` \|", rows[0], re.MULTILINE)


def properties(name: str) -> list[str]:
    """The properties of a JSDoc type in web/hadir.js."""
    text = (ROOT / "web" / "hadir.js").read_text()
    _, found, body = text.partition(f"@typedef {{Object}} {name} ")
    if not found:
        _, found, body = text.partition(f"@typedef {{Object}} {name}\n")
    assert found, name
    body = re.split(r"@typedef|\*/", body)[0]
    return re.findall(r"@property \{.*\} \[?(\w+)\]?", body)


def connection_states() -> list[str]:
    text = (ROOT / "web" / "connection.js").read_text()
    states = re.search(r"@typedef \{([^}]*)\} ConnectionState", text)
    assert states
    return re.findall(r'"(\w+)"', states[1])


@pytest.mark.parametrize(
    ("heading", "there"),
    [
        ("Options", properties("HadirOptions")),
        ("Events", properties("HadirEvents")),
        ("Connection states", connection_states()),
    ],
)
def test_a_table_has_a_row_for_each_that_there_is(heading: str, there: list[str]) -> None:
    assert there
    assert sorted(table(heading)) == sorted(there)
