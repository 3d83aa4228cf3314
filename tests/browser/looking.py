"""Looking at a page: as a picture, and with the eyes of axe."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page

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


@contextmanager
def small_screen(browser: Browser, mode: str) -> Iterator[BrowserContext]:
    """A profile of somebody with a small screen, and colours of their own choice.

    Args:
        mode: ``light``, ``dark`` or ``forced``.
    """
    with browser.new_context(
        viewport={"width": 320, "height": 640},
        color_scheme="dark" if mode == "dark" else "light",
        forced_colors="active" if mode == "forced" else "none",
        reduced_motion="reduce",
    ) as context:
        context.set_default_timeout(30_000)
        yield context
