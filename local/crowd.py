"""People who come, go, ask and are answered in the demo shop, so that its desk is not empty.

    python -m local.crowd ws://127.0.0.1:8081/local 24 [.hadir/token-secret]

Nine of ten are customers, each in a session of their own. The others are agents, who take the
session of somebody who has asked, answer, and give it back. They send what a browser sends, with
tokens if there is a secret to sign them. ``make run`` starts this beside the gateway. It ends with
it, and whoever cannot be let in tries again later.
"""

import asyncio
import contextlib
import json
import random
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from local.cast import CLOSINGS, PAGES, TALKS, THANKS, agents_name, customers_name
from local.tokens import token

_BEAT_SECONDS = 30.0
_COMING_EACH_SECOND = 10
_SLOWEST_RETRY_SECONDS = 30.0
_TOKEN_SECONDS = 3600
_GOING_AWAY, _GOODBYE = 1001, 1000


@dataclass(frozen=True)
class _Scene:
    """What all people of the crowd share."""

    url: str
    secret: Path | None
    """To sign tokens with; None where everybody is whom they say they are."""
    asked: dict[str, str] = field(default_factory=dict)
    """Sessions whose customer waits for an answer, and the answer."""


class _Person:
    """Somebody with a browser; chance decides what they do."""

    def __init__(self, scene: _Scene, user_id: str, user_type: str, name: str) -> None:
        self._scene = scene
        self._who = {"user_id": user_id, "user_type": user_type}
        self._name = name
        self._told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def visit(
        self, session_id: str, stay: Callable[[ClientConnection], Awaitable[int]]
    ) -> None:
        """Be in a session for as long as ``stay`` takes, which returns the code to close with.

        Who follows a link comes back at once. A socket that is refused or lost is opened again,
        ever later.
        """
        retry = 1.0
        while True:
            try:
                async with self._socket(session_id) as socket:
                    retry = 1.0
                    code = await self._until(socket, stay(socket))
                    await socket.close(code)
            except (OSError, TimeoutError, WebSocketException):
                await asyncio.sleep(retry * random.uniform(0.5, 1))
                retry = min(2 * retry, _SLOWEST_RETRY_SECONDS)
                continue
            if code == _GOODBYE:
                return
            await asyncio.sleep(random.uniform(0.2, 2))

    def _socket(self, session_id: str) -> connect:
        """With a fresh token each time, where there are tokens."""
        address = f"{self._scene.url}?{urlencode({'session_id': session_id, **self._who})}"
        protocols = None
        if self._scene.secret:
            user, user_type = self._who["user_id"], self._who["user_type"]
            proof = token(
                self._scene.secret, session_id, user, user_type, self._name, _TOKEN_SECONDS
            )
            protocols = [Subprotocol("hadir.v1"), Subprotocol(f"token.{proof}")]
        return connect(address, subprotocols=protocols, open_timeout=30, close_timeout=5)

    async def _until(self, socket: ClientConnection, staying: Awaitable[int]) -> int:
        """Send heartbeats and read what comes, until the person has had enough."""

        async def read() -> None:
            async for text in socket:
                frame = json.loads(text)
                if frame["type"] in {"message", "error"}:
                    self._told.put_nowait(frame)

        async def beat() -> None:
            while True:
                await _say(socket, action="heartbeat")
                await asyncio.sleep(_BEAT_SECONDS)

        meanwhile = [asyncio.ensure_future(each) for each in (read(), beat())]
        self._told = asyncio.Queue()
        try:
            return await staying
        finally:
            for each in meanwhile:
                each.cancel()
            await asyncio.gather(*meanwhile, return_exceptions=True)

    async def _hears(self, seconds: float, *types: str) -> bool:
        """Whether somebody of these types writes within that time, and not only to say goodbye."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    frame = await self._told.get()
                    told = frame["data"] if frame["type"] == "message" else {}
                    if told.get("user_type") in types and told["text"] not in CLOSINGS:
                        return True
        return False

    async def _show(self, socket: ClientConnection, **state: object) -> None:
        """Say where one is; a name too, unless the token says it."""
        named = {} if self._scene.secret else {"name": self._name}
        await _say(socket, action="set_state", state={**named, **state})

    async def _write(self, socket: ClientConnection, text: str) -> None:
        await _say(socket, action="typing", on=True)
        await asyncio.sleep(random.uniform(2, 5))
        await _say(socket, action="message", text=text)


class _Customer(_Person):
    """Looks at pages of the shop, and sometimes asks something."""

    def __init__(self, scene: _Scene, number: int) -> None:
        super().__init__(scene, f"visitor_{number}", "customer", customers_name(number))
        self._session = f"crowd-{number}"

    async def live(self) -> None:
        while True:
            await self.visit(self._session, self._look)
            self._scene.asked.pop(self._session, None)
            await asyncio.sleep(random.uniform(10, 60))

    async def _look(self, socket: ClientConnection) -> int:
        """What a customer does on a page, until they close it or follow a link."""
        page = random.choice(PAGES)
        await self._show(socket, page=page)
        seconds = random.uniform(10, 50)
        match random.choices(("read", "ask", "look away"), (5, 2, 2))[0]:
            case "ask":
                await asyncio.sleep(random.uniform(2, 8))
                question, answer = random.choice(TALKS)
                await self._write(socket, question)
                await self._show(socket, page=page, asked=_now())
                self._scene.asked[self._session] = answer
                seconds = random.uniform(60, 120)
            case "look away":
                await asyncio.sleep(random.uniform(3, 10))
                await self._show(socket, page=page, away=True)
        while await self._hears(seconds, "agent", "admin"):
            await asyncio.sleep(random.uniform(1, 5))
            await self._show(socket, page=page)
            await self._write(socket, random.choice(THANKS))
            seconds = random.uniform(15, 40)
        return random.choices((_GOODBYE, _GOING_AWAY), (1, 2))[0]


class _Agent(_Person):
    """Goes to whoever has asked, and answers."""

    def __init__(self, scene: _Scene, number: int) -> None:
        super().__init__(scene, f"agent_{number}", "agent", agents_name(number))
        self._answer = ""

    async def live(self) -> None:
        while True:
            await asyncio.sleep(random.uniform(3, 15))
            if self._scene.asked:
                session, self._answer = self._scene.asked.popitem()  # of those who wait, the last
                await self.visit(session, self._help)

    async def _help(self, socket: ClientConnection) -> int:
        """What an agent does in a customer's session, unless somebody else has taken it."""
        await self._show(socket)
        await _say(socket, action="assign")
        await asyncio.sleep(random.uniform(2, 6))
        if any(self._told.get_nowait()["type"] == "error" for _ in range(self._told.qsize())):
            return _GOODBYE
        await self._write(socket, self._answer)
        if await self._hears(20, "customer"):
            await self._write(socket, random.choice(CLOSINGS))
        await _say(socket, action="assign", user_id=None, expect=self._who["user_id"])
        await asyncio.sleep(1)
        return _GOODBYE


def _now() -> str:
    """As the chat widget says since when its visitor waits (docs/integrate.md)."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def _say(socket: ClientConnection, **message: object) -> None:
    await socket.send(json.dumps(message))


async def crowd(url: str, people: int, secret: Path | None = None) -> None:
    """Let so many people come and go at ``url``, the stage's, until this is cancelled.

    Args:
        secret: the file with the secret to sign tokens with, where nobody gets in without one.
    """
    scene = _Scene(url, secret)
    agents = max(people // 10, 1) if people > 1 else 0

    async def come(number: int, person: _Customer | _Agent) -> None:
        await asyncio.sleep(number / _COMING_EACH_SECOND)
        await person.live()

    async with asyncio.TaskGroup() as group:
        for number in range(1, people - agents + 1):
            group.create_task(come(number, _Customer(scene, number)))
        for number in range(1, agents + 1):
            group.create_task(come(number, _Agent(scene, number)))


def main() -> None:
    """Run until we are stopped."""
    url, people, *secret = sys.argv[1:]
    # The gateway's end closes all sockets; there is nobody who would have to be told of it here.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(crowd(url, int(people), Path(secret[0]) if secret else None))


if __name__ == "__main__":
    main()
