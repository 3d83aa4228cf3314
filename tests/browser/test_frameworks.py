"""The hooks for React and the composables for Vue: in the real ones, in a real browser."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect
from redis import Redis
from websockets.sync.client import connect

from apigw_local.testing import LocalGateway
from gateway.tests.aws import aws
from hadir.domain.identity import DEFAULT_TENANT, SessionRef
from hadir.membership.membership import Membership
from tests.browser.bundles import served_bundles
from tests.running_gateway import AnyGateway
from tests.system.people import new_session, status_of

ADMIN = "admin_456"


class Components:
    """A page whose components the test mounts, and what it has done."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.sockets: list[str] = []
        self.warnings: list[str] = []
        page.on("websocket", lambda socket: self.sockets.append(socket.url))
        page.on("console", self._note)

    def _note(self, message: ConsoleMessage) -> None:
        isolated = "ERR_INTERNET_DISCONNECTED" in message.text  # said by the browser itself
        if message.type in ("warning", "error") and not isolated:
            self.warnings.append(message.text)

    def show(
        self, *sessions: str | None, listening: tuple[str | None, ...] = (), mark: str = "told"
    ) -> None:
        """Mount a component for each session, in this order; unmount the others."""
        self.page.evaluate("show", {"sessions": sessions, "listening": listening, "mark": mark})

    def see(self, *texts: str) -> None:
        expect(self.page.locator("p")).to_have_text(list(texts))

    def hear(self, event: str) -> None:
        """Wait until a listener was told of it."""
        self.page.wait_for_function("(event) => events.includes(event)", arg=event)

    def wait(self, ms: int) -> None:
        self.page.wait_for_timeout(ms)


Mount = Callable[..., Components]


@pytest.fixture(scope="module")
def pages() -> Iterator[str]:
    with served_bundles() as address:
        yield address


@pytest.fixture(params=["react18", "react19", "vue"])
def mount(
    request: pytest.FixtureRequest, pages: str, context: BrowserContext, hadir: AnyGateway
) -> Iterator[Mount]:
    """Opens a page of components. Nothing is said in its console that no test takes out."""
    opened: list[Components] = []

    def opens(parameters: str = "") -> Components:
        page = context.new_page()
        components = Components(page)
        opened.append(components)
        page.goto(f"{pages}/{request.param}?ws={hadir.ws}/local&user={ADMIN}&{parameters}")
        page.wait_for_function("typeof show === 'function'")
        return components

    yield opens
    assert [text for components in opened for text in components.warnings] == []


@contextmanager
def somebody(hadir: AnyGateway, session: str, user: str) -> Iterator[None]:
    url = f"{hadir.ws}/ws/{session}/{user}/{user.partition('_')[0]}"
    with connect(url, open_timeout=20):
        yield


def rest(hadir: AnyGateway, path: str, method: str = "GET") -> Any:
    request = urllib.request.Request(f"{hadir.http}/api/session/{path}", method=method)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read() or "null")


def history(hadir: AnyGateway, session: str) -> list[str]:
    """Who came and went, as everybody in the session was told."""
    events = rest(hadir, f"{session}/events")["events"]
    return [f"{event['event_type']} {event['event_user_id']}" for event in events]


ALONE = f"open; {ADMIN}; fine; fresh"
NOTHING = "closed; ; fine; fresh"


@pytest.mark.parametrize("parameters", ["", "configure"])
def test_components_of_a_session_share_one_socket_and_tell_nobody_of_remounts(
    mount: Mount, hadir: AnyGateway, parameters: str
) -> None:
    session = new_session()
    components = mount(parameters)

    components.show(session, session, listening=(session,))
    components.see(ALONE, ALONE)
    components.show(session)
    components.show()
    components.show(session, session)

    with somebody(hadir, session, "customer_1"):
        components.see(*[f"open; {ADMIN},customer_1; fine; fresh"] * 2)
    components.see(ALONE, ALONE)
    assert len(components.sockets) == 1
    assert status_of(hadir, session)["users"][ADMIN]["connections"] == 1

    components.show()

    components.wait(1_500)
    assert history(hadir, session) == [
        f"user_connected {ADMIN}",
        "user_connected customer_1",
        "user_disconnected customer_1",
        f"user_disconnected {ADMIN}",
    ]


def test_every_event_reaches_a_handler_also_those_of_an_absence(
    mount: Mount, context: BrowserContext, hadir: LocalGateway, hadir_redis: Redis
) -> None:
    session = new_session()
    components = mount()
    components.show(session, listening=(session,))
    components.see(ALONE)
    with somebody(hadir, session, "customer_1"):
        components.hear("told user_connected customer_1")
        sockets = Membership(hadir_redis).sockets(SessionRef(DEFAULT_TENANT, session))
        (admin,) = [each for each in sockets if each.person.user_id == ADMIN]
        context.set_offline(True)
        management = aws("apigatewaymanagementapi", hadir.management)
        management.delete_connection(ConnectionId=admin.connection_id)
        components.wait(1_000)
    with somebody(hadir, session, "customer_2"):
        components.wait(1_000)
        context.set_offline(False)

        components.hear("told user_connected customer_2")
        events = components.page.evaluate("events")

    components.warnings.clear()
    of_customers = [event for event in events if event.endswith(("_1", "_2"))]
    assert of_customers == [
        "told user_connected customer_1",
        "told user_disconnected customer_1",
        "told user_connected customer_2",
    ]


def test_the_newest_handler_is_told(mount: Mount, hadir: AnyGateway) -> None:
    session = new_session()
    components = mount()
    components.show(session, listening=(session,), mark="first")
    components.see(ALONE)
    with somebody(hadir, session, "customer_1"):
        components.hear("first user_connected customer_1")

        components.show(session, listening=(session,), mark="second")

    components.hear("second user_disconnected customer_1")
    assert len(components.sockets) == 1


def test_a_token_is_asked_for_each_session_of_the_newest_function(mount: Mount) -> None:
    first, second = new_session(), new_session()
    components = mount("tokens")
    components.show(first, mark="old")
    components.see(ALONE)

    components.show(first, second, mark="new")
    components.see(ALONE, ALONE)

    tokens = components.page.evaluate("tokens")
    assert (tokens[0], tokens[-1]) == (f"old {first}", f"new {second}")
    assert len(components.sockets) == 2


def test_nothing_selected_then_one_then_another(mount: Mount, hadir: AnyGateway) -> None:
    first, second = new_session(), new_session()
    components = mount()
    components.show(None, listening=(None,))
    components.see(NOTHING)
    components.wait(300)
    assert components.sockets == []

    with somebody(hadir, first, "customer_1"), somebody(hadir, second, "customer_2"):
        components.show(first)
        components.see(f"open; {ADMIN},customer_1; fine; fresh")
        components.show(second)
        components.see(f"open; {ADMIN},customer_2; fine; fresh")
        components.show(first)
        components.see(f"open; {ADMIN},customer_1; fine; fresh")
        components.show(None)
        components.see(NOTHING)

    shown: dict[str | None, set[str]] = {}
    for render in components.page.evaluate("renders"):
        shown.setdefault(render["id"], set()).update(render["people"])
    assert shown == {None: set(), first: {ADMIN, "customer_1"}, second: {ADMIN, "customer_2"}}


def test_twenty_switches_in_a_second_open_two_sockets(mount: Mount, hadir: AnyGateway) -> None:
    sessions = [new_session() for _ in range(20)]
    components = mount()

    components.page.evaluate(
        """async (sessions) => {
          for (const id of sessions) {
            show({ sessions: [id], listening: [id] });
            await new Promise((resolve) => setTimeout(resolve, 15));
          }
        }""",
        sessions,
    )
    components.see(ALONE)
    components.wait(1_500)

    assert len(components.sockets) == 2
    told = [event for session in sessions for event in history(hadir, session)]
    assert told.count(f"user_connected {ADMIN}") == 2
    assert list(status_of(hadir, sessions[-1])["users"]) == [ADMIN]


def test_without_a_network_what_is_shown_is_stale(
    mount: Mount, context: BrowserContext, hadir: AnyGateway
) -> None:
    components = mount()
    components.show(new_session())
    components.see(ALONE)

    context.set_offline(True)
    components.see(f"offline; {ADMIN}; fine; stale")

    context.set_offline(False)
    components.see(ALONE)


def test_whoever_is_put_out_stays_out_until_the_application_says_otherwise(
    mount: Mount, hadir: AnyGateway
) -> None:
    session = new_session()
    components = mount()
    components.show(session)
    components.see(ALONE)

    rest(hadir, f"{session}/users/{ADMIN}", "DELETE")
    out = f"kicked; {ADMIN}; kicked; stale"
    components.see(out)
    (warning,) = components.warnings
    assert "put out" in warning
    components.warnings.clear()

    components.show(session, session, listening=(session,))
    components.see(out, out)
    components.show()
    components.wait(1_500)
    components.show(session)
    components.see(out)
    components.wait(500)
    assert len(components.sockets) == 1
    assert status_of(hadir, session)["users"] == {}

    components.page.evaluate("clients[0].start()")
    components.see(ALONE)


def test_an_id_that_is_none_is_an_error_and_the_rest_works(mount: Mount) -> None:
    components = mount()

    components.show("no id!", new_session(), listening=("no id!",))

    components.see("closed; ; invalid_options; fresh", ALONE)
    (warning,) = components.warnings
    assert "sessionId must be" in warning
    components.warnings.clear()
