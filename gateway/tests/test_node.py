"""Functions on Node: in processes under our own runtime client."""

import json
import os
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from apigw_local.runtime import packages
from apigw_local.testing import LocalGateway
from tests.clients import WAIT, refusal
from tests.conftest import TWO_WAY, answers_on, plain_template
from tests.functions import ask
from tests.running_gateway import free_ports, free_row, start_gateway

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="there is no node")

ServeNode = Callable[..., LocalGateway]


@pytest.fixture
def serve_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServeNode]:
    """Serves files: ``serve_node({"app.js": code}, Timeout=1, …)``; ``$default`` answers."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with ExitStack() as stack:

        def start(
            files: Mapping[str, str],
            *,
            routes: dict[str, dict[str, Any]] | None = None,
            resources: dict[str, Any] | None = None,
            options: dict[str, Any] | None = None,
            **properties: Any,
        ) -> LocalGateway:
            project = tmp_path / "project"
            for name, code in files.items():
                file = project / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(code)
            given = {"CodeUri": ".", "Handler": "app.handler", "Runtime": "nodejs20.x"}
            function = {
                "Type": "AWS::Serverless::Function",
                "Properties": {**given, **properties},
            }
            made = {"Function": function, **answers_on(0), **(resources or {})}
            template = project / "template.json"
            template.write_text(json.dumps(plain_template(routes or {"$default": TWO_WAY}, made)))
            return stack.enter_context(LocalGateway(template, **(options or {})))

        yield start


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
    gateway = serve_node({"app.js": answering("old")})
    assert ask(gateway) == "old"

    (tmp_path / "project" / "app.js").write_text(answering("new"))
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
    gateway = serve_node({"app.js": answering("hi")})
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


def test_packages_of_layers(serve_node: ServeNode) -> None:
    package = {
        "layer/nodejs/node_modules/words/package.json": '{"main": "index.js"}',
        "layer/nodejs/node_modules/words/index.js": "exports.hello = 'selamat'",
        "layer/nodejs/own.js": "exports.name = 'datang'",
    }
    code = """
        const {hello} = require('words');
        const {name} = require('/opt/nodejs/own');
        exports.handler = async () => ({statusCode: 200, body: `${hello} ${name}`});
    """
    layer = {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "layer"}}
    given = {"resources": {"Words": layer}, "Layers": [{"Ref": "Words"}], "CodeUri": "src"}
    gateway = serve_node({"src/app.js": code, **package}, **given)

    assert ask(gateway) == "selamat datang"


def test_an_es_module_finds_packages_of_layers_too(serve_node: ServeNode) -> None:
    package = {
        "layer/nodejs/node_modules/words/package.json": '{"main": "index.js"}',
        "layer/nodejs/node_modules/words/index.js": "exports.hello = 'selamat'",
        "layer/nodejs/own.mjs": "export const name = 'datang'",
    }
    code = """
        import words from 'words';
        import {name} from '/opt/nodejs/own.mjs';
        export const handler = async () => ({statusCode: 200, body: `${words.hello} ${name}`});
    """
    layer = {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "layer"}}
    given = {"resources": {"Words": layer}, "Layers": [{"Ref": "Words"}], "CodeUri": "src"}
    gateway = serve_node({"src/app.mjs": code, **package}, **given)

    assert ask(gateway) == "selamat datang"


def test_connect_may_refuse(serve_node: ServeNode) -> None:
    code = "exports.handler = async () => ({statusCode: 403})"
    gateway = serve_node({"app.js": code}, routes={"$connect": {}})

    assert refusal(gateway).status_code == 403


def test_a_process_is_killed_and_frozen(serve_node: ServeNode) -> None:
    gateway = serve_node({"app.js": answering("hi")})
    assert ask(gateway) == "hi"

    gateway.kill("Function")
    assert ask(gateway) == "hi"
    gateway.freeze("Function", 0.3)
    assert ask(gateway) == "hi"


def answering(text: str) -> str:
    return f"exports.handler = async () => ({{statusCode: 200, body: {text!r}}})"


POSTING = {
    "in the code": "`https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/${stage}`",
    "id of the API": "`https://${apiId}.execute-api.${process.env.AWS_REGION}.amazonaws.com/${stage}`",
    "domain name": "`https://${domainName}/${stage}`",
}


@pytest.mark.parametrize("endpoint", POSTING.values(), ids=POSTING)
def test_posts_by_https_reach_the_gateway(serve_node: ServeNode, endpoint: str) -> None:
    code = f"""
        const https = require('node:https');
        exports.handler = async (event) => {{
            const {{apiId, stage, domainName, connectionId}} = event.requestContext;
            const url = {endpoint} + '/@connections/' + encodeURIComponent(connectionId);
            const headers = {{authorization: 'AWS4-HMAC-SHA256 Credential=x'}};
            const status = await new Promise((resolve, reject) => {{
                https.request(url, {{method: 'POST', headers}}, (a) => resolve(a.statusCode))
                    .on('error', reject).end('posted');
            }});
            return {{statusCode: 200, body: `${{status}}`}};
        }};
    """
    gateway = serve_node({"app.js": code}, options={"offline": True})
    with gateway.connect() as socket:
        socket.send("x")
        assert {socket.recv(WAIT), socket.recv(WAIT)} == {"posted", "200"}


def test_fetch_and_http2_are_led_too(serve_node: ServeNode) -> None:
    code = """
        exports.handler = async (event) => {
            const {apiId, stage, connectionId} = event.requestContext;
            const host = `https://${apiId}.execute-api.${process.env.AWS_REGION}.amazonaws.com`;
            const url = `${host}/${stage}/@connections/${encodeURIComponent(connectionId)}`;
            const headers = {authorization: 'AWS4-HMAC-SHA256 Credential=x'};
            const answer = await fetch(url, {method: 'POST', headers, body: 'fetched'});
            return {statusCode: 200, body: `${answer.status}`};
        };
    """
    gateway = serve_node({"app.js": code})
    with gateway.connect() as socket:
        socket.send("x")
        assert {socket.recv(WAIT), socket.recv(WAIT)} == {"fetched", "200"}


CALLING = """
    const https = require('node:https');
    exports.handler = async () => {
        const code = await new Promise((resolve) => {
            https.get('https://dynamodb.us-nowhere-1.amazonaws.com/', () => resolve('answered'))
                .on('error', (error) => resolve(error.code));
        });
        return {statusCode: 200, body: `${code}`};
    };
"""


def test_other_services_of_aws_are_refused_offline(serve_node: ServeNode) -> None:
    gateway = serve_node({"app.js": CALLING}, options={"offline": True})

    assert ask(gateway) == "ERR_APIGW_LOCAL_OFFLINE"
    said = gateway.wait_for_line("Function calls dynamodb.us-nowhere-1.amazonaws.com: refused")
    assert "AWS_ENDPOINT_URL_DYNAMODB" in said
    assert ask(gateway) == "ERR_APIGW_LOCAL_OFFLINE"
    assert gateway.output.count("Function calls dynamodb") == 1


def test_and_otherwise_only_told_of(serve_node: ServeNode) -> None:
    gateway = serve_node({"app.js": CALLING}, options={"offline": False}, Timeout=10)

    assert ask(gateway) != "ERR_APIGW_LOCAL_OFFLINE"
    gateway.wait_for_line("Function calls dynamodb.us-nowhere-1.amazonaws.com, in AWS itself")


SDK_3 = """
    const { ApiGatewayManagementApiClient, PostToConnectionCommand } =
        require('@aws-sdk/client-apigatewaymanagementapi');
    exports.handler = async (event) => {
        const { domainName, stage, connectionId: ConnectionId } = event.requestContext;
        const client = new ApiGatewayManagementApiClient({endpoint: `https://${domainName}/${stage}`});
        await client.send(new PostToConnectionCommand({ ConnectionId, Data: 'posted' }));
        return { statusCode: 200, body: 'sent' };
    };
"""
SDK_3_AS_MODULE = (
    SDK_3.replace("    const { ApiGateway", "    import { ApiGateway", 1)
    .replace("=\n        require(", "from ")
    .replace("managementapi')", "managementapi'")
    .replace("exports.handler =", "export const handler =")
)
SDK_2 = """
    const AWS = require('aws-sdk');
    exports.handler = async (event) => {
        const { domainName, stage, connectionId: ConnectionId } = event.requestContext;
        const api = new AWS.ApiGatewayManagementApi({ endpoint: `${domainName}/${stage}` });
        await api.postToConnection({ ConnectionId, Data: 'posted' }).promise();
        return { statusCode: 200, body: new AWS.DynamoDB().endpoint.href };
    };
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's cache, in which packages are installed once for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize(
    ("name", "code", "runtime", "answer"),
    [
        ("app.js", SDK_3, "nodejs20.x", "sent"),
        ("app.mjs", SDK_3_AS_MODULE, "nodejs20.x", "sent"),
        ("app.js", SDK_3_AS_MODULE, "nodejs20.x", "sent"),
        ("app.js", SDK_2, "nodejs16.x", "http://127.0.0.1:8000/"),
    ],
    ids=["v3", "v3 in an ES module", "v3 in one by its syntax", "v2"],
)
def test_the_sdk_that_a_project_leaves_to_lambda(
    serve_node: ServeNode,
    monkeypatch: pytest.MonkeyPatch,
    cache: Path,
    name: str,
    code: str,
    runtime: str,
    answer: str,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:8000")
    gateway = serve_node({name: code}, Runtime=runtime, Timeout=20)
    with gateway.connect() as socket:
        socket.send("x")
        assert [socket.recv(WAIT), socket.recv(WAIT)] == ["posted", answer]


def test_a_package_that_cannot_be_installed_is_named(
    serve_node: ServeNode, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text("#!/bin/sh\necho there is no network; exit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{npm.parent}{os.pathsep}{os.environ['PATH']}")
    gateway = serve_node({"app.js": SDK_3})

    assert "Internal server error" in ask(gateway)
    gateway.wait_for_line(
        "warning npm install --prefix .* @aws-sdk/client-apigatewaymanagementapi failed: "
        "there is no network"
    )
    gateway.wait_for_line("Cannot find module '@aws-sdk/client-apigatewaymanagementapi'")


def test_what_a_project_has_itself_is_not_installed(serve_node: ServeNode, tmp_path: Path) -> None:
    files = {
        "node_modules/@aws-sdk/client-own/package.json": "{}",
        "node_modules/@aws-sdk/client-own/index.js": "exports.text = 'own'",
        "src/app.js": "const {text} = require('@aws-sdk/client-own');"
        + answering("x").replace("'x'", "text"),
    }
    gateway = serve_node(files, CodeUri="src")

    assert ask(gateway) == "own"
    assert not (tmp_path / "cache").exists()


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


def test_the_templates_own_module_path_and_options(serve_node: ServeNode) -> None:
    code = """
        const {text} = require('own-words');
        exports.handler = async () => ({statusCode: 200, body: `${text} ${process.title}`});
    """
    variables = {"NODE_PATH": "/var/task/lib", "NODE_OPTIONS": "--title=named"}
    files = {"app.js": code, "lib/own-words.js": "exports.text = 'mine'"}
    gateway = serve_node(files, Environment={"Variables": variables})

    assert ask(gateway) == "mine named"


def test_threads_and_processes_of_a_function_are_led_too(serve_node: ServeNode) -> None:
    code = """
        const { Worker } = require('node:worker_threads');
        const { spawnSync } = require('node:child_process');
        const calling = `require('node:net').connect(443, 's3.amazonaws.com.')
            .on('error', (error) => { console.log(error.code); })`;
        exports.handler = async () => {
            const child = spawnSync(process.execPath, ['-e', calling], {encoding: 'utf8'});
            const thread = new Worker(calling, {eval: true, stdout: true});
            let said = '';
            thread.stdout.on('data', (part) => { said += part; });
            await new Promise((done) => thread.on('exit', done));
            return {statusCode: 200, body: `${child.stdout.trim()} ${said.trim()}`};
        };
    """
    gateway = serve_node({"app.js": code}, options={"offline": True}, Timeout=20)

    assert ask(gateway) == "ERR_APIGW_LOCAL_OFFLINE ERR_APIGW_LOCAL_OFFLINE"


def test_another_projects_packages_are_not_found(
    serve_node: ServeNode, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    of_others = tmp_path / "cache" / "apigw-local" / "node" / "sdk2" / "node_modules" / "aws-sdk"
    of_others.mkdir(parents=True)
    (of_others / "package.json").write_text("{}")
    (of_others / "index.js").write_text("")
    gateway = serve_node({"app.js": "require('aws-sdk')"})

    gateway.wait_for_line("Lambda has no aws-sdk .v2. since nodejs18.x")


@pytest.mark.parametrize("cache", ["/proc/nowhere", "/dev/null"])
def test_a_cache_that_cannot_be_written_is_told(
    serve_node: ServeNode, monkeypatch: pytest.MonkeyPatch, cache: str
) -> None:
    monkeypatch.setattr(packages, "cache_folder", lambda: Path(cache) / "apigw-local")
    gateway = serve_node({"app.js": SDK_3})

    gateway.wait_for_line("Lambda has @aws-sdk/client-apigatewaymanagementapi, which is not here")


def test_an_installation_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    npm = tmp_path / "bin" / "npm"
    npm.write_text("#!/bin/sh\nsleep 600 &\necho $! > pid\nsleep 600\n")
    npm.chmod(0o755)
    (tmp_path / "app.js").write_text(SDK_3)
    template = tmp_path / "template.json"
    function = {"CodeUri": ".", "Handler": "app.handler", "Runtime": "nodejs20.x"}
    resource = {"Type": "AWS::Serverless::Function", "Properties": function}
    template.write_text(json.dumps(plain_template({"$default": TWO_WAY}, {"Function": resource})))
    process = start_gateway(
        ["-t", str(template), "--port", str(free_row(4))],
        {
            "PATH": f"{npm.parent}{os.pathsep}{os.environ['PATH']}",
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
        },
    )
    started = tmp_path / "cache" / "apigw-local" / "node" / "sdk3" / "pid"
    deadline = time.monotonic() + WAIT
    while not (started.exists() and started.read_text().endswith("\n")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    child = psutil.Process(int(started.read_text()))
    process.terminate()
    _, said = process.communicate(timeout=WAIT)

    assert process.returncode == 0
    assert "Traceback" not in said
    psutil.wait_procs([child], WAIT)
    assert not child.is_running()


def test_a_description_of_a_package_that_is_broken_is_named(serve_node: ServeNode) -> None:
    files = {"src/app.js": answering("hi"), "src/package.json": "{"}
    gateway = serve_node(files, Handler="src/app.handler")

    gateway.wait_for_line("did not start: Runtime.ImportModuleError: .*src/package.json: ")
