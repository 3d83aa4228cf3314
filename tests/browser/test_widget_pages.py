"""The chat from page to page: one conversation, one person, and no message lost on the way."""

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, Route, expect

from tests.browser.shop import (
    agent,
    bubble,
    composer,
    expect_sent,
    header,
    messages,
    note,
    panel,
    people_in,
    said_in,
    say,
    shop,
    state_of,
)
from tests.browser.visitors import QUIET_MS, chromium, watching
from tests.browser.wire import Wire
from tests.running_gateway import AnyGateway
from tests.system.people import new_session

CLICK = 'document.querySelector("#next").click()'
SEND_AND_GO = f"""text => {{
  const chat = document.querySelector("hadir-chat").shadowRoot;
  chat.querySelector("textarea").value = text;
  chat.querySelector(".send").click();
  {CLICK};
}}"""


def test_the_next_page_has_the_conversation_the_panel_and_the_draft(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    session = new_session()
    with shop(hadir, session) as site:
        page = site.open(context)
        say(page, "one")
        expect_sent(page)
        composer(page).fill("half a thou")
        page.click("#next")
        expect(messages(page)).to_have_text(["one"])
        expect(composer(page)).to_have_value("half a thou")
        expect(composer(page)).not_to_be_focused()
        composer(page).press("Enter")
        expect(messages(page)).to_have_text(["one", "half a thou"])
        bubble(page).click()
        page.reload()
        expect(messages(page)).to_have_count(2)
        expect(panel(page)).to_be_hidden()
        expect(page.locator("hadir-chat textarea")).to_have_value("")


@pytest.mark.parametrize("connection", ["open", "cut"])
def test_what_is_sent_just_before_a_link_is_followed_arrives_once(
    context: BrowserContext, hadir: AnyGateway, connection: str
) -> None:
    wire = Wire(context)
    session = new_session()
    with shop(hadir, session) as site:
        page = site.open(context)
        say(page, "first")
        expect_sent(page)
        if connection == "cut":
            wire.cut()
            expect(note(page)).to_be_visible()
        for number in range(3):
            with page.expect_navigation():
                page.evaluate(SEND_AND_GO, f"last {number}")
        said = ["first", "last 0", "last 1", "last 2"]
        expect(messages(page)).to_have_text(said if connection == "open" else said[1:])
        wire.mend()
        expect_sent(page)
        expect(messages(page)).to_have_text(said)
        assert said_in(hadir, session) == said


def test_a_chat_that_was_never_opened_connects_nobody(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    session = new_session()
    with shop(hadir, session) as site:
        page = site.open(context, chat=False)
        page.reload()
        expect(bubble(page)).to_be_visible()
        assert page.evaluate("localStorage.length") == 0
        page.evaluate("document.querySelector('hadir-chat').open()")
        say(page, "hello")
        expect_sent(page)
        assert people_in(hadir, session) == ["visitor_1"]


def test_a_chat_that_starts_with_the_page_shows_agents_where_its_visitor_is(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    session = new_session()
    with (
        shop(hadir, session, start="load", name="Ani") as site,
        watching(hadir, session) as admin,
    ):
        page = site.open(context, "/tea?kind=green", chat=False)
        admin.wait_for_join()
        until_state(page, hadir, session, {"page": "/tea?kind=green", "name": "Ani"})
        page.evaluate("history.pushState(null, '', '/coffee')")
        until_state(page, hadir, session, {"page": "/coffee", "name": "Ani"})
        page.evaluate(f"history.replaceState(null, '', '/{'long' * 100}')")
        until_state(page, hadir, session, {"page": f"/{'long' * 100}"[:200], "name": "Ani"})
        page.evaluate("document.querySelector('hadir-chat').remove()")
        assert admin.wait_for_leave()[1]["reason"] == "client_closed"


def test_agents_see_since_when_a_visitor_waits_for_an_answer(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    session = new_session()
    with shop(hadir, session, name="Ani") as site, agent(hadir, session) as dewi:
        page = site.open(context)
        until_state(page, hadir, session, {"page": "/", "name": "Ani"})
        say(page, "Do you have green tea?")
        asked = dewi.wait_for("message")["timestamp"]
        say(page, "Or black tea?")
        dewi.wait_for("message", text="Or black tea?")
        until_state(page, hadir, session, {"page": "/", "name": "Ani", "asked": asked})
        page.click("#next")
        until_state(page, hadir, session, {"page": "/next", "name": "Ani", "asked": asked})
        dewi.say("Both")
        until_state(page, hadir, session, {"page": "/next", "name": "Ani"})
        say(page, "Thank you")
        asked = dewi.wait_for("message", text="Thank you")["timestamp"]
        until_state(page, hadir, session, {"page": "/next", "name": "Ani", "asked": asked})


def test_what_was_said_on_an_earlier_page_is_not_read_out(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    log = "hadir-chat .log"
    with shop(hadir, new_session()) as site:
        page = site.open(context)
        say(page, "Hello")
        expect_sent(page)
        gate: list[Route] = []

        def hold(route: Route) -> None:
            gate.append(route)

        page.route("**/events?*", hold)
        page.reload()
        expect(header(page)).to_be_visible()
        while not gate:
            page.wait_for_timeout(QUIET_MS)
        expect(page.locator(log)).to_have_attribute("aria-live", "off")
        gate[0].continue_()
        expect(messages(page)).to_have_text(["Hello"])
        expect(page.locator(log)).to_have_attribute("aria-live", "polite")


def until_state(
    page: Page, hadir: AnyGateway, session: str, wanted: dict[str, str], tries: int = 200
) -> None:
    while state_of(hadir, session) != wanted:
        tries -= 1
        assert tries, state_of(hadir, session)
        page.wait_for_timeout(50)


def test_two_tabs_are_one_person_in_one_conversation(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    with shop(hadir) as site:
        page = site.open(context)
        say(page, "from one")
        expect_sent(page)
        kept = page.evaluate("JSON.parse(Object.values(localStorage)[0])")
        assert kept["who"] == f"{kept['session']} {kept['user']}"
        another = site.open(context)
        expect(messages(another)).to_have_text(["from one"])
        say(another, "from two")
        expect(messages(page)).to_have_text(["from one", "from two"])
        expect(page.locator("hadir-chat .mine")).to_have_count(2)
        assert people_in(hadir, kept["session"]) == [kept["user"]]


def test_after_a_day_without_a_visit_it_is_another_conversation(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    with shop(hadir) as site:
        page = site.open(context)
        say(page, "long ago")
        expect_sent(page)
        page.goto("about:blank")  # which says when it was left
        page.close()
        page = site.open(context, "/desk/desk.css", chat=False)
        page.evaluate(
            "for (const [key, value] of Object.entries(localStorage)) "
            "localStorage[key] = JSON.stringify({ ...JSON.parse(value), at: Date.now() - 864e5 })"
        )
        page = site.open(context)
        say(page, "today")
        expect_sent(page)
        expect(messages(page)).to_have_text(["today"])


def test_what_one_person_has_left_in_a_tab_is_not_the_next_ones(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    wire = Wire(context)
    session = new_session()
    with shop(hadir, session) as site:
        page = site.open(context)
        say(page, "Hello")
        expect_sent(page)
        wire.cut()
        say(page, "A secret")
        composer(page).fill("Another")
        page.evaluate(
            "another => { const chat = document.querySelector('hadir-chat'); chat.remove();"
            " chat.setAttribute('user', 'visitor_2'); chat.setAttribute('session', another);"
            " document.body.append(chat); }",
            another := new_session(),
        )
        wire.mend()
        say(page, "Good morning")
        expect_sent(page)
        page.reload()  # as visitor_1 again, who has left nothing
        expect(messages(page)).to_have_text(["Hello"])
        expect(composer(page)).to_have_value("")
        assert said_in(hadir, another) == ["Good morning"]
        assert said_in(hadir, session) == ["Hello"]


def test_back_and_forth_with_the_page_cache_the_visitor_stays_one_and_says_all(
    playwright: Playwright, hadir: AnyGateway
) -> None:
    session = new_session()
    with (
        chromium(playwright, page_cache=True) as browser,
        browser.new_context() as context,
        shop(hadir, session) as site,
        watching(hadir, session) as admin,
    ):
        context.set_default_timeout(30_000)
        page = site.open(context)
        say(page, "one")
        expect_sent(page)
        page.evaluate("addEventListener('pageshow', (event) => (window.cached = event.persisted))")
        page.click("#next")
        admin.wait_for_join(2)
        page.evaluate("WebSocket.prototype.send = () => {}")  # what is said here does not arrive
        page.evaluate(SEND_AND_GO.replace(CLICK, "history.back()"), "two")
        page.wait_for_function("window.cached")
        expect(messages(page)).to_have_text(["one", "two"])
        expect_sent(page)
        expect(header(page)).to_have_text("admin_1")
        admin.wait_for_join(3)
        events = ["user_connected", "user_disconnected"]
        assert admin.events() == [*events, *events, "user_connected"]
        assert people_in(hadir, session) == ["admin_1", "visitor_1"]
        assert said_in(hadir, session) == ["one", "two"]
