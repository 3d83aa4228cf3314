"""The front page: a shop with a customer, and beside it the desk of its team.

Chat and desk are stand-ins here, so that only what the stage and the shop do is looked at.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Locator, Page, Route, expect

from tests.browser.looking import AXE, RULES, RUN, picture
from tests.browser.visitors import watching
from tests.running_gateway import AnyGateway
from tests.system.people import new_session

_CHAT = """
import {{ HadirChat }} from "./chat.js";
class Chat extends HTMLElement {{
  connectedCallback() {{
    const own = (name, usual) => this.getAttribute(name) ?? usual;
    const client = new HadirChat({{
      url: own("url"), apiUrl: own("api"), sessionId: own("session", "{session}"),
      userId: own("user", "visitor"), userType: "customer",
      ...(this.getToken ? {{ getToken: this.getToken }} : {{}}),
    }});
    this.role = "complementary";
    client.on("connection", (state) => (this.textContent = `Chat ${{state}}`));
    client.start();
  }}
}}
customElements.define("hadir-chat", Chat);
"""
_DESK = "<!doctype html><html lang='en'><title>Desk</title><main><h1>The desk</h1></main></html>"
IS_STRICT = "() => { try { document.body.innerHTML = '<p>' } catch { return true } }"
PHONE = {"width": 320, "height": 640}

Open = Callable[..., Page]


@pytest.fixture
def session() -> str:
    return new_session()


@pytest.fixture
def stage(context: BrowserContext, hadir: AnyGateway, session: str) -> Open:
    """Opens the stage of a run on the gateway's ports."""
    return opener(context, hadir, session)


def opener(context: BrowserContext, hadir: AnyGateway, session: str) -> Open:
    chat = _CHAT.format(session=session)

    def answer(content_type: str, body: str) -> Callable[[Route], None]:
        return lambda route: route.fulfill(content_type=content_type, body=body)

    context.route("**/hadir-chat.js", answer("text/javascript", chat))
    context.route("**/desk/*", answer("text/html", _DESK))

    def open_stage(fragment: str = "") -> Page:
        page = context.new_page()
        page.goto(f"{hadir.http}/?{urlencode({'ws': f'{hadir.ws}/local'})}{fragment}")
        expect(page.locator("#shop-address")).to_have_text(re.compile("/shop/$"))
        return page

    return open_stage


def shop(page: Page) -> FrameLocator:
    return page.frame_locator("#shop-view iframe")


def chat(page: Page) -> Locator:
    return shop(page).locator("hadir-chat")


def frame_of(page: Page, part: str) -> Any:
    (frame,) = (each for each in page.frames if f"/{part}/" in each.url)
    return frame


def test_a_customer_shops_closes_the_tab_and_comes_back(
    stage: Open, hadir: AnyGateway, session: str
) -> None:
    with watching(hadir, session) as admin:
        page = stage()
        admin.wait_for_join()
        picture(page, "stage")

        shop(page).get_by_role("link", name="Gayo").first.click()

        expect(page.locator("#shop-address")).to_have_text(re.compile("/shop/gayo.html$"))
        expect(chat(page)).to_have_text("Chat open")
        admin.wait_for_join(2)

        page.get_by_role("button", name="Close the tab").click()

        _, left = admin.wait_for_leave(2)
        assert left["close_code"] == 4001
        expect(page.get_by_role("heading", name="This tab is closed")).to_be_visible()
        expect(page.locator("#shop-address")).to_be_empty()
        for name in ("Back", "Reload", "Close the tab"):
            expect(page.get_by_role("button", name=name)).to_be_disabled()
        again = page.get_by_role("button", name="Open it again")
        expect(again).to_be_focused()
        picture(page, "stage, closed")

        again.press("Enter")

        expect(chat(page)).to_have_text("Chat open")
        admin.wait_for_join(3)
        expect(page.locator("#shop-address")).to_have_text(re.compile("/shop/$"))
        expect(page.get_by_role("heading", name="This tab is closed")).to_be_hidden()
        expect(page.get_by_role("button", name="Close the tab")).to_be_focused()
        expect(page.get_by_role("button", name="Back")).to_be_disabled()


def test_back_and_reload_are_the_shops_alone(stage: Open) -> None:
    page = stage()
    frame_of(page, "desk").evaluate("history.pushState(null, '', '?elsewhere')")
    back = page.get_by_role("button", name="Back")
    expect(back).to_be_disabled()
    shop(page).get_by_role("link", name="Checkout").click()
    expect(shop(page).get_by_role("heading", level=1)).to_have_text("Checkout")
    frame_of(page, "desk").evaluate("history.pushState(null, '', '?further')")

    chat(page).evaluate("chat => chat.textContent = 'old'")
    page.get_by_role("button", name="Reload").click()
    expect(chat(page)).to_have_text("Chat open")
    back.click()

    expect(page.locator("#shop-address")).to_have_text(re.compile("/shop/$"))
    expect(back).to_be_disabled()
    assert frame_of(page, "desk").evaluate("location.search") == "?further"


def test_the_shop_and_the_desk_know_where_hadir_is_and_each_its_own_token(
    stage: Open, hadir: AnyGateway
) -> None:
    page = stage("#desk_token=a.b.c&customer_token=e30.eyJ1c2VyIjoiYnVkaSJ9.signature")
    frame = frame_of(page, "shop")
    who = "[['url','api','session','user'].map((n) => document.querySelector('hadir-chat')"
    who += ".getAttribute(n)), document.querySelector('hadir-chat').getToken()]"

    for name in ("Gayo", "Checkout"):
        shop(page).get_by_role("link", name=name).first.click()
        frame.wait_for_url(re.compile(f"/{name.lower()}.html"))
        frame.wait_for_selector("hadir-chat")
        told, token = frame.evaluate(who)
        assert told == [f"{hadir.ws}/local", hadir.http, "demo-signature", "budi"]
        assert token == "e30.eyJ1c2VyIjoiYnVkaSJ9.signature"

    desk = page.locator("#desk-view iframe").get_attribute("src")
    assert desk == f"desk/?{urlencode({'ws': f'{hadir.ws}/local'})}#token=a.b.c"
    for part in ("shop", "desk"):
        link = page.get_by_role("link", name=f"Open in a tab of its own: the {part}")
        expect(link).to_have_attribute("target", "_blank")
        shown = page.locator(f"#{part}-view iframe").get_attribute("src")
        assert link.get_attribute("href") == shown


def test_nothing_of_the_shop_or_the_stage_breaks_its_own_policy(
    context: BrowserContext, stage: Open
) -> None:
    context.add_init_script(
        "window.broken = []; addEventListener('securitypolicyviolation', (event) =>"
        " broken.push(event.violatedDirective + ' ' + event.blockedURI));"
    )
    page = stage()
    for link in ("Gayo", "Checkout"):
        shop(page).get_by_role("link", name=link).first.click()
        frame = frame_of(page, "shop")
        frame.wait_for_url(re.compile(f"/{link.lower()}.html"))
        expect(chat(page)).to_have_text("Chat open")
        frame.wait_for_load_state()
        assert frame.evaluate("broken") == []
        assert frame.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")
        assert frame.evaluate(IS_STRICT)
    assert page.evaluate("broken") == []
    assert page.evaluate(IS_STRICT)


def test_a_customer_writes_is_answered_and_is_missed_when_the_tab_is_closed(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    """With the chat and the desk as they are."""
    page = context.new_page()
    page.goto(f"{hadir.http}/?{urlencode({'ws': f'{hadir.ws}/local'})}")
    desk = page.frame_locator("#desk-view iframe")
    expect(desk.get_by_text("Kirana").first).to_be_visible()

    shop(page).get_by_role("button", name="Open chat").click()
    question = shop(page).get_by_role("textbox", name="Write a message")
    question.fill("Do you have a decaf?")
    question.press("Enter")
    desk.get_by_text("Do you have a decaf?").first.click()
    answer = desk.get_by_role("textbox", name="Message")
    answer.fill("From Friday on.")
    answer.press("Enter")

    expect(shop(page).get_by_text("From Friday on.")).to_be_visible()
    picture(page, "stage, answered")
    page.get_by_role("button", name="Close the tab").click()
    expect(desk.get_by_role("alert")).to_contain_text("Customer has left: Kirana")
    picture(page, "stage, left")


@pytest.mark.parametrize("width", [1280, 1360, 1361, 1440])
def test_each_window_is_wide_enough_for_what_it_shows(stage: Open, width: int) -> None:
    """On 480 px the chat covers the shop; below 768 px the desk has a single pane."""
    page = stage()
    page.set_viewport_size({"width": width, "height": 720})
    assert frame_of(page, "shop").evaluate("innerWidth") > 480
    assert frame_of(page, "desk").evaluate("innerWidth") > 768
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.fixture(params=["light", "dark", "forced"])
def small(
    request: pytest.FixtureRequest, browser: Browser, hadir: AnyGateway
) -> Iterator[tuple[Page, str]]:
    """The stage on a small screen, and in which colours."""
    with browser.new_context(
        viewport={"width": PHONE["width"], "height": PHONE["height"]},
        color_scheme="dark" if request.param == "dark" else "light",
        forced_colors="active" if request.param == "forced" else "none",
        reduced_motion="reduce",
        bypass_csp=True,  # or axe cannot be put into the page
    ) as context:
        context.set_default_timeout(30_000)
        yield opener(context, hadir, new_session())(), request.param


def check(page: Page, name: str) -> None:
    picture(page, name)
    for frame in page.frames:
        if "/desk/" not in frame.url:
            frame.evaluate(AXE.read_text())
            assert frame.evaluate(RUN, RULES) == [], name
        width, shown = frame.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width <= shown, f"{name}: {frame.url}"


def test_a_small_screen_shows_one_of_the_two(small: tuple[Page, str]) -> None:
    page, colours = small
    choice = page.get_by_role("group", name="Show")
    desk = page.get_by_role("region", name="desk")
    tab = page.get_by_role("region", name="A customer, in your shop")
    expect(tab).to_be_visible()
    expect(desk).to_be_hidden()
    check(page, f"stage, shop, 320 px, {colours}")
    for link in ("Gayo", "Checkout"):
        shop(page).get_by_role("link", name=link).first.click()
        expect(page.locator("#shop-address")).to_have_text(re.compile(f"/{link.lower()}.html$"))
        check(page, f"stage, {link}, 320 px, {colours}")
    page.get_by_role("button", name="Close the tab").press("Enter")
    check(page, f"stage, closed, 320 px, {colours}")

    choice.get_by_role("button", name="Desk").press("Enter")

    expect(desk).to_be_visible()
    expect(tab).to_be_hidden()
    expect(choice.get_by_role("button", name="Desk")).to_have_attribute("aria-pressed", "true")
    expect(choice.get_by_role("button", name="Customer")).to_have_attribute("aria-pressed", "false")
    check(page, f"stage, desk, 320 px, {colours}")
