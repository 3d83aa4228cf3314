"""The documents point to what is there."""

import re
from pathlib import Path

import pytest

from tests.running_gateway import ROOT

FILES = [
    ROOT / each for each in ("README.md", "CONTRIBUTING.md", "gateway/README.md", "web/README.md")
] + sorted((ROOT / "docs").glob("*.md"))
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)")


@pytest.mark.parametrize("document", FILES, ids=lambda each: each.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    anchors = {each: headings(each) for each in FILES}
    for file, anchor in LINK.findall(document.read_text()):
        target = (document.parent / file).resolve() if file else document
        assert target.exists(), file
        assert not anchor or anchor in anchors[target], f"{file}#{anchor}"


def headings(document: Path) -> set[str]:
    """The anchors that Git hosts make of a document's headings."""
    titles = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_test_that_shows_a_guarantee_is_there() -> None:
    """In a cell, files after the first are in its folder."""
    for cell in re.findall(r"`(tests/[^|\n]*)\|", (ROOT / "docs" / "guarantees.md").read_text()):
        folder = Path()
        for name in re.findall(r"(?:`|^)((?:tests/)?[\w./]+)`", cell):
            if name.startswith("tests/"):
                folder = (ROOT / name).parent
            assert (folder / Path(name).name).exists(), name
