"""Packages that Node functions find beside their code: of layers, and those of Lambda's own."""

import json
import os
import time
from pathlib import Path

import psutil
import pytest

from apigw_local.runtime import packages
from tests.clients import WAIT
from tests.conftest import TWO_WAY, ServeNode, plain_template
from tests.functions import answering_on_node, ask, needs_node
from tests.running_gateway import free_row, start_gateway

pytestmark = needs_node


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
        + answering_on_node("x").replace("'x'", "text"),
    }
    gateway = serve_node(files, CodeUri="src")

    assert ask(gateway) == "own"
    assert not (tmp_path / "cache").exists()


def test_the_templates_own_module_path_and_options(serve_node: ServeNode) -> None:
    code = """
        const {text} = require('own-words');
        exports.handler = async () => ({statusCode: 200, body: `${text} ${process.title}`});
    """
    variables = {"NODE_PATH": "/var/task/lib", "NODE_OPTIONS": "--title=named"}
    files = {"app.js": code, "lib/own-words.js": "exports.text = 'mine'"}
    gateway = serve_node(files, Environment={"Variables": variables})

    assert ask(gateway) == "mine named"


def test_packages_of_another_runtime_are_not_found(serve_node: ServeNode, tmp_path: Path) -> None:
    of_2 = tmp_path / "cache" / "apigw-local" / "node" / "sdk2" / "node_modules" / "aws-sdk"
    (of_2 / "lib").mkdir(parents=True)
    (of_2 / "package.json").write_text("{}")
    (of_2 / "index.js").write_text("exports.text = 'version 2'")
    (of_2 / "lib" / "core.js").write_text("exports.config = {update() {}}")
    code = """
        const {text} = require('aws-sdk');
        exports.handler = async () => ({statusCode: 200, body: text});
    """
    assert ask(serve_node({"app.js": code}, Runtime="nodejs16.x")) == "version 2"

    gateway = serve_node({"app.js": code}, Runtime="nodejs18.x")
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
