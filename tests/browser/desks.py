"""A team's desk, and the customers it is told of."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import BrowserContext, Locator, Page, expect
from websockets.sync.client import ClientConnection, connect

from tests.running_gateway import AnyGateway

PAGE_LEFT = 4001
SETTLED_MS = 15_000
"""By then who left has left for good."""


def desk(context: BrowserContext, hadir: AnyGateway, search: str, who: str = "dewi") -> Page:
    """A desk that is live, and shows what fits a search: other tests have sessions, too."""
    page = context.new_page()
    page.goto(f"{hadir.http}/desk/?{urlencode({'ws': f'{hadir.ws}/local', 'as': who})}")
    expect_live(page)
    page.get_by_role("searchbox").fill(search)
    return page


def expect_live(page: Page) -> None:
    expect(page.locator(".trust")).to_contain_text("Live")


@contextmanager
def customer(
    hadir: AnyGateway,
    session: str,
    user_id: str = "anna",
    user_type: str = "customer",
    **state: object,
) -> Iterator[ClientConnection]:
    """Somebody on a page of the shop, who closes it in the end."""
    query = {"session_id": session, "user_id": user_id, "user_type": user_type}
    address = f"{hadir.ws}/local?{urlencode(query)}"
    with connect(address, open_timeout=20) as client:
        client.recv(20)  # their own join
        if state:
            say(client, action="set_state", state=state)
        yield client
        client.close(PAGE_LEFT)


def say(client: ClientConnection, **message: object) -> None:
    client.send(json.dumps(message))


def heard(client: ClientConnection, kind: str) -> dict[str, Any]:
    """The data of the next frame of a type."""
    while True:
        frame = json.loads(client.recv(20))
        if frame["type"] == kind:
            data: dict[str, Any] = frame["data"]
            return data


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has_text=name)


def pane(page: Page) -> Locator:
    return page.locator("#pane")


def alert(page: Page) -> Locator:
    return page.get_by_role("alert")


def open_row(page: Page, name: str) -> Locator:
    row(page, name).click()
    expect(pane(page).get_by_role("heading", name=name)).to_be_visible()
    return pane(page)
