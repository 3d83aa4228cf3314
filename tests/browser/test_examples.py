"""The examples of the documentation, as they stand there: only ports are replaced."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from websockets.sync.client import connect

from apigw_local.testing import LocalGateway
from hadir.access.keys import SecretKeys
from hadir.access.tokens import Tokens
from tests.browser.serving import served_folder
from tests.running_gateway import ROOT, AnyGateway, free_ports
from tests.system.people import status_of
from tests.tokens import SECRET, token

README = ROOT / "README.md"
GUIDE = ROOT / "docs" / "integrate.md"
NODE_MODULES = ROOT / "tests" / "browser" / "node_modules"
SETTLED_MS = 15_000
"""By then who left has left for good."""

BACKENDS = {"python": "backend.py", "node": "backend.mjs"}
RUNNABLE = [
    "python",
    *(["node"] if (NODE_MODULES / "jsonwebtoken").exists() else []),
]
"""Node's needs ``jsonwebtoken``, which is not installed for this alone; elsewhere it is only
checked for its syntax."""

ENTRIES = {
    "hadir": "hadir.js",
    **{f"hadir/{name}": f"{name}.js" for name in ("chat", "react", "vue", "watcher")},
}

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(document: Path, *languages: str) -> list[str]:
    return [code for language, code in BLOCK.findall(document.read_text()) if language in languages]


def saved(name: str) -> str:
    """The example that the guide says to save under a name."""
    _, found, rest = GUIDE.read_text().partition(f"ave this as `{name}`")
    assert found, name
    block = BLOCK.search(rest)
    assert block
    return block[2]


def on_ports_of(gateway: AnyGateway, code: str) -> str:
    assert "8082" in code
    ports = {"8081": gateway.ws, "8082": gateway.http}
    return re.sub("8081|8082", lambda found: ports[found[0]].rpartition(":")[2], code)


def until_nobody_is_in(gateway: AnyGateway, session: str) -> None:
    deadline = time.monotonic() + 20
    while status_of(gateway, session)["users"]:
        assert time.monotonic() < deadline, f"{session} is not empty"
        time.sleep(0.05)


@pytest.fixture
def pages(hadir: AnyGateway, tmp_path: Path) -> Iterator[Path]:
    """A folder with the pages of README.md and of docs/integrate.md, to be opened in an empty
    session."""
    readme = examples(README, "html")[-1]
    (tmp_path / "readme.html").write_text(on_ports_of(hadir, readme))
    for name in ("agent.html", "customer.html"):
        (tmp_path / name).write_text(on_ports_of(hadir, saved(name)))
    until_nobody_is_in(hadir, "s1")
    yield tmp_path
    until_nobody_is_in(hadir, "s1")


def open_page(context: BrowserContext, address: str) -> Page:
    page = context.new_page()
    page.goto(address)
    return page


def leave(page: Page) -> None:
    page.goto("about:blank")  # as somebody who closes the page; that it says goodbye is certain
    page.close()


def say(page: Page, text: str) -> None:
    page.get_by_label("Message").fill(text)
    page.get_by_role("button", name="Send").click()


def test_the_readmes_chat_works(context: BrowserContext, hadir: AnyGateway, tmp_path: Path) -> None:
    (tmp_path / "shop.html").write_text(on_ports_of(hadir, examples(README, "html")[0]))
    with served_folder(tmp_path) as address:
        page = open_page(context, f"{address}/shop.html")
        page.get_by_role("button", name="Open chat").click()
        page.get_by_role("textbox", name="Write a message").fill("Hello")
        page.keyboard.press("Enter")
        expect(page.get_by_role("log")).to_contain_text("Sent")


def test_the_guide_has_the_pages_that_are_opened_here() -> None:
    names = ("shop.html", "agent.html", "customer.html", "console.html", "visitor.html")
    assert examples(GUIDE, "html") == [saved(name) for name in names]


@pytest.mark.parametrize("opened", ["from a web server", "by a double click"])
def test_the_readme_shows_who_is_here_and_who_has_left(
    context: BrowserContext, pages: Path, opened: str
) -> None:
    context.clock.install()
    with served_folder(pages) as server:
        folder = server if opened == "from a web server" else pages.as_uri()
        agent = open_page(context, f"{folder}/readme.html")
        people = agent.locator("#people")
        expect(people).to_have_text("admin_1: here")
        customer = open_page(context, f"{folder}/readme.html#customer")
        expect(customer.locator("#people")).to_have_text("admin_1: here customer_1: here")
        expect(people).to_have_text("admin_1: here customer_1: here")

        leave(customer)

        expect(people).to_have_text("admin_1: here customer_1: maybe back client_closed")
        agent.clock.fast_forward(SETTLED_MS)
        expect(people).to_have_text("admin_1: here customer_1: left client_closed")
        leave(agent)


def test_the_agents_page_is_calm_and_says_who_has_left(
    context: BrowserContext, pages: Path
) -> None:
    context.clock.install()
    with served_folder(pages) as server:
        agent = open_page(context, f"{server}/agent.html")
        people, alert = agent.locator("#people li"), agent.get_by_role("alert")
        expect(agent.locator("#connection")).to_have_text("open")
        expect(people).to_have_text(["admin_1: here"])
        customer = open_page(context, f"{server}/customer.html")
        expect(people).to_have_text(["admin_1: here", "customer_1: here"])

        customer.reload()
        expect(people).to_have_text(["admin_1: here", "customer_1: here"])
        agent.clock.fast_forward(SETTLED_MS)
        expect(alert).to_have_text("")

        leave(customer)
        expect(people).to_have_text(["admin_1: here", "customer_1: maybe back"])
        agent.clock.fast_forward(SETTLED_MS)
        expect(people).to_have_text(["admin_1: here", "customer_1: left"])
        expect(alert).to_have_text(re.compile(r"customer_1 has left \(.*\d.*\): closed the page"))

        customer = open_page(context, f"{server}/customer.html")
        expect(people).to_have_text(["admin_1: here", "customer_1: here"])
        expect(alert).to_have_text("")
        leave(customer)
        leave(agent)


def test_the_customers_page_shows_messages_typing_and_what_was_said_before(
    context: BrowserContext, pages: Path
) -> None:
    with served_folder(pages) as server:
        customer = open_page(context, f"{server}/customer.html")
        before = customer.locator("#messages li").count()
        say(customer, "Hello?")
        expect(customer.locator("#messages li").last).to_have_text("customer_1: Hello?")
        expect(customer.locator("#outbox li")).to_have_count(0)

        admin = open_page(context, f"{server}/customer.html#admin")
        expect(admin.locator("#messages li").last).to_have_text("customer_1: Hello?")
        admin.get_by_label("Message").press_sequentially("Good")
        expect(customer.locator("#typing")).to_have_text("admin_1 is writing")
        say(admin, "Good morning")

        both = ["customer_1: Hello?", "admin_1: Good morning"]
        for page in (customer, admin):
            expect(page.locator("#messages li").last).to_have_text(both[-1])
            assert page.locator("#messages li").all_inner_texts()[before:] == both
        admin.reload()
        expect(admin.locator("#messages li")).to_have_count(before + 2)
        assert admin.locator("#messages li").all_inner_texts()[before:] == both
        for page in (customer, admin):
            expect(page.locator("#typing")).to_have_text("")
        leave(customer)
        leave(admin)


def test_without_a_socket_a_message_waits(context: BrowserContext, pages: Path) -> None:
    with served_folder(pages) as server:
        customer = open_page(context, f"{server}/customer.html")
        say(customer, "One")
        expect(customer.locator("#messages li").last).to_have_text("customer_1: One")
        customer.evaluate("dispatchEvent(new Event('pagehide'))")

        say(customer, "Two")

        expect(customer.locator("#outbox li")).to_have_text(["Two (waiting)"])
        customer.evaluate("dispatchEvent(new Event('pageshow'))")
        expect(customer.locator("#messages li").last).to_have_text("customer_1: Two")
        expect(customer.locator("#outbox li")).to_have_count(0)
        leave(customer)


@contextmanager
def running_backend(kind: str, folder: Path) -> Iterator[str]:
    """The address of one of the guide's two servers, beside whatever is in the folder."""
    (port,) = free_ports(1)
    file = folder / BACKENDS[kind]
    file.write_text(saved(file.name).replace("8000", str(port)))
    if kind == "node":
        (folder / "node_modules").symlink_to(NODE_MODULES)
    process = subprocess.Popen(
        [sys.executable if kind == "python" else "node", file.name],
        cwd=folder,
        env={**os.environ, "HADIR_TOKEN_SECRET": SECRET},
        stderr=subprocess.DEVNULL,
    )
    try:
        address = f"http://localhost:{port}"
        deadline = time.monotonic() + 20
        while not _answers(address):
            assert process.poll() is None, f"{file.name} has ended"
            assert time.monotonic() < deadline, f"{file.name} does not answer"
            time.sleep(0.05)
        yield address
    finally:
        process.kill()
        process.wait()


def _answers(address: str) -> bool:
    try:
        get(f"{address}/nothing")
    except urllib.error.URLError:
        return False
    return True


def get(address: str, cookie: str = "") -> tuple[int, Any, str]:
    """Status, headers and text of an answer."""
    request = urllib.request.Request(address, headers={"Cookie": cookie} if cookie else {})
    try:
        answer: HTTPResponse | urllib.error.HTTPError = urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status or 0, answer.headers, answer.read().decode()


@pytest.mark.parametrize("kind", RUNNABLE)
def test_a_backend_gives_a_visitor_a_token_for_a_session_of_their_own(
    kind: str, tmp_path: Path
) -> None:
    tokens = Tokens("hadir", secret=SecretKeys({"AWSCURRENT": SECRET}.get))
    (tmp_path / "visitor.html").write_text("Hello")
    with running_backend(kind, tmp_path) as backend:

        def visit(cookie: str = "") -> str:
            _, headers, page = get(backend, cookie)
            assert page == "Hello"
            assert "HttpOnly" in headers["Set-Cookie"]
            return str(headers["Set-Cookie"]).partition(";")[0]

        def ask(cookie: str) -> dict[str, str]:
            status, headers, text = get(f"{backend}/hadir-token", cookie)
            assert status == 200
            assert headers["Cache-Control"] == "no-store"
            answer: dict[str, str] = json.loads(text)
            return answer

        visitor = visit()
        assert visit(visitor) == visitor
        answer = ask(f"theme={{dark}}; {visitor}; other=1")
        grant = tokens.read(answer["token"])
        assert (grant.user_id, grant.sessions) == (answer["userId"], (answer["sessionId"],))
        assert grant.user_type == "customer"
        assert time.time() + 600 < grant.expires_at < time.time() + 1_000
        assert visitor.partition("=")[2] not in json.dumps(answer)
        assert ask(visitor)["userId"] == answer["userId"]
        assert ask(visit())["sessionId"] != answer["sessionId"]
        for nobody in ("", "visitor=", "visitor=admin_1", f"{visitor}x"):
            assert get(f"{backend}/hadir-token", nobody)[0] == 401


def test_the_backend_in_node_is_javascript(tmp_path: Path) -> None:
    """All that is checked of it where ``jsonwebtoken`` is not installed."""
    file = tmp_path / "backend.mjs"
    file.write_text(saved(file.name))
    subprocess.run(["node", "--check", file], check=True, capture_output=True)


@pytest.mark.parametrize("kind", RUNNABLE)
def test_an_anonymous_visitor_stays_the_same_and_sees_that_an_agent_is_here(
    context: BrowserContext, with_tokens: LocalGateway, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "visitor.html").write_text(on_ports_of(with_tokens, saved("visitor.html")))
    with running_backend(kind, tmp_path) as backend:
        visitor = open_page(context, backend)
        connection, agent = visitor.locator("#connection"), visitor.locator("#agent")
        expect(connection).to_have_text(re.compile(r"^visitor_\w{32}: open$"))
        shown = connection.inner_text()
        visitor.reload()
        expect(connection).to_have_text(shown)
        expect(agent).to_have_text("Nobody is here yet")

        session = f"chat_{shown.partition(':')[0]}"
        proof = token(session=session, user="admin_1", type="admin")
        address = f"{with_tokens.ws}/local?session_id={session}&user_id=admin_1&user_type=admin"
        with connect(f"{address}&token={proof}", open_timeout=20):
            expect(agent).to_have_text("An agent is here")
        expect(agent).to_have_text("Nobody is here yet")

        context.clear_cookies()
        visitor.evaluate("dispatchEvent(new Event('pagehide'))")
        visitor.evaluate("dispatchEvent(new Event('pageshow'))")
        expect(connection).to_have_text(shown.replace("open", "unauthorized"))


@pytest.mark.parametrize("language", ["js", "jsx", "ts", "vue"])
def test_what_other_examples_import_is_there(language: str, tmp_path: Path) -> None:
    for number, example in enumerate(examples(GUIDE, language)):
        script = re.search(r"<script setup>\n(.*?)</script>", example, re.DOTALL)
        file = tmp_path / f"{number}.{'js' if script else language}"
        file.write_text(script[1] if script else example)
        subprocess.run(
            [
                *(NODE_MODULES / ".bin" / "esbuild", file, "--bundle", "--format=esm"),
                *("--external:react", "--external:vue", "--external:*.vue"),
                *("--external:jsonwebtoken", "--external:node:*", "--log-level=warning"),
                *(f"--alias:{name}={ROOT / 'web' / entry}" for name, entry in ENTRIES.items()),
                "--outfile=" + str(tmp_path / "bundle.js"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
