"""Every way in which a customer leaves: the admin is told at once, and why.

In Chromium with its back/forward cache on, as people have it, and without it, as automation does.
What is asserted is that the admin is told of it by the browser's own goodbye, long before anybody
could have inferred it from silence; `python -m benchmarks.leaving` measures how long it takes.
"""

import json
import time
from collections.abc import Iterator
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright

from apigw_local.pytest_plugin import StartGateway
from apigw_local.testing import LocalGateway
from gateway.tests.aws import aws
from local.embedded_redis import embedded_redis
from tests.browser.plain_chromium import plain_chromium
from tests.browser.visitors import (
    WAYS,
    Admin,
    chromium,
    connected,
    shop_address,
    site,
    stopped,
    visit,
    watching,
)
from tests.conftest import OPEN, PATH_FORM
from tests.running_gateway import ROOT
from tests.soak import only_in_soak
from tests.system.people import new_session, status_of

LEASE_SECONDS = 12
LIFETIME_SECONDS = 10


@pytest.fixture(scope="module", params=[True, False], ids=["page cache", "no page cache"])
def visitors(playwright: Playwright, request: pytest.FixtureRequest) -> Iterator[Browser]:
    """The customers' browser."""
    with chromium(playwright, page_cache=request.param) as browser:
        yield browser


@pytest.fixture
def customer(visitors: Browser) -> Iterator[BrowserContext]:
    with visitors.new_context() as context:
        yield context


@pytest.fixture(scope="module")
def shop(hadir: LocalGateway) -> Iterator[str]:
    with site(hadir) as address:
        yield address


@pytest.mark.parametrize("way", WAYS)
def test_the_admin_is_told_when_the_customer(
    way: str, customer: BrowserContext, hadir: LocalGateway, shop: str
) -> None:
    session = new_session()
    with watching(hadir, session) as admin:
        page = visit(customer, shop, hadir, session)
        admin.wait_for_join()

        WAYS[way](page)

        _, told = admin.wait_for_leave()
        assert (told["event_user_id"], told["reason"]) == ("customer_1", "client_closed")
        assert told["evidence"] == "close_frame"
        assert told["close_code"] == (1000 if "close()" in way else 4001)
        assert "customer_1" not in told["connection_status"]["users"]


def test_back_brings_the_same_person_back(
    customer: BrowserContext, hadir: LocalGateway, shop: str, request: pytest.FixtureRequest
) -> None:
    session = new_session()
    with watching(hadir, session) as admin:
        page = visit(customer, shop, hadir, session)
        admin.wait_for_join()
        page.click("#next")
        admin.wait_for_join(2)
        connected(page)

        page.evaluate("history.back()")

        admin.wait_for_leave(2)
        _, back = admin.wait_for_join(3)
        assert (back["event_user_id"], back["reconnected"]) == ("customer_1", True)
        connected(page)
        # The very page, with all it knew, out of the cache; or a new one, where there is no cache.
        page.wait_for_function("'wasCached' in window")
        assert page.evaluate("window.wasCached") is ("no page cache" not in request.node.name)
        assert status_of(hadir, session)["users"]["customer_1"]["connections"] == 1


def test_the_admin_is_told_when_the_customers_browser_dies(hadir: LocalGateway, shop: str) -> None:
    session = new_session()
    with watching(hadir, session) as admin:
        with plain_chromium() as browser, browser.tab(shop_address(shop, hadir, session)):
            admin.wait_for_join()
        _, told = admin.wait_for_leave()
        assert (told["reason"], told["close_code"]) == ("network_error", 1006)


def test_a_tab_that_the_browser_freezes_is_gone_and_back_when_it_resumes(
    hadir: LocalGateway, shop: str
) -> None:
    session = new_session()
    with (
        watching(hadir, session) as admin,
        plain_chromium() as browser,
        browser.tab(shop_address(shop, hadir, session)) as tab,
    ):
        admin.wait_for_join()
        with browser.tab("about:blank"):
            tab.wait_for("document.visibilityState === 'hidden'")
            assert admin.events() == ["user_connected"], "to be hidden is not to be gone"

            tab.send("Page.setWebLifecycleState", state="frozen")
            _, told = admin.wait_for_leave()
            assert (told["reason"], told["close_code"]) == ("client_closed", 4001)

            tab.send("Page.setWebLifecycleState", state="active")
            _, back = admin.wait_for_join(2)
            assert back["reconnected"] is True


def test_offline_is_said_at_once_and_the_customer_is_back_with_the_network(
    customer: BrowserContext, hadir: LocalGateway, shop: str
) -> None:
    session = new_session()
    with watching(hadir, session) as admin:
        page = visit(customer, shop, hadir, session)
        admin.wait_for_join()

        customer.set_offline(True)
        page.wait_for_function("client.connection === 'offline'")
        customer.set_offline(False)

        connected(page)
        assert admin.events() == ["user_connected"], "the socket had outlived it"


@pytest.fixture(scope="module")
def short_lease(start_gateway: StartGateway) -> Iterator[LocalGateway]:
    """Hadir that soon takes silence for a leave."""
    with embedded_redis() as url:
        yield _start(start_gateway, url, HeartbeatTimeoutSeconds=str(LEASE_SECONDS))


@pytest.fixture(scope="module")
def short_life(start_gateway: StartGateway) -> Iterator[LocalGateway]:
    """Hadir on an API Gateway whose sockets live for seconds, not for two hours."""
    with embedded_redis() as url:
        yield _start(start_gateway, url, duration_seconds=LIFETIME_SECONDS)


@pytest.mark.parametrize("seconds", [pytest.param(0, marks=only_in_soak), 2])
def test_a_laptop_that_sleeps_is_gone_within_lease_and_sweep_and_back_when_it_wakes(
    seconds: int, short_lease: LocalGateway
) -> None:
    """However soon after it connected: the first heartbeat is sent as the socket opens."""
    session = new_session()
    with (
        site(short_lease) as shop,
        watching(short_lease, session) as admin,
        plain_chromium() as browser,
        browser.tab(shop_address(shop, short_lease, session, heartbeatMs=5000)) as tab,
    ):
        admin.wait_for_join()
        tab.wait_for("client.state.version > 0")
        time.sleep(seconds)
        with stopped(browser.process):
            _sweep_until_told(short_lease, admin)
        _, told = admin.told[-1]
        assert (told["reason"], told["evidence"]) == ("heartbeat_timeout", "silence")
        _, back = admin.wait_for_join(2)
        assert back["event_user_id"] == "customer_1"
        tab.wait_for("client.connection === 'open'")


def test_a_short_sleep_is_nothing_to_anybody(hadir: LocalGateway, shop: str) -> None:
    session = new_session()
    with (
        watching(hadir, session) as admin,
        plain_chromium() as browser,
        browser.tab(shop_address(shop, hadir, session)) as tab,
    ):
        admin.wait_for_join()
        with stopped(browser.process):
            time.sleep(2)
        assert tab.evaluate("told.filter(([type]) => type === 'connection').length") == 2
        assert admin.events() == ["user_connected"]


@only_in_soak
def test_the_two_hours_of_a_socket_are_no_event_to_anybody(
    short_life: LocalGateway, context: BrowserContext
) -> None:
    session = new_session()
    with site(short_life) as shop:
        options = {"lifetimeMs": LIFETIME_SECONDS * 1000, "heartbeatMs": 5000}
        page = visit(context, shop, short_life, session, **options)
        page.wait_for_function("window.sockets === 3", timeout=60_000)
        page.wait_for_timeout(1000)

        assert page.evaluate("told.filter(([type]) => type === 'connection').length") == 2
        with urlopen(f"{short_life.http}/api/session/{session}/events") as answer:
            events = json.load(answer)["events"]
        assert [event["event_type"] for event in events] == ["user_connected"]
        assert status_of(short_life, session)["users"]["customer_1"]["connections"] == 1


def _start(
    start_gateway: StartGateway,
    redis_url: str,
    duration_seconds: float = 7200,
    **parameters: str,
) -> LocalGateway:
    """Hadir with a Redis of its own: the sweep of another one would end this one's sockets."""
    return start_gateway(
        "template.yaml",
        parameters={"RedisUrl": redis_url, **OPEN, **parameters},
        path=PATH_FORM,
        static=ROOT / "web",
        region="eu-west-1",
        duration_seconds=duration_seconds,
    )


def _sweep_until_told(hadir: LocalGateway, admin: Admin) -> None:
    functions = aws("lambda", hadir.invoke)
    for _ in range(120):
        functions.invoke(FunctionName="SweepFunction")
        if "user_disconnected" in admin.events():
            return
        time.sleep(0.5)
    raise AssertionError(admin.told)
