"""A real Chromium: Debian's, else one that Playwright finds. In CI a missing one is a failure."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Playwright,
    expect,
    sync_playwright,
)

from tests.browser.visitors import chromium

expect.set_options(timeout=20_000)  # a busy machine takes its time


@pytest.fixture(scope="module")  # while it lives, its event loop is this thread's
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    try:
        with chromium(playwright, page_cache=False) as browser:
            yield browser
    except Error:
        if os.environ.get("CI"):
            raise
        pytest.skip("no Chromium: apt-get install chromium, or playwright install chromium")


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile of its own, whose pages fail the test when they throw."""
    errors: list[str] = []
    with browser.new_context() as context:
        context.set_default_timeout(30_000)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        yield context
    assert errors == []
