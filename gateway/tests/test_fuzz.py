"""The gateway's parsers, given whatever there may be and nearly what there should be.

None may fail but in the way it says it does. ``FUZZ_EXAMPLES`` is the number of examples of each.
"""

import io
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from apigw_local.apis.path_form import PathForm
from apigw_local.core.events.http import HttpRequest, http_event, identity_of
from apigw_local.core.events.http import authorizer_event as http_authorizer_event
from apigw_local.core.events.websocket import authorizer_event, connect_event
from apigw_local.core.policies import (
    Allowed,
    AllowedByHttp,
    MalformedAnswer,
    allowed,
    allowed_by_http,
    missing_identity,
)
from apigw_local.core.results import Result
from apigw_local.core.routing import select_route
from apigw_local.core.signature import BadSignature, SignedRequest, verify
from apigw_local.errors import TemplateError
from apigw_local.log import Log
from apigw_local.runtime.runtime_api import RuntimeConnection
from apigw_local.template.document import Map, read
from apigw_local.template.functions import read_env_vars
from apigw_local.template.load import load
from tests.wire import ANSWER, GONE, GRANT, READER, SLOW, STAGE, Servers, Wire, connection
from tests.wire import servers as running_servers

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "200"))
FUZZ = settings(
    max_examples=EXAMPLES,
    report_multiple_bugs=False,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

# What a failing example is made of may be long.
pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")

# What is written

DEEP = 3_000
TEXTS = st.text(st.characters(exclude_categories=()), max_size=8)  # with halves of characters
WORDS = st.sampled_from(
    ["", "a", "say", "$default", "statusCode", "headers", "body", "context", "isAuthorized",
     "principalId", "policyDocument", "Statement", "Effect", "Allow", "Action", "Resource", "*",
     "message", "errorType", "errorMessage", "cookies", "isBase64Encoded", "multiValueHeaders"]
)  # fmt: skip
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, -(10**400), 200, 500])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS | WORDS,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(WORDS, each, max_size=3),
    max_leaves=5,
)
MONSTERS = st.sampled_from(
    [
        "[" * DEEP, "[" * DEEP + "]" * DEEP, '{"a":' * 990 + "1" + "}" * 990,
        "9" * 5000, '"\\ud800"', "NaN", "[1e999]", "", "\x00", "nul",
    ]
)  # fmt: skip
JSON = VALUES.map(json.dumps) | MONSTERS
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"]) | VALUES},
    optional={
        "Action": st.just("execute-api:Invoke") | VALUES,
        "Resource": st.text("*?a:/[(\\.", max_size=12) | VALUES,
    },
)
POLICIES = st.fixed_dictionaries(
    {
        "principalId": st.just("me") | VALUES,
        "policyDocument": st.fixed_dictionaries(
            {"Statement": STATEMENTS | st.lists(STATEMENTS | VALUES, max_size=3)}
        )
        | VALUES,
    },
    optional={"context": VALUES, "usageIdentifierKey": VALUES, "isAuthorized": VALUES},
)
GRANTS = st.fixed_dictionaries({"isAuthorized": VALUES}, optional={"context": VALUES})
AUTHORIZER_ANSWERS = (POLICIES | GRANTS).map(json.dumps).map(str.encode) | JSON.map(
    lambda text: text.encode(errors="surrogatepass")
)
PROXY_ANSWERS = st.fixed_dictionaries(
    {"statusCode": st.integers(100, 700) | st.just("9" * 5000) | VALUES},
    optional={
        "headers": st.dictionaries(TEXTS | WORDS, VALUES, max_size=3)
        | st.sampled_from([{"Transfer-Encoding": "chunked"}, {"Content-Type": "x"}, {"": ""}])
        | VALUES,
        "multiValueHeaders": st.dictionaries(TEXTS, st.lists(TEXTS), max_size=2) | VALUES,
        "body": VALUES,
        "cookies": st.lists(TEXTS) | VALUES,
        "isBase64Encoded": VALUES,
    },
)
RESULTS = st.builds(
    Result,
    PROXY_ANSWERS.map(json.dumps).map(str.encode) | JSON.map(str.encode) | st.binary(max_size=20),
    failed=st.booleans(),
)

# What is sent

NAMES = st.sampled_from(
    ["Host", "Authorization", "Origin", "Cookie", "X-Amz-Date", "X-Amz-Invocation-Type",
     "Content-Type", "Access-Control-Request-Method", "Sec-WebSocket-Key", "Upgrade", "X-A"]
)  # fmt: skip
SIGNATURE = (
    "AWS4-HMAC-SHA256 Credential=local/20250101/eu-west-1/execute-api/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=00"
)
HEADER_VALUES = (
    st.sampled_from(["localhost", "localhost:x", "[::1", "[", "", SIGNATURE, "websocket", "Event"])
    | TEXTS
)
HEADERS = st.lists(st.tuples(NAMES, HEADER_VALUES), max_size=4)
PARTS = (
    st.sampled_from(["%", "%2F", "%252F", "%00", "%ff", "@connections", "%40connections", "..",
                     STAGE, READER, SLOW, GONE, READER.replace("=", "%3D"), "Fn", "Fn:1",
                     "arn:aws:lambda:eu-west-1:1:function:Fn", "2015-03-31", "functions",
                     "invocations", "items", "guarded", "older", ""])
    | TEXTS
)  # fmt: skip
QUERIES = st.lists(PARTS | st.sampled_from(["a=1", "a=%2541", "&", "=", ";"]), max_size=3)
METHODS = st.sampled_from(["GET", "POST", "DELETE", "OPTIONS", "PATCH", "HEAD"])
BODIES = JSON.map(lambda text: text.encode(errors="surrogatepass")) | st.binary(max_size=50)


def encoded(text: str) -> bytes:
    """As bytes, and of what is no character the half that it is."""
    return text.encode(errors="surrogatepass")


def request(
    method: str, path: str, headers: list[tuple[str, str]], body: bytes, *more: tuple[str, str]
) -> bytes:
    sent = {**dict(more), **dict(headers)}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
    lines.append(f"Content-Length: {len(body)}")
    return encoded("\r\n".join(lines) + "\r\n\r\n") + body


@st.composite
def requests(draw: st.DrawFn, paths: st.SearchStrategy[list[str]]) -> bytes:
    """Requests, most of them such as a server takes them, to paths of these parts."""
    path = "/" + "/".join(draw(paths))
    if query := draw(QUERIES):
        path += "?" + "".join(query)
    if draw(st.booleans()):
        path = re.sub(r"[\s\x00-\x1f\x7f]", "_", path)
    usual = [("Host", "localhost"), ("Authorization", SIGNATURE)]
    made = request(draw(METHODS), path, draw(HEADERS), draw(BODIES), *usual)
    return bytes(draw(mutated(made))) if draw(st.integers(0, 4)) == 0 else made


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """Some bytes of it changed, cut out or put in."""
    made = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(made)))
        cut = draw(st.integers(0, 3))
        made[at : at + cut] = draw(st.binary(max_size=3))
    return bytes(made)


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with running_servers() as made:
        yield made


def is_answered(answer: bytes) -> bool:
    return re.match(rb"HTTP/1\.[01] [2-5]\d\d ", answer) is not None


ANY_PATH = st.lists(PARTS, max_size=5)


def to(*parts: str | st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    """Paths of one form, its variables anything, or other paths."""
    strategies = (part if isinstance(part, st.SearchStrategy) else st.just(part) for part in parts)
    return st.tuples(*strategies).map(list) | ANY_PATH


INVOCATION = request(
    "POST",
    "/2015-03-31/functions/Fn/invocations",
    [("Host", "localhost"), ("Authorization", SIGNATURE)],
    b"{}",
)
QUEUE_ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "Id": WORDS | VALUES,
        "QueueName": st.just("Jobs") | VALUES,
        "MessageBody": TEXTS | VALUES,
        "DelaySeconds": st.integers(0, 900) | VALUES,
        "MessageAttributes": VALUES
        | st.dictionaries(
            TEXTS,
            st.fixed_dictionaries(
                {"DataType": st.sampled_from(["String", "Number", "Binary"]) | VALUES},
                optional={"StringValue": TEXTS | VALUES, "BinaryValue": TEXTS | VALUES},
            ),
            max_size=2,
        ),
        "MaxNumberOfMessages": st.integers(0, 11) | VALUES,
        "VisibilityTimeout": st.integers(0, 2) | VALUES,
        "ReceiptHandle": TEXTS | VALUES,
        "AttributeNames": st.just(["All"]) | VALUES,
        "MessageAttributeNames": st.just(["All"]) | VALUES,
    },
)
QUEUE_CALLS = st.builds(
    lambda call, url, given, entries: (call, {**given, "QueueUrl": url, "Entries": entries}),
    st.sampled_from(
        [
            "SendMessage",
            "SendMessageBatch",
            "ReceiveMessage",
            "DeleteMessage",
            "GetQueueUrl",
            "GetQueueAttributes",
            "PurgeQueue",
        ]
    ),
    st.just("http://localhost/1/Jobs") | VALUES,
    QUEUE_ENTRIES,
    st.lists(QUEUE_ENTRIES, max_size=3) | VALUES,
)
UNREADABLE = request(
    "GET",
    f"/{STAGE}/@connections/{READER}",
    [("Host", "localhost"), ("Authorization", SIGNATURE)],
    b"",
).replace(b"Signature=00", b"Signature=\xff")


class TestServers:
    @FUZZ
    @given(sent=requests(to(STAGE, "@connections", PARTS)), which=st.booleans())
    @example(sent=request("GET", "/", [("Host", "localhost:x")], b""), which=True)
    @example(sent=request("GET", f"/{STAGE}/@connections/x", [("Host", "\x80")], b""), which=True)
    @example(sent=UNREADABLE, which=False)
    def test_management(self, servers: Servers, sent: bytes, which: bool) -> None:
        servers.exchange("management" if which else "verifying", sent)

    @FUZZ
    @given(
        sent=requests(to("2015-03-31", "functions", PARTS, "invocations")),
        result=RESULTS,
    )
    @example(sent=INVOCATION, result=Result(b"[]", failed=True))
    @example(sent=INVOCATION, result=Result(b"no JSON", failed=True))
    @example(sent=INVOCATION, result=Result(b'{"errorMessage": "\\ud800"}', failed=True))
    @example(sent=INVOCATION, result=Result(b"[" * DEEP))
    def test_lambda(self, servers: Servers, sent: bytes, result: Result) -> None:
        servers.functions["Fn"].answer(result)
        servers.exchange("lambda", sent)

    @FUZZ
    @given(call=QUEUE_CALLS)
    def test_queues(self, servers: Servers, call: tuple[str, dict[str, object]]) -> None:
        name, body = call
        headers = [("Host", "localhost"), ("Authorization", SIGNATURE)]
        headers.append(("X-Amz-Target", f"AmazonSQS.{name}"))
        servers.exchange("queues", request("POST", "/", headers, json.dumps(body).encode()))

    @FUZZ
    @given(
        sent=requests(to("items", PARTS) | to("guarded", PARTS) | to("older")),
        result=RESULTS,
        granted=AUTHORIZER_ANSWERS | st.just(GRANT),
        failed=st.booleans(),
    )
    def test_http(
        self, servers: Servers, sent: bytes, result: Result, granted: bytes, failed: bool
    ) -> None:
        servers.functions["Fn"].answer(result)
        servers.functions["Guard"].answer(Result(granted, failed=failed))
        servers.exchange("http", sent)

    @FUZZ
    @given(result=RESULTS)
    @example(result=Result(b"[" * DEEP))
    @example(result=Result(b'{"statusCode": 200, "headers": {"X-A": "\\ud800"}}'))
    @example(result=Result(b'{"statusCode": 200, "cookies": ["\\u001f"]}'))
    @example(result=Result(b'{"statusCode": 200, "headers": {"": "a"}}'))
    @example(result=Result(b'{"statusCode": 200, "headers": {"Transfer-Encoding": "chunked"}}'))
    @example(result=Result(b'{"statusCode": "%s"}' % (b"9" * 5000)))
    def test_whatever_a_function_answers_is_answered(
        self, servers: Servers, result: Result
    ) -> None:
        servers.functions["Fn"].answer(result)
        sent = request("GET", "/items/1", [("Host", "localhost")], b"")
        assert is_answered(servers.exchange("http", sent))

    @FUZZ
    @given(
        sent=requests(
            to("faults") | to("sockets", PARTS) | to("functions", "Fn", "freeze") | to("")
        )
    )
    def test_admin(self, servers: Servers, sent: bytes) -> None:
        servers.exchange("admin", sent)


# WebSockets

UPGRADE = [
    ("Host", "localhost"),
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
]
UPGRADE_HEADERS = st.lists(
    st.tuples(
        st.sampled_from([*dict(UPGRADE), "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"]),
        st.sampled_from(["", "Upgrade", "websocket", "13", "12", "a, b", ",", "permessage-deflate"])
        | TEXTS,
    ),
    max_size=2,
)
FRAMES = st.builds(
    Frame,
    opcode=st.sampled_from(list(Opcode)),
    data=JSON.map(encoded) | st.binary(max_size=200) | st.sampled_from([b"x" * 40_000]),
    fin=st.booleans(),
)


def serialized(frame: Frame) -> bytes:
    if frame.opcode in (Opcode.CLOSE, Opcode.PING, Opcode.PONG):
        frame = Frame(frame.opcode, frame.data[:125], fin=True)
    return frame.serialize(mask=True)


MESSAGE = serialized(Frame(Opcode.TEXT, b"{}"))
STREAMS = st.lists(FRAMES.map(serialized) | st.binary(max_size=20), max_size=5)


class TestWebSockets:
    @FUZZ
    @given(
        query=QUERIES.map("".join),
        headers=UPGRADE_HEADERS,
        connected=RESULTS | st.just(Result(ANSWER)),
        granted=AUTHORIZER_ANSWERS,
        failed=st.booleans(),
        guarded=st.booleans(),
    )
    @example(
        query="",
        headers=[("Cookie", "a=\u0100")],
        connected=Result(ANSWER),
        granted=GRANT,
        failed=False,
        guarded=False,
    )
    @example(
        query="",
        headers=[],
        connected=Result(ANSWER),
        granted=b"[" * DEEP,
        failed=False,
        guarded=True,
    )
    @example(
        query="", headers=[], connected=Result(ANSWER), granted=b"[]", failed=True, guarded=True
    )
    def test_handshake(
        self,
        servers: Servers,
        query: str,
        headers: list[tuple[str, str]],
        connected: Result,
        granted: bytes,
        failed: bool,
        guarded: bool,
    ) -> None:
        servers.functions["Fn"].answer(connected)
        servers.functions["Guard"].answer(Result(granted, failed=failed))
        sent = request("GET", f"/{STAGE}?{query}", headers, b"", *UPGRADE)
        servers.exchange("guarded" if guarded else "websocket", sent)

    @FUZZ
    @given(stream=STREAMS, pieces=st.integers(1, 3), answer=RESULTS | st.just(Result(ANSWER)))
    @example(stream=[MESSAGE], pieces=1, answer=Result(b"[" * DEEP))
    @example(stream=[MESSAGE], pieces=1, answer=Result(b'{"statusCode": "%s"}' % (b"9" * 5000)))
    @example(stream=[MESSAGE], pieces=1, answer=Result(b"[]", failed=True))
    def test_frames(
        self, servers: Servers, stream: list[bytes], pieces: int, answer: Result
    ) -> None:
        sent = b"".join(stream)
        size = max(1, -(-len(sent) // pieces))
        parts = [sent[at : at + size] for at in range(0, len(sent), size)]
        upgrade = request("GET", f"/{STAGE}", [], b"", *UPGRADE)
        servers.functions["Fn"].answer(Result(ANSWER), answer)

        answered = servers.exchange("websocket", upgrade, *parts)

        assert answered.startswith(b"HTTP/1.1 101 ")


# The core


@FUZZ
@given(
    expression=st.sampled_from(
        ["$request.body.a", "$request.body.a.b", "${request.body.a}/${request.body.b}", "constant"]
    )
    | TEXTS.map("$request.body.{}".format)
    | TEXTS,
    body=JSON | TEXTS | VALUES.map(lambda value: json.dumps({"a": value, "b": {"a": value}})),
)
@example("$request.body.a", '{"a":' * 990 + "1" + "}" * 990)
@example("$request.body.a", "[" * DEEP)
def test_selection_expressions(expression: str, body: str) -> None:
    assert isinstance(select_route(expression, body), str)


@FUZZ
@given(payload=AUTHORIZER_ANSWERS | st.binary(max_size=50), simple=st.booleans())
@example(payload=b"[" * DEEP, simple=False)
def test_authorizer_answers(payload: bytes, simple: bool) -> None:
    arn = "arn:aws:execute-api:eu-west-1:123456789012:abc/dev/$connect"
    for check in (
        lambda: allowed(payload, arn),
        lambda: allowed_by_http(payload, arn, simple=simple),
    ):
        try:
            granted = check()
        except MalformedAnswer:
            continue
        assert granted is None or isinstance(granted, Allowed | AllowedByHttp)
        if isinstance(granted, Allowed):
            assert all(isinstance(value, str) for value in granted.context.values())


@FUZZ
@given(
    authorization=st.just(SIGNATURE) | st.text(SIGNATURE + "=,/;", max_size=80) | TEXTS,
    path=TEXTS,
    query=QUERIES.map("".join),
    headers=st.dictionaries(TEXTS | st.sampled_from(["host", "x-amz-date"]), TEXTS, max_size=3),
    body=st.binary(max_size=20),
)
@example(SIGNATURE + "\udcff", "/", "", {}, b"")
@example(SIGNATURE, "/", "", {"host": "\udcff"}, b"")
def test_signatures(
    authorization: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> None:
    sent = SignedRequest("GET", path, query, {**headers, "authorization": authorization}, body)
    with pytest.raises(BadSignature):
        verify(sent, "secret")


SOURCES = st.lists(
    st.tuples(
        st.sampled_from(["$request.header.", "$request.querystring.", "$context.", "$", "",
                         "route.request.header.", "context.", "stageVariables."]),
        TEXTS | st.sampled_from(["identity.sourceIp", "a", "Host"]),
    ).map("".join),
    max_size=3,
)  # fmt: skip


@FUZZ
@given(
    headers=st.lists(st.tuples(NAMES | TEXTS, HEADER_VALUES), max_size=4),
    path=TEXTS,
    query=QUERIES.map("".join) | TEXTS,
    domain=TEXTS,
    sources=SOURCES,
)
def test_events(
    headers: list[tuple[str, str]], path: str, query: str, domain: str, sources: list[str]
) -> None:
    sent = HttpRequest(
        api_id="abc",
        region="eu-west-1",
        domain=domain,
        source_ip="127.0.0.1",
        route_key="GET /{a}",
        method="GET",
        path=path,
        query=query,
        headers=tuple(headers),
        body=encoded(path),
    )
    identity = identity_of(sent, sources) or []
    for version in ("1.0", "2.0"):
        assert json.loads(json.dumps(http_authorizer_event(sent, identity, version)))
    assert json.loads(json.dumps(http_event(sent)))

    socket = connection(headers=tuple(headers), query=query, domain=domain)
    assert isinstance(missing_identity(sources, socket), bool)
    for event in (connect_event(socket, 1), authorizer_event(socket)):
        assert json.loads(json.dumps(event))


@FUZZ
@given(
    pattern=st.lists(
        st.sampled_from(["{a}", "{b}", "{1}", "{é}", "ws", "(", "[", ".", "\\", "a+"])
        | st.text(st.characters(exclude_characters="/{}"), min_size=1, max_size=5),
        min_size=1,
        max_size=4,
    ).map(lambda parts: "".join(f"/{part}" for part in parts)),
    path=TEXTS,
    query=QUERIES.map("".join),
)
@example("/{a}/{a}", "/", "")
@example("/{1}", "/", "")
@example("/{a}", "/\udcff", "b=\udcff")
def test_path_forms(pattern: str, path: str, query: str) -> None:
    form = PathForm(pattern)
    for each in (path, re.sub(r"\{\w+\}", "value", pattern)):
        found = form.query(each, query)
        assert found is None or isinstance(found, str)
    assert found is not None


@FUZZ
@given(
    sent=st.lists(
        st.binary(max_size=30)
        | st.builds(
            lambda method, path, length, body: (
                f"{method} {path} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode() + body
            ),
            st.sampled_from(["GET", "POST", ""]),
            st.sampled_from(["/2018-06-01/runtime/invocation/next", "", "/é"]),
            st.integers(0, 40) | st.just("9" * 5000) | st.just("-1"),
            st.binary(max_size=40),
        ),
        max_size=4,
    )
)
@example([b"\r\n\r\n"])
@example([b"GET / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n"])
@example([b"GET /\xff HTTP/1.1\r\nA: b\r\n\r\n"])
def test_runtime_api(sent: list[bytes]) -> None:
    asked: list[tuple[str, str, bytes, int | None]] = []
    made = RuntimeConnection(lambda _, *request: asked.append(request))
    wire = Wire()
    made.connection_made(wire)
    for data in sent:
        if not wire.is_closing():
            made.data_received(data)
    assert all(isinstance(method, str) and isinstance(body, bytes) for method, _, body, _ in asked)


@FUZZ
@given(line=JSON.map(lambda text: text.replace("\n", "")) | TEXTS)
@example("{" * DEEP)
@example('{"a":' * DEEP)
@example('{"message": "\\ud800"}')
def test_lines_that_functions_print(line: str) -> None:
    written = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    Log(written).output("Fn", line)


# Templates

TEMPLATE = """
Parameters:
  P: {Type: String, Default: a, AllowedPattern: '[a-z]*', MinLength: 0}
Rules: {R: {Assertions: [{Assert: !Contains [[a, b], !Ref P], AssertDescription: no}]}}
Conditions: {C: !Equals [!Ref P, a]}
Globals: {Function: {Timeout: 3}, HttpApi: {StageVariables: {a: b}}}
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Condition: C
    Properties:
      Runtime: python3.13
      Handler: a.b
      CodeUri: .
      MemorySize: 128
      Layers: [!Ref Layer]
      Environment: {Variables: {A: !If [C, !GetAtt Pool.Arn, !Ref AWS::NoValue]}}
      Events:
        Get: {Type: HttpApi, Properties: {ApiId: !Ref Http, Path: /a, Method: GET}}
        Tick: {Type: Schedule, Properties: {Schedule: rate(1 day)}}
  Layer: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: .}}
  Pool: {Type: AWS::Cognito::UserPool}
  Http:
    Type: AWS::Serverless::HttpApi
    Properties:
      CorsConfiguration: {AllowOrigins: !Split [',', !Sub '${P},b'], MaxAge: 5}
      Auth:
        DefaultAuthorizer: A
        Authorizers:
          A:
            FunctionArn: !GetAtt Fn.Arn
            AuthorizerPayloadFormatVersion: 2.0
            EnableFunctionDefaultPermissions: true
            Identity: {Headers: [h], ReauthorizeEvery: 5}
  Ws:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      RouteSelectionExpression: $request.body.action
      DefaultRouteSettings: {ThrottlingRateLimit: 5, ThrottlingBurstLimit: 5}
      Routes:
        $default: {FunctionArn: !GetAtt Fn.Arn, IntegrationTimeout: 100}
"""
TOKENS = re.findall(r"[\w.:$/]+|\s+|[^\w\s]", TEMPLATE)
NASTY = st.sampled_from(
    ["", "{}", "[]", "null", ".inf", ".nan", "-1", "9" * 5000, "1e999", "!Ref", "!Ref P", "!Sub",
     "!GetAtt", "!GetAtt []", "!GetAtt a", "!If [C]", "!If", "!Condition C", "!Not [!Condition C]",
     "!Join [a]", "!Select [5, []]", "!Split ['', a]", "!Sub ['${', {}]", "!FindInMap [a]", "!",
     "!!int a", "!!binary x", "!!set {a, b}", "!!timestamp x", "!!float a", "!!omap [a: b]",
     "&a [*a]", "*a", "<<: a", "? [a]", "'", '"\\ud800"', "[" * 200, "{a: " * 200, "(", "[a-z",
     "\x00", "\t", "x" * 300, "!Ref AWS::NoValue", "${", "{{resolve:ssm:a}}", "!ImportValue a",
     "!Base64 a", "0x", "1:2:3", "=", "~", "!And []", "!Or a", "true", "Fn", "Ws", "Ref", "on"]
)  # fmt: skip


@st.composite
def templates(draw: st.DrawFn) -> str:
    """The template above with some of its words replaced."""
    tokens = list(TOKENS)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(tokens) - 1))
        tokens[at] = draw(NASTY | TEXTS | st.sampled_from(TOKENS))
    return "".join(tokens)


Write = Callable[[str], Path]


@pytest.fixture(scope="module")
def write(tmp_path_factory: pytest.TempPathFactory) -> Write:
    path = tmp_path_factory.mktemp("fuzz") / "template.yaml"

    def write_text(text: str) -> Path:
        path.write_bytes(encoded(text))
        return path

    return write_text


@FUZZ
@given(text=templates() | VALUES.map(json.dumps) | NASTY | TEXTS)
@example(TEMPLATE)
@example(TEMPLATE.replace("'[a-z]*'", "(", 1))
@example(TEMPLATE.replace("128", ".inf", 1))
@example(TEMPLATE.replace("CodeUri: .", "CodeUri: " + "x" * 300, 1))
@example(TEMPLATE.replace("128", "!!int a", 1))
@example('{"a":' * DEEP)
def test_templates(write: Write, text: str) -> None:
    path = write(text)
    try:
        load(path, overrides={"P": "b"}, env_vars={}, region="eu-west-1")
    except TemplateError as refused:
        said = str(refused)
        assert said.startswith(str(path))


@FUZZ
@given(text=NASTY | TEXTS | VALUES.map(json.dumps))
@example("[" * DEEP)
@example("Resources: {A: !!int a}")
@example("Resources: {A: !!bool a}")
def test_documents(write: Write, text: str) -> None:
    path = write(text)
    for parse in (read, read_env_vars):
        try:
            assert isinstance(parse(path), Map | dict)
        except TemplateError:
            continue
