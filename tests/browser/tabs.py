"""Tabs of the demo, as people open them."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import BrowserContext, Locator, Page, WebSocketRoute, expect

from tests.running_gateway import AnyGateway

OPEN_CUSTOMER = "Open the customer\N{RIGHT SINGLE QUOTATION MARK}s tab"
SETTLED_MS = 15_000
"""By then who left has left for good."""


def address(hadir: AnyGateway, session: str, page: str = "demo.html", **parameters: str) -> str:
    query = {"session": session, "ws": f"{hadir.ws}/local", **parameters}
    return f"{hadir.http}/{page}?{urlencode(query)}"


def open_tab(context: BrowserContext, hadir: AnyGateway, session: str, **parameters: str) -> Page:
    """A tab whose person is connected; nothing was clicked."""
    tab = context.new_page()
    tab.goto(address(hadir, session, **parameters))
    expect_state(tab, "Connected")
    return tab


def open_customer(agent: Page, *, click: bool = True) -> Page:
    """The customer's tab, by the agent's link; without a click the focus stays where it is."""
    link = agent.get_by_role("link", name=OPEN_CUSTOMER)
    with agent.context.expect_page() as opened:
        if click:
            link.click()
        else:
            link.evaluate("link => link.click()")
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


class Wire:
    """What lies between a browser's sockets and the gateway: to be cut, and heard."""

    def __init__(self, context: BrowserContext) -> None:
        self.is_cut = False
        self.told: list[dict[str, Any]] = []
        self._ends: list[WebSocketRoute] = []
        context.route_web_socket("**/local?*", self._connect)

    def cut(self) -> None:
        self.is_cut = True
        for end in self._ends:
            end.close()
        self._ends.clear()

    def mend(self) -> None:
        self.is_cut = False

    def tell(self, kind: str, data: dict[str, Any]) -> None:
        """A frame that the gateway did not send."""
        self._ends[0].send(json.dumps({"type": kind, "data": data}))

    def _connect(self, page: WebSocketRoute) -> None:
        if self.is_cut:
            page.close()
            return
        server = page.connect_to_server()
        self._ends += [page, server]

        def tell(frame: str | bytes) -> None:
            self.told.append(json.loads(frame))
            page.send(frame)

        server.on_message(tell)
