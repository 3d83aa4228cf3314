"""Where Node functions' connections to AWS's host names lead."""

import pytest

from tests.clients import WAIT
from tests.conftest import ServeNode
from tests.functions import ask, needs_node

pytestmark = needs_node


POSTING = {
    "in the code": "`https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/${stage}`",
    "id of the API": "`https://${apiId}.execute-api.${process.env.AWS_REGION}.amazonaws.com/${stage}`",
    "domain name": "`https://${domainName}/${stage}`",
}


@pytest.mark.parametrize(("where", "endpoint"), POSTING.items(), ids=POSTING)
def test_posts_by_https_reach_the_gateway(serve_node: ServeNode, where: str, endpoint: str) -> None:
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
    gateway = serve_node({"app.js": code}, options={"offline": where == "in the code"})
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
