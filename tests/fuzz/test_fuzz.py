"""32,000 inputs for the handlers and the gateway's parsers; ``make fuzz`` tries many more.

An exception, a message without a typed answer, or something that changed though it was refused ends
the fuzzer, which then writes the input; it is shown here. To have tried is not enough: every action
must have passed the parser often, and every outcome must have come about.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running_gateway import ROOT

pytest.importorskip("atheris", reason="atheris has wheels for Linux on x86-64 alone")

RUNS = int(os.environ.get("HADIR_FUZZ_RUNS", "24000"))
FOR_HANDLERS = RUNS // 2

ACTIONS = (
    *("heartbeat", "sync", "message", "typing", "reauthorize", "kick", "set_state", "assign"),
    *("watch", "unwatch"),
)
OUTCOMES = {
    *("joined", "added", "open", "flooding", "expired", "unknown", "error rate_limited"),
    *(
        "admitted",
        "repeated",
        "left",
        "crowded",
        "hasty",
        "let in",
        "denied",
        "left by itself",
    ),
    *("missed events", "missed many events", "recovered false", "repeated message"),
    *("closing kicked", "unclear kick", "same state", "assigned already", "error conflict"),
    *(f"done {action}" for action in ACTIONS),
    *("error forbidden", "error too_large", "error invalid_payload"),
}
"""What the inputs must reach, each at least once."""

MANY_RUNS = 100_000
RARE = {"full"}
"""What many must reach, and a day's few need not."""

HANDLERS = [
    *(
        bytes([deployment, 0, 0, who, 0, 0, action])
        for deployment in (0, 2)
        for who in range(5)
        for action in range(8)
    ),
    *(bytes([deployment, 0, 0, 3, 0, 0, 5, whom]) for deployment in (0, 2) for whom in (1, 3)),
    b"\0\0\5",
    b"\2\0\5",
    b"\2\0\5\0\0\0\0\0\x0a",  # an admin, of whom the session is full
    b"\0\0\6",
    b'\0\0\0\0\0\xff{"action":"message","text":"hi","client_id":"m"}',
]
"""Bytes that choose: session, time, what, who, with context, built, action; then good fields."""

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


def fuzz(
    folder: Path, runs: int, seeds: list[bytes], *command: str
) -> tuple["subprocess.Popen[str]", Path]:
    """A running fuzzer, and the file it writes to: a pipe that nobody reads would stop it."""
    folder.mkdir()
    output = folder.with_suffix(".txt")
    for number, seed in enumerate(seeds):
        (folder / str(number)).write_bytes(seed)
    options = [f"-runs={runs}", "-seed=1", "-max_len=4096", "-len_control=0", "-rss_limit_mb=0"]
    files = [f"-dict={ROOT}/tests/fuzz/words.dict", f"-artifact_prefix={folder}-"]
    with output.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", *command, str(folder), *options, *files],
            cwd=ROOT,
            stdout=file,
            stderr=subprocess.STDOUT,
            text=True,
        )
    return process, output


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
    tried = 0
    reached: dict[str, int] = {}
    for process, written in running:
        process.wait()
        output = written.read_text(errors="replace")
        shown = re.sub(r"(?m)^#\d+\s.*\n|^INFO:.*\n|^reached .*\n", "", output)[-4000:]
        assert process.returncode == 0, shown
        done = re.search(r"Done (\d+) runs in (\d+) second", output)
        assert done, shown
        print(f"\n{done[0]}s")
        tried += int(done[1])
        for counts in re.findall(r"(?m)^reached (.*)$", output):
            reached = json.loads(counts)
    assert tried >= RUNS
    print(reached)
    for action in ACTIONS:
        assert reached[f"parsed {action}"] >= FOR_HANDLERS // 100, "hardly any passed the parser"
    wanted = OUTCOMES | RARE if RUNS >= MANY_RUNS else OUTCOMES
    assert reached.keys() >= wanted, wanted - reached.keys()
