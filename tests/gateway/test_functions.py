"""Three ways to run functions: own processes, in this process, elsewhere."""

import asyncio
import itertools
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from apigw_local.errors import CannotRun
from apigw_local.runtime import pool
from apigw_local.runtime.invocation import Invocation, Result
from apigw_local.runtime.remote import Remote
from apigw_local.testing import LocalGateway
from tests.aws import aws
from tests.gateway.clients import WAIT, refusal
from tests.gateway.conftest import TWO_WAY, Serve, answers_on
from tests.gateway.debugger import Debugger
from tests.gateway.stand_in import answering
from tests.running_gateway import free_ports


def echoing(text: str) -> str:
    return f"def handler(event, context):\n    return {{'statusCode': 200, 'body': {text!r}}}\n"


def function(**properties: object) -> dict[str, object]:
    """The function of `serve`, with other properties."""
    return {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "CodeUri": ".",
            "Handler": "app.handler",
            "Runtime": "python3.13",
            **properties,
        },
    }


def ask(gateway: LocalGateway) -> str:
    with gateway.connect() as socket:
        socket.send("x")
        return str(socket.recv(WAIT))


class TestOwnProcesses:
    def test_a_child_that_stays_hides_nothing_and_is_killed(self, serve: Serve) -> None:
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

    def test_a_folder_that_is_gone_for_a_while(self, serve: Serve, tmp_path: Path) -> None:
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
    def no_module_left(self) -> Iterator[None]:
        yield
        assert not [name for name in sys.modules if name.startswith("of_")]

    @pytest.mark.parametrize("in_process", [True, False])
    def test_modules_of_layers_and_of_the_templates_pythonpath(
        self, no_module_left: None, serve: Serve, tmp_path: Path, *, in_process: bool
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

    def test_lambdas_report_line(self, serve: Serve) -> None:
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
    def test_a_timeout_ends_the_process(self, serve: Serve) -> None:
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
        self, serve: Serve, *, in_process: bool
    ) -> None:
        """504 is of the integration's timeout alone."""
        code = "import time\ndef handler(event, context): time.sleep(1.5)"
        resources = {"Function": function(Timeout=1)}
        gateway = serve(code, {"$connect": {}}, resources=resources, in_process=in_process)

        assert refusal(gateway).status_code == 502

    @pytest.mark.parametrize("idle", [True, False])
    def test_who_waits_for_a_busy_process_gets_another_one(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch, *, idle: bool
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

    def test_a_change_of_the_code_is_served_at_once(self, serve: Serve, tmp_path: Path) -> None:
        gateway = serve(
            echoing("old"), {"$default": TWO_WAY}, resources=answers_on(0), in_process=False
        )
        assert ask(gateway) == "old"

        (tmp_path / "app.py").write_text(echoing("new"))

        gateway.wait_for_line("^reload Function: app.py has changed")
        assert ask(gateway) == "new"

    def test_what_runs_when_the_code_changes_may_end(self, serve: Serve, tmp_path: Path) -> None:
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

    def test_code_that_cannot_be_imported_is_told_and_mended(
        self, serve: Serve, tmp_path: Path
    ) -> None:
        gateway = serve(
            echoing("old"), {"$default": TWO_WAY}, resources=answers_on(0), in_process=False
        )
        (tmp_path / "app.py").write_text("def handler(:")
        gateway.wait_for_line("did not start: Runtime.UserCodeSyntaxError")
        assert json.loads(ask(gateway))["message"] == "Internal server error"

        (tmp_path / "app.py").write_text(echoing("mended"))

        gateway.wait_for(lambda _: sum(r.source == "reload" for r in gateway.records) == 2)
        assert ask(gateway) == "mended"

    def test_a_debugger_may_attach_and_nothing_times_out(
        self, serve: Serve, tmp_path: Path
    ) -> None:
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

    def test_only_python(self, serve: Serve) -> None:
        with pytest.raises(
            CannotRun,
            match=r"Function runs on nodejs22\.x, and only Python runs here; run it with sam local "
            r"start-lambda, and give --lambda-endpoint http://",
        ):
            serve("", {"$default": {}}, resources={"Function": function(Runtime="nodejs22.x")},
                  in_process=False)  # fmt: skip

    def test_one_that_serves_nothing_is_only_warned_about(self, serve: Serve) -> None:
        resources = {"Other": function(Runtime="nodejs22.x"), **answers_on(0)}
        gateway = serve(echoing("hi"), {"$default": TWO_WAY}, resources=resources, in_process=False)

        assert ask(gateway) == "hi"
        gateway.wait_for_line("warning Other runs on nodejs22.x")


class TestInProcess:
    def test_a_patch_reaches_it(self, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
        code = "import time\ndef handler(e, c): return {'statusCode': 200, 'body': time.ctime()}"
        gateway = serve(code, {"$default": TWO_WAY}, resources=answers_on(0))
        monkeypatch.setattr(time, "ctime", lambda: "patched")

        assert ask(gateway) == "patched"

    def test_each_function_has_modules_of_its_own(self, serve: Serve, tmp_path: Path) -> None:
        other = tmp_path / "other"
        other.mkdir()
        (other / "app.py").write_text("from name import NAME\ndef handler(e, c): return NAME")
        (other / "name.py").write_text("NAME = 'theirs'")
        (tmp_path / "name.py").write_text("NAME = 'ours'")
        code = "from name import NAME\ndef handler(e, c): return {'statusCode': 200, 'body': NAME}"
        gateway = serve(
            code,
            {"$default": TWO_WAY},
            resources={"Other": function(CodeUri="other"), **answers_on(0)},
        )

        assert ask(gateway) == "ours"
        answer = aws("lambda", gateway.invoke).invoke(FunctionName="Other")
        assert json.load(answer["Payload"]) == "theirs"
        assert ask(gateway) == "ours"

    @pytest.fixture
    def no_trace_left(self) -> Iterator[None]:
        before = dict(os.environ)
        yield
        assert dict(os.environ) | {"PYTEST_CURRENT_TEST": ""} == before | {
            "PYTEST_CURRENT_TEST": ""
        }

    def test_it_finds_what_lambda_sets(self, no_trace_left: None, serve: Serve) -> None:
        code = """
import json, os
NAME = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
def handler(event, context):
    seen = [NAME, os.environ["COLOUR"], context.function_name, context.memory_limit_in_mb]
    return {"statusCode": 200, "body": json.dumps(
        [*seen, 0 < context.get_remaining_time_in_millis() <= 5000])}
"""
        resources = {
            "Function": function(Timeout=5, Environment={"Variables": {"COLOUR": "blue"}}),
            **answers_on(0),
        }
        gateway = serve(code, {"$default": TWO_WAY}, resources=resources)

        assert json.loads(ask(gateway)) == ["Function", "blue", "Function", "128", True]

    @pytest.mark.parametrize(
        ("line", "kind"),
        [("raise KeyError('no')", "KeyError"), ("import nowhere", "ModuleNotFoundError"),
         ("return object()", "TypeError"), ("raise SystemExit", "Runtime.ExitError")],
    )  # fmt: skip
    def test_an_exception(self, serve: Serve, line: str, kind: str) -> None:
        gateway = serve(f"def handler(event, context):\n    {line}\n", {"$default": {}})

        answer = aws("lambda", gateway.invoke).invoke(FunctionName="Function")

        assert answer["FunctionError"] == "Unhandled"
        assert json.load(answer["Payload"])["errorType"] == kind
        gateway.wait_for_line(f"^Function {kind}: ")

    def test_a_timeout(self, serve: Serve) -> None:
        code = "import time\ndef handler(event, context): time.sleep(1.5)"
        gateway = serve(code, {"$default": {}}, resources={"Function": function(Timeout=1)})

        answer = aws("lambda", gateway.invoke).invoke(FunctionName="Function")

        assert "Task timed out after 1.00 seconds" in json.load(answer["Payload"])["errorMessage"]

    def test_what_a_test_has_imported_stays_its_own(self, serve: Serve, tmp_path: Path) -> None:
        ours = ModuleType("app")
        theirs = ModuleType("helper")
        theirs.__file__ = str(tmp_path / "site-packages" / "helper.py")
        sys.modules |= {"app": ours, "helper": theirs}
        try:
            gateway = serve(
                echoing("from the file"), {"$default": TWO_WAY}, resources=answers_on(0)
            )
            assert ask(gateway) == "from the file"
            assert sys.modules["app"] is ours
            assert sys.modules["helper"] is theirs
        finally:
            del sys.modules["app"], sys.modules["helper"]

    def test_a_patch_by_name_reaches_it_and_so_does_a_late_import(
        self, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "late_helper.py").write_text("WORD = 'late'")
        code = """
def word(): return "real"
def handler(event, context):
    import late_helper
    return {"statusCode": 200, "body": word() + late_helper.WORD}
"""
        gateway = serve(code, {"$default": TWO_WAY}, resources=answers_on(0))
        assert ask(gateway) == "reallate"

        monkeypatch.setattr("app.word", lambda: "patched")

        assert ask(gateway) == "patchedlate"

    def test_only_one_gateway_runs_functions_in_one_process(self, serve: Serve) -> None:
        serve(echoing("one"), {"$default": {}})
        with pytest.raises(CannotRun, match="another gateway runs its functions in this process"):
            serve(echoing("two"), {"$default": {}})

    def test_one_process_has_one_environment(self, serve: Serve) -> None:
        resources = {
            "Function": function(Environment={"Variables": {"COLOUR": "blue"}}),
            "Other": function(Environment={"Variables": {"COLOUR": "red"}}),
        }
        with pytest.raises(CannotRun, match="COLOUR is not the same for all functions"):
            serve("", {"$default": {}}, resources=resources)


class TestElsewhere:
    def test_functions_of_any_runtime(self, serve: Serve) -> None:
        with answering(b'{"statusCode": 200, "body": "from there"}') as there:
            gateway = serve(
                "",
                {"$default": TWO_WAY},
                resources={"Function": function(Runtime="nodejs22.x"), **answers_on(0)},
                in_process=False,
                lambda_endpoint=there.url,
            )
            assert ask(gateway) == "from there"

        report = next(r for r in gateway.records if r.kind == "invocation")
        assert re.match(r"REPORT RequestId: [0-9a-f-]{36}  Duration: [\d.]+ ms  ", report.text)
        assert report.fields["durationMs"] > 0
        path, event = there.asked[0]
        assert path == "/2015-03-31/functions/Function/invocations"
        assert event == gateway.events("Function")[0]

    def test_nobody_there(self, serve: Serve) -> None:
        endpoint = f"http://127.0.0.1:{free_ports(1)[0]}"
        gateway = serve("", {"$default": {}}, in_process=False, lambda_endpoint=endpoint)

        assert json.loads(ask(gateway))["message"] == "Internal server error"
        gateway.wait_for_line(f"^Function Gateway.EndpointError: {endpoint}.* refused|Connect")

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            (b'{"statusCode": 200}', None),
            (b"null", None),
            (b'{"errorMessage": "no", "errorType": "KeyError", "stackTrace": []}', "KeyError"),
            (b"Task timed out after 3.00 seconds", "Sandbox.Timedout"),
            (b'"Task timed out after 3.00 seconds"', "Sandbox.Timedout"),
            (b"", "Sandbox.Timedout"),
            (b"<html>", "Gateway.EndpointError"),
        ],
    )
    def test_what_sam_local_answers(self, body: bytes, error: str | None) -> None:
        with answering(body) as there:
            result = asyncio.run(invoke(there.url))

        assert (result.error()[0] if result.failed else None) == error

    def test_an_endpoint_that_refuses(self) -> None:
        with answering(b"who are you", status=403) as there:
            result = asyncio.run(invoke(there.url))

        assert result.error()[1].endswith("/invocations: 403 who are you")


async def invoke(endpoint: str) -> Result:
    remote = Remote("Function", endpoint, timeout=3, memory=128)
    await remote.start()
    try:
        return await remote.invoke(Invocation(b"{}"))
    finally:
        await remote.stop()
