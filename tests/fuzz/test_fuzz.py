"""100,000 inputs for the handlers and the gateway's parsers; ``make fuzz`` tries many more.

An exception, a message without a typed answer, or something that changed though it was refused ends
the fuzzer, which then writes the input; it is shown here.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running_gateway import ROOT

pytest.importorskip("atheris", reason="atheris has wheels for Linux on x86-64 alone")

RUNS = int(os.environ.get("HADIR_FUZZ_RUNS", "100000"))
FOR_HANDLERS = RUNS // 2

HANDLERS = [
    b'\0\0\0{"action":"message","text":"hi","client_id":"m"}',
    b'\0\1\1{"action":"sync","since":{"epoch":"e","version":1}}',
    b'\1\2\2{"action":"kick","user_id":"customer_1","reason":"x"}',
    b'\0\0\0{"action":"typing","on":true}',
    b'\0\0\0{"action":"heartbeat"}',
    b'\0\0\1{"action":"reauthorize","token":"a.b.c"}',
    b"\2\1\0s1|u|customer|a.b.c|hadir.v1, token.a.b.c|https://app.example.com",
    b'\2\6\0s1||||||{"session":["s1","t*"],"user":"u","type":"agent","tenant":"acme"}',
    b'\2\7\1s1||||hadir.v1|https://app.example.com|{"exp":4102444800,"aud":["hadir"]}',
    b"\3\0\0Going away",
    b"\3\1\0",
]
REQUESTS = [
    b"GET /dev/@connections/AAAAAAAAAAACAAA%3D HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /2015-03-31/functions/Fn/invocations HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
    b"OPTIONS /items/1 HTTP/1.1\r\nHost: a\r\nOrigin: https://b\r\n\r\n",
    b'PATCH /faults HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{"gone":1}',
    b"\x81\x82\0\0\0\0{}",
    b'{"statusCode": 200, "headers": {"a": "b"}, "cookies": ["c"], "body": "d"}',
    b'{"principalId": "a", "policyDocument": {"Statement": [{"Effect": "Allow"}]}}',
    b'$request.body.a|{"a": "b"}',
    b"AWS4-HMAC-SHA256 Credential=a/20260101/b/c/aws4_request, SignedHeaders=host, Signature=0",
    b"Resources: {A: !Sub '${B}'}",
]


def fuzz(folder: Path, runs: int, seeds: list[bytes], *command: str) -> "subprocess.Popen[str]":
    folder.mkdir()
    for number, seed in enumerate(seeds):
        (folder / str(number)).write_bytes(seed)
    options = [f"-runs={runs}", "-seed=1", "-max_len=4096", "-len_control=0", "-rss_limit_mb=0"]
    files = [f"-dict={ROOT}/tests/fuzz/words.dict", f"-artifact_prefix={folder}-"]
    return subprocess.Popen(
        [sys.executable, "-m", *command, str(folder), *options, *files],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.timeout(3600)
def test_whatever_is_sent_is_answered_and_nothing_breaks(tmp_path: Path, redis_url: str) -> None:
    chosen = [bytes([which]) + seed for which in range(14) for seed in REQUESTS]
    running = [
        fuzz(
            tmp_path / "handlers",
            FOR_HANDLERS,
            HANDLERS,
            *("tests.fuzz.handlers", f"{redis_url}/3"),
        ),
        fuzz(tmp_path / "gateway", RUNS - FOR_HANDLERS, chosen, "tests.fuzz.gateway"),
    ]
    tried = let_in = 0
    for each in running:
        output, _ = each.communicate()
        shown = re.sub(r"(?m)^#\d+\s.*\n|^INFO:.*\n", "", output)[-4000:]
        assert each.returncode == 0, shown
        done = re.search(r"Done (\d+) runs in (\d+) second", output)
        assert done, shown
        print(f"\n{done[0]}s")
        tried += int(done[1])
        let_in += output.count("were let in")
    assert tried >= RUNS
    assert let_in, "nobody was ever let in"
