"""Who is in the chat, as its visitors are shown them."""

from playwright.sync_api import BrowserContext, expect

from apigw_local.testing import LocalGateway
from tests.browser.looking import picture
from tests.browser.shop import agent, expect_sent, header, messages, panel, say, shop
from tests.conftest import running_hadir
from tests.running_gateway import AnyGateway
from tests.system.people import new_session
from tests.tokens import token


def test_the_header_says_who_is_there(context: BrowserContext, hadir: AnyGateway) -> None:
    session = new_session()
    with shop(hadir, session) as site, agent(hadir, session) as dewi:
        page = site.open(context)
        expect(header(page)).to_have_text("dewi")
        with agent(hadir, session, "budi", "admin"):
            expect(header(page)).to_have_text("dewi and 1 more")
            expect(panel(page).get_by_text("We are here")).to_be_visible()
            picture(page, "widget two agents")
        dewi.do("set_state", state={"away": True})
        expect(panel(page).get_by_text("We are here")).to_be_hidden()


def test_agents_have_the_name_of_their_token(
    context: BrowserContext, with_tokens: LocalGateway
) -> None:
    session = new_session()

    def proof(user: str, name: str) -> str:
        return token(session=session, user=user, type="agent", name=name)

    visitor = token(session=session, user="visitor_1")
    context.add_init_script(
        "addEventListener('DOMContentLoaded', () => {"
        f" document.querySelector('hadir-chat').getToken = async () => '{visitor}'; }})"
    )
    with (
        shop(with_tokens, session) as site,
        agent(with_tokens, session, "u1", token=proof("u1", "Dewi")) as dewi,
        agent(with_tokens, session, "u2", token=proof("u2", "Budi")),
    ):
        page = site.open(context)
        expect(header(page)).to_have_text("Dewi and 1 more")
        dewi.say("Hello, I am Dewi")
        expect(page.locator("hadir-chat .head").first).to_contain_text("Dewi · ")
        picture(page, "widget with names")


def test_where_it_is_not_told_who_is_there_it_says_how_many(
    context: BrowserContext, hadir: AnyGateway, hadir_redis_url: str
) -> None:
    session = new_session()
    with (
        running_hadir(hadir_redis_url, "CustomersSee=counts") as secretive,
        shop(secretive, session, modules=hadir.http) as site,
        agent(secretive, session) as dewi,
    ):
        page = site.open(context)
        expect(header(page)).to_have_text("Chat with us")
        expect(panel(page).get_by_text("Agents here: 1")).to_be_visible()
        say(page, "Hello")
        expect_sent(page)
        expect(page.locator("hadir-chat .mine")).to_have_count(1)
        with agent(secretive, session, "budi"):
            expect(panel(page).get_by_text("Agents here: 2")).to_be_visible()
        dewi.do("typing", on=True)
        expect(panel(page).get_by_text("Support is writing")).to_be_visible()
        dewi.say("Good morning")
        expect(messages(page)).to_have_text(["Hello", "Good morning"])
        expect(page.locator("hadir-chat .head:not(.state)").nth(1)).to_contain_text("Support · ")
        page.reload()
        expect(page.locator("hadir-chat .mine .text")).to_have_text(["Hello"])
