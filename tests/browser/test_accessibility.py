"""What the page is to people who do not see it, see little, or have a small screen."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

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
from tests.system.people import new_session

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

Mode = Literal["light", "dark", "forced"]
Check = Callable[[Page, str], None]


@pytest.fixture(params=["light", "dark", "forced"])
def mode(request: pytest.FixtureRequest) -> Mode:
    mode: Mode = request.param
    return mode


@pytest.fixture
def context(browser: Browser, mode: Mode) -> Iterator[BrowserContext]:
    """A profile of somebody with a small screen, and colours of their own choice."""
    with browser.new_context(
        viewport={"width": 320, "height": 640},
        color_scheme="dark" if mode == "dark" else "light",
        forced_colors="active" if mode == "forced" else "none",
        reduced_motion="reduce",
    ) as context:
        context.set_default_timeout(10_000)
        yield context


@pytest.fixture
def check(mode: Mode) -> Check:
    def check(page: Page, state: str) -> None:
        picture(page, f"{state}, 320 px, {mode}")
        page.evaluate(AXE.read_text())
        violations: list[Any] = page.evaluate(RUN, RULES)
        assert violations == [], state
        width, shown = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width <= shown, state
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        shapes = page.evaluate(SHAPES)
        assert shapes, state
        assert ground not in shapes, state

    return check


def test_every_state_of_a_conversation(
    context: BrowserContext, hadir: AnyGateway, check: Check
) -> None:
    context.clock.install()
    agent = open_tab(context, hadir, new_session())
    expect(feed(agent)).to_have_count(1)
    check(agent, "alone")

    customer = open_customer(agent)
    expect(people(agent)).to_have_count(2)
    check(agent, "with a customer")
    check(customer, "a customer")
    customer.get_by_role("link", name="Go to another page").click()
    expect_state(customer, "Connected")
    expect(people(customer)).to_have_count(2)
    check(customer, "another page")

    customer.close()
    expect(people(agent).nth(1)).to_contain_text("May be back")
    check(agent, "maybe back")
    agent.clock.fast_forward(SETTLED_MS)
    expect(alert(agent)).to_contain_text("Customer has left")
    check(agent, "alert")

    customer = open_customer(agent)
    agent.get_by_role("button", name="Put out customer_123").click()
    expect_state(customer, "Put out by an admin")
    check(customer, "put out")


def test_a_connection_that_does_not_come(
    context: BrowserContext, hadir: AnyGateway, check: Check
) -> None:
    page = context.new_page()
    page.goto(address(hadir, new_session(), ws="ws://127.0.0.1:1/local"))
    expect_state(page, "Connecting")
    check(page, "connecting")
    expect(page.get_by_text("refuses or is away")).to_be_visible()
    check(page, "connecting in vain")


def test_a_connection_that_is_lost(
    context: BrowserContext, hadir: AnyGateway, check: Check
) -> None:
    wire = Wire(context)
    agent = open_tab(context, hadir, new_session())
    open_customer(agent)
    expect(people(agent)).to_have_count(2)

    wire.cut()
    expect_state(agent, "Connection lost, trying again")
    expect(agent.get_by_text("As of")).to_be_visible()
    check(agent, "reconnecting")

    context.set_offline(offline=True)
    expect_state(agent, "This browser is offline")
    check(agent, "offline")


def test_what_a_screen_reader_finds(context: BrowserContext, hadir: AnyGateway) -> None:
    agent = open_tab(context, hadir, new_session())
    open_customer(agent)
    expect(people(agent)).to_have_count(2)

    expect(agent.get_by_role("main")).to_match_aria_snapshot("""
        - heading "You are the agent" [level=1]
        - button "Leave"
        - alert
        - region "Try it":
          - heading "Try it" [level=2]
          - list
        - region "Who is here":
          - heading "Who is here" [level=2]
          - list:
            - listitem:
              - paragraph: admin_456 Admin, you
            - listitem:
              - paragraph: customer_123 Customer
              - button "Put out customer_123"
        - region "What happened":
          - heading "What happened" [level=2]
          - list:
            - listitem:
              - paragraph: customer_123 came in
    """)
    # Nothing that ticks is read out.
    assert agent.locator("[aria-live], [role=alert], [role=status], [role=log]").count() == 2


def test_the_keyboard_reaches_everything(context: BrowserContext, hadir: AnyGateway) -> None:
    agent = open_tab(context, hadir, new_session())
    open_customer(agent)
    expect(people(agent)).to_have_count(2)
    agent.bring_to_front()
    agent.get_by_role("heading", level=1).focus()

    for name in ("Leave", OPEN_CUSTOMER, "Put out customer_123"):
        agent.keyboard.press("Tab")
        reached = agent.locator(":focus")
        expect(reached).to_have_accessible_name(name)
        assert reached.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"


def test_the_focus_stays_when_others_come_and_go(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    session = new_session()
    agent = open_tab(context, hadir, session)
    open_customer(agent)
    button = agent.get_by_role("button", name="Put out customer_123")
    button.focus()

    another = open_tab(context, hadir, session)

    expect(people(agent)).to_have_count(3)
    expect(button).to_be_focused()
    another.close()
    expect(people(agent).last).to_contain_text("May be back")
    expect(button).to_be_focused()
