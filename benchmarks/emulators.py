"""Our local API Gateway beside serverless-offline, and Hadir itself on our gateway.

    python -m benchmarks.emulators [--cycles 320] [--widths 1 16 32] [--joins 32 256]

Two of the three run the same small application, one in Node, one in Python. A cycle: an admin and a
customer join a session, the customer closes, and the time runs until the admin has read that they
left, with a status without them; the admin leaves. Cycles per second count all of that. In Hadir
everybody is told of a join as well, and a join lasts until then.

A contender, its functions, its Redis and this driver share the machine, as on a developer's. Wants
Node 20 and npm. One run, all contenders; read the ratios, not the figures.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from local import child
from local.embedded_redis import embedded_redis
from tests.running_gateway import ROOT, free_ports

NODE = ROOT / "benchmarks" / "presence_node"
PYTHON = ROOT / "benchmarks" / "presence_python"
STARTING_SECONDS = 60
WARMING_SECONDS = 6
ANSWERING_SECONDS = 40  # more than the functions' 29: who gives up first says why


@dataclass(frozen=True)
class Contender:
    """What is started in ``folder``; ``tells_joins`` if joins are announced as leaves are.

    ``stage`` ends its URL.
    """

    name: str
    folder: Path
    command: Callable[[str, list[int]], list[str]]
    tells_joins: bool = False
    stage: str = "live"


class NotUp(Exception):
    """A contender did not start; the text has what it said last."""


class Failed(Exception):
    """A cycle cannot go on; it has been counted."""


@dataclass(frozen=True)
class Figures:
    p50: float
    p99: float
    rate: float


@dataclass
class Sessions:
    """Sessions of one contender, and what became of them."""

    url: str
    tells_joins: bool
    joins: int = 0
    refused: list[str] = field(default_factory=list)
    untold: int = 0
    leaves: list[float] = field(default_factory=list)

    async def cycle(self) -> None:
        session = uuid.uuid4().hex
        async with (
            self.joined(session, "admin") as admin,
            self.joined(session, "customer") as customer,
        ):
            started = time.perf_counter()
            closing = asyncio.create_task(customer.close())
            try:
                await read_event(admin, "user_disconnected", "customer_1")
            except (TimeoutError, WebSocketException) as error:
                self.untold += 1
                raise Failed from error
            self.leaves.append(time.perf_counter() - started)
            await closing

    @asynccontextmanager
    async def joined(self, session: str, user_type: str) -> AsyncIterator[ClientConnection]:
        self.joins += 1
        user = f"{user_type}_1"
        query = f"session_id={session}&user_id={user}&user_type={user_type}"
        async with AsyncExitStack() as stack:
            try:
                joining = connect(
                    f"{self.url}?{query}", compression=None, open_timeout=ANSWERING_SECONDS
                )
                socket = await stack.enter_async_context(joining)
                if self.tells_joins:
                    await read_event(socket, "user_connected", user)
            except (OSError, WebSocketException) as error:
                self.refused.append(str(error) or "not told in time")
                raise Failed from error
            yield socket

    def trouble(self) -> str:
        """What went wrong; empty if nothing did."""
        if self.refused:
            return f"fails: {len(self.refused)} of {self.joins} joins ({self.refused[0]})"
        if self.untold:
            return f"fails: {self.untold} of {self.untold + len(self.leaves)} leaves were not told"
        return ""


async def read_event(socket: ClientConnection, event_type: str, user: str) -> None:
    """Read until the event comes with a status that agrees with it."""
    async with asyncio.timeout(ANSWERING_SECONDS):
        while True:
            data = json.loads(await socket.recv()).get("data", {})
            if (data.get("event_type"), data.get("event_user_id")) == (event_type, user):
                present = user in data["connection_status"]["users"]
                if present == (event_type == "user_connected"):
                    return


async def side_by_side(sessions: Sessions, width: int, cycles: int) -> Figures | None:
    """Cycles in ``width`` sessions at a time, once the processes or threads for them are there."""

    async def one(more: Callable[[int], bool]) -> None:
        done = 0
        with suppress(Failed):
            while more(done):
                await sessions.cycle()
                done += 1

    async def together(more: Callable[[int], bool]) -> float:
        started = time.perf_counter()
        await asyncio.gather(*(one(more) for _ in range(width)))
        return time.perf_counter() - started

    warm = time.perf_counter() + WARMING_SECONDS
    await together(lambda _: time.perf_counter() < warm)
    if sessions.trouble():
        return None
    sessions.leaves.clear()
    seconds = await together(lambda done: done < max(2, cycles // width))
    if sessions.trouble():
        return None
    milliseconds = [leave * 1000 for leave in sessions.leaves]
    last = statistics.quantiles(milliseconds, n=100)[-1]
    return Figures(statistics.median(milliseconds), last, len(milliseconds) / seconds)


async def join_at_once(sessions: Sessions, count: int) -> float:
    """Seconds until each of ``count`` sockets has joined a session of its own, or was refused."""
    async with AsyncExitStack() as stack:

        async def one() -> None:
            with suppress(Failed):
                await stack.enter_async_context(sessions.joined(uuid.uuid4().hex, "customer"))

        started = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(count)))
        return time.perf_counter() - started


@contextmanager
def running(contender: Contender) -> Iterator[str]:
    """Start a contender and its Redis; its URL, once it has been joined."""
    with embedded_redis() as redis_url, tempfile.TemporaryDirectory() as scratch:
        ports = free_ports(4)
        log = Path(scratch) / "log"
        quietly = ("sh", "-c", 'cd "$1" && shift && exec "$@" >"$0" 2>&1', str(log))
        server = child.start(
            [*quietly, str(contender.folder), *contender.command(redis_url, ports)],
            environment(redis_url, ports[0], scratch),
        )
        try:
            url = f"ws://127.0.0.1:{ports[0]}/{contender.stage}"
            try:
                asyncio.run(wait_until_up(url, server))
            except TimeoutError as error:
                last = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
                raise NotUp(f"{contender.name} did not come up; it said last:\n{last}") from error
            yield url
        finally:
            server.stop()


async def wait_until_up(url: str, server: child.Child) -> None:
    async with asyncio.timeout(STARTING_SECONDS):
        while True:
            sessions = Sessions(url, tells_joins=False)
            with suppress(Failed):
                async with sessions.joined(uuid.uuid4().hex, "customer"):
                    return
            if server.ended():
                raise TimeoutError
            await asyncio.sleep(0.1)


def environment(redis_url: str, port: int, scratch: str) -> dict[str, str]:
    """What serverless-offline and its functions need; our gateway sets its own over it."""
    return {
        **os.environ,
        "REDIS_URL": redis_url,
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": f"http://127.0.0.1:{port}",
        "SLS_TELEMETRY_DISABLED": "1",
        "SLS_NOTIFICATIONS_MODE": "off",
        "SLS_SCHEMA_CACHE_BASE_DIR": scratch,
    }


def serverless_offline(_redis_url: str, ports: list[int]) -> list[str]:
    return [
        *("node", "node_modules/serverless/bin/serverless.js", "offline", "start"),
        *("--host", "127.0.0.1"),
        *("--websocketPort", str(ports[0])),
        *("--httpPort", str(ports[1])),
        *("--lambdaPort", str(ports[2])),
    ]


def our_gateway(redis_url: str, ports: list[int], *parameters: str) -> list[str]:
    return [
        *(sys.executable, "-m", "apigw_local"),
        *("--ws-port", str(ports[0])),
        *("--http-port", str(ports[1])),
        *("--lambda-port", str(ports[2])),
        *("--admin-port", str(ports[3])),
        *("--parameter-overrides", f"RedisUrl={redis_url}", *parameters),
    ]


def hadir(redis_url: str, ports: list[int]) -> list[str]:
    """It lets nobody in unless told whom, and everybody at a local stage only."""
    return our_gateway(redis_url, ports, "AllowedOrigins=*", "AuthMode=open", "Stage=local")


THEIRS = Contender("serverless-offline, small application in Node", NODE, serverless_offline)
OURS = (
    Contender("our gateway, small application in Python", PYTHON, our_gateway),
    Contender("our gateway, Hadir", ROOT, hadir, tells_joins=True, stage="local"),
)


def measure(contender: Contender, arguments: argparse.Namespace) -> dict[int, Figures]:
    """Print each figure as it is known; those of the widths that did not fail."""
    print(f"\n{contender.name}", flush=True)
    figures = {}
    with running(contender) as url:
        for width in arguments.widths:
            sessions = Sessions(url, contender.tells_joins)
            found = asyncio.run(side_by_side(sessions, width, arguments.cycles))
            if found:
                figures[width] = found
                told = f"p50 {found.p50:6.1f} ms   p99 {found.p99:6.1f} ms"
                how = f"{told}   {found.rate:5.0f} cycles/s"
            else:
                how = sessions.trouble()
            print(f"  {width:3} side by side   {how}", flush=True)
        for count in arguments.joins:
            sessions = Sessions(url, contender.tells_joins)
            seconds = asyncio.run(join_at_once(sessions, count))
            how = sessions.trouble() or f"all {count} joined"
            print(f"  {count:3} joins at once  {how}, {seconds:.1f} s", flush=True)
    return figures


def compare(ours: dict[int, Figures], theirs: dict[int, Figures], widths: Sequence[int]) -> None:
    for width in widths:
        if width in ours and width in theirs:
            our, their = ours[width], theirs[width]
            told = f"p50 {our.p50 / their.p50:6.2f}      p99 {our.p99 / their.p99:6.2f}   "
            print(f"  {width:3} side by side   {told}   {our.rate / their.rate:5.2f} cycles/s")
        else:
            failed = [who for who, has in (("ours", ours), ("theirs", theirs)) if width not in has]
            print(f"  {width:3} side by side   {' and '.join(failed)} failed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--cycles", type=int, default=320, help="measured at each width")
    parser.add_argument(
        "--widths", type=int, nargs="+", default=[1, 16, 32], help="sessions side by side"
    )
    parser.add_argument(
        "--joins", type=int, nargs="*", default=[32, 256], help="sockets that join at once"
    )
    arguments = parser.parse_args()
    # A signal becomes an exception, so that every `finally` and `with` above cleans up.
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.default_int_handler)
    try:
        run(arguments)
    except KeyboardInterrupt:
        sys.exit(130)


def run(arguments: argparse.Namespace) -> None:
    if not (NODE / "node_modules" / ".package-lock.json").exists():  # npm writes it last
        print("Installing serverless-offline", flush=True)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--silent"], cwd=NODE, check=True)
    if not compete(THEIRS, OURS, arguments):
        sys.exit(1)


def compete(theirs: Contender, ours: Sequence[Contender], arguments: argparse.Namespace) -> bool:
    """Measure all, and compare whichever came up; whether all did."""
    measured: dict[str, dict[int, Figures]] = {}
    all_up = True
    for contender in (theirs, *ours):
        try:
            measured[contender.name] = measure(contender, arguments)
        except NotUp as error:
            print(f"  {error}", flush=True)
            measured[contender.name] = {}
            all_up = False
    for contender in ours:
        print(f"\n{contender.name} : {theirs.name}")
        compare(measured[contender.name], measured[theirs.name], arguments.widths)
    return all_up


if __name__ == "__main__":
    main()
