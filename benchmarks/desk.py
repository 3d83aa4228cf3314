"""How many frames a second the desk draws beside many sessions in which something always happens.

    python -m benchmarks.desk [--sessions 2000] [--events 100] [--seconds 20]

A real Chromium shows the desk; Hadir on the local gateway and a Redis are on the same machine, as
are the customers, whose events go the whole way to the desk's socket (tests/browser/town.py). The
page counts its own frames: first while nothing happens, then while everything does, then while
somebody also scrolls. `longest` is the longest time between two frames, `late` how many came more
than 33 ms after the one before. In the end the desk's table must equal what Redis holds. Wants
Chromium.
"""

import argparse
import sys
import time

from playwright.sync_api import Page, sync_playwright

from local.embedded_redis import embedded_redis
from tests.browser.many import desk_of, difference
from tests.browser.town import town
from tests.browser.visitors import chromium
from tests.conftest import local_hadir

_COUNT = """
(ms) => new Promise((resolve) => {
  const times = [];
  const before = heard;
  const end = performance.now() + ms;
  const frame = (now) => {
    times.push(now);
    if (performance.now() < end) requestAnimationFrame(frame);
    else {
      const gaps = times.slice(1).map((time, at) => time - times[at]);
      const seconds = (times.at(-1) - times[0]) / 1000;
      const late = gaps.filter((gap) => gap > 33).length;
      resolve([gaps.length / seconds, Math.max(...gaps), late, (heard - before) / seconds]);
    }
  };
  requestAnimationFrame(frame);
})
"""
_HEAR = """
async () => {
  const { store } = await import("./desk.js");
  const hear = store.hear.bind(store);
  globalThis.heard = 0;
  store.hear = (event) => {
    heard += 1;
    hear(event);
  };
}
"""
_SCROLL = """
() => {
  const grid = document.querySelector(".grid");
  let step = 40;
  globalThis.scrolling = setInterval(() => {
    const isAtEnd = grid.scrollTop + grid.clientHeight >= grid.scrollHeight;
    if (isAtEnd || grid.scrollTop <= 0) step = isAtEnd ? -40 : 40;
    grid.scrollBy(0, step);
  }, 16);
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=2000, help="with a customer each; 2000")
    parser.add_argument("--events", type=int, default=100, help="a second; 100")
    parser.add_argument("--seconds", type=float, default=20, help="of each measurement; 20")
    given = parser.parse_args()
    with (
        embedded_redis() as url,
        local_hadir(url) as hadir,
        town(url, hadir.management, sessions=given.sessions, each_second=given.events) as (go, end),
        sync_playwright() as playwright,
        chromium(playwright, page_cache=True) as browser,
    ):
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        desk_of(page, hadir, given.sessions)
        print(f"{given.sessions:,} sessions, {given.events} events a second")
        page.evaluate(_HEAR)
        print(f"{'':22} {'events/s':>9} {'frames/s':>9} {'longest':>10} {'late':>6}")
        idle = _measure(page, "nothing happens", given.seconds)
        go.set()
        time.sleep(1)
        busy = _measure(page, "everything happens", given.seconds)
        page.evaluate(_SCROLL)
        _measure(page, "and somebody scrolls", given.seconds)
        page.evaluate("clearInterval(scrolling)")
        end.set()
        print(f"\n{busy / idle:.2f} times the frames of a page in which nothing happens")
        missing = difference(page, url, given.sessions, seconds=20)
        print("the table equals Redis" if not missing else f"the table differs: {missing[:3]}")
        if missing:
            sys.exit(1)


def _measure(page: Page, what: str, seconds: float) -> float:
    frames, longest, late, heard = page.evaluate(_COUNT, seconds * 1000)
    print(f"{what:22} {heard:9.1f} {frames:9.1f} {longest:7.0f} ms {late:6}", flush=True)
    return float(frames)


if __name__ == "__main__":
    main()
