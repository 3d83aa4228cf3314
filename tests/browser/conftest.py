"""A real Chromium: Debian's, else one that Playwright finds. In CI a missing one is a failure."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, sync_playwright

# Without these, Chromium as root does not start, or looks for hosts on the internet.
_FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="module")  # while it lives, its event loop is this thread's
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=_FLAGS
            )
        except Error:
            if os.environ.get("CI"):
                raise
            pytest.skip("no Chromium: apt-get install chromium, or playwright install chromium")
        with browser:
            yield browser


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile of its own, whose pages fail the test when they throw."""
    errors: list[str] = []
    with browser.new_context() as context:
        context.set_default_timeout(10_000)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        yield context
    assert errors == []
