"""The page in a real browser, on real sockets."""

import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from redis import Redis

from apigw_local.testing import LocalGateway
from hadir.domain.identity import DEFAULT_TENANT, SessionRef
from hadir.membership.membership import Membership
from tests.aws import aws
from tests.running_gateway import ROOT, AnyGateway
from tests.system.people import new_session, status_of

NODE_MODULES = Path(__file__).parent / "node_modules"


def open_page(context: BrowserContext, hadir: AnyGateway, session: str) -> Page:
    page = context.new_page()
    page.goto(f"{hadir.http}/?session={session}&ws={hadir.ws}/local")
    return page


def picture(page: Page, name: str) -> None:
    """Keep a screenshot where HADIR_PICTURES says, for the README and for one's own eyes."""
    if folder := os.environ.get("HADIR_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_a_customer_leaves_and_the_admin_sees_it(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    session = new_session()
    page = open_page(context, hadir, session)
    customer = page.get_by_label("Customer", exact=True)
    admin = page.get_by_label("Admin", exact=True)

    customer.get_by_role("button", name="Connect").click()
    expect(customer.locator(".pill")).to_have_text("open")
    expect(customer.locator(".people")).to_contain_text("customer_123")

    # Nobody attends to the customer: the admin is asked to.
    expect(admin.get_by_text("A customer is waiting")).to_be_visible()
    picture(page, "waiting")
    admin.get_by_role("button", name="Assign to me").click()
    expect(admin.locator(".prompt")).to_be_hidden()
    for panel in (customer, admin):
        expect(panel.locator(".people li")).to_have_count(2)
    expect(customer.locator(".feed li").first).to_contain_text("admin_456 (admin) joined")
    picture(page, "both")

    customer.get_by_role("button", name="Leave").click()

    expect(admin.locator(".alert")).to_have_text("Customer has left the session")
    expect(admin.locator(".feed li").first).to_contain_text("customer_123 (customer) left")
    expect(admin.locator(".people li")).to_have_count(1)
    assert status_of(hadir, session)["customer_connected"] is False
    picture(page, "left")

    customer.get_by_role("button", name="Connect").click()
    expect(admin.locator(".alert")).to_be_hidden()
    expect(admin.locator(".feed li").first).to_contain_text("customer_123 (customer) joined")


@pytest.mark.parametrize("given", ["", "session=", "session=no%20id!"])
def test_a_page_without_a_session_makes_one(
    context: BrowserContext, hadir: AnyGateway, given: str
) -> None:
    page = context.new_page()
    page.goto(f"{hadir.http}/?ws={hadir.ws}/local&{given}")
    customer = page.get_by_label("Customer", exact=True)

    customer.get_by_role("button", name="Connect").click()

    expect(customer.locator(".pill")).to_have_text("open")
    expect(customer.locator(".people")).to_contain_text("customer_123")
    session = page.locator("#session").inner_text()
    assert session.startswith("demo-")
    assert f"session={session}" in page.url


def test_a_tab_is_closed_and_the_admin_sees_it(context: BrowserContext, hadir: AnyGateway) -> None:
    session = new_session()
    admin_tab = open_page(context, hadir, session)
    admin = admin_tab.get_by_label("Admin", exact=True)
    admin.get_by_role("button", name="Connect").click()
    expect(admin.locator(".people")).to_contain_text("admin_456")
    customer_tab = open_page(context, hadir, session)
    customer_tab.get_by_label("Customer", exact=True).get_by_role("button", name="Connect").click()
    expect(admin.locator(".people")).to_contain_text("customer_123")

    customer_tab.close()

    expect(admin.locator(".alert")).to_be_visible()
    expect(admin.locator(".people li")).to_have_count(1)


def test_the_client_comes_back_when_its_socket_is_closed(
    context: BrowserContext, hadir: LocalGateway, hadir_redis: Redis
) -> None:
    session = new_session()
    page = open_page(context, hadir, session)
    admin = page.get_by_label("Admin", exact=True)
    admin.get_by_role("button", name="Connect").click()
    expect(admin.locator(".feed li")).to_have_count(1)
    ref = SessionRef(DEFAULT_TENANT, session)
    (member,) = Membership(hadir_redis).session(ref).members
    management = aws("apigatewaymanagementapi", hadir.management)

    management.delete_connection(ConnectionId=member.connection_id)

    expect(admin.locator(".feed li")).to_have_count(3)  # joined, left, joined again
    expect(admin.locator(".pill")).to_have_text("open")
    (again,) = Membership(hadir_redis).session(ref).members
    assert again.connection_id != member.connection_id


HOOK_PAGE = """<!doctype html>
<script type="importmap">{"imports": {"react": "/react.mjs", "react-dom/client": "/react-dom.mjs"}}
</script>
<div id="root"></div>
<script type="module">
  import { createElement, StrictMode } from "react";
  import { createRoot } from "react-dom/client";
  import { configure, useConnectionStatus } from "/react.js";
  const parameters = new URLSearchParams(location.search);
  configure({ url: parameters.get("ws"), userId: "admin_456", userType: "admin" });
  function Session() {
    const { status, lastEvent } = useConnectionStatus(parameters.get("session"));
    const event = lastEvent ? `${lastEvent.event_type} ${lastEvent.event_user_id}` : "nothing yet";
    return createElement("p", null, `${Object.keys(status?.users ?? {})}: ${event}`);
  }
  const pair = [1, 2].map((key) => createElement(Session, { key }));
  createRoot(document.querySelector("#root")).render(createElement(StrictMode, null, pair));
</script>
"""

# React is published as CommonJS only; this lets a page import it without a build.
COMMON_JS = """
globalThis.process = { env: { NODE_ENV: "development" } };
const modules = {};
async function load(name, path) {
  const module = { exports: {} };
  const text = await (await fetch(`/node_modules/${path}`)).text();
  new Function("module", "exports", "require", text)(module, module.exports, (n) => modules[n]);
  return (modules[name] = module.exports);
}
const react = await load("react", "react/cjs/react.development.js");
"""
REACT = (
    COMMON_JS
    + """
globalThis.commonJs = { modules, load };
export const { createElement, StrictMode, useEffect, useState } = react;
"""
)
REACT_DOM = """
import "react";
const { load } = globalThis.commonJs;
await load("scheduler", "scheduler/cjs/scheduler.development.js");
await load("react-dom", "react-dom/cjs/react-dom.development.js");
export const { createRoot } = await load(
  "react-dom/client", "react-dom/cjs/react-dom-client.development.js"
);
"""


@pytest.fixture
def hook_page(tmp_path: Path) -> Iterator[str]:
    """A page that uses the hook, with React beside it."""
    for name, text in {
        "hook.html": HOOK_PAGE,
        "react.mjs": REACT,
        "react-dom.mjs": REACT_DOM,
        **{module.name: module.read_text() for module in (ROOT / "web").glob("*.js")},
    }.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)

    class Handler(SimpleHTTPRequestHandler):
        def guess_type(self, path: str | os.PathLike[str]) -> str:
            return "text/html" if str(path).endswith(".html") else "text/javascript"

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook.html"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_react_hook_in_a_real_react(
    context: BrowserContext, hadir: AnyGateway, hook_page: str
) -> None:
    session = new_session()
    page = context.new_page()

    page.goto(f"{hook_page}?session={session}&ws={hadir.ws}/local")

    components = page.locator("p")
    expect(components).to_have_text(["admin_456: user_connected admin_456"] * 2)
    # Two components, each mounted twice by StrictMode, on one socket.
    assert status_of(hadir, session)["users"]["admin_456"]["connections"] == 1

    customer_tab = open_page(context, hadir, session)
    customer_tab.get_by_label("Customer", exact=True).get_by_role("button", name="Connect").click()
    expect(components.first).to_have_text("admin_456,customer_123: user_connected customer_123")
    customer_tab.close()
    expect(components.first).to_have_text("admin_456: user_disconnected customer_123")
