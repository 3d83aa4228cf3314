"""The chat for people who do not see it, see little, or have a small screen."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.looking import AXE, RULES, RUN, picture, small_screen
from tests.browser.shop import (
    agent,
    bubble,
    composer,
    expect_sent,
    header,
    messages,
    note,
    panel,
    say,
    shop,
)
from tests.browser.wire import Wire
from tests.running_gateway import AnyGateway
from tests.system.people import new_session


@pytest.fixture(params=["light", "dark", "forced"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def context(browser: Browser, mode: str) -> Iterator[BrowserContext]:
    with small_screen(browser, mode) as context:
        yield context


def check(page: Page, state: str, mode: str) -> None:
    picture(page, f"widget {state}, 320 px, {mode}")
    page.evaluate(AXE.read_text())
    violations: list[Any] = page.evaluate(RUN, RULES)
    assert violations == [], state
    width, shown = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= shown, state


def test_every_state_of_the_chat(context: BrowserContext, hadir: AnyGateway, mode: str) -> None:
    wire = Wire(context)
    session = new_session()
    with shop(hadir, session) as site, agent(hadir, session) as dewi:
        page = site.open(context, chat=False)
        check(page, "closed", mode)
        bubble(page).click()
        expect(header(page)).to_have_text("dewi")
        check(page, "opened", mode)
        say(page, "Hello, do you have " + "very " * 30 + "good tea?")
        dewi.say("Yes: https://example.com/" + "tea" * 60)
        expect(messages(page)).to_have_count(2)  # which would end what is being written
        dewi.do("typing", on=True)
        expect(panel(page).get_by_text("is writing")).to_be_visible()
        below = "log => Math.round(log.scrollHeight - log.scrollTop - log.clientHeight)"
        assert page.locator("hadir-chat .log").evaluate(below) <= 1
        check(page, "talking", mode)
        skip = panel(page).get_by_role("button", name="Skip").bounding_box()
        assert skip
        assert skip["x"] + skip["width"] <= 320 - 12
        assert skip["height"] < 40  # its letters stand side by side
        ring = "text => getComputedStyle(text).outlineStyle"
        assert composer(page).evaluate(ring) == "solid"
        shape = "line => getComputedStyle(line, '::before').borderTopColor"
        ground = panel(page).evaluate("panel => getComputedStyle(panel).backgroundColor")
        assert page.locator("hadir-chat header .line").evaluate(shape) != ground
        wire.cut()
        say(page, "Thank you")
        expect(note(page)).to_have_text("No connection. Trying again.")
        check(page, "waiting", mode)
        wire.mend()
        expect_sent(page)
        page.keyboard.press("Escape")
        dewi.say("And coffee")
        expect(bubble(page)).to_have_text("1")
        check(page, "unread", mode)


def test_on_a_phone_it_has_the_screen_and_the_focus(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    with shop(hadir, new_session()) as site:
        page = site.open(context)
        say(page, "Hello")
        expect_sent(page)
        assert panel(page).bounding_box() == {"x": 0, "y": 0, "width": 320, "height": 640}
        assert composer(page).evaluate("text => getComputedStyle(text).fontSize") == "16px"
        for _ in range(12):
            page.keyboard.press("Tab")
            focused = "() => document.activeElement.localName"
            assert page.evaluate(focused) in ("hadir-chat", "body")  # body: the browser's own
        page.evaluate("document.querySelector('#next').click()")
        # The next page is not hidden by a panel that somebody left open.
        expect(page.get_by_role("heading", name="The shop")).to_be_visible()
        expect(messages(page)).to_have_count(1)
        expect(panel(page)).to_be_hidden()


def test_what_a_screen_reader_finds(context: BrowserContext, hadir: AnyGateway) -> None:
    session = new_session()
    with shop(hadir, session, name="Ani") as site, agent(hadir, session) as dewi:
        page = site.open(context)
        say(page, "Hello")
        expect_sent(page)
        dewi.say("Good morning")
        expect(messages(page)).to_have_count(2)
        expect(panel(page)).to_match_aria_snapshot("""
            - dialog "dewi":
              - banner:
                - heading "dewi" [level=2]
                - paragraph: We are here
                - button "Close chat"
              - log "Messages":
                - paragraph: /You · .*/
                - paragraph: Hello
                - paragraph: /dewi · .*/
                - paragraph: Good morning
              - textbox "Write a message"
              - button "Send"
        """)
