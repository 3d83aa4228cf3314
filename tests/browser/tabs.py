"""Tabs of the demo, as people open them."""

import os
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.running_gateway import AnyGateway

OPEN_CUSTOMER = "Open the customer\N{RIGHT SINGLE QUOTATION MARK}s tab"
SETTLED_MS = 15_000
"""By then who left has left for good."""


def address(hadir: AnyGateway, session: str, page: str = "", **parameters: str) -> str:
    query = {"session": session, "ws": f"{hadir.ws}/local", **parameters}
    return f"{hadir.http}/{page}?{urlencode(query)}"


def open_tab(context: BrowserContext, hadir: AnyGateway, session: str, **parameters: str) -> Page:
    """A tab whose person is connected; nothing was clicked."""
    tab = context.new_page()
    tab.goto(address(hadir, session, **parameters))
    expect_state(tab, "Connected")
    return tab


def open_customer(agent: Page) -> Page:
    """The customer's tab, by the agent's link."""
    with agent.context.expect_page() as opened:
        agent.get_by_role("link", name=OPEN_CUSTOMER).click()
    expect_state(opened.value, "Connected")
    return opened.value


def expect_state(tab: Page, text: str) -> None:
    expect(tab.locator(".state")).to_have_text(text)


def people(tab: Page) -> Locator:
    return tab.get_by_role("region", name="Who is here").get_by_role("listitem")


def feed(tab: Page) -> Locator:
    """What happened, newest first."""
    return tab.get_by_role("region", name="What happened").get_by_role("listitem")


def alert(tab: Page) -> Locator:
    return tab.get_by_role("alert")


def picture(page: Page, name: str) -> None:
    """Keep a screenshot where HADIR_PICTURES says, for the README and for one's own eyes."""
    if folder := os.environ.get("HADIR_PICTURES"):
        page.wait_for_timeout(300)  # for what is fading in
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
