"""Makes the pictures of the README from the running product, in light and in dark.

    python -m tests.pictures [--into docs]

`make run` is started with its small crowd; a visitor of the shop asks something, somebody at the
desk takes the session and answers. Wants Chromium.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, ViewportSize, expect, sync_playwright

from tests.browser.visitors import chromium
from tests.running_gateway import ROOT, free_ports

_SIZE: ViewportSize = {"width": 1440, "height": 860}
_SETTLING_SECONDS = 25
_LINK = re.compile(r"http://\S+")
expect.set_options(timeout=30_000)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--into", type=Path, default=ROOT / "docs", help="a folder; docs")
    folder: Path = parser.parse_args().into
    folder.mkdir(parents=True, exist_ok=True)
    with (
        _product() as link,
        sync_playwright() as playwright,
        chromium(playwright, page_cache=True) as browser,
    ):
        time.sleep(_SETTLING_SECONDS)  # until most of the crowd has come
        for scheme in ("light", "dark"):
            path = folder / f"hadir-{scheme}.png"
            _take(browser, link, "dark" if scheme == "dark" else "light", path)
            print(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


@contextmanager
def _product() -> Iterator[str]:
    """The link that `make run` prints."""
    (port,) = free_ports(1)
    with tempfile.TemporaryFile() as log, tempfile.NamedTemporaryFile() as told:
        process = subprocess.Popen(
            [sys.executable, "-m", "local", "--port", str(port)],
            cwd=ROOT,
            stdout=told,
            stderr=log,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            until = time.monotonic() + 60
            while not (found := _LINK.search(Path(told.name).read_text())):
                assert process.poll() is None, "make run has ended"
                assert time.monotonic() < until, "make run has printed no link"
                time.sleep(0.1)
            yield found[0]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _take(browser: Browser, link: str, scheme: Literal["light", "dark"], path: Path) -> None:
    with browser.new_context(viewport=_SIZE, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(link)
        shop = page.frame_locator("#shop-view iframe")
        desk = page.frame_locator("#desk-view iframe")
        expect(desk.locator(".trust")).to_contain_text("Live")
        shop.get_by_role("button", name="Open chat").click()
        shop.get_by_role("textbox", name="Message").fill("Hi! Do you ship to Bandung?")
        page.keyboard.press("Enter")
        row = desk.get_by_role("row").filter(has_text="Kirana")
        row.get_by_role("button").click()
        answer = desk.get_by_role("textbox", name="Message")
        answer.fill("We do, in two days. Shall I reserve the Gayo for you?")
        page.keyboard.press("Enter")
        expect(shop.get_by_role("log")).to_contain_text("in two days")
        page.mouse.move(0, 0)
        page.wait_for_timeout(1_500)
        page.screenshot(path=path)


if __name__ == "__main__":
    main()
