"""The page in a real browser, on real sockets."""

import base64
import json
import os
import re
import signal
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, WebSocketRoute, expect
from redis import Redis

from apigw_local.testing import LocalGateway
from hadir.domain.identity import DEFAULT_TENANT, SessionRef
from hadir.membership.membership import Membership
from tests.aws import aws
from tests.browser.tabs import (
    OPEN_CUSTOMER,
    SETTLED_MS,
    Wire,
    address,
    alert,
    expect_state,
    feed,
    open_customer,
    open_tab,
    people,
    picture,
)
from tests.running_gateway import AnyGateway
from tests.system.people import new_session, status_of

NODE_MODULES = Path(__file__).parent / "node_modules"
GOODBYE = "Closed the page or followed a link; the browser said goodbye."

# Keeps what an alert has ever said, and each thing that the live region was told.
WITNESS = """
globalThis.alarms = [];
globalThis.said = [];
new MutationObserver((changes) => {
  for (const { target, addedNodes } of changes) {
    if (!addedNodes.length) continue;
    if (target.closest?.("[role=alert]")) alarms.push(target.textContent);
    if (target.closest?.("[aria-live]")) said.push(addedNodes[0].textContent);
  }
}).observe(document, { childList: true, subtree: true });
"""


def events_of(hadir: AnyGateway, session: str) -> list[dict[str, Any]]:
    address = f"{hadir.http}/api/session/{session}/events?since=0"
    with urllib.request.urlopen(address, timeout=10) as answer:
        events: list[dict[str, Any]] = json.load(answer)["events"]
        return events


def cut(hadir: LocalGateway, redis: Redis, session: str, user_id: str) -> None:
    """Close somebody's socket, as API Gateway may at any time."""
    sockets = Membership(redis).sockets(SessionRef(DEFAULT_TENANT, session))
    (connection,) = (each.connection_id for each in sockets if each.person.user_id == user_id)
    aws("apigatewaymanagementapi", hadir.management).delete_connection(ConnectionId=connection)


def test_each_tab_is_one_person(context: BrowserContext, hadir: AnyGateway) -> None:
    session = new_session()

    agent = open_tab(context, hadir, session)
    customer = open_tab(context, hadir, session)
    another = open_tab(context, hadir, session)

    for tab, role in ((agent, "agent"), (customer, "customer"), (another, "customer")):
        expect(tab.get_by_role("heading", level=1)).to_contain_text(role)
        expect(people(tab)).to_have_count(3)
    users = status_of(hadir, session)["users"]
    third = (users.keys() - {"admin_456", "customer_123"}).pop()
    assert third.startswith("customer_")
    assert {user["connections"] for user in users.values()} == {1}

    another.reload()

    expect_state(another, "Connected")
    expect(people(another).filter(has_text=third)).to_contain_text("you")


def test_a_browser_that_keeps_nothing_for_the_page(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    context.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', { get() { throw new Error('blocked'); } })"
    )
    session = new_session()
    open_tab(context, hadir, session)

    customer = open_tab(context, hadir, session)

    expect(people(customer).filter(has_text="you")).to_contain_text("customer_123")


@pytest.mark.parametrize("given", ["", "session=", "session=no%20id!"])
def test_a_page_without_a_session_makes_one(
    context: BrowserContext, hadir: AnyGateway, given: str
) -> None:
    page = context.new_page()

    page.goto(f"{hadir.http}/demo.html?ws={hadir.ws}/local&{given}#kept=1")

    expect_state(page, "Connected")
    session = page.locator("#session").inner_text()
    assert session.startswith("demo-")
    assert f"session={session}" in page.url
    link = page.get_by_role("link", name=OPEN_CUSTOMER).get_attribute("href")
    assert link
    assert f"session={session}" in link
    assert "as=customer" in link
    assert link.endswith("#kept=1")


def test_a_customer_follows_a_link_and_nobody_is_alarmed(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    context.add_init_script(WITNESS)
    context.clock.install()
    agent = open_tab(context, hadir, new_session())
    customer = open_customer(agent)
    expect(people(agent)).to_have_count(2)

    customer.get_by_role("link", name="Go to another page").click()
    expect(customer.get_by_role("heading", level=1)).to_have_text("Another page")
    expect(feed(agent).first).to_contain_text("customer_123 is back")
    expect(feed(agent).nth(1)).to_contain_text(GOODBYE)
    picture(customer, "next")
    customer.go_back()
    expect(customer.get_by_role("heading", level=1)).to_have_text("You are a customer")
    expect(feed(agent)).to_have_count(6)  # two came in; left and back, twice
    customer.reload()
    expect(feed(agent)).to_have_count(8)
    expect(feed(agent).first).to_contain_text("customer_123 is back")
    picture(agent, "back")

    agent.clock.fast_forward(SETTLED_MS)

    expect(people(agent).nth(1)).to_contain_text("Here for")
    assert agent.evaluate("alarms") == []
    expect(feed(customer)).to_have_count(8)  # a reload forgets nothing


def test_a_customers_tab_is_closed_and_the_agent_is_alarmed(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    session = new_session()
    context.add_init_script(WITNESS)
    context.clock.install()
    agent = open_tab(context, hadir, session)
    customer = open_customer(agent)
    expect(people(agent)).to_have_count(2)

    customer.close()

    expect(people(agent).nth(1)).to_contain_text("May be back. Closed the page")
    expect(alert(agent)).to_be_empty()
    picture(agent, "maybe")
    agent.clock.fast_forward(SETTLED_MS)
    expect(alert(agent)).to_contain_text("Customer has left")
    expect(alert(agent)).to_contain_text(GOODBYE[1:])
    expect(people(agent).nth(1)).to_contain_text("Left at")
    assert status_of(hadir, session)["customer_connected"] is False
    left = events_of(hadir, session)[-1]["timestamp"]
    expect(alert(agent).locator("time")).to_have_attribute("datetime", left)
    picture(agent, "left")
    # Said once: by the alert.
    assert len(agent.evaluate("alarms")) == 1
    assert agent.evaluate("said") == ["customer_123 came in"]

    agent.get_by_role("button", name="Dismiss").focus()
    customer = open_customer(agent, click=False)

    expect(alert(agent)).to_be_empty()
    expect(agent.get_by_role("heading", level=1)).to_be_focused()
    customer.close()
    expect(people(agent).nth(1)).to_contain_text("May be back")
    agent.clock.fast_forward(SETTLED_MS)
    agent.get_by_role("button", name="Dismiss").click()
    expect(alert(agent)).to_be_empty()
    expect(agent.get_by_role("heading", level=1)).to_be_focused()


def test_a_customers_tab_crashes(
    browser: Browser, context: BrowserContext, hadir: AnyGateway
) -> None:
    session = new_session()
    agent = open_tab(context, hadir, session)
    system = browser.new_browser_cdp_session()

    def renderers() -> set[int]:
        processes = system.send("SystemInfo.getProcessInfo")["processInfo"]
        return {process["id"] for process in processes if process["type"] == "renderer"}

    before = renderers()
    with browser.new_context() as elsewhere:
        open_tab(elsewhere, hadir, session)
        expect(people(agent)).to_have_count(2)

        for process in renderers() - before:
            os.kill(process, signal.SIGKILL)

        expect(feed(agent).first).to_contain_text("Went as the tab crashed")
        expect(people(agent).nth(1)).to_contain_text("May be back")


def test_what_was_missed_and_what_went_wrong_is_said(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    wire = Wire(context)
    agent = open_tab(context, hadir, new_session())
    expect(feed(agent)).to_have_count(1)
    update = next(frame for frame in wire.told if frame["type"] == "connection_status_update")

    snapshot = {**update["data"], "status_version": 9, "recovered": False}
    for name in ("event_type", "event_user_id", "event_user_type", "version"):
        snapshot.pop(name, None)
    wire.tell("connection_status_update", snapshot)
    expect(feed(agent).first).to_contain_text("Some events were missed")
    failure = {"code": "forbidden", "message": "only admins may kick", "request_id": "r1"}
    wire.tell("error", failure)
    expect(feed(agent).first).to_contain_text("That did not work: only admins may kick")


def test_the_feed_has_the_time_of_the_event_and_not_of_hearing_it(
    browser: Browser, context: BrowserContext, hadir: AnyGateway
) -> None:
    session = new_session()
    wire = Wire(context)
    agent = open_tab(context, hadir, session)
    with browser.new_context() as elsewhere:
        customer = open_tab(elsewhere, hadir, session)
        expect(people(agent)).to_have_count(2)
        wire.cut()
        expect_state(agent, "Connection lost, trying again")
        expect(agent.get_by_text("As of")).to_be_visible()
        picture(agent, "lost")

        # Or the post that says so may find the customer gone before their close has arrived.
        expect(feed(customer).filter(has_text="admin_456 left")).to_be_visible()
        customer.get_by_role("button", name="Leave").click()

        expect_state(customer, "You have left")
    agent.clock.install()
    agent.clock.fast_forward(60_000)
    wire.mend()
    expect_state(agent, "Connected")
    expect(agent.get_by_text("As of")).to_be_hidden()
    item = feed(agent).filter(has_text="customer_123 left")
    expect(item).to_contain_text("Pressed Leave; the browser said goodbye.")
    left = (each for each in events_of(hadir, session) if each.get("close_code") == 1000)
    event = next(each for each in left if each["event_user_id"] == "customer_123")
    expect(item.locator("time")).to_have_attribute("datetime", event["timestamp"])
    shown = agent.evaluate("at => new Date(at).toTimeString().slice(0, 8)", event["timestamp"])
    expect(item.locator("time")).to_have_text(shown)
    expect(alert(agent)).to_contain_text(f"At {shown}: pressed Leave", timeout=SETTLED_MS)


def test_an_own_connection_that_is_lost_is_said_once(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    context.add_init_script(WITNESS)
    wire = Wire(context)
    agent = open_tab(context, hadir, new_session())
    expect(feed(agent)).to_have_count(1)

    wire.cut()
    expect_state(agent, "Connection lost, trying again")
    context.set_offline(offline=True)
    expect_state(agent, "This browser is offline")
    wire.mend()
    context.set_offline(offline=False)

    expect_state(agent, "Connected")
    expect(feed(agent).first).to_contain_text("You are back")
    assert agent.evaluate("said") == ["Connection lost, trying again", "Connected again"]


def test_the_client_comes_back_when_its_socket_is_closed(
    context: BrowserContext, hadir: LocalGateway, hadir_redis: Redis
) -> None:
    session = new_session()
    agent = open_tab(context, hadir, session)
    expect(feed(agent)).to_have_count(1)

    cut(hadir, hadir_redis, session, "admin_456")

    expect(feed(agent)).to_have_count(3)  # came in, left, back
    expect_state(agent, "Connected")


def test_an_admin_puts_somebody_out(context: BrowserContext, hadir: AnyGateway) -> None:
    session = new_session()
    agent = open_tab(context, hadir, session)
    customer = open_customer(agent)

    agent.get_by_role("button", name="Put out customer_123").press("Enter")

    expect_state(customer, "Put out by an admin")
    expect(customer.locator("#why")).to_contain_text("on their page.")
    picture(customer, "put out")
    expect(feed(agent).first).to_contain_text("customer_123 was put out")
    expect(alert(agent)).to_contain_text("was put out; the server closed it")
    # The button that had the focus is gone.
    expect(agent.get_by_role("heading", name="Who is here")).to_be_focused()

    # Until it is done, whoever comes back by that id is put out again.
    hadir.wait_for_line(rf"\[Kick\] .* {session}")
    customer.get_by_role("button", name="Come back").click()

    expect_state(customer, "Connected")
    expect(alert(agent)).to_be_empty()


def test_somebody_leaves_and_comes_back(context: BrowserContext, hadir: AnyGateway) -> None:
    agent = open_tab(context, hadir, new_session())
    customer = open_customer(agent)
    expect(people(customer)).to_have_count(2)

    customer.get_by_role("button", name="Leave").click()

    expect_state(customer, "You have left")
    expect(customer.get_by_text("As of")).to_be_visible()
    expect(feed(agent).first).to_contain_text("Pressed Leave")
    customer.get_by_role("button", name="Come back").click()
    expect_state(customer, "Connected")
    expect(feed(agent).first).to_contain_text("customer_123 is back")
    expect(alert(agent)).to_be_empty()


def test_an_id_in_a_token_is_the_persons(context: BrowserContext, hadir: AnyGateway) -> None:
    page = context.new_page()

    page.goto(f"{address(hadir, new_session())}#customer_token=e30.eyJ1c2VyIjoiYW5uYSJ9.x")

    expect_state(page, "Connected")
    expect(people(page)).to_have_text(re.compile("anna Customer, you"))


def test_an_id_may_have_any_letters(context: BrowserContext, hadir: AnyGateway) -> None:
    """The server is not asked whether it takes them; only what it is asked is looked at."""
    session, user = "auth0|x/ü+%", "Łukasz+o'brien@example.com"
    claims = json.dumps({"user": user}, ensure_ascii=False).encode()
    token = base64.urlsafe_b64encode(claims).decode().rstrip("=")
    opened: list[str] = []
    asked: list[str] = []
    context.route_web_socket("**/local?*", lambda socket: opened.append(socket.url))
    page = context.new_page()
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))

    page.goto(f"{address(hadir, session)}#customer_token=e30.{token}.x")

    expect_state(page, "Connected")
    expect(page.locator("#session")).to_have_text(session)
    query = parse_qs(urlsplit(opened[0]).query)
    assert (query["session_id"], query["user_id"]) == ([session], [user])
    assert f"/api/session/{quote(session, safe='')}/connection-status" in asked


def test_a_customer_and_an_agent_with_the_same_id_are_two_people(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    """Told by a server that knows them; what the page makes of it, and asks for, is looked at."""
    here = {"connected_at": "2026-01-24T10:00:00Z", "connections": 1}
    customer = {"42": {"user_type": "customer", **here}}
    agent = {"agent:42": {"user_type": "agent", "user_id": "42", **here}}
    kicks: list[dict[str, Any]] = []
    session = new_session()

    def answer(socket: WebSocketRoute) -> None:
        def tell(at: int, users: dict[str, Any], **event: Any) -> None:
            about = {"session_id": session, "epoch": "e", "timestamp": "2026-01-24T10:01:00Z"}
            status = {"connection_status": {"users": users}, "status_version": at}
            data = {**about, **status, **event}
            socket.send(json.dumps({"type": "connection_status_update", "data": data}))

        def hear(frame: str | bytes) -> None:
            message = json.loads(frame)
            if message["action"] == "heartbeat":
                tell(2, {**customer, **agent})
            if message["action"] == "kick":
                kicks.append(message)
                who = {"event_user_id": "42", "event_user_type": "agent", "reason": "kicked"}
                tell(3, customer, event_type="user_disconnected", version=3, **who)

        socket.on_message(hear)

    context.route_web_socket("**/local?*", answer)
    admin = open_tab(context, hadir, session, **{"as": "admin"})
    expect(people(admin)).to_have_text([re.compile("42 Customer"), re.compile("42 Agent")])

    people(admin).nth(1).get_by_role("button", name="Put out 42").click()

    expect(people(admin).nth(0)).to_contain_text("Here for")
    expect(people(admin).nth(1)).to_contain_text("Was put out")
    assert [(kick["user_id"], kick["user_type"]) for kick in kicks] == [("42", "agent")]


def test_what_cannot_work_is_said(context: BrowserContext, hadir: AnyGateway) -> None:
    page = context.new_page()

    page.goto(address(hadir, new_session(), ws="ftp://localhost/"))

    expect_state(page, "Cannot connect")
    expect(page.get_by_text("url must be an address")).to_be_visible()
