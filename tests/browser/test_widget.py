"""The chat that a shop pastes, as its visitors have it."""

from playwright.sync_api import BrowserContext, expect

from tests.browser.shop import agent, expect_sent, messages, panel, say, shop
from tests.browser.tabs import picture
from tests.running_gateway import AnyGateway
from tests.system.people import new_session


def test_a_visitor_and_an_agent_talk(context: BrowserContext, hadir: AnyGateway) -> None:
    session = new_session()
    with shop(hadir, session) as site, agent(hadir, session) as dewi:
        page = site.open(context)
        expect(panel(page).get_by_role("heading")).to_have_text("dewi")
        picture(page, "widget opened")
        say(page, "Do you have green tea?")
        expect_sent(page)
        assert dewi.wait_for("message")["text"] == "Do you have green tea?"
        dewi.do("typing", on=True)
        expect(panel(page).get_by_text("dewi is writing")).to_be_visible()
        picture(page, "widget talking")
        dewi.say("Yes: https://example.com/tea.")
        expect(messages(page)).to_have_text(
            ["Do you have green tea?", "Yes: https://example.com/tea."]
        )
        picture(page, "widget answered")
