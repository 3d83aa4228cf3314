"""People who come, go, type and reload, for whoever builds a page that shows many of them.

    python -m local.crowd ws://127.0.0.1:8081/local 200

Nine of ten are customers, each in a session of their own; the others are agents, who go from one of
these sessions to another, take it, answer and give it back. They send what a browser sends.
``make run ARGS="--crowd 200"`` starts this beside the gateway. It ends with it, and whoever cannot
be let in tries again later.
"""

import asyncio
import contextlib
import json
import random
import signal
import sys
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

_BEAT_SECONDS = 30.0
_COMING_EACH_SECOND = 10
_SLOWEST_RETRY_SECONDS = 30.0
_GOING_AWAY, _GOODBYE = 1001, 1000
_PAGES = ("/", "/prices", "/help/returns", "/orders", "/checkout")
_TEXTS = (
    "Hi, is anybody there?",
    "Where is my order?",
    "Thank you!",
    "One moment, please.",
    "Can I pay by invoice?",
    "I have sent you an e-mail.",
)


_Stay = Callable[[ClientConnection], Awaitable[int]]


class _Person:
    """Somebody with a browser; chance decides what they do."""

    def __init__(self, url: str, user_id: str, user_type: str) -> None:
        self._url = url
        self._who = {"user_id": user_id, "user_type": user_type}

    async def visit(self, session_id: str, stay: _Stay) -> None:
        """Be in a session for as long as ``stay`` takes, which returns the code to close with.

        Reloads come back at once. A socket that is refused or lost is opened again, ever later.
        """
        retry = 1.0
        while True:
            address = f"{self._url}?{urlencode({'session_id': session_id, **self._who})}"
            try:
                async with connect(address, open_timeout=30, close_timeout=5) as socket:
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

    async def _until(self, socket: ClientConnection, staying: Awaitable[int]) -> int:
        """Send heartbeats and read what comes, until the person has had enough."""

        async def read() -> None:
            async for _ in socket:
                pass

        async def beat() -> None:
            while True:
                await _say(socket, action="heartbeat")
                await asyncio.sleep(_BEAT_SECONDS)

        meanwhile = [asyncio.ensure_future(each) for each in (read(), beat())]
        try:
            return await staying
        finally:
            for each in meanwhile:
                each.cancel()
            await asyncio.gather(*meanwhile, return_exceptions=True)

    async def browse(self, socket: ClientConnection) -> int:
        """What a customer does on a page, until they leave it, reload it or follow a link."""
        await _say(socket, action="set_state", state={"page": random.choice(_PAGES)})
        for _ in range(random.randrange(1, 6)):
            await asyncio.sleep(random.uniform(3, 15))
            match random.choices(("write", "look away"), (4, 1))[0]:
                case "write":
                    await self._write(socket)
                case _:
                    state = {"page": random.choice(_PAGES)}
                    await _say(socket, action="set_state", state={**state, "away": True})
                    await asyncio.sleep(random.uniform(5, 20))
                    await _say(socket, action="set_state", state=state)
        return random.choices((_GOODBYE, _GOING_AWAY), (1, 2))[0]

    async def help(self, socket: ClientConnection) -> int:
        """What an agent does in a customer's session."""
        user_id = self._who["user_id"]
        await _say(socket, action="assign", user_id=user_id)
        for _ in range(random.randrange(1, 4)):
            await asyncio.sleep(random.uniform(2, 10))
            await self._write(socket)
        await _say(socket, action="assign", user_id=None, expect=user_id)
        await asyncio.sleep(1)
        return _GOODBYE

    async def _write(self, socket: ClientConnection) -> None:
        await _say(socket, action="typing", on=True)
        await asyncio.sleep(random.uniform(1, 5))
        await _say(socket, action="message", text=random.choice(_TEXTS))


async def _say(socket: ClientConnection, **message: object) -> None:
    await socket.send(json.dumps(message))


async def crowd(url: str, people: int) -> None:
    """Let so many people come and go at ``url``, the stage's, until this is cancelled."""
    agents = max(people // 10, 1) if people > 1 else 0
    sessions = [f"crowd-{number}" for number in range(1, people - agents + 1)]

    async def customer(number: int) -> None:
        await asyncio.sleep(number / _COMING_EACH_SECOND)
        person = _Person(url, f"visitor_{number}", "customer")
        while True:
            await person.visit(sessions[number - 1], person.browse)
            await asyncio.sleep(random.uniform(2, 30))

    async def agent(number: int) -> None:
        await asyncio.sleep(number / _COMING_EACH_SECOND)
        person = _Person(url, f"agent_{number}", "agent")
        while True:
            await person.visit(random.choice(sessions), person.help)
            await asyncio.sleep(random.uniform(1, 5))

    async with asyncio.TaskGroup() as group:
        for number in range(1, len(sessions) + 1):
            group.create_task(customer(number))
        for number in range(1, agents + 1):
            group.create_task(agent(number))


def main() -> None:
    """Run until we are stopped."""
    url, people = sys.argv[1:]
    # The gateway's end closes all sockets; there is nobody who would have to be told of it here.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(crowd(url, int(people)))


if __name__ == "__main__":
    main()
