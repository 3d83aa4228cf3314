"""The desk beside many sessions, and whether it shows what Redis holds."""

import json
import time
from typing import Any

from playwright.sync_api import Page
from redis import Redis

from hadir.domain.identity import DEFAULT_TENANT, SessionRef
from hadir.membership.membership import Membership
from hadir.wire.updates import current_fields
from tests.browser.town import PREFIX
from tests.running_gateway import AnyGateway

_TABLE = """
async (prefix) => {
  const { store } = await import("./desk.js");
  const here = ({ presence }) => presence === "here";
  const shown = (person) => [person.id, person.type, person.state ?? null];
  return [...store.rows.values()]
    .filter(({ id, session }) => session && id.startsWith(prefix))
    .map(({ id, people, holder }) => [id, people.filter(here).map(shown), holder?.user_id ?? null]);
}
"""


def desk_of(page: Page, hadir: AnyGateway, sessions: int) -> None:
    """Open the desk, until it lists so many sessions of the town's."""
    page.goto(f"{hadir.http}/desk/?ws={hadir.ws}/local")
    page.wait_for_function(
        "async ([prefix, count]) => [...(await import('./desk.js')).store.rows.keys()]"
        ".filter((id) => id.startsWith(prefix)).length >= count",
        arg=[PREFIX, sessions],
    )


def difference(page: Page, redis_url: str, sessions: int, seconds: float) -> list[tuple[Any, Any]]:
    """What the desk shows and what Redis holds where they differ, after ``seconds`` at most."""
    membership = Membership(Redis.from_url(redis_url, decode_responses=True))
    until = time.monotonic() + seconds
    while True:
        shown = {name: (people, holder) for name, people, holder in page.evaluate(_TABLE, PREFIX)}
        held = _held(membership, range(sessions))
        differing = [(shown.get(name), held.get(name)) for name in held.keys() | shown.keys()]
        differing = [(desk, truth) for desk, truth in differing if desk != truth]
        if not differing or time.monotonic() > until:
            return differing
        page.wait_for_timeout(250)


def _held(membership: Membership, numbers: range) -> dict[str, tuple[Any, Any]]:
    refs = [SessionRef(DEFAULT_TENANT, f"{PREFIX}-{number}") for number in numbers]
    held = {}
    for session in membership.sessions(refs):
        if not session.people:
            continue
        status = json.loads(json.dumps(current_fields(session)))
        people = [
            [user.get("user_id", key), user["user_type"], user.get("state")]
            for key, user in status["connection_status"]["users"].items()
        ]
        holder = status.get("assignment") or {}
        held[session.session_id] = people, holder.get("user_id")
    return held
