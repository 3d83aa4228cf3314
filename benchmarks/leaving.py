"""How soon an admin is told that a customer has left, for each way to leave a page.

    python -m benchmarks.leaving [--times 10]

A real Chromium with its back/forward cache on, then without; Hadir on the local gateway, a Redis
and the admin on the same machine. The time runs from the order to leave (a click on the link, the
tab's close button) until the admin has read the update, so what the browser takes to act is in it.
The last column is the fastest and the slowest. Wants Chromium.
"""

import argparse
import statistics
import time
from collections.abc import Callable

from playwright.sync_api import Browser, sync_playwright

from apigw_local.testing import LocalGateway
from local.embedded_redis import embedded_redis
from tests.browser.plain_chromium import plain_chromium
from tests.browser.visitors import WAYS, Admin, chromium, shop_address, site, visit, watching
from tests.conftest import local_hadir
from tests.system.people import new_session


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=10, help="how often each way is tried; 10")
    times = parser.parse_args().times
    with (
        embedded_redis() as url,
        local_hadir(url) as hadir,
        site(hadir) as shop,
        sync_playwright() as playwright,
    ):
        print(f"{'':46} {'median':>8} {'spread':>15}")
        for page_cache in (True, False):
            with chromium(playwright, page_cache=page_cache) as browser:
                for way, leave in WAYS.items():
                    _print(
                        f"{way}, page cache {'on' if page_cache else 'off'}",
                        [_leave(browser, hadir, shop, leave) for _ in range(times)],
                    )
        _print("the browser freezes the tab", [_freeze(hadir, shop) for _ in range(times)])
        _print("the browser is killed", [_kill(hadir, shop) for _ in range(times)])


def _leave(browser: Browser, hadir: LocalGateway, shop: str, leave: Callable[..., object]) -> float:
    session = new_session()
    with watching(hadir, session) as admin, browser.new_context() as context:
        page = visit(context, shop, hadir, session)
        admin.wait_for_join()
        begun = time.monotonic()
        leave(page)
        return _told(admin, begun)


def _freeze(hadir: LocalGateway, shop: str) -> float:
    session = new_session()
    with (
        watching(hadir, session) as admin,
        plain_chromium() as browser,
        browser.tab(shop_address(shop, hadir, session)) as tab,
        browser.tab("about:blank"),
    ):
        admin.wait_for_join()
        tab.wait_for("document.visibilityState === 'hidden'")
        begun = time.monotonic()
        tab.send("Page.setWebLifecycleState", state="frozen")
        return _told(admin, begun)


def _kill(hadir: LocalGateway, shop: str) -> float:
    session = new_session()
    with watching(hadir, session) as admin:
        with plain_chromium() as browser, browser.tab(shop_address(shop, hadir, session)):
            admin.wait_for_join()
            begun = time.monotonic()
            browser.kill()
        return _told(admin, begun)


def _told(admin: Admin, begun: float) -> float:
    at, _ = admin.wait_for_leave()
    return at - begun


def _print(name: str, seconds: list[float]) -> None:
    middle = statistics.median(seconds) * 1000
    spread = f"{min(seconds) * 1000:.0f} to {max(seconds) * 1000:.0f}"
    print(f"{name:46} {middle:5.0f} ms {spread:>12} ms", flush=True)


if __name__ == "__main__":
    main()
