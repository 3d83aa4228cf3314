"""Consoles in a real browser: what two agents see of two customers, and who gets one of them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, Locator, Page, expect
from websockets.sync.client import connect

from apigw_local.testing import LocalGateway
from tests.browser.serving import served_folder
from tests.browser.test_examples import on_ports_of, saved
from tests.browser.visitors import site, visit
from tests.running_gateway import AnyGateway
from tests.system.people import new_session

UP_TO_DATE = "up to date"

ASK = """async ([http, ws, session]) => {
  const { HadirWatcher } = await import(`${http}/watcher.js`);
  const options = { url: `${ws}/local`, apiUrl: http, userId: "amy", userType: "agent" };
  const watcher = new HadirWatcher(options);
  const { people } = await watcher.explain(session);
  return [people.map(({ user_id }) => user_id), (await watcher.availability()).agents];
}"""

WATCH_MANY = """async ([http, ws, session, count]) => {
  const { HadirWatcher } = await import(`${http}/watcher.js`);
  const own = { userId: `many_${session}`, userType: "agent", sessionId: `desk_${session}` };
  const watcher = new HadirWatcher({ url: `${ws}/local`, ...own, all: false });
  window.watcher = watcher;
  window.errors = [];
  watcher.on("error", ({ code }) => window.errors.push(code));
  for (let at = 0; at < count; at += 1) watcher.watch(`${session}_${at}`);
  watcher.start();
}"""


@contextmanager
def customers(hadir: AnyGateway, *sessions: str) -> Iterator[None]:
    with ExitStack() as stack:
        for session in sessions:
            stack.enter_context(connect(f"{hadir.ws}/ws/{session}/anna/customer", open_timeout=20))
        yield


def console(context: BrowserContext, address: str, name: str) -> Page:
    page = context.new_page()
    page.goto(f"{address}/console.html#{name}")
    expect(page.locator("#standing")).to_have_text(UP_TO_DATE)
    return page


def row(page: Page, session: str) -> Locator:
    return page.locator("tr", has_text=session)


def holder(page: Page, session: str) -> Locator:
    return row(page, session).locator("td").nth(2)


def press(page: Page, session: str) -> None:
    """Press the button, as fast as the page can: somebody else presses theirs."""
    page.evaluate(
        "name => [...document.querySelectorAll('button')]"
        ".find(({ textContent }) => textContent === name).click()",
        f"Take {session}",
    )


def test_two_consoles_see_all_customers_and_one_of_them_gets_each(
    context: BrowserContext, hadir: LocalGateway, tmp_path: Path
) -> None:
    first, second = new_session(), new_session()
    (tmp_path / "console.html").write_text(on_ports_of(hadir, saved("console.html")))
    with served_folder(tmp_path) as address, customers(hadir, first):
        amy, bob = console(context, address, "amy"), console(context, address, "bob")
        with customers(hadir, second):
            for page in (amy, bob):
                for session in (first, second):
                    expect(row(page, session).locator("td").nth(1)).to_have_text("anna")
                    expect(holder(page, session)).to_have_text("nobody")

            press(amy, first)
            press(bob, first)

            for page in (amy, bob):
                expect(holder(page, first)).not_to_have_text("nobody")
            winner = holder(amy, first).inner_text()
            loser = bob if winner == "amy" else amy
            expect(holder(loser, first)).to_have_text(winner)
            expect(loser.get_by_role("alert")).to_have_text(f"{winner} has {first}")

            press(loser, second)
            other = "bob" if winner == "amy" else "amy"
            expect(holder(amy, second)).to_have_text(other)
            expect(holder(bob, second)).to_have_text(other)

        for page in (amy, bob):
            expect(row(page, second)).to_have_count(0)
            expect(row(page, first)).to_have_count(1)
            expect(page.locator("#standing")).to_have_text(UP_TO_DATE)


def test_a_console_that_was_offline_knows_who_has_left_meanwhile(
    context: BrowserContext, hadir: LocalGateway, tmp_path: Path
) -> None:
    session = new_session()
    (tmp_path / "console.html").write_text(on_ports_of(hadir, saved("console.html")))
    with served_folder(tmp_path) as address:
        with customers(hadir, session):
            amy = console(context, address, "amy")
            expect(row(amy, session)).to_have_count(1)
            amy.evaluate("dispatchEvent(new Event('pagehide'))")
            expect(amy.locator("#standing")).to_contain_text("out of date")

        amy.evaluate("dispatchEvent(new Event('pageshow'))")
        expect(amy.locator("#standing")).to_have_text(UP_TO_DATE)
        expect(row(amy, session)).to_have_count(0)


def test_a_console_shows_who_is_away_and_asks_why_somebody_is_there(
    context: BrowserContext, hadir: LocalGateway, tmp_path: Path
) -> None:
    session = new_session()
    (tmp_path / "console.html").write_text(on_ports_of(hadir, saved("console.html")))
    with served_folder(tmp_path) as address:
        amy = console(context, address, "amy")
        with site(hadir) as shop:
            customer = visit(context, shop, hadir, session)
            customer.evaluate("client.setState({ away: true, page: '/cart' })")

            expect(row(amy, session).locator("td").nth(1)).to_have_text("customer_1 (away)")
            people, agents = amy.evaluate(ASK, [hadir.http, hadir.ws, session])
            customer.goto("about:blank")

        assert people == ["customer_1"]
        assert agents in {"live", "reachable"}
        expect(row(amy, session)).to_have_count(0)


def test_more_sessions_than_a_socket_may_ask_for_at_once_are_watched_also_on_the_next(
    context: BrowserContext, hadir: LocalGateway, tmp_path: Path
) -> None:
    (tmp_path / "empty.html").write_text("<!doctype html>")
    with served_folder(tmp_path) as address:
        page = context.new_page()
        page.goto(f"{address}/empty.html")
        page.evaluate(WATCH_MANY, [hadir.http, hadir.ws, new_session(), 70])
        page.wait_for_function("watcher.isCurrent")
        assert page.evaluate("watcher.sessions.length") == 70

        page.evaluate("dispatchEvent(new Event('pagehide'))")
        page.evaluate("dispatchEvent(new Event('pageshow'))")
        page.wait_for_function("watcher.isCurrent")

        assert page.evaluate("errors") == []
