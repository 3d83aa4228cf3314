"""The chat on sites of all kinds: strict, without storage, in other languages, with mistakes."""

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Route, expect

from apigw_local.testing import LocalGateway
from tests.browser.looking import picture
from tests.browser.serving import served_folder
from tests.browser.shop import (
    agent,
    bubble,
    expect_sent,
    header,
    messages,
    note,
    panel,
    say,
    shop,
)
from tests.browser.test_examples import on_ports_of, saved
from tests.browser.visitors import QUIET_MS
from tests.running_gateway import AnyGateway
from tests.system.people import new_session
from tests.tokens import token

BLOCKED = """
for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, { get() { throw new DOMException("no", "SecurityError"); } });
}
"""


def complaints(page: Page) -> list[str]:
    """What the page's console says from now on that is wrong."""
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            said.append(message.text)

    page.on("console", hear)
    return said


def test_a_strict_security_policy_has_nothing_against_it(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    policy = (
        f"default-src 'none'; script-src {hadir.http}; style-src {hadir.http}; img-src 'none'; "
        f"connect-src {hadir.http} {hadir.ws}; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    )
    session = new_session()
    headers = {"Content-Security-Policy": policy}
    with shop(hadir, session, headers=headers) as site, agent(hadir, session) as dewi:
        page = context.new_page()
        said = complaints(page)
        page.goto(site.address)
        bubble(page).click()
        expect(header(page)).to_have_text("dewi")
        say(page, "Hello")
        dewi.say("See https://example.com")
        expect(messages(page)).to_have_count(2)
        assert bubble(page).evaluate("button => getComputedStyle(button).borderRadius") == "26px"
        assert [text for text in said if "favicon" not in text] == []


def test_where_nothing_may_be_stored_it_works_for_the_page(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    context.add_init_script(BLOCKED)
    with shop(hadir) as site:
        page = site.open(context)
        say(page, "Hello")
        expect_sent(page)
        panel(page).get_by_role("button", name="Skip").click()
        expect(panel(page).get_by_role("button", name="Skip")).to_be_hidden()
        page.reload()
        bubble(page).click()
        say(page, "Hello again")
        expect_sent(page)
        expect(messages(page)).to_have_text(["Hello again"])


def test_it_speaks_indonesian(context: BrowserContext, hadir: AnyGateway) -> None:
    session = new_session()
    with shop(hadir, session, html='lang="id-ID"') as site, agent(hadir, session):
        page = site.open(context)
        expect(panel(page).get_by_text("Kami ada di sini")).to_be_visible()
        write = panel(page).get_by_role("textbox", name="Tulis pesan")
        write.fill("Halo")
        panel(page).get_by_role("button", name="Kirim").click()
        expect(page.locator("hadir-chat .state")).to_have_text("Terkirim")
        expect(panel(page)).to_have_attribute("lang", "id")
        picture(page, "widget in Indonesian")


def test_a_site_has_texts_of_its_own(context: BrowserContext, hadir: AnyGateway) -> None:
    own = {"title": "Ask the tea master", "and": "{name} & friend"}
    session = new_session()
    with shop(hadir, session, html='lang="id"', texts=own) as site:
        page = site.open(context)
        expect(header(page)).to_have_text("Ask the tea master")
        with agent(hadir, session), agent(hadir, session, "budi"):
            expect(header(page)).to_have_text("dewi & friend")


def test_it_stands_on_the_other_side_where_one_reads_from_right_to_left(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    session = new_session()
    with shop(hadir, session, html='lang="ar" dir="rtl"') as site, agent(hadir, session) as dewi:
        page = site.open(context)
        say(page, "مرحبا")
        dewi.say("Hello, how are you?")
        expect(messages(page)).to_have_count(2)
        box = bubble(page).bounding_box()
        assert box
        assert box["x"] == 20
        mine, theirs = (messages(page).nth(place).bounding_box() for place in range(2))
        assert mine
        assert theirs
        assert mine["x"] < theirs["x"]
        assert messages(page).nth(1).evaluate("text => getComputedStyle(text).direction") == "ltr"
        picture(page, "widget from right to left")


def test_its_look_is_the_sites_to_set(context: BrowserContext, hadir: AnyGateway) -> None:
    context.add_init_script(
        "document.addEventListener('DOMContentLoaded', () => {"
        " const { style } = document.querySelector('hadir-chat');"
        " style.setProperty('--hadir-accent', 'rgb(200, 30, 90)');"
        " style.setProperty('--hadir-inset', '40px'); style.colorScheme = 'dark'; })"
    )
    with shop(hadir, new_session()) as site:
        page = site.open(context)
        colour = "element => getComputedStyle(element).backgroundColor"
        assert bubble(page).evaluate(colour) == "rgb(200, 30, 90)"
        assert panel(page).evaluate(colour) == "rgb(21, 24, 29)"
        box = bubble(page).bounding_box()
        assert box
        assert box["x"] + box["width"] == 1280 - 40
        picture(page, "widget in a site's colours")


@pytest.mark.parametrize("attributes", ['api="/"', 'url="nonsense"', 'url="/ws" session="a b"'])
def test_a_mistake_is_said_in_the_console_and_nothing_is_shown(
    context: BrowserContext, hadir: AnyGateway, tmp_path: Path, attributes: str
) -> None:
    (tmp_path / "index.html").write_text(
        f'<script type="module" src="{hadir.http}/hadir-chat.js"></script>'
        f"<hadir-chat {attributes}></hadir-chat>"
    )
    with served_folder(tmp_path) as address:
        page = context.new_page()
        said = complaints(page)
        page.goto(address)
        page.evaluate("customElements.whenDefined('hadir-chat')")
        page.evaluate("document.querySelector('hadir-chat').open()")
        expect(bubble(page)).to_have_count(0)
        assert [text for text in said if " must be " in text]


def test_removed_it_leaves_and_added_again_it_is_back(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    session = new_session()
    with shop(hadir, session) as site:
        page = site.open(context)
        say(page, "Hello")
        expect_sent(page)
        page.evaluate("(window.chat = document.querySelector('hadir-chat')).remove()")
        page.evaluate("document.body.append(window.chat)")
        expect_sent(page)
        expect(messages(page)).to_have_text(["Hello"])
        expect(panel(page)).to_have_count(1)


def test_the_guides_page_works(context: BrowserContext, hadir: AnyGateway, tmp_path: Path) -> None:
    (tmp_path / "shop.html").write_text(on_ports_of(hadir, saved("shop.html")))
    with served_folder(tmp_path) as address:
        page = context.new_page()
        page.goto(f"{address}/shop.html")
        bubble(page).click()
        say(page, "Hello")
        expect_sent(page)


def test_a_sites_own_address_says_who_the_visitor_is(
    context: BrowserContext, with_tokens: LocalGateway
) -> None:
    asked: list[int] = []

    def answer(status: int, **who: str) -> None:
        def fulfill(route: Route) -> None:
            asked.append(status)
            route.fulfill(status=status, json=who)

        context.unroute_all()
        context.route("**/hadir-token", fulfill)

    with shop(with_tokens, token="/hadir-token") as site:
        answer(401)
        page = site.open(context)
        expect(note(page)).to_have_text("Please log in or allow cookies")
        picture(page, "widget unauthorized")
        bubble(page).click()
        answer(200, error="try again")
        bubble(page).click()
        say(page, "Hello")
        while 200 not in asked:
            page.wait_for_timeout(QUIET_MS)
        asked.clear()
        answer(200, sessionId="s1", userId="customer_1", token=token())
        expect_sent(page)
        expect(page.locator("hadir-chat .mine")).to_have_count(1)
        assert asked.count(200) == 2  # who it is, with a token for the socket; one for the history
        page.reload()
        expect(messages(page)).to_have_text(["Hello"])
