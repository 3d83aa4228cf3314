"""What the desk is to people who do not see it, see little, or have a small screen."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, WebSocketRoute, expect

from tests.browser.desks import SETTLED_MS, alert, customer, desk, expect_live, open_row, row, say
from tests.browser.looking import AXE, RULES, RUN, SHAPES, picture, small_screen
from tests.browser.wire import Wire
from tests.running_gateway import AnyGateway
from tests.system.people import new_session

Mode = Literal["light", "dark", "forced"]
Check = Callable[[Page, str], None]


@pytest.fixture(params=["light", "dark", "forced"])
def mode(request: pytest.FixtureRequest) -> Mode:
    mode: Mode = request.param
    return mode


@pytest.fixture
def context(browser: Browser, mode: Mode) -> Iterator[BrowserContext]:
    with small_screen(browser, mode) as context:
        yield context


@pytest.fixture
def check(mode: Mode) -> Check:
    def check(page: Page, state: str) -> None:
        sizes = ((320, 640), (1_180, 760)) if mode == "light" else ((320, 640),)
        for width, height in sizes:
            page.set_viewport_size({"width": width, "height": height})
            picture(page, f"desk, {state}, {width} px, {mode}")
            page.evaluate(AXE.read_text())
            violations: list[Any] = page.evaluate(RUN, RULES)
            assert violations == [], f"{state}, {width} px"
            wide, shown = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert wide <= shown, state
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground not in page.evaluate(SHAPES), state

    return check


def _nobody_is_here(route: WebSocketRoute) -> None:
    """What a server without a session answers."""

    def answer(frame: str | bytes) -> None:
        asked = json.loads(frame)["action"]
        told = {
            "watch": ("watching", {"position": {"0": 1}, "sessions": [], "next": None}),
            "heartbeat": ("heartbeat_ack", {"feed": {"0": 1}}),
        }
        if asked in told:
            kind, data = told[asked]
            route.send(json.dumps({"type": kind, "data": data}))

    route.on_message(answer)


def test_every_state_of_a_desk(context: BrowserContext, hadir: AnyGateway, check: Check) -> None:
    context.clock.install()
    session = new_session()
    page = desk(context, hadir, session)
    expect(page.get_by_text("Nothing found")).to_be_visible()
    check(page, "nothing found")
    page.get_by_role("searchbox").fill("")
    page.get_by_role("tab", name="Waiting").click()
    page.get_by_role("tab", name="All").click()
    page.get_by_role("searchbox").fill(session)

    with (
        customer(hadir, session, page="/checkout", name="Anna Berg") as anna,
        customer(hadir, f"{session}-2", "budi", page="/a-page-with-a-very-long-name/of/a/product"),
        customer(hadir, f"{session}-3", "citra", away=True),
    ):
        say(anna, action="message", text="Where is my order? " * 9, client_id="1")
        expect(row(page, "Anna Berg")).to_contain_text("waiting")
        expect(page.get_by_role("row")).to_have_count(3)
        check(page, "three sessions")
        row(page, "Anna Berg").get_by_role("button").click()
        expect(page.get_by_text("You have this session.")).to_be_visible()
        expect(page.get_by_text("Socket open, heard").first).to_be_visible()
        say(anna, action="typing", on=True)
        expect(page.get_by_text("Anna Berg is writing")).to_be_visible()
        check(page, "a session")
        page.get_by_label("Sounds, notifications and keys").click()
        check(page, "the menu")
        page.keyboard.press("Escape")
    expect(page.get_by_text("May be back.")).to_be_visible()
    page.set_viewport_size({"width": 1_180, "height": 760})
    expect(row(page, "Anna Berg")).to_contain_text("maybe back")
    check(page, "maybe back")
    page.clock.fast_forward(SETTLED_MS)
    expect(alert(page)).to_contain_text("Customer has left: Anna Berg")
    check(page, "has left")


def test_a_desk_that_is_out_of_date(
    context: BrowserContext, hadir: AnyGateway, check: Check
) -> None:
    wire = Wire(context)
    session = new_session()
    with customer(hadir, session, page="/checkout"):
        page = desk(context, hadir, session)
        expect(row(page, "anna")).to_be_visible()
        wire.cut()
        expect(page.locator(".trust")).to_contain_text("Connection lost")
        page.clock.install()
        check(page, "out of date")


def test_the_first_desk_teaches(context: BrowserContext, hadir: AnyGateway, check: Check) -> None:
    context.route_web_socket("**/local?*", _nobody_is_here)
    page = context.new_page()
    page.goto(f"{hadir.http}/desk/?ws={hadir.ws}/local")
    expect(page.get_by_text("Waiting for your first visitor")).to_be_visible()
    check(page, "empty")


def test_a_desk_that_knows_nothing_yet_does_not_say_that_nobody_is_here(
    context: BrowserContext, hadir: AnyGateway, mode: Mode
) -> None:
    if mode != "light":
        pytest.skip("the same in all colours")
    context.route_web_socket("**/local?*", lambda route: None)  # a server that says nothing
    page = context.new_page()
    page.goto(f"{hadir.http}/desk/?ws={hadir.ws}/local")
    expect(page.get_by_role("tabpanel")).to_have_text("Catching up")


def test_what_a_screen_reader_finds(context: BrowserContext, hadir: AnyGateway, mode: Mode) -> None:
    if mode != "light":
        pytest.skip("the same in all colours")
    session = new_session()
    with customer(hadir, session, page="/checkout", name="Anna Berg"):
        page = desk(context, hadir, session)
        expect(row(page, "Anna Berg")).to_be_visible()
        expect(page.locator("main")).to_match_aria_snapshot("""
            - main:
              - region "Sessions":
                - tablist "Views":
                  - tab /Waiting \\d+/
                  - tab /Mine \\d+/
                  - tab /All \\d+/ [selected]
                  - tab /Left \\d+/
                - tabpanel "Sessions":
                  - grid "Sessions":
                    - rowgroup:
                      - row /Anna Berg/:
                        - gridcell
                        - gridcell /Anna Berg/
                        - gridcell /here/
                        - gridcell:
                          - button "Take Anna Berg"
        """)
        expect_live(page)
        open_row(page, "Anna Berg")
        # Nothing that ticks is read out.
        live = page.locator("[aria-live], [role=alert], [role=status], [role=log]")
        assert live.count() == 3  # alerts, what happened in all, what is said here
        expect(page.get_by_role("log")).to_be_visible()
