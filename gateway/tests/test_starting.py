"""Starting and stopping: one line when it cannot, nothing left behind when it ends."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from websockets.asyncio.client import connect

from apigw_local import arguments
from tests.aws import aws
from tests.conftest import ECHO_APP
from tests.running_gateway import (
    RunningGateway,
    free_ports,
    free_row,
    running_gateway,
    start_gateway,
)

TEMPLATE = str(ECHO_APP / "template.yaml")
ONE_FUNCTION = """
Resources:
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: app.handler
      CodeUri: .
      Events: {Any: {Type: HttpApi, Properties: {Method: ANY, Path: /}}}
"""


def failure(*arguments: str) -> str:
    process = start_gateway(arguments)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "Traceback" not in error
    return error.splitlines()[-1]


def test_a_port_already_taken() -> None:
    ws_port, http_port, lambda_port = free_ports(3)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", http_port))
        taken.listen()

        line = failure(
            *("--template", TEMPLATE, "--ws-port", str(ws_port)),
            *("--http-port", str(http_port), "--lambda-port", str(lambda_port)),
        )

    assert line.startswith(f"apigw-local: cannot listen on 127.0.0.1:{http_port}")
    (base,) = re.findall(r"; choose other ports: --port (\d+) moves all of them$", line)
    assert int(base) % 1000 == 0
    assert int(base) >= 9000
    if sys.platform == "linux":
        assert f"in use by pid {os.getpid()} (" in line


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
def test_what_is_on_a_port_is_named_in_one_short_line() -> None:
    hold = "import socket, time; s = socket.create_server(('127.0.0.1', 0)); print("
    hold += "s.getsockname()[1], flush=True); time.sleep(60)"
    command = [sys.executable, "-c", hold, "two\nlines", "x" * 500]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        line = failure("--template", TEMPLATE, "--admin-port", other.stdout.readline().strip())
        other.kill()

    assert f"address already in use by pid {other.pid} ({Path(sys.executable).name} -c " in line
    assert len(line) < 300


def test_an_address_of_another_machine() -> None:
    line = failure("--template", TEMPLATE, "--host", "192.0.2.1")
    assert line.startswith("apigw-local: cannot listen on 192.0.2.1:8081")
    assert line.endswith("; choose another --host")


def test_one_option_moves_all_ports_and_others_move_one() -> None:
    base, own = free_row(4), free_ports(1)[0]
    process = start_gateway(["--template", TEMPLATE, "--port", str(base), "--http-port", str(own)])
    gateway = RunningGateway(process, base, own, base + 2)
    try:
        gateway.wait_for_line("Ctrl-C stops everything", 30)
        gateway.wait_for_line(f"ws://127.0.0.1:{base}/dev")
        gateway.wait_for_line(f"http://127.0.0.1:{own}/")
        gateway.wait_for_line(f"127.0.0.1:{base + 2} invokes, http://127.0.0.1:{base + 3} disturbs")
    finally:
        gateway.stop()


def test_where_it_serves_is_written_for_who_has_started_it() -> None:
    base = free_row(4)
    read, write = os.pipe()
    process = start_gateway(
        ["--template", TEMPLATE, "--port", str(base), "--ready-fd", str(write)], pass_fds=[write]
    )
    os.close(write)
    gateway = RunningGateway(process, base, base + 1, base + 2)
    try:
        with os.fdopen(read) as pipe:
            told = json.loads(pipe.read())
        gateway.wait_for_line("Ctrl-C stops everything")
        assert told == {
            "websocket": f"ws://127.0.0.1:{base}/dev",
            "http": f"http://127.0.0.1:{base + 1}",
            "lambda": f"http://127.0.0.1:{base + 2}",
            "admin": f"http://127.0.0.1:{base + 3}",
        }
    finally:
        gateway.stop()


def test_a_template_that_cannot_be_served(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text("Resources: [")

    assert f"apigw-local: {template}:1: not valid YAML" in failure("--template", str(template))


def test_no_template() -> None:
    assert "nowhere.yaml: cannot be read: No such file" in failure("--template", "nowhere.yaml")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("Colour=7", "Colour must be letters"),
        ("Greeting=hi", "Greeting must be one of hello, salam"),
        ("Seconds=301", "Seconds must be a number from 0 to 300"),
    ],
)
def test_a_parameter_that_breaks_its_own_rule(override: str, words: str, tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(
        """
        Parameters:
          Colour: {Type: String, AllowedPattern: "[a-z]*", ConstraintDescription: must be letters}
          Greeting: {Type: String, AllowedValues: [hello, salam]}
          Seconds: {Type: Number, MinValue: 0, MaxValue: 300}
        Resources: {}
        """
    )
    line = failure("--template", str(template), "--parameter-overrides", override)
    assert words in line


@pytest.mark.parametrize(
    "arguments",
    [
        ("--ws-port", "99999"),
        ("--port", "0"),
        ("--port", "65533"),
        ("--port", "http"),
        ("--ready-fd", "-1"),
        ("--ready-fd", "999"),
        ("--max-workers", "0"),
        ("--static", "/nowhere"),
        ("--path", "ws/{room}"),
        ("--path", "/ws/{room"),
        ("--fault", "gone=2"),
        ("--parameter-overrides", "novalue"),
        ("--parameter-overrides", "=g"),
        ("--parameter-overrides", "ParameterKey=Stg"),
        ("--region", "no region"),
    ],
)
def test_an_option_that_cannot_be(arguments: tuple[str, str]) -> None:
    process = start_gateway(arguments)
    _, error = process.communicate(timeout=30)

    assert process.returncode == 2
    assert f"argument {arguments[0]}" in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("argument", "values"),
    [
        ("Stage=dev", {"Stage": "dev"}),
        ("Stage=dev Url=redis://x?a=b", {"Stage": "dev", "Url": "redis://x?a=b"}),
        ("Motto=hello there", {"Motto": "hello there"}),
        ('Motto="hello there" Stage=dev', {"Motto": "hello there", "Stage": "dev"}),
        ("Motto='it is' Stage=dev", {"Motto": "it is", "Stage": "dev"}),
        (r'Motto="say \"hi\"" Stage=dev', {"Motto": 'say "hi"', "Stage": "dev"}),
        ("Empty= Stage=dev", {"Empty": "", "Stage": "dev"}),
        ("Greeting=see http://h?a=b", {"Greeting": "see http://h?a=b"}),
        ("Db.Endpoint.Address=db", {"Db.Endpoint.Address": "db"}),
        ("ParameterKey=A,ParameterValue=b", {"A": "b"}),
        (
            "ParameterKey=A,ParameterValue=b,c ParameterKey=D,ParameterValue=e f",
            {"A": "b,c", "D": "e f"},
        ),
    ],
)
def test_parameters_are_given_in_each_of_sams_forms(argument: str, values: dict[str, str]) -> None:
    assert dict(arguments.overrides(argument)) == values


def test_a_debugger_has_nothing_to_attach_to_elsewhere() -> None:
    there = ("--lambda-endpoint", "http://127.0.0.1:1", "--debug-port", "5678")
    line = failure("--template", TEMPLATE, *there)
    assert "do without it, or without --lambda-endpoint" in line


@pytest.mark.parametrize(
    "written", ['{"F": {"A": {"b": 1}}}', '{"F": {"A": null}}', '{"F": []}', "[]"]
)
def test_variables_of_another_form(tmp_path: Path, written: str) -> None:
    file = tmp_path / "env.json"
    file.write_text(written)
    line = failure("--template", TEMPLATE, "--env-vars", str(file))
    assert line.endswith('must be {"SomeFunction": {"NAME": "value"}}')


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_behind(name: signal.Signals) -> None:
    with running_gateway(Path(TEMPLATE)) as gateway:
        workers = psutil.Process(gateway.process.pid).children(recursive=True)
        assert len(workers) >= 5

        gateway.process.send_signal(name)

        assert gateway.process.wait(10) == 0
        assert not [worker for worker in workers if worker.is_running()]


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
def test_under_nohup_a_terminal_that_goes_away_ends_nothing() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with running_gateway(Path(TEMPLATE)) as gateway:
            status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    finally:
        signal.signal(signal.SIGHUP, before)
    ignored = next(line for line in status.splitlines() if line.startswith("SigIgn:"))
    assert int(ignored.split()[1], 16) & 1 << signal.SIGHUP - 1


def test_a_ctrl_c_while_it_imports_ends_it_without_a_trace(tmp_path: Path) -> None:
    # Whoever started the tests may have them ignore SIGINT, and their children with them.
    (tmp_path / "httptools.py").write_text(
        "import signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "signal.raise_signal(signal.SIGINT)"
    )
    process = start_gateway(["--template", TEMPLATE], {"PYTHONPATH": str(tmp_path)})
    _, error = process.communicate(timeout=30)

    assert process.returncode == 130
    assert error == ""


def test_disconnect_is_delivered_for_the_sockets_a_stop_closes() -> None:
    async def hold(gateway: RunningGateway) -> None:
        async with connect(f"{gateway.ws}/dev?who=staying"):
            await asyncio.to_thread(gateway.stop)

    with running_gateway(Path(TEMPLATE)) as gateway:
        asyncio.run(hold(gateway))
        gateway.wait_for_line("DisconnectFunction REPORT")


def test_idle_workers_end_with_a_gateway_that_is_killed() -> None:
    with running_gateway(Path(TEMPLATE)) as gateway:
        workers = psutil.Process(gateway.process.pid).children(recursive=True)
        gateway.process.kill()
        _, alive = psutil.wait_procs(workers, timeout=10)
        assert not alive


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere they end once they are done")
@pytest.mark.parametrize("where", ["import", "handler"])
def test_a_busy_worker_ends_with_a_gateway_that_is_killed(tmp_path: Path, where: str) -> None:
    hang = "print('process', os.getpid(), flush=True); threading.Event().wait()"
    code = f"import os, threading\ndef hang(*_): {hang}\n"
    code += "hang()\ndef handler(*_): pass" if where == "import" else "handler = hang"
    (tmp_path / "app.py").write_text(code)
    template = tmp_path / "template.yaml"
    template.write_text(ONE_FUNCTION)
    http_port, lambda_port, admin_port = free_ports(3)
    process = start_gateway(
        (
            *("--template", str(template), "--http-port", str(http_port)),
            *("--lambda-port", str(lambda_port), "--admin-port", str(admin_port)),
        )
    )
    gateway = RunningGateway(process, 0, http_port, lambda_port)
    try:
        if where == "handler":
            gateway.wait_for_line("Ctrl-C stops everything")
            client = aws("lambda", gateway.invoke)
            client.invoke(FunctionName="Function", InvocationType="Event")
        worker = psutil.Process(int(gateway.wait_for_line(r"process \d+").split()[-1]))
        gateway.process.kill()
        _, alive = psutil.wait_procs([worker], timeout=10)
        for each in alive:
            each.kill()
        assert not alive
    finally:
        process.kill()
        gateway.stop()


def test_help_says_what_each_option_is_for() -> None:
    command = [sys.executable, "-m", "apigw_local", "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for option in (
        "--template",
        "--port",
        "--ws-port",
        "--path",
        "--static",
        "--parameter-overrides",
    ):
        assert option in text
