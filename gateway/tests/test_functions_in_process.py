"""Functions in the test's own process."""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from apigw_local.errors import CannotRun
from tests.aws import aws
from tests.conftest import TWO_WAY, Serve, answers_on
from tests.functions import ask, echoing, function


def test_a_patch_reaches_it(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import time\ndef handler(e, c): return {'statusCode': 200, 'body': time.ctime()}"
    gateway = serve(code, {"$default": TWO_WAY}, resources=answers_on(0))
    monkeypatch.setattr(time, "ctime", lambda: "patched")

    assert ask(gateway) == "patched"


def test_each_function_has_modules_of_its_own(serve: Serve, tmp_path: Path) -> None:
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
def no_trace_left() -> Iterator[None]:
    before = dict(os.environ)
    yield
    assert dict(os.environ) | {"PYTEST_CURRENT_TEST": ""} == before | {"PYTEST_CURRENT_TEST": ""}


def test_it_finds_what_lambda_sets(no_trace_left: None, serve: Serve) -> None:
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
def test_an_exception(serve: Serve, line: str, kind: str) -> None:
    gateway = serve(f"def handler(event, context):\n    {line}\n", {"$default": {}})

    answer = aws("lambda", gateway.invoke).invoke(FunctionName="Function")

    assert answer["FunctionError"] == "Unhandled"
    assert json.load(answer["Payload"])["errorType"] == kind
    gateway.wait_for_line(f"^Function {kind}: ")


def test_a_timeout(serve: Serve) -> None:
    code = "import time\ndef handler(event, context): time.sleep(1.5)"
    gateway = serve(code, {"$default": {}}, resources={"Function": function(Timeout=1)})

    answer = aws("lambda", gateway.invoke).invoke(FunctionName="Function")

    assert "Task timed out after 1.00 seconds" in json.load(answer["Payload"])["errorMessage"]


def test_what_a_test_has_imported_stays_its_own(serve: Serve, tmp_path: Path) -> None:
    ours = ModuleType("app")
    theirs = ModuleType("helper")
    theirs.__file__ = str(tmp_path / "site-packages" / "helper.py")
    sys.modules |= {"app": ours, "helper": theirs}
    try:
        gateway = serve(echoing("from the file"), {"$default": TWO_WAY}, resources=answers_on(0))
        assert ask(gateway) == "from the file"
        assert sys.modules["app"] is ours
        assert sys.modules["helper"] is theirs
    finally:
        del sys.modules["app"], sys.modules["helper"]


def test_a_patch_by_name_reaches_it_and_so_does_a_late_import(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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


def test_only_one_gateway_runs_functions_in_one_process(serve: Serve) -> None:
    serve(echoing("one"), {"$default": {}})
    with pytest.raises(CannotRun, match="another gateway runs its functions in this process"):
        serve(echoing("two"), {"$default": {}})


def test_one_process_has_one_environment(serve: Serve) -> None:
    resources = {
        "Function": function(Environment={"Variables": {"COLOUR": "blue"}}),
        "Other": function(Environment={"Variables": {"COLOUR": "red"}}),
    }
    with pytest.raises(CannotRun, match="COLOUR is not the same for all functions"):
        serve("", {"$default": {}}, resources=resources)
