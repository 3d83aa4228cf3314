"""The processes of functions: what fails at their start, and what other systems have not."""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from websockets.sync.client import connect

from apigw_local.runtime import guest, worker
from tests.clients import WAIT
from tests.conftest import ECHO_APP, TWO_WAY, Serve, answers_on
from tests.functions import ask, echoing, function
from tests.running_gateway import running_gateway


@contextmanager
def no_more_files(process: int) -> Iterator[None]:
    """A process can open none."""
    soft, hard = resource.prlimit(process, resource.RLIMIT_NOFILE)
    resource.prlimit(process, resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.prlimit(process, resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit(2) is Linux's")
def test_a_passing_shortage_of_files_is_told_and_passes() -> None:
    told = "did not start: .*Too many open files: raise the limit .ulimit -n"
    with (
        running_gateway(ECHO_APP / "template.yaml") as gateway,
        connect(f"{gateway.ws}/dev?who=anna") as socket,
    ):
        socket.send("x")
        socket.recv(WAIT)
        with no_more_files(gateway.process.pid):
            for each in psutil.Process(gateway.process.pid).children():
                each.kill()
            while not any(re.search(told, line) for line in gateway.lines):
                socket.send("x")
                assert "Internal server error" in str(socket.recv(WAIT))
        for _ in range(3):
            socket.send("x")
            assert "requestContext" in str(socket.recv(WAIT))


def test_a_start_that_fails_leaves_no_file_open(serve: Serve) -> None:
    gateway = serve(
        "import sys; sys.exit(3)", {"$default": TWO_WAY}, resources=answers_on(0), in_process=False
    )
    ask(gateway)
    before = psutil.Process().num_fds()
    for _ in range(5):
        assert "Internal server error" in ask(gateway)
    deadline = time.monotonic() + WAIT
    while psutil.Process().num_fds() > before + 2:  # a socket that is closing
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_answer_ends_the_time_limit(serve: Serve) -> None:
    code = """
import os, time

def handler(event, context):
    time.sleep(float(event["body"]))
    return {"statusCode": 200, "body": str(os.getpid())}
"""
    own = {"Function": function(Timeout=2)}
    gateway = serve(
        code, {"$default": TWO_WAY}, resources={**answers_on(0), **own}, in_process=False
    )
    with gateway.connect() as socket:
        socket.send("0")
        first = socket.recv(WAIT)
        time.sleep(1.2)
        socket.send("1.2")  # until after the first one's time limit
        assert socket.recv(WAIT) == first


def test_a_start_that_took_too_long_has_the_functions_time_the_next_time(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apigw_local.runtime.pool.INIT_SECONDS", 0.4)
    code = "import time\ntime.sleep(0.8)\n" + echoing("at last")
    gateway = serve(code, {"$default": TWO_WAY}, resources=answers_on(0), in_process=False)

    gateway.wait_for_line("did not start: Sandbox.Timedout: Init phase timed out after 0.40")
    assert ask(gateway) == "at last"


def test_without_the_c_part_of_the_runtime_client(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = Path(guest.__file__).parent / "python" / "stand_in"
    code = """
        import runtime_client

        def handler(event, context):
            if event["body"] == "fail":
                raise ValueError("on purpose")
            return {"statusCode": 200, "body": runtime_client.__file__}
    """
    gateway = serve(
        code.replace("\n        ", "\n"),
        {"$default": TWO_WAY},
        resources={**answers_on(0), **with_path(stand_in)},
        in_process=False,
    )
    with gateway.connect() as socket:
        for _ in range(3):
            socket.send("x")
            assert socket.recv(WAIT) == str(stand_in / "runtime_client.py")
        socket.send("fail")
        assert "Internal server error" in str(socket.recv(WAIT))
        gateway.wait_for_line("Function ValueError: on purpose")
        socket.send("x")
        assert socket.recv(WAIT) == str(stand_in / "runtime_client.py")
    gateway.wait_for_line("REPORT .*Max Memory Used: [1-9]")


def with_path(folder: Path) -> dict[str, object]:
    """The function, a folder before all others on its path."""
    return {"Function": function(Environment={"Variables": {"PYTHONPATH": str(folder)}})}


@pytest.mark.parametrize("runtime", ["python", "node"])
def test_where_there_is_no_prctl_a_process_ends_with_the_gateway(
    tmp_path: Path, runtime: str
) -> None:
    (tmp_path / "app.py").write_text(
        "import os, time\nopen('pid', 'w').write(str(os.getpid()))\ndef handler(e, c): pass\n"
    )
    (tmp_path / "app.js").write_text(
        "require('fs').writeFileSync('pid', `${process.pid}`);\nexports.handler = async () => {};\n"
    )
    kind = {"python": "python3.13", "node": "nodejs20.x"}[runtime]
    (tmp_path / "template.yaml").write_text(
        f"""
        Resources:
          F:
            Type: AWS::Serverless::Function
            Properties:
              CodeUri: .
              Handler: app.handler
              Runtime: {kind}
              Events: {{E: {{Type: HttpApi}}}}
        """
    )
    code = (
        "import sys\nfrom apigw_local.runtime import worker\nworker._prctl = None\n"
        "from apigw_local.testing import LocalGateway\n"
        "with LocalGateway(sys.argv[1]): print('ready', flush=True); sys.stdin.read()"
    )
    gateway = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "template.yaml")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(worker.__file__).parents[2])},
    )
    assert gateway.stdout is not None
    assert gateway.stdin is not None
    with gateway.stdout, gateway.stdin:
        assert gateway.stdout.readline() == b"ready\n"
        process = psutil.Process(int((tmp_path / "pid").read_text()))
        gateway.send_signal(signal.SIGKILL)
        gateway.wait(WAIT)
        process.wait(WAIT)


def test_a_package_that_is_not_there_is_named_and_what_to_do(serve: Serve) -> None:
    gateway = serve("import not_installed", {"$default": {}}, in_process=False)

    gateway.wait_for_line(
        "did not start: Runtime.ImportModuleError: Unable to import module 'app': No module named "
        "'not_installed'. Install it beside apigw-local .pip install …., or run sam build"
    )
