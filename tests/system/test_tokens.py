"""`make run ARGS=--tokens` and `hadir token`, as a developer uses them."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from hadir.__main__ import main
from hadir.access.keys import SecretKeys
from hadir.access.tokens import Tokens
from hadir.domain.grant import Grant
from hadir.domain.identity import UserType
from tests.running_gateway import ROOT, free_ports

ARGUMENTS = ["token", "--session", "s1", "--user", "u1", "--type", "customer"]


@contextmanager
def guarded_run(ws_port: int, http_port: int) -> Iterator[str]:
    """The run, once it is up; what it has printed by then."""
    lambda_port, admin_port = free_ports(2)
    ports = {"ws": ws_port, "http": http_port, "lambda": lambda_port, "admin": admin_port}
    options = [text for name, port in ports.items() for text in (f"--{name}-port", str(port))]
    process = subprocess.Popen(
        [sys.executable, "-m", "local", "--tokens", "--crowd", "0", *options],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "REDIS_URL"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    written = ""
    try:
        for line in process.stdout:
            written += line
            if "Ctrl-C stops everything" in line:
                break
        yield written
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def test_a_run_in_which_nobody_gets_in_without_one() -> None:
    ws_port, http_port = free_ports(2)

    async def look(token: str) -> None:
        url = f"ws://127.0.0.1:{ws_port}/local?session_id=s1"
        with pytest.raises(InvalidStatus) as refused:
            async with connect(f"{url}&user_id=u1&user_type=admin", open_timeout=30):
                pass
        assert refused.value.response.status_code == 403
        async with connect(f"{url}&token={token}", open_timeout=30) as client:
            told = json.loads(await client.recv())
            assert told["data"]["event_user_id"] == "customer_123"

    with guarded_run(ws_port, http_port) as written:
        found = re.search(r"^ +\.venv/bin/hadir (token .*)$", written, re.MULTILINE)
        assert found, written
        command = f"{Path(sys.executable).parent}/hadir {found[1]}"
        made = subprocess.run(
            command, shell=True, cwd=ROOT, capture_output=True, text=True, check=True
        )
        asyncio.run(look(made.stdout.strip()))
    assert (ROOT / ".hadir" / "token-secret").stat().st_mode & 0o777 == 0o600


class TestCommand:
    def read(self, token: str, secret: str) -> Grant:
        return Tokens("hadir", secret=SecretKeys({"AWSCURRENT": secret}.get)).read(token)

    def test_it_says_what_it_was_told(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("HADIR_TOKEN_SECRET", "e" * 32)
        more = ["--session", "team-*", "--tenant", "acme", "--expires", "60"]
        assert main([*ARGUMENTS, *more]) == 0
        grant = self.read(capsys.readouterr().out.strip(), "e" * 32)
        assert grant.sessions == ("s1", "team-*")
        assert (grant.tenant, grant.user_id, grant.user_type) == ("acme", "u1", UserType.CUSTOMER)

    def test_it_says_what_is_shown(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("HADIR_TOKEN_SECRET", "e" * 32)
        picture = "https://img.example.com/a.png"
        assert main([*ARGUMENTS, "--name", "Anna Berg", "--avatar", picture]) == 0
        grant = self.read(capsys.readouterr().out.strip(), "e" * 32)
        assert (grant.name, grant.avatar) == ("Anna Berg", picture)

    @pytest.mark.parametrize(
        ("option", "value"), [("--name", " "), ("--avatar", "http://a/b.png"), ("--avatar", "")]
    )
    def test_what_would_not_be_shown_is_refused(
        self, capsys: pytest.CaptureFixture[str], option: str, value: str
    ) -> None:
        with pytest.raises(SystemExit):
            main([*ARGUMENTS, option, value])
        assert f"{option} must" in capsys.readouterr().err

    def test_a_file_wins_over_the_environment(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
    ) -> None:
        monkeypatch.setenv("HADIR_TOKEN_SECRET", "e" * 32)
        file = tmp_path / "secret"
        file.write_text("f" * 32 + "\n")
        assert main([*ARGUMENTS, "--secret-file", str(file)]) == 0
        assert self.read(capsys.readouterr().out.strip(), "f" * 32)

    @pytest.mark.parametrize(
        ("more", "said"),
        [
            (["--session", "a b"], "session must be"),
            (["--tenant", "a b"], "--tenant must be"),
            (["--secret-file", "nowhere"], "give --secret-file or --secret-id"),
            (["--expires", "soon"], "--expires"),
        ],
    )
    def test_what_is_wrong_is_said_in_a_line(
        self, more: list[str], said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            main([*ARGUMENTS, *more])
        assert ended.value.code == 2
        assert said in capsys.readouterr().err

    def test_a_short_secret_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("HADIR_TOKEN_SECRET", "short")
        with pytest.raises(SystemExit):
            main(ARGUMENTS)
        assert "32 bytes or more" in capsys.readouterr().err
