"""The desk in a real browser, beside real customers and other desks."""

import base64
import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from apigw_local.testing import LocalGateway
from local.embedded_redis import embedded_redis
from tests.browser.desks import (
    SETTLED_MS,
    alert,
    customer,
    desk,
    expect_live,
    heard,
    open_row,
    pane,
    row,
    say,
)
from tests.browser.looking import picture
from tests.browser.many import desk_of, difference
from tests.browser.town import town
from tests.browser.visitors import site, visit
from tests.browser.wire import Wire
from tests.conftest import local_hadir
from tests.running_gateway import AnyGateway
from tests.system.people import new_session
from tests.tokens import token

BUDI_THEN = re.compile(r"^\d\d:\d\d:\d\d: budi · 0 messages so far$")
HOW_ONE_LOOKS = ["Hadir", "You will be told here."]
NOTIFICATIONS = """
globalThis.notified = [];
globalThis.Notification = class {
  static requestPermission = async () => "granted";
  constructor(title, { body, tag }) {
    notified.push([title, body]);
  }
};
document.hasFocus = () => false;
globalThis.tones = 0;
const create = AudioContext.prototype.createOscillator;
AudioContext.prototype.createOscillator = function () {
  tones += 1;
  return create.call(this);
};
"""


def test_a_customer_comes_may_be_back_and_has_left(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    context.clock.install()
    session = new_session()
    page = desk(context, hadir, session)
    expect(page.get_by_text("Nothing found")).to_be_visible()

    with customer(hadir, session, page="/checkout", name="Anna Berg"):
        expect(row(page, "Anna Berg")).to_contain_text("/checkout")
        expect(row(page, "Anna Berg")).to_contain_text("here")
        opened = open_row(page, "Anna Berg")
        expect(opened.get_by_text("Socket open, heard")).to_be_visible()
        picture(page, "desk, a session")

    expect(row(page, "Anna Berg")).to_contain_text("maybe back")
    expect(opened).to_contain_text("closed the page or followed a link; the browser said goodbye")
    expect(alert(page)).to_be_empty()

    page.clock.fast_forward(SETTLED_MS)
    expect(alert(page)).to_contain_text("Customer has left: Anna Berg")
    expect(alert(page)).to_contain_text("closed the page or followed a link")
    expect(row(page, "Anna Berg")).to_contain_text("left")
    picture(page, "desk, a customer has left")
    alert(page).get_by_role("button", name="Dismiss").click()
    expect(alert(page)).to_be_empty()
    page.get_by_role("tab", name="Left").click()
    expect(row(page, "Anna Berg")).to_contain_text("closed the page")
    page.get_by_role("tab", name="Waiting").click()
    expect(page.get_by_text("Nothing found")).to_be_visible()


def test_a_reload_alarms_nobody(context: BrowserContext, hadir: AnyGateway) -> None:
    context.clock.install()
    session = new_session()
    page = desk(context, hadir, session)
    with customer(hadir, session):
        open_row(page, "anna")
    expect(row(page, "anna")).to_contain_text("maybe back")

    with customer(hadir, session):
        expect(row(page, "anna")).to_contain_text("here")
        page.clock.fast_forward(SETTLED_MS)
        expect(pane(page)).to_contain_text("is back")
        expect(row(page, "anna")).to_contain_text("here")
        expect(alert(page)).to_be_empty()


def test_somebody_waits_is_taken_and_is_answered(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    session = new_session()
    page = desk(context, hadir, session)
    with customer(hadir, session) as anna:
        say(anna, action="message", text="Where is my order?", client_id="1")
        expect(row(page, "anna")).to_contain_text("waiting")
        page.get_by_role("tab", name="Waiting").click()

        row(page, "anna").get_by_role("button", name="Take anna").click()

        expect(pane(page)).to_contain_text("You have this session.")
        writing = pane(page).get_by_role("textbox", name="Message")
        expect(writing).to_be_focused()
        expect(pane(page).get_by_role("log")).to_contain_text("Where is my order?")
        page.keyboard.type("One moment, please.")
        page.keyboard.press("Enter")
        while (message := heard(anna, "message"))["user_type"] == "customer":
            pass
        assert message["text"] == "One moment, please."
        assert message["user_id"] == "dewi"
        expect(row(page, "anna")).to_have_count(0)  # waits no more
        page.get_by_role("tab", name="Mine").click()
        expect(row(page, "anna")).to_contain_text("You")

        say(anna, action="typing", on=True)
        expect(pane(page)).to_contain_text("anna is writing")
        pane(page).get_by_role("button", name="Give back").click()
        expect(row(page, "anna")).to_have_count(0)


def test_of_two_who_take_at_once_one_has_it(context: BrowserContext, hadir: AnyGateway) -> None:
    session = new_session()
    with customer(hadir, session):
        desks = {who: desk(context, hadir, session, who) for who in ("budi", "citra")}
        for page in desks.values():
            expect(row(page, "anna")).to_be_visible()

        for page in desks.values():
            page.evaluate("document.querySelector('.take').click()")

        expect(row(desks["budi"], "anna").get_by_text("Take")).to_be_hidden()
        holders = {
            who: pane(page).get_by_text("this session.").inner_text() for who, page in desks.items()
        }
        (winner,) = (who for who, text in holders.items() if text == "You have this session.")
        (loser,) = desks.keys() - {winner}
        assert holders[loser] == f"{winner} has this session."
        expect(alert(desks[loser])).to_contain_text(f"{winner} took anna")
        expect(alert(desks[winner])).to_be_empty()


def test_a_session_is_handed_over_and_somebody_put_out(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    session = new_session()
    page, other = desk(context, hadir, session), desk(context, hadir, session, "eko")
    with customer(hadir, session) as anna:
        page.bring_to_front()
        row(page, "anna").get_by_role("button").click()
        over = pane(page).get_by_label("Hand over to")
        expect(over).to_be_visible()
        over.focus()
        expect(over.get_by_role("option", name="eko")).to_be_attached()

        over.select_option("eko")
        pane(page).get_by_role("button", name="Hand over").click()

        expect(pane(page)).to_contain_text("eko has this session.")
        expect(row(other, "anna")).to_contain_text("You")
        open_row(other, "anna").get_by_role("button", name="Put out anna").click()
        assert heard(anna, "closing")["reason"] == "kicked"
        expect(row(page, "anna")).to_contain_text("left")
        expect(row(page, "anna")).to_contain_text("put out")


def test_a_customer_and_an_agent_with_the_same_id_are_two_people(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    session = new_session()
    page = desk(context, hadir, session)
    with customer(hadir, session, "42"), customer(hadir, session, "42", "agent") as agent:
        people = open_row(page, "42").get_by_role("list", name="Who is here")
        expect(people.get_by_role("listitem")).to_contain_text(["42Customer", "42Agent"])
        people.get_by_role("listitem").nth(1).get_by_role("button", name="Put out 42").click()
        assert heard(agent, "closing")["reason"] == "kicked"
        expect(people.get_by_role("listitem").nth(1)).to_contain_text("was put out")
        expect(row(page, "42")).to_contain_text("here")


def test_an_id_may_have_any_letters(context: BrowserContext, hadir: AnyGateway) -> None:
    session, user = f"auth0|ü+{new_session()}", "Łukasz+o'brien@example.com"
    page = desk(context, hadir, session)
    with customer(hadir, session, user) as client:
        opened = open_row(page, user)
        expect(opened.get_by_text("Socket open")).to_be_visible()
        row(page, user).get_by_role("button").click()
        expect(opened.get_by_role("textbox")).to_be_focused()
        page.keyboard.type("Halo")
        page.keyboard.press("Enter")
        assert heard(client, "message")["text"] == "Halo"


def test_a_customers_tab_crashes(
    browser: Browser, context: BrowserContext, hadir: LocalGateway
) -> None:
    session = new_session()
    page = desk(context, hadir, session)
    system = browser.new_browser_cdp_session()

    def renderers() -> set[int]:
        processes = system.send("SystemInfo.getProcessInfo")["processInfo"]
        return {process["id"] for process in processes if process["type"] == "renderer"}

    before = renderers()
    with site(hadir) as shop, browser.new_context() as elsewhere:
        visit(elsewhere, shop, hadir, session)
        opened = open_row(page, "customer_1")
        for process in renderers() - before:
            os.kill(process, signal.SIGKILL)
        expect(opened).to_contain_text("went as the tab crashed, or without a word")
        expect(row(page, "customer_1")).to_contain_text("maybe back")


def test_no_row_moves_under_the_pointer(context: BrowserContext, hadir: AnyGateway) -> None:
    prefix = new_session()
    page = desk(context, hadir, prefix)
    with customer(hadir, f"{prefix}-1", "anna"), customer(hadir, f"{prefix}-2", "budi") as budi:
        expect(page.get_by_role("row")).to_have_count(2)
        first = page.get_by_role("row").first.get_attribute("data-id")
        row(page, "anna").hover()
        say(budi, action="message", text="Hello?", client_id="1")
        with customer(hadir, f"{prefix}-3", "citra") as citra:
            say(citra, action="message", text="Hello?", client_id="1")
            expect(row(page, "citra")).to_contain_text("waiting")
            expect(page.locator(".row[aria-rowindex='3']")).to_contain_text("citra")
            expect(page.locator(f".row[aria-rowindex='1'][data-id='{first}']")).to_be_visible()
            page.get_by_role("button", name="1 new below").click()
            expect(page.locator(".row[aria-rowindex='3']")).to_contain_text("anna")


def test_everything_can_be_done_with_the_keyboard(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    prefix = new_session()
    with ExitStack() as stack:
        for name in ("a", "b", "c"):
            stack.enter_context(customer(hadir, f"{prefix}-{name}", name))
        page = context.new_page()
        page.goto(f"{hadir.http}/desk/?ws={hadir.ws}/local")
        expect_live(page)
        page.keyboard.press("/")
        page.keyboard.type(prefix)
        expect(page.get_by_role("row")).to_have_count(3)

        page.keyboard.press("Enter")
        expect(page.get_by_role("grid")).to_be_focused()
        for key in ("j", "ArrowDown", "j", "k"):
            page.keyboard.press(key)
        second = page.locator(".row[aria-rowindex='2']").get_attribute("data-id")
        active = page.get_by_role("grid").get_attribute("aria-activedescendant")
        assert active == f"row-{second}"
        page.keyboard.press("Enter")
        expect(pane(page).get_by_role("heading", name=f"{second}"[-1:])).to_be_visible()
        page.keyboard.press("t")
        expect(pane(page)).to_contain_text("You have this session.")
        expect(pane(page).get_by_role("textbox")).to_be_focused()
        page.keyboard.type("j/t")
        expect(pane(page).get_by_role("textbox")).to_have_value("j/t")
        page.keyboard.press("Escape")
        expect(pane(page)).to_be_hidden()
        expect(page.get_by_role("grid")).to_be_focused()
        page.keyboard.press("Shift+Tab")
        expect(page.get_by_role("tab", name="All")).to_be_focused()
        page.keyboard.press("ArrowLeft")
        expect(page.get_by_role("tab", name="Mine")).to_be_focused()
        expect(page.get_by_role("row")).to_have_count(1)


def test_the_timeline_says_who_was_there_then(context: BrowserContext, hadir: AnyGateway) -> None:
    session = new_session()
    page = desk(context, hadir, session)
    with customer(hadir, session, "budi"):
        page.wait_for_timeout(1_100)  # times are whole seconds
    with customer(hadir, session) as anna:
        say(anna, action="message", text="Hello", client_id="1")
        expect(row(page, "anna")).to_contain_text("Hello")
        opened = open_row(page, "anna")
        expect(opened.get_by_role("region", name="Timeline")).to_contain_text(
            "Now: anna · 1 message"
        )
        moment = opened.get_by_role("slider", name="Moment")
        moment.focus()
        page.keyboard.press("Home")
        expect(moment).to_have_attribute("aria-valuetext", BUDI_THEN)
        page.keyboard.press("End")
        expect(opened.get_by_role("region", name="Timeline")).to_contain_text("Now: anna")


def test_what_cannot_be_believed_is_said_to_be_old(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    wire = Wire(context)
    session = new_session()
    with customer(hadir, session):
        page = desk(context, hadir, session)
        expect(row(page, "anna")).to_be_visible()

        wire.cut()

        expect(page.get_by_role("status")).to_contain_text("Connection lost")
        trust = page.locator(".trust")
        expect(trust).to_contain_text("Connection lost, trying again · last heard")
        expect(page.locator("body")).to_have_attribute("data-live", "false")
        expect(row(page, "anna")).to_contain_text("here")
        picture(page, "desk, out of date")
        wire.mend()
        expect_live(page)
        expect(page.get_by_role("status")).to_contain_text("Connected again")
        expect(row(page, "anna")).to_contain_text("here")


def test_a_customer_who_leaves_meanwhile_is_found_to_have_left(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    wire = Wire(context)
    session = new_session()
    with customer(hadir, session):
        page = desk(context, hadir, session)
        open_row(page, "anna")
        wire.cut()
        expect(page.locator(".trust")).to_contain_text("last heard")
    wire.mend()
    expect_live(page)
    expect(row(page, "anna")).to_contain_text("left")
    expect(alert(page)).to_contain_text("Customer has left: anna")
    expect(alert(page)).to_contain_text("closed the page or followed a link")
    expect(row(page, "anna")).to_contain_text("closed the page")


def test_whoever_wants_it_is_notified_but_of_no_reload(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    context.add_init_script(NOTIFICATIONS)
    context.clock.install()
    session = new_session()
    page = desk(context, hadir, session)
    page.get_by_label("Sounds, notifications and keys").click()
    page.get_by_label("Desktop notifications").check()
    page.get_by_label("Sounds").and_(page.get_by_role("checkbox")).check()
    assert page.evaluate("tones") == 2  # that is how one sounds
    page.keyboard.press("Escape")
    with customer(hadir, session) as anna:
        say(anna, action="message", text="Hello?", client_id="1")
        expect(row(page, "anna")).to_contain_text("waiting")
        expect(page).to_have_title("(1) dewi · Hadir Desk")
        row(page, "anna").get_by_role("button").click()
        expect(pane(page)).to_contain_text("You have this session.")
        expect(page).to_have_title("dewi · Hadir Desk")
    expect(row(page, "anna")).to_contain_text("maybe back")
    with customer(hadir, session):
        expect(row(page, "anna")).to_contain_text("asks")
        assert page.evaluate("notified") == [HOW_ONE_LOOKS, ["anna is waiting", ""]]
        assert page.evaluate("tones") == 4
    expect(row(page, "anna")).to_contain_text("maybe back")
    page.clock.fast_forward(SETTLED_MS)
    expect(alert(page)).to_contain_text("Customer has left: anna")
    assert page.evaluate("notified.map(([title]) => title)") == [
        "Hadir",
        "anna is waiting",
        "anna has left",
    ]
    assert page.evaluate("tones") == 6


def test_a_token_is_taken_out_of_the_address_and_kept_for_this_server_alone(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    claims = {"user": "siti", "type": "agent", "session": "*"}
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    page = context.new_page()
    page.goto(f"{hadir.http}/desk/?ws={hadir.ws}/local#token=e30.{body}.x")
    expect_live(page)
    assert page.url == f"{hadir.http}/desk/?ws={hadir.ws}/local"
    expect(page).to_have_title("siti · Hadir Desk")
    page.reload()
    expect_live(page)
    expect(page).to_have_title("siti · Hadir Desk")
    page.goto(f"{hadir.http}/desk/?ws={hadir.ws}/another")
    expect(page).to_have_title("Dewi · Hadir Desk")


def test_what_cannot_work_is_said(context: BrowserContext, hadir: AnyGateway) -> None:
    page = context.new_page()
    page.goto(f"{hadir.http}/desk/?ws=ftp://nowhere")
    expect(alert(page)).to_contain_text("The desk cannot be opened: url must be an address like")


def test_who_may_look_is_the_tokens_to_say(
    context: BrowserContext, with_tokens: LocalGateway
) -> None:
    def open_as(**claims: str) -> Page:
        page = context.new_page()
        proof = token(user="siti", **claims)
        page.goto(f"{with_tokens.http}/desk/?ws={with_tokens.ws}/local#token={proof}")
        return page

    expect_live(open_as(type="agent", session="*", name="Siti"))
    customers = open_as(type="customer", session="*")
    expect(alert(customers)).to_contain_text("You may not see the sessions")
    another = open_as(type="agent", session="s1")
    expect(alert(another)).to_contain_text("The server does not let you in")
    expect(another.locator(".trust")).to_contain_text("Not signed in")


@pytest.fixture
def crowded() -> Iterator[tuple[str, LocalGateway]]:
    with (
        embedded_redis() as url,
        local_hadir(url) as hadir,
    ):
        yield url, hadir


def test_beside_two_thousand_sessions_the_table_equals_redis_in_the_end(
    context: BrowserContext, crowded: tuple[str, LocalGateway]
) -> None:
    """``benchmarks.desk`` measures how smoothly."""
    url, hadir = crowded
    with town(url, hadir.management, sessions=2000, each_second=100) as (go, end):
        page = context.new_page()
        desk_of(page, hadir, 2000)
        go.set()
        for _ in range(5):
            page.wait_for_timeout(1_000)
            page.get_by_role("grid").evaluate("grid => grid.scrollBy(0, 20_000)")
            assert page.get_by_role("row").count() < 60, "only what can be seen is in the page"
        picture(page, "desk, two thousand sessions")
        end.set()
        page.wait_for_timeout(500)
        assert difference(page, url, 2000, seconds=30) == []
