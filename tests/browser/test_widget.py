"""The chat that a shop pastes, as its visitors have it on one page."""

from playwright.sync_api import BrowserContext, expect

from tests.browser.looking import picture
from tests.browser.shop import (
    agent,
    bubble,
    composer,
    expect_sent,
    header,
    messages,
    note,
    panel,
    said_in,
    say,
    shop,
    state_of,
)
from tests.browser.wire import Wire
from tests.running_gateway import AnyGateway
from tests.system.people import new_session


def test_a_visitor_and_an_agent_talk(context: BrowserContext, hadir: AnyGateway) -> None:
    session = new_session()
    with shop(hadir, session) as site, agent(hadir, session) as dewi:
        page = site.open(context)
        expect(header(page)).to_have_text("dewi")
        picture(page, "widget opened")
        composer(page).press_sequentially("Do you have ")
        dewi.wait_for("typing", on=True)
        composer(page).press_sequentially("green tea?")
        composer(page).press("Enter")
        expect_sent(page)
        assert dewi.wait_for("message")["text"] == "Do you have green tea?"
        dewi.do("typing", on=True)
        expect(panel(page).get_by_text("dewi is writing")).to_be_visible()
        picture(page, "widget talking")
        dewi.say("Yes: https://example.com/tea.\n<b>Fresh</b>, since today.")
        expect(messages(page)).to_have_text(
            [
                "Do you have green tea?",
                "Yes: https://example.com/tea.\n<b>Fresh</b>, since today.",
            ],
            use_inner_text=True,
        )
        link = messages(page).get_by_role("link", name="https://example.com/tea", exact=True)
        assert link.get_attribute("target") == "_blank"
        expect(panel(page).get_by_text("dewi is writing")).to_be_hidden()
        picture(page, "widget answered")


def test_before_a_session_it_says_whether_somebody_would_answer(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    words = {
        "live": "We are here",
        "away": "We will be back soon",
        "offline": "Leave us a message",
    }
    answer: dict[str, str] = {}
    with shop(hadir, new_session()) as site:
        page = site.open(context, chat=False)
        page.route(
            "**/api/availability",
            lambda route: route.fulfill(json=answer) if answer else route.abort(),
        )
        line = page.locator("hadir-chat header .line")
        for agents, text in words.items():
            answer["agents"] = agents
            bubble(page).click()
            expect(line).to_have_text(text)
            picture(page, f"widget {agents}")
            bubble(page).click()
        answer.clear()
        bubble(page).click()
        expect(line).to_be_hidden()


def test_what_is_new_is_counted_until_it_is_seen(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    session = new_session()
    with shop(hadir, session) as site, agent(hadir, session) as dewi:
        page = site.open(context)
        expect(header(page)).to_have_text("dewi")
        bubble(page).click()
        expect(panel(page)).to_be_hidden()
        dewi.say("Hello?")
        dewi.say("Are you there?")
        expect(bubble(page)).to_have_accessible_name("Open chat, 2 unread")
        expect(bubble(page)).to_have_text("2")
        picture(page, "widget unread")
        page.click("#next")
        expect(bubble(page)).to_have_accessible_name("Open chat, 2 unread")
        bubble(page).click()
        expect(bubble(page)).to_have_accessible_name("Close chat")
        page.click("#next")
        expect(messages(page)).to_have_count(2)
        expect(bubble(page)).to_have_accessible_name("Close chat")
        bubble(page).click()
        expect(bubble(page)).to_have_accessible_name("Open chat")


def test_the_keyboard_does_it_all(context: BrowserContext, hadir: AnyGateway) -> None:
    with shop(hadir, new_session()) as site:
        page = site.open(context, chat=False)
        page.locator("#next").focus()
        page.keyboard.press("Tab")
        expect(bubble(page)).to_be_focused()
        page.keyboard.press("Enter")
        expect(composer(page)).to_be_focused()
        page.keyboard.type("one")
        page.keyboard.press("Shift+Enter")
        page.keyboard.type("two")
        # An input method that is still composing has the key for itself.
        composer(page).evaluate(
            "text => text.dispatchEvent(new KeyboardEvent('keydown', "
            "{ key: 'Enter', isComposing: true, bubbles: true, cancelable: true }))"
        )
        expect(composer(page)).to_have_value("one\ntwo")
        page.keyboard.press("Enter")
        expect(messages(page)).to_have_text(["one\ntwo"], use_inner_text=True)
        expect(composer(page)).to_be_focused()
        expect(composer(page)).to_have_value("")
        page.keyboard.press("Escape")
        expect(panel(page)).to_be_hidden()
        expect(bubble(page)).to_be_focused()


def test_a_lost_connection_is_said_and_what_waits_is_sent_after(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    wire = Wire(context)
    session = new_session()
    with shop(hadir, session) as site:
        page = site.open(context)
        say(page, "before")
        expect_sent(page)
        wire.cut()
        expect(note(page)).to_have_text("No connection. Trying again.")
        say(page, "during")
        expect(page.locator("hadir-chat .state").last).to_have_text("Your message waits")
        picture(page, "widget reconnecting")
        wire.mend()
        expect_sent(page)
        expect(note(page)).to_be_hidden()
        expect(messages(page)).to_have_text(["before", "during"])
        assert said_in(hadir, session) == ["before", "during"]

        context.set_offline(offline=True)
        expect(note(page)).to_have_text("You are offline")
        picture(page, "widget offline")


def test_a_short_loss_of_the_connection_is_not_worth_a_word(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    wire = Wire(context)
    with shop(hadir, new_session()) as site:
        page = site.open(context, chat=False)
        page.clock.install(time="2026-01-24T12:00:00")
        bubble(page).click()
        say(page, "before")
        expect_sent(page)
        page.clock.pause_at("2026-01-24T12:10:00")
        wire.cut()
        expect(note(page)).to_be_hidden()
        page.clock.run_for(900)
        expect(note(page)).to_be_hidden()
        page.clock.run_for(1_000)
        expect(note(page)).to_have_text("No connection. Trying again.")


def test_what_was_not_sent_can_be_tried_again(context: BrowserContext, hadir: AnyGateway) -> None:
    wire = Wire(context)
    session = new_session()
    with shop(hadir, session) as site:
        page = site.open(context)
        say(page, "hello")
        expect_sent(page)
        page.evaluate(
            "() => { WebSocket.prototype.send = function (frame) {"
            " (window.said ??= []).push(JSON.parse(frame)); } }"
        )
        say(page, "refused")
        page.wait_for_function("said.find(({ action }) => action === 'message')")
        client_id = page.evaluate("said.find(({ action }) => action === 'message').client_id")
        wire.tell("error", {"code": "forbidden", "message": "no", "client_id": client_id})
        state = page.locator("hadir-chat .failed")
        expect(state).to_contain_text("Not sent")
        picture(page, "widget failed")
        page.reload()
        expect(state).to_contain_text("refused")
        state.get_by_role("button", name="Try again").click()
        expect_sent(page)
        assert said_in(hadir, session) == ["hello", "refused"]


def test_a_name_is_asked_for_once_and_agents_see_it(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    session = new_session()
    with shop(hadir, session) as site, agent(hadir, session) as dewi:
        page = site.open(context)
        field = panel(page).get_by_role("textbox", name="Your name")
        expect(field).to_be_hidden()
        say(page, "Hello")
        field.fill("Ani")
        picture(page, "widget asks the name")
        panel(page).get_by_role("button", name="Save").click()
        expect(field).to_be_hidden()
        expect(composer(page)).to_be_focused()
        while (state_of(hadir, session) or {}).get("name") != "Ani":
            dewi.wait_for("connection_status_update")
        page.click("#next")
        expect_sent(page)
        expect(field).to_be_hidden()
        while (
            not {"page": "/next", "name": "Ani"}.items() <= (state_of(hadir, session) or {}).items()
        ):
            dewi.wait_for("connection_status_update")


def test_a_name_may_be_kept_for_oneself(context: BrowserContext, hadir: AnyGateway) -> None:
    with shop(hadir, new_session()) as site:
        page = site.open(context)
        say(page, "Hello")
        panel(page).get_by_role("button", name="Skip").click()
        expect_sent(page)
        page.reload()
        expect_sent(page)
        expect(panel(page).get_by_role("button", name="Skip")).to_be_hidden()


def test_who_is_put_out_is_told(context: BrowserContext, hadir: AnyGateway) -> None:
    session = new_session()
    with shop(hadir, session) as site, agent(hadir, session, "boss", "admin") as boss:
        page = site.open(context)
        expect(header(page)).to_have_text("boss")
        boss.do("kick", user_id="visitor_1", reason="spam")
        expect(note(page)).to_have_text("This chat is closed")
        expect(panel(page).get_by_text("We are here")).to_be_hidden()
        expect(composer(page)).to_be_hidden()
        picture(page, "widget kicked")
