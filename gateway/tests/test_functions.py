"""Functions in processes of their own."""

import itertools
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from apigw_local.errors import CannotRun
from apigw_local.runtime import pool
from tests.clients import WAIT, refusal
from tests.conftest import TWO_WAY, Serve, answers_on
from tests.debugger import Debugger
from tests.functions import ask, echoing, function
from tests.running_gateway import free_ports

BY_OTHER = {
    "Integration": {
        "IntegrationUri": {
            "Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
            "${Other.Arn}/invocations"
        }
    }
}
"""A route's integration with another function."""


def test_a_child_that_stays_hides_nothing_and_is_killed(serve: Serve) -> None:
    code = """
import os, subprocess
def handler(event, context):
    print(subprocess.Popen(["sleep", "60"]).pid)
    os._exit(1)
"""
    gateway = serve(code, {"$default": {}}, in_process=False)

    assert json.loads(ask(gateway))["message"] == "Internal server error"
    gateway.wait_for_line("Runtime exited with error: exit status 1")
    child = gateway.wait_for(lambda r: r.kind == "output" and r.text.isdigit())
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int(child.text)).wait(WAIT)


def test_a_folder_that_is_gone_for_a_while(serve: Serve, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "app.py").write_text(echoing("there"))
    resources = {"Function": function(CodeUri="code"), **answers_on(0)}
    gateway = serve("", {"$default": TWO_WAY}, resources=resources, in_process=False)

    code.rename(tmp_path / "away")
    gateway.kill("Function")
    assert json.loads(ask(gateway))["message"] == "Internal server error"
    (tmp_path / "away").rename(code)

    assert ask(gateway) == "there"


@pytest.fixture
def no_module_left() -> Iterator[None]:
    yield
    assert not [name for name in sys.modules if name.startswith("of_")]


@pytest.mark.parametrize("in_process", [True, False])
def test_modules_of_layers_and_of_the_templates_pythonpath(
    no_module_left: None, serve: Serve, tmp_path: Path, *, in_process: bool
) -> None:
    """Of a layer both folders that may hold them; `/var/task` is the code."""
    places = {
        "one": "layer/python",
        "two": "layer/python/lib/python3.13/site-packages",
        "three": "vendored",
        "four": "elsewhere",
    }
    for name, place in places.items():
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        (tmp_path / place / f"of_{name}.py").write_text(f"NAME = {name!r}")
    code = """
import of_one, of_two, of_three, of_four
def handler(event, context):
    body = " ".join(each.NAME for each in (of_one, of_two, of_three, of_four))
    return {"statusCode": 200, "body": body}
"""
    paths = os.pathsep.join(("/var/task/vendored", str(tmp_path / "elsewhere")))
    resources = {
        "Layer": {
            "Type": "AWS::Serverless::LayerVersion",
            "Properties": {"ContentUri": "layer"},
        },
        "Function": function(
            Layers=[{"Ref": "Layer"}], Environment={"Variables": {"PYTHONPATH": paths}}
        ),
        **answers_on(0),
    }
    gateway = serve(code, {"$default": TWO_WAY}, resources=resources, in_process=in_process)

    assert ask(gateway) == "one two three four"


def test_lambdas_report_line(serve: Serve) -> None:
    code = "big = bytearray(64 * 2**20)\n" + echoing("done")
    gateway = serve(code, {"$default": TWO_WAY}, resources=answers_on(0), in_process=False)

    with gateway.connect() as socket:
        for _ in range(2):
            socket.send("x")
            socket.recv(WAIT)
    first, second = (r for r in gateway.records if r.kind == "invocation")
    line = re.fullmatch(
        r"REPORT RequestId: [0-9a-f-]{36}  Duration: ([\d.]+) ms  Billed Duration: (\d+) ms  "
        r"Memory Size: 128 MB  Max Memory Used: (\d+) MB  Init Duration: ([\d.]+) ms",
        first.text,
    )
    assert line
    duration, billed, used, init = (float(part) for part in line.groups())
    assert billed >= duration + init
    assert billed < duration + init + 1.01
    assert 64 < used < 200
    assert "Init Duration" not in second.text


@pytest.mark.aws("ms-error")
def test_a_timeout_ends_the_process(serve: Serve) -> None:
    code = "import os, time\ndef handler(e, c):\n    print(os.getpid())\n    time.sleep(60)"
    gateway = serve(
        code,
        {"$default": {}},
        resources={"Function": function(Timeout=1)},
        in_process=False,
    )

    with gateway.connect() as socket:
        socket.send("x")
        assert json.loads(socket.recv(WAIT))["message"] == "Internal server error"
    printed = gateway.wait_for(lambda r: r.kind == "output" and r.text.isdigit())
    gateway.wait_for_line("Task timed out after 1.00 seconds")
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int(printed.text)).wait(WAIT)


@pytest.mark.aws("co-502")
@pytest.mark.parametrize("in_process", [True, False])
def test_at_connect_a_functions_own_timeout_is_a_failure_of_the_function(
    serve: Serve, *, in_process: bool
) -> None:
    """504 is of the integration's timeout alone."""
    code = "import time\ndef handler(event, context): time.sleep(1.5)"
    resources = {"Function": function(Timeout=1)}
    gateway = serve(code, {"$connect": {}}, resources=resources, in_process=in_process)

    assert refusal(gateway).status_code == 502


@pytest.mark.parametrize("idle", [True, False])
def test_who_waits_for_a_busy_process_gets_another_one(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, *, idle: bool
) -> None:
    """At once where a core is idle, and in the end where none is."""
    ticks = itertools.count() if idle else itertools.repeat(0)
    monkeypatch.setattr(pool, "idle_ticks", lambda: next(ticks))
    code = """
import os, pathlib, time
def handler(event, context):
    here = pathlib.Path(event["body"])
    here.touch()
    while not (pathlib.Path("one").exists() and pathlib.Path("two").exists()):
        time.sleep(0.01)
    return {"statusCode": 200, "body": str(os.getpid())}
"""
    gateway = serve(code, {"$default": TWO_WAY}, resources=answers_on(0), in_process=False)

    with gateway.connect() as socket:
        socket.send("one")
        socket.send("two")
        assert socket.recv(WAIT) != socket.recv(WAIT)


def test_a_change_of_the_code_is_served_at_once(serve: Serve, tmp_path: Path) -> None:
    gateway = serve(
        echoing("old"), {"$default": TWO_WAY}, resources=answers_on(0), in_process=False
    )
    assert ask(gateway) == "old"

    (tmp_path / "app.py").write_text(echoing("new"))

    gateway.wait_for_line("^reload Function: app.py has changed")
    assert ask(gateway) == "new"


def test_so_is_a_change_in_a_layer(serve: Serve, tmp_path: Path) -> None:
    words = tmp_path / "layer" / "python" / "words_of_a_layer.py"
    words.parent.mkdir(parents=True)
    words.write_text("TEXT = 'old'\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text(
        "from words_of_a_layer import TEXT\n"
        "def handler(event, context):\n    return {'statusCode': 200, 'body': TEXT}\n"
    )
    layer = {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "layer"}}
    own = {"Function": function(CodeUri="src", Layers=[{"Ref": "Words"}]), "Words": layer}
    gateway = serve("", {"$default": TWO_WAY}, resources={**answers_on(0), **own}, in_process=False)
    assert ask(gateway) == "old"

    words.write_text("TEXT = 'new'\n")

    gateway.wait_for_line("Function: words_of_a_layer.py has changed")
    assert ask(gateway) == "new"


def test_what_runs_when_the_code_changes_may_end(serve: Serve, tmp_path: Path) -> None:
    code = """
import pathlib, time
def handler(event, context):
    print("waiting")
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    return {"statusCode": 200, "body": "old"}
"""
    gateway = serve(code, {"$default": TWO_WAY}, resources=answers_on(0), in_process=False)

    with gateway.connect() as socket:
        socket.send("x")
        gateway.wait_for_line("waiting")
        (tmp_path / "app.py").write_text(echoing("new"))
        gateway.wait_for_line("^reload ")
        (tmp_path / "go").touch()
        assert socket.recv(WAIT) == "old"
    assert ask(gateway) == "new"


def test_code_that_cannot_be_imported_is_told_and_mended(serve: Serve, tmp_path: Path) -> None:
    gateway = serve(
        echoing("old"), {"$default": TWO_WAY}, resources=answers_on(0), in_process=False
    )
    (tmp_path / "app.py").write_text("def handler(:")
    gateway.wait_for_line("did not start: Runtime.UserCodeSyntaxError")
    assert json.loads(ask(gateway))["message"] == "Internal server error"

    (tmp_path / "app.py").write_text(echoing("mended"))

    gateway.wait_for(lambda _: sum(r.source == "reload" for r in gateway.records) == 2)
    assert ask(gateway) == "mended"


def test_a_debugger_may_attach_and_nothing_times_out(serve: Serve, tmp_path: Path) -> None:
    code = "def handler(event, context):\n    said = event['body']\n    return said\n"
    (port,) = free_ports(1)
    gateway = serve(
        code,
        {"$default": {}},
        resources={"Function": function(Timeout=1)},
        in_process=False,
        debug_port=port,
    )

    with gateway.connect() as socket, Debugger(port) as debugger:
        debugger.attach(tmp_path / "app.py", 3)
        socket.send("look at me")
        assert debugger.wait_for_breakpoint("said") == "'look at me'"
        time.sleep(1.2)  # longer than the function's timeout
        debugger.go_on()
        gateway.wait_for_event("Function")
    record = next(r for r in gateway.records if r.kind == "invocation")
    assert record.fields["answer"] == "look at me"


def test_what_runs_on_neither_python_nor_node(serve: Serve) -> None:
    with pytest.raises(
        CannotRun,
        match=r"Function runs on java21, and only Python and Node run here; run sam build and sam "
        r"local start-lambda, and give --lambda-endpoint http://",
    ):
        serve("", {"$default": {}}, resources={"Function": function(Runtime="java21")},
              in_process=False)  # fmt: skip


def test_where_others_can_run_it_is_only_warned_of(serve: Serve) -> None:
    routes = {"$default": TWO_WAY, "other": {**TWO_WAY, **BY_OTHER}}
    resources = {"Other": function(Runtime="java21"), **answers_on(0, 1)}
    gateway = serve(echoing("hi"), routes, resources=resources, in_process=False)

    gateway.wait_for_line("warning Other runs on java21, and only Python and Node run here")
    assert ask(gateway) == "hi"
    with gateway.connect() as socket:
        socket.send('{"action": "other"}')
        assert "Internal server error" in str(socket.recv(WAIT))
    gateway.wait_for_line("Other Gateway.CannotRun: Other runs on java21")


def test_one_that_nothing_invokes_is_not_worth_a_word(serve: Serve) -> None:
    resources = {"Other": function(Runtime="java21"), **answers_on(0)}
    gateway = serve(echoing("hi"), {"$default": TWO_WAY}, resources=resources, in_process=False)

    assert ask(gateway) == "hi"
    assert "java21" not in gateway.output
