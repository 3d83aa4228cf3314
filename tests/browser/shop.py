"""A shop that has pasted the chat, and somebody who answers in it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from playwright.sync_api import BrowserContext, Locator, Page, expect
from websockets.sync.client import ClientConnection, connect

from tests.browser.serving import served_pages
from tests.running_gateway import AnyGateway

_PAGE = """<!doctype html>
<html {html}>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Shop {path}</title>
<link rel="stylesheet" href="{modules}/desk/desk.css">
<script type="module" src="{modules}/hadir-chat.js"></script>
<main>
<h1>The shop</h1>
<p>A quiet page that sells tea.</p>
<a id="next" href="{following}">The next page</a>
</main>
<hadir-chat url="{ws}/local" api="{hadir}" {attributes}></hadir-chat>
</html>
"""


class Shop:
    """A site whose pages have the chat; its conversation is known, so that an agent can join it."""

    def __init__(self, address: str) -> None:
        self.address = address

    def open(self, context: BrowserContext, path: str = "/", *, chat: bool = True) -> Page:
        """A page of it, by default with the panel opened."""
        page = context.new_page()
        page.goto(f"{self.address}{path}")
        if chat:
            bubble(page).click()
            expect(panel(page)).to_be_visible()
        return page


@contextmanager
def shop(
    hadir: AnyGateway,
    session: str | None = None,
    *,
    html: str = 'lang="en"',
    headers: Mapping[str, str] | None = None,
    texts: Mapping[str, str] | None = None,
    modules: str | None = None,
    **attributes: str,
) -> Iterator[Shop]:
    """Without a session, the chat makes one itself; texts are those of the site, by key.

    The modules come from Hadir, or from elsewhere if it serves no files.
    """
    known = {"session": session, "user": "visitor_1"} if session else {}
    own = {f"text-{key}": text for key, text in (texts or {}).items()}
    given = {**known, **own, **attributes}
    written = " ".join(f'{name}="{escape(value)}"' for name, value in given.items())

    def page(path: str, _: str) -> str:
        return _PAGE.format(
            html=html,
            hadir=hadir.http,
            modules=modules or hadir.http,
            ws=hadir.ws,
            path=escape(path),
            following="/" if path == "/next" else "/next",
            attributes=written,
        )

    with served_pages(page, headers) as address:
        yield Shop(address)


def bubble(page: Page) -> Locator:
    return page.locator("hadir-chat .bubble")


def panel(page: Page) -> Locator:
    return page.locator("hadir-chat dialog")


def messages(page: Page) -> Locator:
    """Their texts, in order."""
    return page.locator("hadir-chat .text")


def composer(page: Page) -> Locator:
    return panel(page).get_by_role("textbox", name="Write a message")


def header(page: Page) -> Locator:
    """Who is there."""
    return panel(page).get_by_role("heading")


def note(page: Page) -> Locator:
    return page.locator("hadir-chat .warn")


def say(page: Page, text: str) -> None:
    composer(page).fill(text)
    composer(page).press("Enter")


def expect_sent(page: Page) -> None:
    expect(page.locator("hadir-chat .state").last).to_have_text("Sent")


class Agent:
    """Somebody in the session, on a socket of their own."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    def do(self, action: str, **more: Any) -> None:
        self._socket.send(json.dumps({"action": action, **more}))

    def say(self, text: str) -> None:
        self.do("message", text=text)

    def wait_for(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """The next frame of a kind whose data has these values."""
        while True:
            frame = json.loads(self._socket.recv(30))
            if frame["type"] == kind and wanted.items() <= frame["data"].items():
                data: dict[str, Any] = frame["data"]
                return data


@contextmanager
def agent(
    hadir: AnyGateway, session: str, name: str = "dewi", kind: str = "agent", token: str = ""
) -> Iterator[Agent]:
    query = {"session_id": session, "user_id": name, "user_type": kind, "token": token}
    with connect(f"{hadir.ws}/local?{urlencode(query)}", open_timeout=20) as socket:
        one = Agent(socket)
        one.wait_for("connection_status_update", event_user_id=name)
        yield one


def said_in(hadir: AnyGateway, session: str) -> list[str]:
    """All that was said in a session."""
    with urlopen(f"{hadir.http}/api/session/{session}/events?limit=200") as answer:
        return [event["text"] for event in json.load(answer)["events"] if "text" in event]


def users_in(hadir: AnyGateway, session: str) -> dict[str, Any]:
    with urlopen(f"{hadir.http}/api/session/{session}/connection-status") as answer:
        users: dict[str, Any] = json.load(answer)["users"]
        return users


def people_in(hadir: AnyGateway, session: str) -> list[str]:
    return sorted(users_in(hadir, session))


def state_of(hadir: AnyGateway, session: str) -> dict[str, Any] | None:
    """What the visitor's page shows of them."""
    state: dict[str, Any] | None = users_in(hadir, session).get("visitor_1", {}).get("state")
    return state
