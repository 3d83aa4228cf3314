"""Looking at a page: as a picture, and with the eyes of axe."""

import os
from pathlib import Path

from playwright.sync_api import Page

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """
async (rules) => {
  const { violations } = await axe.run(document, { runOnly: rules });
  const what = ({ target, failureSummary }) => [target, failureSummary];
  return violations.map(({ id, nodes }) => [id, nodes.map(what)]);
}
"""
SHAPES = """
() => [...document.querySelectorAll(".shape")].filter((svg) => svg.checkVisibility()).map((svg) => {
  const { fill, stroke } = getComputedStyle(svg.firstElementChild);
  return fill === "none" ? stroke : fill;
})
"""


def picture(page: Page, name: str) -> None:
    """Keep a screenshot where HADIR_PICTURES says: `make pictures` does."""
    if folder := os.environ.get("HADIR_PICTURES"):
        page.wait_for_timeout(300)  # for what is fading in
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
