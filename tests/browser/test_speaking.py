"""What people say, from a real browser through functions that now and then stand still."""

import json
from urllib.request import urlopen

from playwright.sync_api import BrowserContext

from apigw_local.testing import LocalGateway
from tests.browser.visitors import site, visit
from tests.system.people import new_session

CONVERSATIONS = 6
MESSAGES = 5

SPEAK = """async ([sessions, count]) => {
  const { constructor: HadirChat } = window.client;
  const told = (chat) => new Promise((resolve) => {
    let sent = 0;
    chat.on("delivery", ({ state }) => { if (state === "sent" && ++sent === count) resolve(); });
  });
  await Promise.all(sessions.map(async (sessionId) => {
    const url = new URL(location.href).searchParams.get("ws");
    const chat = new HadirChat({ url, sessionId, userId: "customer_1", userType: "customer" });
    chat.start();
    const all = told(chat);
    for (let number = 0; number < count; number += 1) chat.send(`message ${number}`);
    await all;
    chat.close();
  }));
}"""


def test_a_persons_messages_keep_their_order_though_functions_stand_still(
    context: BrowserContext, hadir: LocalGateway
) -> None:
    sessions = [new_session() for _ in range(CONVERSATIONS)]
    with site(hadir) as shop:
        page = visit(context, shop, hadir, new_session())
        hadir.faults.freeze = 0.1

        page.evaluate(SPEAK, [sessions, MESSAGES])

    expected = [f"message {number}" for number in range(MESSAGES)]
    for session in sessions:
        with urlopen(f"{hadir.http}/api/session/{session}/events") as answer:
            events = json.load(answer)["events"]
        assert [event["text"] for event in events if "text" in event] == expected
