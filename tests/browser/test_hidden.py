"""A tab that nobody looks at for long, in a Chromium that slows its timers down."""

import time

from apigw_local.testing import LocalGateway
from tests.browser.plain_chromium import plain_chromium
from tests.browser.visitors import shop_address, site, watching
from tests.soak import only_in_soak
from tests.system.people import new_session

BEAT_SECONDS = 8
HIDDEN_SECONDS = 150

COUNT = """
  window.beats = [];
  window.ticks = [];
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (text) {
    if (text.includes("heartbeat")) beats.push(performance.now());
    return send.call(this, text);
  };
  setInterval(() => ticks.push(performance.now()), 1000);
"""
LONGEST = "Math.max(...{times}.slice(1).map((at, place) => at - {times}[place])) / 1000"


@only_in_soak
def test_heartbeats_go_on_while_timers_wake_up_once_a_minute(hadir: LocalGateway) -> None:
    session = new_session()
    with (
        site(hadir) as shop,
        watching(hadir, session) as admin,
        plain_chromium(
            "--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/5"
        ) as browser,
        browser.tab(shop_address(shop, hadir, session, heartbeatMs=BEAT_SECONDS * 1000)) as tab,
        browser.tab("about:blank"),
    ):
        admin.wait_for_join()
        tab.evaluate(COUNT)
        time.sleep(HIDDEN_SECONDS)
        slowed = tab.evaluate(LONGEST.format(times="ticks"))
        beats = tab.evaluate(LONGEST.format(times="beats"))
        assert slowed > 30, "the browser has not slowed its timers down"
        assert beats < 2 * BEAT_SECONDS
        assert admin.events() == ["user_connected"]
