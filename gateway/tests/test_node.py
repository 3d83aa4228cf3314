"""Functions on Node: in processes under our own runtime client."""

import json
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.clients import WAIT, refusal
from tests.conftest import ServeNode
from tests.functions import answering_on_node, ask, needs_node
from tests.running_gateway import free_ports

pytestmark = needs_node


@pytest.mark.parametrize(
    ("files", "properties"),
    [
        ({"app.js": "exports.handler = async () => ({statusCode: 200, body: 'hi'})"}, {}),
        (
            {"app.js": "exports.handler = (e, c, call) => call(0, {statusCode: 200, body: 'hi'})"},
            {},
        ),
        (
            {"app.js": "exports.handler = (e, c) => c.succeed({statusCode: 200, body: 'hi'})"},
            {},
        ),
        (
            {
                "app.js": "exports.handler = async (e, c, done) => {"
                "done(null, {statusCode: 200, body: 'hi'}); }"
            },
            {},
        ),
        ({"app.mjs": "export const handler = async () => ({statusCode: 200, body: 'hi'})"}, {}),
        (
            {
                "package.json": '{"type": "module"}',
                "app.js": "export const handler = async () => ({statusCode: 200, body: 'hi'})",
            },
            {},
        ),
        (
            {"app.js": "export const handler = async () => ({statusCode: 200, body: 'hi'})"},
            {},
        ),
        (
            {
                "app.js": "const text = await Promise.resolve('hi');"
                "export const handler = async () => ({statusCode: 200, body: text})"
            },
            {},
        ),
        (
            {
                "package.json": '{"type": "module"}',
                "app.cjs": "exports.handler = async () => ({statusCode: 200, body: 'hi'})",
            },
            {},
        ),
        (
            {"src/on/all.js": "exports.of = {them: async () => ({statusCode: 200, body: 'hi'})}"},
            {"Handler": "src/on/all.of.them"},
        ),
        (
            {"app.mjs": "export default {handler: async () => ({statusCode: 200, body: 'hi'})}"},
            {},
        ),
    ],
    ids=[
        "async", "callback", "context.succeed", "async with a callback", "mjs", "type module",
        "an ES module by its syntax", "one that waits", "cjs", "in a folder, deep",
        "default export",
    ],
)  # fmt: skip
def test_handlers_of_every_form(
    serve_node: ServeNode, files: dict[str, str], properties: dict[str, Any]
) -> None:
    assert ask(serve_node(files, **properties)) == "hi"


def test_a_handlers_event_and_context(serve_node: ServeNode) -> None:
    code = """
        exports.handler = async (event, context) => ({statusCode: 200, body: JSON.stringify({
            event, context, left: context.getRemainingTimeInMillis(), env: process.env,
        })});
    """
    gateway = serve_node({"app.js": code}, Timeout=7, MemorySize=512, FunctionName="chat")
    with gateway.connect() as socket:
        socket.send("hello")
        told = json.loads(socket.recv(WAIT))

    assert told["event"]["body"] == "hello"
    context = told["context"]
    assert context["functionName"] == "chat"
    assert context["functionVersion"] == "$LATEST"
    assert context["memoryLimitInMB"] == "512"
    assert context["invokedFunctionArn"].endswith(":function:chat")
    assert context["awsRequestId"] == gateway.wait_for(
        lambda record: record.kind == "invocation"
    ).fields["requestId"]  # fmt: skip
    assert 0 < told["left"] <= 7000
    assert told["env"]["AWS_EXECUTION_ENV"] == "AWS_Lambda_nodejs20.x"


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("exports.handler = async () => { throw new TypeError('no way') }", "TypeError: no way"),
        ("exports.handler = (e, c, done) => done(new RangeError('no way'))", "RangeError: no way"),
        ("exports.handler = (e, c, done) => done('no way')", "string: no way"),
        ("exports.handler = (e, c) => c.fail(new Error('no way'))", "Error: no way"),
        ("exports.handler = () => { throw new Error('no way') }", "Error: no way"),
        ("exports.handler = async () => ({statusCode: 200, body: 1n})", "Unable to stringify"),
        (
            "exports.handler = () => { setTimeout(() => { throw new Error('late') }) }",
            "Runtime.UncaughtException: Error: late",
        ),
        (
            "exports.handler = () => new Promise(() => { Promise.reject(new Error('lost')) })",
            "Runtime.UnhandledPromiseRejection: Error: lost",
        ),
        (
            "exports.handler = async () => process.exit(3)",
            "Runtime.ExitError: RequestId: .* Error: Runtime exited with error: exit status 3",
        ),
        (
            "exports.handler = async () => process.kill(process.pid, 'SIGKILL')",
            "Runtime.ExitError: RequestId: .* Runtime exited with error: signal: killed",
        ),
        ("exports.handler = () => {}", "malformed answer: .*, got null"),
        ("exports.handler = async () => { throw Object.create(null) }", "object: an object that"),
    ],
)
def test_what_goes_wrong_is_told_and_the_next_message_is_served(
    serve_node: ServeNode, code: str, line: str
) -> None:
    gateway = serve_node({"app.js": code})

    assert "Internal server error" in ask(gateway)
    gateway.wait_for_line(line)


def test_a_process_goes_on_after_an_error(serve_node: ServeNode) -> None:
    code = """
        let asked = 0;
        exports.handler = async () => {
            asked += 1;
            if (asked === 1) throw new Error('once');
            return {statusCode: 200, body: `${asked}`};
        };
    """
    gateway = serve_node({"app.js": code})

    assert "Internal server error" in ask(gateway)
    assert ask(gateway) == "2"


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({"app.js": "throw new Error('at start')"}, "did not start: Error: at start"),
        ({"app.js": "exports.handler = {"}, "did not start: Runtime.UserCodeSyntaxError"),
        ({"app.js": "exports.other = 1"}, r"Runtime.HandlerNotFound: app.handler is undefined"),
        ({"app.ts": ""}, "Runtime.ImportModuleError: .*TypeScript runs once it has been built"),
        (
            {"app.js": "require('left-pad')"},
            "Runtime.ImportModuleError: Cannot find module 'left-pad'. Install it",
        ),
        (
            {"app.mjs": "import 'left-pad'"},
            "Runtime.ImportModuleError: Cannot find package 'left-pad' .*Install it",
        ),
        (
            {"app.js": "require('aws-sdk')"},
            "Runtime.ImportModuleError: .*Lambda has no aws-sdk .v2. since nodejs18.x",
        ),
        (
            {"app.js": "exports.handler = awslambda.streamifyResponse(async () => {})"},
            "Runtime.InvalidStreamingOperation: .*streamed responses are not served here",
        ),
        ({"app.js": "process.exit(4)"}, "Runtime.ExitError: Error: .*exit status 4"),
        (
            {"app.js": "Promise.reject(new Error('at init')); exports.handler = async () => 1"},
            "did not start: Runtime.UnhandledPromiseRejection: Error: at init",
        ),
        (
            {"app.js": "exports.handler = async () => 1", "package.json": "{"},
            "SyntaxError: Error parsing .*package.json: ",
        ),
    ],
)
def test_what_does_not_start_says_why(
    serve_node: ServeNode, files: dict[str, str], line: str
) -> None:
    gateway = serve_node(files)

    gateway.wait_for_line(line)
    assert "Internal server error" in ask(gateway)


def test_code_that_has_changed_is_served(serve_node: ServeNode, tmp_path: Path) -> None:
    gateway = serve_node({"app.js": answering_on_node("old")})
    assert ask(gateway) == "old"

    (tmp_path / "project" / "app.js").write_text(answering_on_node("new"))
    gateway.wait_for_line("app.js has changed")
    deadline = time.monotonic() + WAIT
    while ask(gateway) != "new":
        assert time.monotonic() < deadline


def test_a_timeout_ends_the_process(serve_node: ServeNode) -> None:
    code = "exports.handler = () => new Promise((done) => setTimeout(done, 60000))"
    gateway = serve_node({"app.js": code}, Timeout=1)

    assert "Internal server error" in ask(gateway)
    gateway.wait_for_line("Sandbox.Timedout: .*Task timed out after 1.00 seconds")


def test_the_report_line(serve_node: ServeNode) -> None:
    gateway = serve_node({"app.js": answering_on_node("hi")})
    ask(gateway)

    gateway.wait_for_line(
        r"REPORT RequestId: \S+  Duration: [\d.]+ ms  Billed Duration: \d+ ms  "
        r"Memory Size: 128 MB  Max Memory Used: \d+ MB  Init Duration: [\d.]+ ms"
    )


def test_a_callback_waits_for_the_event_loop_unless_told_not_to(serve_node: ServeNode) -> None:
    code = """
        let later = 'not yet';
        exports.handler = (event, context, callback) => {
            context.callbackWaitsForEmptyEventLoop = event.body === 'wait';
            setTimeout(() => { later = 'done' }, 300);
            const answer = {statusCode: 200, get body() { return later }};
            callback(null, answer);
        };
    """
    gateway = serve_node({"app.js": code})
    with gateway.connect() as socket:
        socket.send("at once")
        assert socket.recv(WAIT) == "not yet"
        socket.send("wait")
        assert socket.recv(WAIT) == "done"


def test_connect_may_refuse(serve_node: ServeNode) -> None:
    code = "exports.handler = async () => ({statusCode: 403})"
    gateway = serve_node({"app.js": code}, routes={"$connect": {}})

    assert refusal(gateway).status_code == 403


def test_a_process_is_killed_and_frozen(serve_node: ServeNode) -> None:
    gateway = serve_node({"app.js": answering_on_node("hi")})
    assert ask(gateway) == "hi"

    gateway.kill("Function")
    assert ask(gateway) == "hi"
    gateway.freeze("Function", 0.3)
    assert ask(gateway) == "hi"


def test_a_debugger_may_attach_and_nothing_times_out(serve_node: ServeNode) -> None:
    (port,) = free_ports(1)
    code = """
        exports.handler = async () => {
            await new Promise((done) => setTimeout(done, 1500));
            return {statusCode: 200, body: 'after the timeout'};
        };
    """
    gateway = serve_node({"app.js": code}, Timeout=1, options={"debug_port": port})
    gateway.wait_for_line(f"Function: attach a debugger to port {port}")

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=WAIT) as answer:
        (target,) = json.load(answer)
    assert target["type"] == "node"
    assert ask(gateway) == "after the timeout"


def test_what_fails_between_two_messages_fails_neither(serve_node: ServeNode) -> None:
    code = """
        exports.handler = async () => {
            setTimeout(() => { throw new Error('nobody waits') }, 100);
            await new Promise((done) => setTimeout(done, 20));
            return {statusCode: 200, body: `${process.pid}`};
        };
    """
    gateway = serve_node({"app.js": code})

    first = int(ask(gateway))
    gateway.wait_for_line("Error: nobody waits")
    deadline = time.monotonic() + WAIT
    while psutil.pid_exists(first):
        assert time.monotonic() < deadline
    time.sleep(0.2)  # until that has been noticed
    assert int(ask(gateway)) != first


def test_a_description_of_a_package_that_is_broken_is_named(serve_node: ServeNode) -> None:
    files = {"src/app.js": answering_on_node("hi"), "src/package.json": "{"}
    gateway = serve_node(files, Handler="src/app.handler")

    gateway.wait_for_line("did not start: Runtime.ImportModuleError: .*src/package.json: ")
