"""`make run`: everything with one command, nothing left with one Ctrl-C."""

import asyncio
import contextlib
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlsplit

import psutil
import pytest
from websockets.asyncio.client import connect

from tests.running_gateway import ROOT, free_ports, free_row


def start(*options: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "local", *options],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def printed(*options: str) -> Iterator[str]:
    """A run that is ready; what it has printed to standard output, the link and what to do."""
    with tempfile.TemporaryFile("w+") as log:  # a pipe that nobody reads would stop it
        process = subprocess.Popen(
            [sys.executable, "-m", "local", *options],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if name != "REDIS_URL"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        assert process.stdout is not None
        text = ""
        try:
            while "Ctrl-C stops everything" not in text:
                line = process.stdout.readline()
                assert line, "it has ended"
                text += line
            yield text
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)
            log.seek(0)
            logged = log.read()
    assert process.returncode == 0
    if "--json" in options:
        assert [json.loads(line)["kind"] for line in logged.splitlines()]
    else:
        assert "http" in logged


def link_in(text: str) -> tuple[str, dict[str, str], dict[str, str]]:
    """The page's origin, what its query says and what its fragment says."""
    (link,) = re.findall(r"http://\S+", text)
    parts = urlsplit(link)
    origin = f"{parts.scheme}://{parts.netloc}"
    return origin, dict(parse_qsl(parts.query)), dict(parse_qsl(parts.fragment))


def read(url: str, **headers: str) -> tuple[bytes, dict[str, str]]:
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read(), {name.lower(): value for name, value in answer.headers.items()}


def first_update(url: str) -> dict[str, object]:
    async def run() -> dict[str, object]:
        async with connect(url, open_timeout=30) as client:
            told: dict[str, object] = json.loads(await client.recv())["data"]
            return told

    return asyncio.run(run())


def test_one_link_opens_the_page_whatever_the_ports() -> None:
    base = free_row(4)
    with printed("--port", str(base), "--crowd", "0", "--json") as text:
        origin, query, fragment = link_in(text)
        assert origin == f"http://localhost:{base + 1}"
        assert query == {"ws": f"ws://localhost:{base}/local"}
        assert not fragment
        for page in ("", "shop/", "shop/gayo.html", "shop/checkout.html"):
            body, headers = read(f"{origin}/{page}", Origin="http://x.example")
            assert b"<html" in body
            assert headers["access-control-allow-origin"] == "*"
        rest = f"{origin}/api/session/s1/connection-status"
        assert json.loads(read(rest)[0])["users"] == {}
        who = "session_id=s1&user_id=customer_123&user_type=customer"
        assert first_update(f"{query['ws']}?{who}")["event_user_id"] == "customer_123"
        assert read(f"http://127.0.0.1:{base + 3}/sockets")[0]


def test_a_crowd_comes_goes_writes_and_is_taken_care_of() -> None:
    base = free_row(4)
    with printed("--tokens", "--crowd", "40", "--port", str(base)) as text:
        _, query, tokens = link_in(text)
        url = f"{query['ws']}?session_id=desk&token={tokens['desk_token']}"
        missing = {"user_connected", "user_disconnected", "message", "assignment", "state"}
        asyncio.run(asyncio.wait_for(until_told(url, missing | {"reload", "name"}), 120))


def test_people_have_names_where_no_token_says_them_too() -> None:
    base = free_row(4)
    with printed("--port", str(base)) as text:
        _, query, tokens = link_in(text)
        assert not tokens
        url = f"{query['ws']}?session_id=desk&user_id=amy&user_type=agent"
        asyncio.run(asyncio.wait_for(until_told(url, {"user_connected", "name in the state"}), 60))


async def until_told(url: str, missing: set[str]) -> None:
    """Watch all sessions, until all that is missing has been told, by 20 people or more."""
    people: set[str] = set()
    async with connect(url, open_timeout=30) as client:
        await client.send(json.dumps({"action": "watch", "all": True}))
        while missing or len(people) < 20:
            frame = json.loads(await client.recv())
            for event in frame["data"].get("events", []) if frame["type"] == "feed" else []:
                for each in (event["data"], *event["data"].get("events", [])):
                    missing -= {event["type"], each.get("event_type")}
                    missing -= {"reload"} if each.get("reconnected") else set()
                    people.add(each.get("event_user_id", "visitor_1"))
                shown = event["data"].get("connection_status", {}).get("users", {}).values()
                missing -= {name for each in shown for name in each}
                missing -= {
                    f"{name} in the state" for each in shown for name in each.get("state", {})
                }


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--crowd", "2001"), "must be a number from 0 to 2,000"),
        (("--crowd", "many"), "must be a number from 0 to 2,000"),
    ],
)
def test_a_crowd_that_cannot_come_is_refused(options: tuple[str, ...], why: str) -> None:
    process = start(*options)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert why in said


def test_the_link_of_a_run_with_tokens_lets_two_people_in() -> None:
    base = free_row(4)
    with printed("--tokens", "--crowd", "0", "--port", str(base)) as text:
        origin, query, tokens = link_in(text)
        assert list(tokens) == ["desk_token", "customer_token"]
        who = {"desk": ("dewi", "admin"), "customer": ("customer_123", "customer")}
        for part, person in who.items():
            told = first_update(f"{query['ws']}?session_id=demo-1&token={tokens[f'{part}_token']}")
            assert (told["event_user_id"], told["event_user_type"]) == person

        # A page of one's own, on another port, asks by REST.
        rest = f"{origin}/api/session/demo-1/events"
        asking = {"Origin": "http://localhost:5173", "Access-Control-Request-Method": "GET"}
        asking["Access-Control-Request-Headers"] = "authorization"
        preflight = urllib.request.Request(rest, headers=asking, method="OPTIONS")
        with urllib.request.urlopen(preflight, timeout=30) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(",")
            assert set(allowed) == {"authorization", "content-type"}
        bearer = f"Bearer {tokens['desk_token']}"
        body, headers = read(rest, Origin="http://localhost:5173", Authorization=bearer)
        assert headers["access-control-allow-origin"] == "*"
        assert json.loads(body)["events"]


def test_on_a_terminal_a_crowd_does_not_push_the_link_away() -> None:
    log = ROOT / ".hadir" / "log"
    log.unlink(missing_ok=True)
    terminal, end = pty.openpty()
    base = str(free_row(4))
    process = subprocess.Popen(
        [sys.executable, "-m", "local", "--port", base],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "REDIS_URL"},
        stdin=subprocess.DEVNULL,
        stdout=end,
        stderr=end,
    )
    os.close(end)
    shown = bytearray()

    def look() -> None:
        with contextlib.suppress(OSError):  # the end of what a terminal shows
            while more := os.read(terminal, 4096):
                shown.extend(more)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        deadline = time.monotonic() + 60
        while b"$connect " not in shown and (
            not log.exists() or "$connect " not in log.read_text()
        ):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        looking.join()
        os.close(terminal)
    assert b"ready" in shown
    assert b"The log goes to .hadir/log." in shown
    assert b"$connect " not in shown


def ports() -> list[str]:
    ws, http, functions, admin = map(str, free_ports(4))
    given = ["--ws-port", ws, "--http-port", http, "--lambda-port", functions]
    return [*given, "--admin-port", admin]


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_behind(name: signal.Signals) -> None:
    with start(*ports()) as process:
        assert process.stderr is not None
        while "Ctrl-C stops everything" not in process.stderr.readline():
            assert process.poll() is None
        deadline = time.monotonic() + 20
        names = ""
        while "local.crowd" not in names and time.monotonic() < deadline:
            children = psutil.Process(process.pid).children(recursive=True)
            names = " ".join(part for child in children for part in child.cmdline())
        assert "valkey-server" in names or "redis-server" in names
        assert "apigw_local" in names
        assert names.count("start.py") >= 6
        has_crowd = "local.crowd" in names

        process.send_signal(name)

        code = process.wait(10)
        assert has_crowd
        assert code == (-signal.SIGKILL if name is signal.SIGKILL else 0)
        deadline = time.monotonic() + 10
        while any(child.is_running() for child in children) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not [child for child in children if child.is_running()]


def test_a_redis_that_does_not_answer() -> None:
    with start(REDIS_URL="redis://127.0.0.1:1") as process:
        _, error = process.communicate(timeout=30)

    (line,) = error.splitlines()
    assert line.startswith("make run: REDIS_URL cannot be used")
    assert process.returncode == 1


def test_a_port_already_taken_leaves_nothing_half_started() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with start("--ws-port", port) as process:
            _, error = process.communicate(timeout=30)

    line = error.splitlines()[-1]
    assert f"cannot listen on 127.0.0.1:{port}" in line
    assert line.endswith(" moves all of them")
    assert process.returncode == 1


def test_help() -> None:
    text = subprocess.run(
        [sys.executable, "-m", "local", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "REDIS_URL" in text
    assert "--port 9000" in text
