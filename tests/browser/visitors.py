"""A small site whose visitors are present on each page, and an admin who is told of them."""

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import psutil
from playwright.sync_api import Browser, BrowserContext, Page, Playwright
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.browser.serving import served_pages
from tests.running_gateway import AnyGateway

# Without these, Chromium as root does not start, or looks for hosts on the internet.
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]

NO_PAGE_CACHE = "--disable-back-forward-cache"
"""Playwright starts browsers with it; nobody else does."""

QUIET_MS = 200

_PAGE = """<!doctype html>
<title>Shop</title>
<a id="next" href="{next}">The next page</a>
<script type="module">
  import {{ HadirChat }} from "{hadir}/chat.js";
  window.sockets = 0;
  window.answers = 0;
  window.WebSocket = class extends WebSocket {{
    constructor(...address) {{
      super(...address);
      window.sockets += 1;
      this.addEventListener("message", ({{ data }}) => {{
        window.answers += data.includes("heartbeat_ack");
      }});
    }}
  }};
  const query = new URLSearchParams(location.search);
  const options = JSON.parse(query.get("options") ?? "{{}}");
  window.client = new HadirChat({{
    url: query.get("ws"), sessionId: query.get("session"), userId: "customer_1",
    userType: "customer", ...options,
  }});
  window.told = [];
  for (const type of ["connection", "update", "message", "delivery", "left", "error", "closing"]) {{
    window.client.on(type, (detail) => window.told.push([type, detail]));
  }}
  window.addEventListener("pageshow", (event) => {{ window.wasCached = event.persisted; }});
  window.client.start();
</script>
"""


@contextmanager
def chromium(playwright: Playwright, *, page_cache: bool) -> Iterator[Browser]:
    """A Chromium as people have it, or without the back/forward cache."""
    with playwright.chromium.launch(
        executable_path=shutil.which("chromium"),
        args=FLAGS,
        ignore_default_args=[NO_PAGE_CACHE] if page_cache else None,
    ) as browser:
        yield browser


@contextmanager
def site(hadir: AnyGateway) -> Iterator[str]:
    """The address of a page on a server of its own, with a link to another such page."""

    def page(path: str, query: str) -> str:
        following = f"{'/' if path == '/next' else '/next'}?{query}"
        return _PAGE.format(hadir=hadir.http, next=following.replace("&", "&amp;"))

    with served_pages(page) as address:
        yield f"{address}/"


def visit(
    context: BrowserContext, address: str, hadir: AnyGateway, session: str, **options: object
) -> Page:
    """Open the site as its customer, and wait until they are connected and all is told.

    Else the server may still be writing to the socket when they leave, find it gone, and say so.
    """
    page = context.new_page()
    page.goto(shop_address(address, hadir, session, **options))
    connected(page)
    page.wait_for_function("window.answers > 0 && client.state.version > 0")
    page.wait_for_timeout(QUIET_MS)
    return page


def shop_address(address: str, hadir: AnyGateway, session: str, **options: object) -> str:
    """The site's address for its customer; the options are their client's."""
    query = {"session": session, "ws": f"{hadir.ws}/local", "options": json.dumps(options)}
    return f"{address}?{urlencode(query)}"


def connected(page: Page) -> None:
    page.wait_for_function("window.client?.connection === 'open'")


@dataclass
class Admin:
    """Who is told, and when: ``told`` holds the time and the data of each event."""

    told: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def hear(self, data: dict[str, Any]) -> None:
        with self._changed:
            self.told.append((time.monotonic(), data))
            self._changed.notify_all()

    def events(self) -> list[str]:
        """The types of all events about somebody else, in order."""
        return [data["event_type"] for _, data in self.told]

    def wait_for(
        self, event_type: str, count: int = 1, seconds: float = 30
    ) -> tuple[float, dict[str, Any]]:
        """When the admin was told of the ``count``-th event of that type, and what."""

        def found() -> Sequence[tuple[float, dict[str, Any]]]:
            return [each for each in self.told if each[1]["event_type"] == event_type]

        with self._changed:
            assert self._changed.wait_for(lambda: len(found()) >= count, seconds), self.told
            return found()[count - 1]

    def wait_for_leave(self, count: int = 1, seconds: float = 30) -> tuple[float, dict[str, Any]]:
        return self.wait_for("user_disconnected", count, seconds)

    def wait_for_join(self, count: int = 1, seconds: float = 30) -> tuple[float, dict[str, Any]]:
        return self.wait_for("user_connected", count, seconds)


@contextmanager
def watching(hadir: AnyGateway, session: str) -> Iterator[Admin]:
    """An admin in the session, on a socket of the old kind."""
    admin = Admin()
    with connect(f"{hadir.ws}/ws/{session}/admin_1/admin", open_timeout=20) as client:
        first = json.loads(client.recv(20))["data"]  # their own join
        assert first["event_user_id"] == "admin_1"

        def listen() -> None:
            try:
                for text in client:
                    frame = json.loads(text)
                    if (
                        frame["type"] == "connection_status_update"
                        and "event_type" in frame["data"]
                    ):
                        admin.hear(frame["data"])
            except ConnectionClosed:
                return

        listener = threading.Thread(target=listen)
        listener.start()
        yield admin
    listener.join()


@contextmanager
def stopped(browser_process: psutil.Process) -> Iterator[None]:
    """The whole browser stands still, as on a laptop that sleeps: its sockets stay open."""
    everyone = [browser_process, *browser_process.children(recursive=True)]
    for process in everyone:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in everyone:
            os.kill(process.pid, signal.SIGCONT)


WAYS: dict[str, Callable[[Page], object]] = {
    "follows a link": lambda page: page.click("#next"),
    "reloads the page": lambda page: page.reload(),
    "closes the tab": lambda page: page.close(),
    "types another address": lambda page: page.goto("about:blank"),
    "the application calls close()": lambda page: page.evaluate("window.client.close()"),
}
"""How a customer leaves, by what is to be done."""
